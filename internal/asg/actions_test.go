package asg_test

import (
	"errors"
	"testing"

	"balanced/internal/asg"
	"balanced/internal/awsapi"
	"balanced/internal/sim"
)

// Each read tells whether its own action is allowed, and about nothing else.
func TestReadsTellWhatIsAllowed(t *testing.T) {
	region(t, web(), func(t *testing.T, r *sim.Region, c *asg.Client, _ []string) {
		for _, read := range c.Reads() {
			if err := read.Try(t.Context()); denied(err) != "" {
				t.Errorf("%s: %v, though all is allowed", read.Action, err)
			}
			r.Deny(read.Action)
			if err := read.Try(t.Context()); denied(err) != read.Action {
				t.Errorf("%s is denied, and trying it says %v", read.Action, err)
			}
			r.Allow(read.Action)
		}
	})
}

func denied(err error) string {
	if d, ok := errors.AsType[*awsapi.DeniedError](err); ok {
		return d.Action
	}
	return ""
}
