package cli

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"balanced/internal/awsapi"
	"balanced/internal/imds"
	"balanced/internal/rotation"
)

// reasonAndHint say why a run failed and what to do next.
func reasonAndHint(err error) (reason, hint string) {
	reason = err.Error()
	if stop, ok := errors.AsType[*rotation.Stop](err); ok && stop.Hint != "" {
		return reason, stop.Hint
	}
	return reason, advice(err)
}

// advice is what to do about an error that does not say so itself.
func advice(err error) string {
	if u, ok := errors.AsType[usageError](err); ok {
		return u.hint()
	}
	if h, ok := errors.AsType[handed](err); ok {
		return h.hint
	}
	if d, ok := errors.AsType[*awsapi.DeniedError](err); ok {
		return "allow " + d.Action + " to the instance's role"
	}
	if u, ok := errors.AsType[*awsapi.UnreachableError](err); ok {
		return unreachable(u.Why)
	}
	const options = "aws ec2 modify-instance-metadata-options --instance-id … "
	for _, known := range []struct {
		is   bool
		hint string
	}{
		{as[reportError](err), "name a file in a folder that can be written to"},
		{as[*awsapi.SettingsError](err), "mend the AWS settings of this user and environment"},
		{as[*awsapi.NoCredentialsError](err), "give the instance a profile with the policy balanced needs"},
		{is(err, imds.ErrDisabled), options + "--http-endpoint enabled"},
		{is(err, imds.ErrHopLimit), options + "--http-put-response-hop-limit 2"},
		{is(err, imds.ErrNoAnswer), "run it on an EC2 instance that reaches its metadata service"},
		{as[Signalled](err), "run it again"},
		{as[diagnosis](err), "run the commands on stdout that follow fix:"},
	} {
		if known.is {
			return known.hint
		}
	}
	return "look with balanced status, then run it again"
}

func unreachable(why awsapi.Why) string {
	switch why {
	case awsapi.Throttled:
		return "run it again when fewer ask"
	case awsapi.Expired:
		return "check the role's credentials and the clock, then run it again"
	}
	return "check the way to the AWS APIs, then run it again"
}

// lineLimit is the most bytes the last line has, its newline not counted: CodeDeploy
// keeps a tail of 2,048 and drops an entry that does not fit.
const lineLimit = 199 - len("\n")

// lastLine is the line a failed run ends with: why, then what to do. It is always one
// line of valid UTF-8 under 200 bytes; what is too long is cut in its middle, the
// reason before the advice.
func lastLine(err error) string {
	reason, hint := reasonAndHint(err)
	reason, hint = flat(reason), flat(hint)
	room := lineLimit - len("balanced: ; ")
	hint = shorten(hint, room-min(len(reason), 64)) // a command cut short is of no use
	return fmt.Sprintf("balanced: %s; %s", shorten(reason, room-len(hint)), hint)
}

// flat makes one line of a text, with nothing in it that moves a cursor.
func flat(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != utf8.RuneError {
			return r
		}
		return ' '
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// shorten cuts a text in its middle: the beginning says what failed, the end why.
func shorten(s string, most int) string {
	const gap = "..."
	if len(s) <= most {
		return s
	}
	room := max(most-len(gap), 0)
	head, tail := room*3/5, len(s)-(room-room*3/5)
	for head > 0 && !utf8.RuneStart(s[head]) {
		head--
	}
	for tail < len(s) && !utf8.RuneStart(s[tail]) {
		tail++
	}
	return s[:head] + gap + s[tail:]
}
