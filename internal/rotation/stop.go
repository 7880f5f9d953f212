package rotation

import (
	"fmt"
	"time"
)

// Class says what kind of end a run came to: whether anything was moved, and whether
// trying again can help. The exit code follows from it.
type Class int

// The classes. NotNow, Setup, Leaving and Unfit moved nothing.
const (
	NotNow      Class = iota + 1 // passes by itself or when a peer is done
	Setup                        // somebody must change something first
	Leaving                      // this instance is on its way out of the group
	Unfinished                   // begun, not finished in time; a rerun resumes
	Sick                         // in: not healthy in time
	GaveBack                     // out: in service again, proven
	Stuck                        // an undo failed, or the state is unknown
	Gone                         // taken away while we were at work
	Interrupted                  // stopped by a signal
	Unfit                        // in: the host itself does not pass what it will be asked
)

// String is the class as the report's outcome names it.
func (c Class) String() string {
	names := [...]string{"failed", "not now", "needs a change", "leaving", "unfinished", "unhealthy", "gave back", "stuck", "gone", "interrupted", "unfit"}
	if c < 0 || int(c) >= len(names) {
		return names[0]
	}
	return names[c]
}

// Stop is why a run ended short of what was asked. It is an error whose text is the
// reason; Hint says what to do next.
type Stop struct {
	Class  Class
	Reason string
	Hint   string
	Err    error // the cause, if another error is

	// final: waiting cannot lift it. Setup, Leaving, GaveBack and Gone always are.
	final bool
	// due: not an obstacle but the run's own next act.
	due bool
	// yields: at the end of the budget the place is given back.
	yields bool
	// throttled: AWS throttles, which is no verdict. While the budgets stand still it is
	// tried again.
	throttled bool
	// stands: while the group's own answer is the same this stop is, whatever else changes
	// for the better and however late it gets. So there is no need to read anything else.
	stands bool
	// again: no use looking before this instant.
	again time.Time
}

func (s *Stop) Error() string {
	if s.Err != nil {
		return s.Reason + ": " + s.Err.Error()
	}
	return s.Reason
}

func (s *Stop) Unwrap() error { return s.Err }

// hopeless: looking again will not change it.
func (s *Stop) hopeless() bool {
	switch s.Class {
	case Setup, Leaving, GaveBack, Gone, Stuck, Unfit:
		return true
	}
	return s.final
}

func stopf(c Class, hint, format string, args ...any) *Stop {
	return &Stop{Class: c, Hint: hint, Reason: fmt.Sprintf(format, args...)}
}

// whileTheGroupStands marks a stop that stands for as long as the group does.
func (s *Stop) whileTheGroupStands() *Stop {
	s.stands = true
	return s
}

// atOnce marks a stop that waiting cannot lift.
func (s *Stop) atOnce() *Stop {
	s.final = true
	return s
}

// act is what a row answers when the next thing to do is its own act.
var act = &Stop{due: true}
