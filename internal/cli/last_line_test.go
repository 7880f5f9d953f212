package cli

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"unicode"
	"unicode/utf8"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/imds"
)

func TestLastLine(t *testing.T) {
	said := "User: arn:aws:sts::123456789012:assumed-role/instance-role/i-0abc is not authorized to perform: autoscaling:EnterStandby on resource: " +
		"arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/web because no identity-based policy allows the autoscaling:EnterStandby action"
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{
			"a refusal", &failure.Refusal{Class: failure.NotNow, Reason: "i-0c3 is out (Standby for 47m) and --min-healthy all allows 1 at a time", Hint: "run balanced in there first, or use --min-healthy 6"},
			"balanced: i-0c3 is out (Standby for 47m) and --min-healthy all allows 1 at a time; run balanced in there first, or use --min-healthy 6",
		},
		{
			"a refusal with a cause", &failure.Refusal{Class: failure.Interrupted, Reason: "i-0abc is Standby", Hint: "run balanced in", Err: Signalled{syscall.SIGTERM}},
			"balanced: i-0abc is Standby: stopped by SIGTERM; run balanced in",
		},
		{
			"lines", &failure.Refusal{Reason: "one\r\n\ttwo\x1b[2Jthree", Hint: "a\nb"},
			`balanced: one\r\n\ttwo\x1b[2Jthree; a\nb`,
		},
		{
			"a long text of AWS", fmt.Errorf("enter standby i-0abc in web: %w", &awsapi.DeniedError{Action: "autoscaling:EnterStandby", Err: errors.New(said)}),
			"balanced: enter standby i-0abc in web: autoscaling:EnterStandby denied: " + said + "; allow autoscaling:EnterStandby to the instance's role",
		},
		{
			"the hint has the command", fmt.Errorf("read identity document: %w", imds.ErrHopLimit),
			"balanced: read identity document: the token never arrives, the hop limit is too low; set HttpPutResponseHopLimit=2 in the metadata options of the instance",
		},
		{
			"in a hook",
			hookError{fmt.Errorf("enter standby i-0abc in web: %w", &awsapi.DeniedError{Action: "autoscaling:EnterStandby", Err: errors.New(said)})},
			"balanced: enter standby i-0abc in web: autoscaling:EnterStandby denied: User: arn:aws:sts::123456789012:assumed-role/instance-role/i-0abc is...; allow autoscaling:EnterStandby to the instance's role",
		},
		{"usage", usageError{command: "out", problems: []string{"a", "b"}}, "balanced: a, b; see balanced out --help"},
		{"nothing known", errors.New("odd"), "balanced: odd; look with balanced status, then run it again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := lastLine(tt.err); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// What it is cut to is whole runes, and never longer than asked.
func TestCutEnd(t *testing.T) {
	text := strings.Repeat("äß–€😀", 20)
	for most := range len(text) + 2 {
		got := cutEnd(text, most)
		if len(got) > max(most, 3) || !utf8.ValidString(got) {
			t.Fatalf("cut to %d: %d bytes, valid %v: %q", most, len(got), utf8.ValidString(got), got)
		}
	}
	if got := cutEnd("short", 5); got != "short" {
		t.Errorf("what fits was cut to %q", got)
	}
}

// CodeDeploy drops an entry that does not fit, and a second line hides the first.
func FuzzLastLine(f *testing.F) {
	f.Add("reason", "hint")
	f.Add("a\nb\r\n\x00\x1b[31m", strings.Repeat("x y", 300))
	f.Add(strings.Repeat("€", 200), "\xff\xfe")
	f.Add("", "")
	f.Add("\u2028\u0085", strings.Repeat("😀", 90))
	f.Fuzz(func(t *testing.T, reason, hint string) {
		line := lastLine(hookError{&failure.Refusal{Class: failure.NotNow, Reason: reason, Hint: hint}})
		if len(line) >= 199 {
			t.Errorf("%d bytes: %q", len(line), line)
		}
		if !utf8.ValidString(line) {
			t.Errorf("not UTF-8: %q", line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("more than one plain line: %q", line)
		}
		if !strings.HasPrefix(line, "balanced: ") || !strings.Contains(line, "; ") {
			t.Errorf("not balanced: REASON; HINT: %q", line)
		}
	})
}
