package rotation

import (
	"fmt"
	"strings"
	"time"
)

func version1(c checkup) []Finding {
	if !c.v1 {
		return nil
	}
	return []Finding{{
		Severity: Warning,
		What:     "the metadata service answers without a token (IMDSv1)",
		Why:      "whoever gets a process of this host to fetch an address gets the role's credentials",
		Fix:      fmt.Sprintf("aws ec2 modify-instance-metadata-options --instance-id %s --http-tokens required", c.ID),
	}}
}

// AWS denies a signed request that arrives more than five minutes after its time stamp
// (IAM User Guide, "AWS Signature Version 4 for API requests"); some services allow 15
// (Auto Scaling API reference, "Common errors", RequestExpired). A clock that is nearly
// there will be there soon.
const (
	skewNoted = 30 * time.Second
	skewFatal = 4 * time.Minute
)

func skewed(c checkup) []Finding {
	off, which := c.ahead, "ahead of"
	if off < 0 {
		off, which = -off, "behind"
	}
	if off <= skewNoted {
		return nil
	}
	f := Finding{
		Severity: Warning,
		What:     fmt.Sprintf("this host's clock is %s %s AWS's", brief(off), which),
		Why:      "AWS denies requests that are signed with a time more than five minutes off",
		Fix:      "sudo chronyc makestep",
	}
	if off > skewFatal {
		f.Severity = Error
	}
	return []Finding{f}
}

func heldHost(c checkup) []Finding {
	stop := heldBy(c.hold)
	if stop == nil {
		return nil
	}
	return []Finding{{
		Severity: Warning,
		What:     stop.Error(),
		Why:      "out and in are refused until it is gone; ask who made it first",
		Fix:      "rm " + word(c.hold),
	}}
}

// word is a text as one word of a shell's command.
func word(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@+,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
