// Package failure says how a run can end badly: one class for each kind of end, given by its cause where the error
// arises. The exit code follows from the class, and from nothing else.
package failure

import (
	"context"
	"errors"
	"fmt"
)

// Class is a kind of end. It tells an operator whether anything was moved and whether running it again can help.
type Class int

// The classes. From Usage to Leaving this run moved nothing.
const (
	Internal    Class = iota // a fault of balanced itself
	Usage                    // the command line or its environment makes no sense
	Unreachable              // AWS or the metadata service does not answer, or throttles
	ReportFile               // the report or metrics file cannot be written
	NotNow                   // passes by itself, or when a peer is done
	Denied                   // a permission or usable credentials are missing
	Setup                    // somebody must change something first
	Unfit                    // the host does not pass its load balancers' checks; not moved
	Leaving                  // the instance is on its way out of the group
	Unfinished               // begun and not finished; a rerun resumes
	Unhealthy                // moved back, and not healthy in time
	RolledBack               // moved out, and back in service again
	Unknown                  // a rollback failed, or the state is not known
	Gone                     // terminated or detached during the run
	Interrupted              // stopped by a signal
)

// String is the class as a report names it.
func (c Class) String() string {
	names := [...]string{
		"failed", "usage", "unreachable", "report file", "not now", "denied", "needs a change", "unfit", "leaving",
		"unfinished", "unhealthy", "rolled back", "unknown", "gone", "interrupted",
	}
	if c < 0 || int(c) >= len(names) {
		return names[Internal]
	}
	return names[c]
}

// MovedNothing: the class promises that this run moved nothing.
func (c Class) MovedNothing() bool { return c >= Usage && c <= Leaving }

// Final: looking again does not change it.
func (c Class) Final() bool {
	switch c {
	case Setup, Leaving, RolledBack, Gone, Unknown, Unfit, Denied:
		return true
	}
	return false
}

// Refusal is why a run ended short of what was asked, and what to do next. It is an error whose text is the reason.
type Refusal struct {
	Class  Class
	Reason string // what is the case: "i-0c3 is unhealthy at app"
	Hint   string // what fixes this cause: a command, or what to change; empty: see Hint of the cause
	Err    error  // the cause, if another error is
}

// New makes a refusal from its class, the hint and the reason.
func New(c Class, hint, format string, args ...any) *Refusal {
	return &Refusal{Class: c, Hint: hint, Reason: fmt.Sprintf(format, args...)}
}

func (r *Refusal) Error() string {
	switch {
	case r.Err == nil:
		return r.Reason
	case r.Reason == "":
		return r.Err.Error()
	}
	return r.Reason + ": " + r.Err.Error()
}

func (r *Refusal) Unwrap() error { return r.Err }

// FailureClass makes the class known to Of. A refusal without one has that of its cause.
func (r *Refusal) FailureClass() Class {
	if r.Class == Internal && r.Err != nil {
		return Of(r.Err)
	}
	return r.Class
}

// FailureHint makes the hint known to Hint.
func (r *Refusal) FailureHint() string { return r.Hint }

// Of is the class of an error: that of the outermost part which has one. A deadline that nothing else explains is an
// answer that did not come.
func Of(err error) Class {
	if c, ok := errors.AsType[interface {
		error
		FailureClass() Class
	}](err); ok {
		return c.FailureClass()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Unreachable
	}
	return Internal
}

// Is says whether an error is of one of the classes.
func Is(err error, classes ...Class) bool {
	if err == nil {
		return false
	}
	of := Of(err)
	for _, c := range classes {
		if c == of {
			return true
		}
	}
	return false
}

// Hint is what to do about an error: the outermost hint that is not empty; "" where there is none.
func Hint(err error) string {
	for err != nil {
		h, ok := errors.AsType[interface {
			error
			FailureHint() string
		}](err)
		if !ok {
			return ""
		}
		if hint := h.FailureHint(); hint != "" {
			return hint
		}
		err = errors.Unwrap(h)
	}
	return ""
}
