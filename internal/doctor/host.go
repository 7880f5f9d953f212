package doctor

import (
	"fmt"
	"os"
	"time"

	"balanced/internal/failure"
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

// unusableLock: out, in and run take the lock of this host first.
func unusableLock(s subject) []Finding {
	if s.hostLock == nil {
		return nil
	}
	return []Finding{{
		Severity: Error,
		What:     s.hostLock.Error(),
		Why:      "out, in and run take this lock first, so that no two of them move this host at once",
		Fix:      failure.Hint(s.hostLock),
	}}
}

// containerNetwork: a target is asked at the host's own address.
func containerNetwork(s subject) []Finding {
	if !s.ownNetwork {
		return nil
	}
	return []Finding{{
		Severity: Warning,
		What:     "this process is in a container without the host's network",
		Why:      "in asks the host what its load balancers will ask, and from here that takes another way; the metadata service is a hop further away",
		Fix:      "run the container with --network host, or balanced on the host itself: docs/containers.md",
	}}
}

// endpointsWithoutIPv6: an instance without an IPv4 address asks AWS through NAT64, if the subnet has it.
func endpointsWithoutIPv6(s subject) []Finding {
	if !s.ipv4Asked {
		return nil
	}
	return []Finding{{
		Severity: Note,
		What:     "this instance has no IPv4 address, and AWS is asked at endpoints that have IPv4 addresses alone",
		Why:      "every call depends on the subnet's NAT64; see docs/ipv6.md",
		Fix:      "set AWS_USE_DUALSTACK_ENDPOINT=true, or use_dualstack_endpoint = true in the shared config file",
	}}
}
