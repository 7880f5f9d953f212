package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"balanced/internal/failure"
	"balanced/internal/format"
	"balanced/internal/lock"
	"balanced/internal/rotation"
)

// lockWithin is how long a lock may take to answer.
const lockWithin = 30 * time.Second

// lockAnswer is what came of asking the lock, without taking a slot.
type lockAnswer struct {
	asked bool
	state lock.State
	err   error
}

// askLock asks what `out` would: whether a slot is free. Where the group could not be read, nothing is asked.
func askLock(ctx context.Context, a *rotation.Agent, s subject, n *notes) (lockAnswer, error) {
	if a.Lock == nil || !s.knows() {
		return lockAnswer{}, nil
	}
	within, cancel := context.WithTimeout(ctx, lockWithin)
	defer cancel()
	err := a.Lock.Foresee(within, lock.AtGroup(s.Snapshot, time.Now()), s.Count(s.min).Slots)
	if ctx.Err() != nil {
		return lockAnswer{}, err
	}
	if n.tolerates(err) {
		err = nil // a finding of its own
	}
	return lockAnswer{true, a.Lock.Known(s.Group), err}, nil
}

// lockFaults: why `out --lock` would take no slot.
func lockFaults(s subject) []Finding {
	err := s.lock.err
	if err == nil {
		return nil
	}
	f := Finding{Severity: Error, What: err.Error(), Why: "out with --lock moves nothing without a slot", Fix: failure.Hint(err)}
	if full, ok := errors.AsType[*lock.FullError](err); ok {
		f.Severity, f.What, f.Why = Warning, full.Error(), "out with --lock ends with 75 until a slot is free"
	}
	if missing, ok := errors.AsType[*lock.NoTableError](err); ok {
		f.Fix = missing.Create
	}
	return []Finding{f}
}

// policyFlags are what `balanced policy` needs to know of the lock.
func (l lockAnswer) policyFlags(groupARN string) string {
	if !l.asked || l.state.Kind != "dynamodb" {
		return ""
	}
	flags := " --lock " + l.state.Where
	if l.state.Group != groupARN {
		flags += fmt.Sprintf(" --lock-group %s", format.ShellWord(l.state.Group))
	}
	return flags
}
