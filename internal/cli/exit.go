package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
	"balanced/internal/imds"
	"balanced/internal/rotation"
)

// An exitCode is one row of the table that operators build on: a promise.
type exitCode struct {
	Code    int    `json:"code"`
	Meaning string `json:"meaning"`
	Moved   string `json:"moved"` // whether this run, or the one it resumes, moved the instance
	Retry   string `json:"retry"` // whether running it again can help
}

// codes is every code balanced exits with.
func codes() []exitCode {
	return []exitCode{
		{0, "wanted state proven, or nothing to do (already there; `Pending:Wait`, `Warmed:*`; `--if-member` outside a group)", "maybe", ""},
		{1, "unforeseen: a bug of ours", "unknown", "look"},
		{64, "usage", "no", "no"},
		{69, "IMDS gives no answer, AWS out of reach, throttled past the budget, credentials expired", "no", "yes"},
		{73, "`--report` not writable, found at start (later: a warning, the code stands)", "no", "no"},
		{75, "not now: group is scaling, refresh running, floor or zone floor would break, places taken, MinSize because someone is out, MaxSize on the way in, held by a person, another `balanced` at work here", "no", "yes"},
		{77, "a permission or the instance profile is missing (names it)", "no", "no"},
		{78, "somebody must change something first: not in a group, `Launch`/`AddToLoadBalancer` suspended, MinSize leaves no room even with everyone back, floor that can never be met, no other member in the zone, unknown traffic source, IMDS disabled or v2 tokens blocked by the hop limit", "no", "no"},
		{80, "`in`: the local probe failed; still out of service", "no", "after a fix"},
		{81, "this instance is on its way out, found before anything was moved", "no", "no"},
		{82, "begun, not finished in time: draining, registering, or AWS went out of reach meanwhile; rerun resumes", "yes", "yes"},
		{83, "`in`: not healthy in time; the report says whether it is back in Standby or left in service", "yes", "after a fix"},
		{84, "`out`: gave its place back; in service again, proven", "undone", "yes"},
		{85, "undo failed, or the state is unknown", "yes", "human"},
		{86, "taken away while we were at work: terminated, detached, spot; nothing left to repair", "yes", "no"},
		{129, "stopped by SIGHUP; the state is in the last line and the report", "maybe", "yes"},
		{130, "stopped by SIGINT; the state is in the last line and the report", "maybe", "yes"},
		{143, "stopped by SIGTERM; the state is in the last line and the report", "maybe", "yes"},
	}
}

// code is the one place where an error becomes an exit code, the most specific first.
func code(err error) int {
	if err == nil {
		return 0
	}
	if stop, ok := errors.AsType[*rotation.Stop](err); ok && stop.Class != 0 {
		return ofClass(stop)
	}
	if at, ok := errors.AsType[standing](err); ok {
		return map[rotation.Standing]int{rotation.Serving: 0, rotation.OutOfService: 3, rotation.NotMember: 4}[rotation.Standing(at)]
	}
	if d, ok := errors.AsType[diagnosis](err); ok {
		return map[bool]int{true: 3, false: 78}[d.errors == 0]
	}
	for _, known := range []struct {
		is   bool
		code int
	}{
		{as[Signalled](err), ofSignal(err)},
		{as[handed](err), ofCommand(err)},
		{as[usageError](err), 64},
		{as[reportError](err), 73},
		{as[*awsapi.DeniedError](err), 77},
		{as[*awsapi.NoCredentialsError](err), 77},
		{as[*awsapi.UnreachableError](err), 69},
		{is(err, rotation.ErrNotMember, fleet.ErrNoSource, imds.ErrDisabled, imds.ErrHopLimit) || as[*awsapi.SettingsError](err), 78},
		{is(err, imds.ErrNoAnswer, imds.ErrUnauthorized, imds.ErrBadAnswer, context.DeadlineExceeded), 69},
	} {
		if known.is {
			return known.code
		}
	}
	return 1
}

func ofClass(stop *rotation.Stop) int {
	switch stop.Class {
	case rotation.NotNow:
		return 75
	case rotation.Setup:
		return 78
	case rotation.Leaving:
		return 81
	case rotation.Unfinished:
		return 82
	case rotation.Sick:
		return 83
	case rotation.GaveBack:
		return 84
	case rotation.Stuck:
		return 85
	case rotation.Gone:
		return 86
	case rotation.Unfit:
		return 80
	case rotation.Interrupted:
		return ofSignal(stop)
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

// ofSignal is what a shell says of a program that a signal ended.
func ofSignal(err error) int {
	s, _ := errors.AsType[Signalled](err)
	if n, ok := s.Sig.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return 1
}

// handed is an end whose code is not balanced's own but that of the operator's
// command, handed through: it promises nothing about moves.
type handed struct {
	code         int
	reason, hint string
}

func (h handed) Error() string { return h.reason }

func ofCommand(err error) int {
	h, _ := errors.AsType[handed](err)
	return h.code
}

// ofRefusal is what a shell says of a command that does not start.
func ofRefusal(err error) int {
	if is(err, fs.ErrNotExist, exec.ErrNotFound) {
		return 127
	}
	return 126
}

// notBack is the class of a return that failed after the same run had left: what
// moved nothing by itself is a move half done.
func notBack(err error) rotation.Class {
	switch code(err) {
	case 80, 83:
		return rotation.Sick
	case 81, 86:
		return rotation.Gone
	case 129, 130, 143:
		return rotation.Interrupted
	case 1, 85:
		return rotation.Stuck
	}
	return rotation.Unfinished
}

func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func is(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}
