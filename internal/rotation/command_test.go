package rotation

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// A new run begins when its command did, holds by the agent's files, and has a wait before the load balancers are known.
func TestANewRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		pass(20 * time.Second)
		a := &Agent{Hold: []string{"x"}, Began: began, Throttled: func() time.Duration { return time.Hour }}
		for i, tc := range []struct {
			opt     Options
			lock    SlotLock
			turn    time.Duration
			wait    time.Duration
			still   time.Duration
			elapsed time.Duration
		}{
			{Options{Wait: Auto}, nil, 20 * time.Second, 5 * time.Minute, 3 * time.Hour, 20 * time.Second},
			{Options{Wait: time.Second}, &slots{}, 0, time.Second, 3 * time.Hour, 0},
			{Options{Wait: Auto, Limit: 3 * time.Minute}, nil, 0, 2 * time.Minute, 0, 0},
		} {
			a.Lock = tc.lock
			r := a.newRun("out", request{Options: tc.opt})
			if r.turn.elapsed() != tc.turn || r.budgets.wait != tc.wait || r.mostStill != tc.still || time.Since(r.report.StartedAt) != tc.elapsed || !r.turn.running() || r.moving.running() {
				t.Errorf("%d: used %s of %s, may stand still for %s, began %s ago", i, r.turn.elapsed(), r.budgets.wait, r.mostStill, time.Since(r.report.StartedAt))
			}
			if s, ok := tc.lock.(*slots); ok != (r.entries != nil) {
				t.Errorf("%d: asks the lock who is out: %v", i, r.entries != nil)
			} else if ok {
				if _, err := r.entries(t.Context(), fleet.Group{}); err != nil || !slices.Equal(s.calls, []string{"state"}) {
					t.Errorf("%d: %v, called %q", i, err, s.calls)
				}
			}
			if !slices.Equal(r.hold, a.Hold) || r.locks != (tc.lock != nil) || r.heldBack() != 0 {
				t.Errorf("%d: held by %q, with a lock %v, held back for %s", i, r.hold, r.locks, r.heldBack())
			}
		}
	})
}

// A command has its host to itself, and does nothing while a hold file is there.
func TestACommandTakesItsHost(t *testing.T) {
	hold := filepath.Join(t.TempDir(), "hold")
	busy := failure.New(failure.NotNow, "", "busy")
	var acted bool
	table := []step{{name: "x", applies: func(view) bool { return !acted }, check: due, act: func(*run, context.Context) error { acted = true; return nil }}}
	for name, tc := range map[string]struct {
		alone func(string) (func(), error)
		held  bool
		want  error
		acts  bool
	}{
		"alone": {nil, false, nil, true},
		"busy":  {func(string) (func(), error) { return nil, busy }, false, busy, false},
		"held":  {nil, true, nil, false},
	} {
		acted = false
		freed := 0
		r, _ := atWork()
		r.reader, _, _ = readingOf()
		if r.Alone = tc.alone; tc.alone == nil {
			r.Alone = func(string) (func(), error) { return func() { freed++ }, nil }
		}
		if r.hold = []string{hold}; tc.held {
			if err := os.WriteFile(hold, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(hold)
		} else {
			_ = os.Remove(hold)
		}
		report, err := r.command(t.Context(), table)
		if acted != tc.acts || tc.want != nil && !errors.Is(err, tc.want) || tc.held && !strings.HasPrefix(err.Error(), "held by ") || tc.acts && (err != nil || report.Outcome != "already out") {
			t.Errorf("%s: %v, acted %v, outcome %q", name, err, acted, report.Outcome)
		}
		if want := map[bool]int{true: 1}[tc.alone == nil]; freed != want {
			t.Errorf("%s: the host was freed %d times", name, freed)
		}
	}
}

// How a run ends: what it was told to do last, what it took back before, and what it is called when all went well.
func TestHowARunEnds(t *testing.T) {
	back := failure.New(failure.RolledBack, "run it again", "all slots were taken")
	busy := failure.New(failure.NotNow, "wait", "busy")
	for name, tc := range map[string]struct {
		change  func(*run)
		err     error
		class   failure.Class
		says    string
		outcome string
	}{
		"as it was":                     {func(r *run) {}, nil, 0, "", "already out"},
		"after a move":                  {func(r *run) { r.report.everMoved = true }, nil, 0, "", "out"},
		"after a move of another":       {func(r *run) { r.underWayAtStart = true }, nil, 0, "", "out"},
		"by its table":                  {func(r *run) { r.proven, r.report.everMoved = "in", true }, nil, 0, "", "in"},
		"early":                         {func(r *run) { r.outcome, r.report.everMoved = "nothing to do", true }, nil, 0, "", "nothing to do"},
		"not":                           {func(r *run) {}, busy, failure.NotNow, "busy", "not now"},
		"rolled back":                   {func(r *run) { r.rolledBack = back }, back, failure.RolledBack, "all slots were taken", "rolled back"},
		"rolled back, and refused then": {func(r *run) { r.rolledBack = back }, busy, failure.RolledBack, "all slots were taken; then: busy", "rolled back"},
		"rolled back, and moved again":  {func(r *run) { r.rolledBack, r.moved = back, true }, busy, failure.NotNow, "busy", "not now"},
		"rolled back, and well then":    {func(r *run) { r.rolledBack, r.report.everMoved = back, true }, nil, 0, "", "out"},
	} {
		r, _ := atWork()
		tc.change(r)
		report, err := r.finish(t.Context(), tc.err)
		if (err == nil) != (tc.class == 0) || err != nil && (failure.Of(err) != tc.class || err.Error() != tc.says || !errors.Is(err, tc.err)) || report.Outcome != tc.outcome {
			t.Errorf("%s: %v, outcome %q; want %q, %q", name, err, report.Outcome, tc.says, tc.outcome)
		}
	}
}

// A run that is told to stop says where the instance is, by a last look that has five seconds.
func TestARunThatIsToldToStop(t *testing.T) {
	for name, tc := range map[string]struct {
		command string
		is      fleet.State
		answers bool
		looked  bool
		says    string
		hint    string
		logs    []string
	}{
		"before a look":      {"out", fleet.InService, true, false, "nothing was moved: told to stop", "run it again", nil},
		"in service":         {"out", fleet.InService, true, true, "i-1 is InService: told to stop", "run balanced out again", nil},
		"out":                {"out", fleet.EnteringStandby, true, true, "i-1 is EnteringStandby: told to stop", "run balanced out again to go on, or balanced in to return", nil},
		"on its way back in": {"in", fleet.Standby, true, true, "i-1 is Standby: told to stop", "run balanced in again", nil},
		"no answer":          {"out", fleet.Standby, false, true, "i-1 was last seen InService: told to stop", "run balanced out again", []string{"the last look failed"}},
	} {
		r, lines := atWork()
		reads, all, _ := readingOf()
		r.reader, r.report.Command = reads, tc.command
		all.is.State = tc.is
		if !tc.answers {
			all.errs = []error{errLost}
		}
		if r.lastState = ""; tc.looked {
			r.lastState = fleet.InService
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("told to stop"))
		_, err := r.finish(ctx, errLost)
		if failure.Of(err) != failure.Interrupted || err.Error() != tc.says || failure.Hint(err) != tc.hint {
			t.Errorf("%s: %v, hint %q; want %q, %q", name, err, failure.Hint(err), tc.says, tc.hint)
		}
		if tc.looked && tc.answers && r.lastState != tc.is {
			t.Errorf("%s: last seen %s", name, r.lastState)
		}
		if got := messages(lines); !slices.Equal(got, tc.logs) {
			t.Errorf("%s: logged %q", name, got)
		}
		if _, err = r.finish(ctx, nil); err != nil {
			t.Errorf("%s: told to stop when all was done: %v", name, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r, _ := atWork()
		reads, all, _ := readingOf()
		r.reader, all.absent, reads.lastState = reads, 2, fleet.InService // a second answer comes after five seconds: too late
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if _, err := r.finish(ctx, errLost); time.Since(began) > 5*time.Second || !strings.Contains(err.Error(), "last seen InService") {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
