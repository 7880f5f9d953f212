package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zaptest/observer"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
)

// hands move the instance of a region, or do not.
type hands struct {
	all         *region
	run         *run
	err         error       // in place of a move
	enters      fleet.State // where EnterStandby brings it
	exits       fleet.State // where ExitStandby does
	before      func()
	made        []string // with the direction of the run at that time
	stillLeaves bool     // it took effect, and the answer is err
}

func (h *hands) move(what string, to fleet.State) (fleet.Activity, error) {
	h.made = append(h.made, fmt.Sprintf("%s, inward %v", what, h.run.inward))
	if h.before != nil {
		h.before()
	}
	if h.err == nil || h.stillLeaves {
		h.all.is.State, h.all.is.Group.Members[0].State = to, to
	}
	return fleet.Activity{ID: "a"}, h.err
}

func (h *hands) EnterStandby(context.Context, string, string, bool) (fleet.Activity, error) {
	return h.move("enter", h.enters)
}

func (h *hands) ExitStandby(context.Context, string, string) (fleet.Activity, error) {
	return h.move("exit", h.exits)
}

// goingBack is a run on i-1 in some state that is about to take back what it did.
func goingBack(state fleet.State) (*run, *hands, *observer.ObservedLogs) {
	r, lines := atWork()
	reads, all, _ := readingOf()
	all.is.Traffic = all.is.Traffic[:1]
	all.is.Traffic[0].Drain = 60 * time.Second
	all.is.State, all.is.Group.Members[0].State = state, state
	r.reader, r.Jitter = reads, evenly()
	r.budgets = budgets{wait: time.Hour, timeout: time.Hour, rollback: time.Minute}
	h := &hands{all: all, run: r, enters: fleet.Standby, exits: fleet.InService}
	r.Mover = h
	if err := r.look(context.Background(), whole); err != nil {
		panic(err)
	}
	r.seen.began = time.Now()
	lines.TakeAll()
	return r, h, lines
}

// What becomes of an instance that returned and does not get healthy.
func TestWhereAnUnhealthyReturnEnds(t *testing.T) {
	const limit = 60*time.Second + 60*time.Second + DefaultSettle // its delay, the move, and the lag of reads
	unhealthy := blockedBy(failure.Unhealthy, "fix it", "ill")
	declared := func(r *run, h *hands) {
		h.all.is.Group.Held.Registered, r.seen.Group.Held.Registered = 1, 1
		r.inward = true
	}
	for name, tc := range map[string]struct {
		why    verdict
		change func(*run, *hands)
		class  failure.Class
		says   string
		made   string
		took   time.Duration // at least, and no more than a look longer
		logs   bool          // that it rolls back
	}{
		"back in Standby":     {unhealthy, func(*run, *hands) {}, failure.Unhealthy, "ill; back in Standby", "enter, inward false", 0, true},
		"left as asked":       {unhealthy, func(r *run, _ *hands) { r.leaveUnhealthy = true }, failure.Unhealthy, "ill; left in service (--on-unhealthy leave)", "", 0, false},
		"another end":         {blockedBy(failure.NotNow, "", "busy"), func(*run, *hands) {}, failure.NotNow, "busy", "", 0, false},
		"in a rollback":       {unhealthy, func(r *run, _ *hands) { r.isRollback = true }, failure.Unhealthy, "ill", "", 0, false},
		"as many as enough":   {unhealthy, func(r *run, _ *hands) { r.min = sample.Rule("3") }, failure.Unhealthy, "ill; back in Standby", "enter, inward false", 0, true},
		"too few are healthy": {unhealthy, func(_ *run, h *hands) { h.all.is.Traffic[0].Targets[3].Health = fleet.Unhealthy }, failure.Unhealthy, "ill; left in service (only 2 peers are healthy, minimum 3)", "", 0, false},
		"a look that fails":   {unhealthy, func(_ *run, h *hands) { h.all.health = errLost }, failure.Unhealthy, "ill; left in service (connection reset)", "", 0, false},
		"outside, no number":  {unhealthy, func(r *run, h *hands) { declared(r, h) }, failure.Unhealthy, "ill; left in service (no --min-healthy given)", "", 0, false},
		"outside, a number":   {unhealthy, func(r *run, h *hands) { declared(r, h); r.min = sample.Rule("4") }, failure.Unhealthy, "ill; left in service (only 3 peers are healthy at web, minimum 4)", "", 0, false},
		"it drains for long":  {unhealthy, func(_ *run, h *hands) { h.enters = fleet.EnteringStandby }, failure.Unhealthy, "ill; on its way back to Standby", "enter, inward false", limit, true},
		"denied":              {unhealthy, func(_ *run, h *hands) { h.err = &awsapi.DeniedError{Err: errLost} }, failure.Unhealthy, "ill; left in service (", "enter, inward false", 0, true},
		"terminated":          {unhealthy, func(_ *run, h *hands) { h.enters = fleet.Terminating }, failure.Gone, "ill; rolling back, i-1 is Terminating", "enter, inward false", 0, true},
		"detached":            {unhealthy, func(_ *run, h *hands) { h.enters = fleet.Detached }, failure.Gone, "ill; rolling back, i-1 is Detached", "enter, inward false", 0, true},
		"no answer":           {unhealthy, func(_ *run, h *hands) { h.err = errLost }, failure.Unknown, "ill; rolling back failed with i-1 last seen InService", "enter, inward false", limit, true},
		"unreachable": {unhealthy, func(_ *run, h *hands) {
			h.err, h.enters = &awsapi.UnreachableError{Why: awsapi.NoAnswer, Landed: true, Err: errLost}, fleet.Pending
			h.stillLeaves = true
			h.before = func() { h.all.errs = slices.Repeat([]error{h.err}, 99) }
		}, failure.Unfinished, "ill; rolling back, i-1 was last seen InService", "enter, inward false", 0, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, h, lines := goingBack(fleet.InService)
			r.inward = true
			tc.change(r, h)
			began := time.Now()
			err := r.rollBackIn(t.Context(), tc.why)
			took := time.Since(began)
			if failure.Of(err) != tc.class || !strings.HasPrefix(err.Error(), tc.says) || took < tc.took || took > tc.took+20*time.Second {
				t.Errorf("%s: %v after %s; want %q after %s", name, err, took, tc.says, tc.took)
			}
			if got := h.made; len(got) > 0 != (tc.made != "") || tc.made != "" && got[0] != tc.made || !r.inward {
				t.Errorf("%s: called %q, then inward %v; want %q", name, got, r.inward, tc.made)
			}
			if got := slices.Contains(messages(lines), "rolling back to Standby"); got != tc.logs {
				t.Errorf("%s: logged that it rolls back: %v", name, got)
			}
			if strings.Contains(tc.says, "left in service") && !strings.HasPrefix(failure.Hint(err), "fix the application: load balancers send traffic once it is healthy") {
				t.Errorf("%s: hint %q", name, failure.Hint(err))
			}
		})
	}
}

// What came of the way back to Standby, by where the instance is and what the way ended with.
func TestWhatTheWayBackCameTo(t *testing.T) {
	moved, idle := failure.New(failure.Unfinished, "", "half way"), failure.New(failure.NotNow, "", "not now")
	for _, c := range []struct {
		state   fleet.State
		err     error
		stopped bool
		class   failure.Class
		says    string
	}{
		{fleet.Standby, nil, false, failure.Unhealthy, "sick; back in Standby"},
		{fleet.EnteringStandby, moved, false, failure.Unhealthy, "sick; on its way back to Standby"},
		{fleet.EnteringStandby, idle, false, failure.Unhealthy, "sick; on its way back to Standby"},
		{fleet.InService, idle, false, failure.Unhealthy, "sick; left in service (not now)"},
		{fleet.InService, moved, false, failure.Unknown, "sick; rolling back failed with i-1 last seen InService: half way"},
		{fleet.Terminating, failure.New(failure.Gone, "", "it is Terminating"), false, failure.Gone, "sick; rolling back, it is Terminating"},
		{fleet.Pending, idle, false, failure.Unknown, "sick; rolling back failed with i-1 last seen Pending: not now"},
		{fleet.Standby, idle, false, failure.Unknown, "sick; rolling back failed with i-1 last seen Standby: not now"},
		{fleet.EnteringStandby, moved, true, failure.Unfinished, "half way"},
		{fleet.InService, idle, true, failure.NotNow, "not now"},
	} {
		r, _ := atWork()
		r.lastState = c.state
		ctx, stop := context.WithCancel(t.Context())
		if c.stopped {
			stop()
		}
		err := r.wentBack(ctx, c.err, failure.New(failure.Unhealthy, "", "sick"))
		stop()
		if failure.Of(err) != c.class || err.Error() != c.says {
			t.Errorf("%s, %v, stopped %v: %v %q, want %v %q", c.state, c.err, c.stopped, failure.Of(err), err, c.class, c.says)
		}
	}
}

// Told to stop while it rolls back, a run ends with that, and not with a verdict on the rollback.
func TestARollbackThatIsToldToStop(t *testing.T) {
	for name, change := range map[string]func(*hands){
		"while it drains":   func(h *hands) { h.enters = fleet.EnteringStandby },
		"while it is asked": func(h *hands) { h.err = &awsapi.DeniedError{Err: errLost} },
	} {
		synctest.Test(t, func(t *testing.T) {
			r, h, _ := goingBack(fleet.InService)
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := errors.New("told to stop")
			h.before = func() { cancel(stop) }
			change(h)
			err := r.rollBackIn(ctx, blockedBy(failure.Unhealthy, "", "ill"))
			if strings.HasPrefix(err.Error(), "ill") || !errors.Is(err, stop) && !errors.Is(err, h.err) && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// An instance that must not be out goes back into service, and the run begins again while its turn lasts.
func TestWhereARollbackOfOutEnds(t *testing.T) {
	yield := blockedBy(failure.RolledBack, "run it again", "taken before")
	const limit = 30*time.Second + 60*time.Second // the way back without a health check, and the move
	for name, tc := range map[string]struct {
		why    verdict
		change func(*run, *hands)
		class  failure.Class // Internal: it begins again
		says   string
		made   string
		took   time.Duration
	}{
		"it begins again":         {yield, func(*run, *hands) {}, 0, "", "exit, inward true", 5 * time.Second},
		"as the verdict says":     {blockedBy(failure.Unfinished, "", "too few").elseRollBack(), func(*run, *hands) {}, 0, "", "exit, inward true", 5 * time.Second},
		"its turn is over":        {yield, func(r *run, _ *hands) { r.budgets.wait = -1 }, failure.RolledBack, "taken before; rolled back, in service again", "exit, inward true", 0},
		"not taken back":          {blockedBy(failure.Unfinished, "", "lagging"), func(*run, *hands) {}, failure.Unfinished, "lagging", "", 0},
		"it does not get healthy": {yield, func(_ *run, h *hands) { h.all.is.Traffic[0].Targets[0].Health = fleet.Unhealthy }, failure.Unknown, "taken before; rolling back failed with i-1 last seen InService", "exit, inward true", limit},
		"back already": {yield, func(_ *run, h *hands) {
			h.all.is.State, h.all.is.Group.Members[0].State = fleet.InService, fleet.InService
		}, 0, "", "", 5 * time.Second},
		"terminated": {yield, func(_ *run, h *hands) { h.exits = fleet.Terminating }, failure.Gone, "taken before; rolling back, i-1 is Terminating", "exit, inward true", 0},
		"detached":   {yield, func(_ *run, h *hands) { h.exits = fleet.Detached }, failure.Gone, "taken before; rolling back, i-1 is Detached", "exit, inward true", 0},
		"denied":     {yield, func(_ *run, h *hands) { h.err = &awsapi.DeniedError{Err: errLost} }, failure.Unknown, "taken before; rolling back failed with i-1 last seen Standby", "exit, inward true", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, h, lines := goingBack(fleet.Standby)
			r.moved, r.sent = true, time.Now()
			r.moving.start()
			pass(time.Minute)
			tc.change(r, h)
			began := time.Now()
			err := r.rollBackOut(t.Context(), tc.why)
			took := time.Since(began)
			if (err == nil) != (tc.class == 0) || err != nil && (failure.Of(err) != tc.class || !strings.HasPrefix(err.Error(), tc.says)) || took < tc.took || took > tc.took+4*time.Second {
				t.Errorf("%s: %v after %s; want %q after %s", name, err, took, tc.says, tc.took)
			}
			if tc.took == 5*time.Second && took != tc.took {
				t.Errorf("%s: begins again after %s, want 5s", name, took)
			}
			if got := strings.Join(h.made, ";"); got != tc.made || r.inward {
				t.Errorf("%s: called %q, then inward %v; want %q", name, got, r.inward, tc.made)
			}
			if got := slices.Contains(messages(lines), "rolling back"); got != (tc.says != "lagging") {
				t.Errorf("%s: logged that it rolls back: %v", name, got)
			}
			if again := tc.class == 0 || tc.class == failure.RolledBack; again && (r.moved || !r.sent.IsZero() || r.moving.elapsed() != 0 || r.rolledBack == nil) {
				t.Errorf("%s: moved %v, sent %s, used %s, rolled back %v", name, r.moved, r.sent, r.moving.elapsed(), r.rolledBack)
			}
		})
	}
}
