package cli

import (
	"errors"
	"os"
	"syscall"

	"balanced/internal/failure"
)

// An exitCode is one row of the table that operators build on: a promise.
type exitCode struct {
	Code    int           `json:"code"`
	Meaning string        `json:"meaning"`
	Moved   string        `json:"moved"` // whether this run, or the one it resumes, moved the instance
	Retry   string        `json:"retry"` // whether running it again can help
	class   failure.Class // that ends with this code; success has none
}

// codes is every code balanced exits with: the only place where a class becomes a code.
func codes() []exitCode {
	return []exitCode{
		{0, "wanted state proven, or nothing to do (already there; `Pending:Wait`, `Warmed:*`; `--if-member` outside a group)", "maybe", "", -1},
		{1, "unforeseen: an internal error", "unknown", "look", failure.Internal},
		{64, "usage", "no", "no", failure.Usage},
		{69, "the metadata service, AWS or the lock does not answer, throttled past the budget, credentials expired", "no", "yes", failure.Unreachable},
		{73, "`--report` or `--metrics-file` not writable, found at start (later: a warning, the code stands)", "no", "no", failure.ReportFile},
		{75, "not now: the group is scaling, a refresh is running, too few would stay healthy in total or in the zone, all slots are taken, MinSize because another is out, MaxSize on the way in, held by the hold file, another `balanced` at work here", "no", "yes", failure.NotNow},
		{77, "a permission or the instance profile is missing (names it)", "no", "no", failure.Denied},
		{78, "somebody must change something first: not in a group, or in one with `--targets`, a name in `--targets` that does not exist, `Launch`/`AddToLoadBalancer` suspended, MinSize leaves no room even with all instances back, an impossible minimum, no other member in the zone, unsupported traffic source, metadata service disabled or its tokens blocked by the hop limit, no table or group for `--lock`", "no", "no", failure.Setup},
		{80, "`in`, `ready`: the local probe failed; still out of service", "no", "after a fix", failure.Unfit},
		{81, "this instance is on its way out, found before anything was moved", "no", "no", failure.Leaving},
		{82, "begun, not finished in time: draining, registering, unlocking, or AWS stopped answering meanwhile; rerun resumes", "yes", "yes", failure.Unfinished},
		{83, "`in`: not healthy in time; the report says whether it is back in Standby or left in service. `ready`: launch abandoned, or continued and not healthy in time", "yes", "after a fix", failure.Unhealthy},
		{84, "`out`: rolled back; in service again, proven", "undone", "yes", failure.RolledBack},
		{85, "rolling back failed, or the state is unknown", "yes", "human", failure.Unknown},
		{86, "terminated or detached during the run, or a Spot interruption; nothing left to repair", "yes", "no", failure.Gone},
		{129, "stopped by SIGHUP; the state is in the last line and the report", "maybe", "yes", failure.Interrupted},
		{130, "stopped by SIGINT; the state is in the last line and the report", "maybe", "yes", failure.Interrupted},
		{143, "stopped by SIGTERM; the state is in the last line and the report", "maybe", "yes", failure.Interrupted},
	}
}

// end is how a run ended, derived from its error once.
type end struct {
	code         int
	reason, hint string
	answer       bool // what status or doctor found: no failure, and yet not 0
	shows        bool // the result is for people to see
}

// ownCode is an error with a code of its own: what status or doctor found, or the operator's command.
type ownCode interface {
	error
	exitCode() int
	isAnswer() bool
	showsResult() bool
}

// endOf derives the code, the reason and the hint of an error.
func endOf(err error) end {
	if err == nil {
		return end{shows: true}
	}
	e := end{code: codeOf(err), reason: err.Error(), hint: failure.Hint(err)}
	if own, ok := errors.AsType[ownCode](err); ok {
		e.answer, e.shows = own.isAnswer(), own.showsResult()
	}
	if e.hint == "" {
		e.hint = "look with balanced status, then run it again"
	}
	return e
}

func codeOf(err error) int {
	if own, ok := errors.AsType[ownCode](err); ok {
		return own.exitCode()
	}
	class := failure.Of(err)
	if class == failure.Interrupted {
		return signalCode(err)
	}
	for _, c := range codes() {
		if c.class == class {
			return c.Code
		}
	}
	return 1
}

// Signalled is the cause of a context that a signal ended.
type Signalled struct{ Sig os.Signal }

func (s Signalled) Error() string {
	switch s.Sig {
	case syscall.SIGHUP:
		return "stopped by SIGHUP"
	case syscall.SIGINT:
		return "stopped by SIGINT"
	case syscall.SIGTERM:
		return "stopped by SIGTERM"
	}
	return "stopped by a signal"
}

// FailureClass and FailureHint meet package failure.
func (s Signalled) FailureClass() failure.Class { return failure.Interrupted }
func (s Signalled) FailureHint() string         { return "run it again" }

// signalCode is what a shell says of a program that a signal ended.
func signalCode(err error) int {
	s, _ := errors.AsType[Signalled](err)
	if n, ok := s.Sig.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return 1
}

func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
