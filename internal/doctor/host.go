package doctor

import (
	"fmt"
	"os"
	"time"

	"balanced/internal/format"
)

func metadataV1(s subject) []Finding {
	if !s.answersV1 {
		return nil
	}
	return []Finding{{
		Severity: Warning,
		What:     "the metadata service answers without a token (IMDSv1)",
		Why:      "anyone who can make a process of this host fetch an address gets the role's credentials",
		Fix:      fmt.Sprintf("aws ec2 modify-instance-metadata-options --instance-id %s --http-tokens required", s.ID),
	}}
}

// AWS denies a signed request that arrives more than five minutes after its time stamp (IAM User Guide, "AWS Signature
// Version 4 for API requests"); some services allow 15 (Auto Scaling API reference, "Common errors", RequestExpired).
const (
	// skewNoted is from where on a finding is made.
	skewNoted = 30 * time.Second
	// skewFatal: a clock that is nearly five minutes off will be there soon.
	skewFatal = 4 * time.Minute
)

func clockSkew(s subject) []Finding {
	off, which := s.clockAhead, "ahead of"
	if off < 0 {
		off, which = -off, "behind"
	}
	if off <= skewNoted {
		return nil
	}
	f := Finding{
		Severity: Warning,
		What:     fmt.Sprintf("this host's clock is %s %s AWS's", format.Duration(off), which),
		Why:      "AWS denies requests that are signed with a time more than five minutes off",
		Fix:      "sudo chronyc makestep",
	}
	if off > skewFatal {
		f.Severity = Error
	}
	return []Finding{f}
}

// holdFile is the first hold file that exists.
func (s subject) holdFile() string {
	for _, path := range s.hold {
		if _, err := os.Lstat(path); err == nil {
			return path
		}
	}
	return ""
}

func heldHost(s subject) []Finding {
	held := s.Guards["held"]
	if held == nil {
		return nil
	}
	return []Finding{{
		Severity: Warning,
		What:     held.Error(),
		Why:      "out and in are refused while it exists; ask who made it first",
		Fix:      "rm " + format.ShellWord(s.holdFile()),
	}}
}
