package rotation_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// A move that AWS throttles is sent again while what it was decided on is fresh, and
// decided again after that. It is no verdict, not even for a run that waits for nothing.
func TestAThrottledMoveIsTriedAgain(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		until := time.Now().Add(20 * time.Minute)
		var tries, groups atomic.Int64
		w.API(func(c sim.Call) *sim.Fault {
			switch {
			case c.Action == "DescribeAutoScalingGroups" && time.Now().Before(until):
				groups.Add(1)
			case c.Action == "EnterStandby" && time.Now().Before(until):
				tries.Add(1)
				return sim.Throttled()
			}
			return nil
		})
		opt := fleettest.OutOptions()
		opt.Wait = 0
		report, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
		w.Must(report, err)
		w.WantState(w.IDs[0], "Standby")
		w.WantMoves("EnterStandby")
		if n, looks := tries.Load(), groups.Load(); n < 10*looks || looks < 15 {
			t.Errorf("%d tries on %d looks in twenty minutes, want one a second or so on each of twenty", n, looks)
		}
		if report.ThrottledSeconds < 1000 {
			t.Errorf("the report says throttled for %v s", report.ThrottledSeconds)
		}
	})
}

// What was read before AWS throttled the rest of a look is not moved by: it is read
// again. Where MinSize does not keep the floor, ten seconds are too old.
func TestAnOldLookIsNotMovedBy(t *testing.T) {
	for name, min := range map[string]int{"fenced": 3, "not fenced": 0} {
		t.Run(name, func(t *testing.T) {
			g := fleettest.WebGroup()
			g.Min = min
			inWorld(t, sim.Config{}, g, func(w *world) {
				var looked, age atomic.Int64
				until := time.Now().Add(5 * time.Minute)
				w.API(func(c sim.Call) *sim.Fault {
					switch {
					case c.Action == "DescribeAutoScalingGroups":
						looked.Store(time.Now().Unix())
					case c.Action == "EnterStandby":
						age.Store(time.Now().Unix() - looked.Load())
					case c.Action == "DescribeTargetHealth" && time.Now().Before(until):
						return sim.Throttled()
					}
					return nil
				})
				opt := fleettest.OutOptions()
				opt.Wait = 0
				w.Must(w.Agent(w.IDs[0]).Out(w.Context(), opt))
				most := int64(60)
				if min == 0 {
					most = 10
				}
				if age.Load() > most {
					t.Errorf("moved by what was %d s old", age.Load())
				}
			})
		})
	}
}

// The time that AWS throttles counts against no budget, but a hook's own limit ends it.
func TestAHookIsNotThrottledForLongerThanItHas(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.API(func(sim.Call) *sim.Fault { return sim.Throttled() })
		opt := fleettest.OutOptions()
		opt.Limit = 30 * time.Minute
		began := time.Now()
		report, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
		if err == nil || time.Since(began) > opt.Limit || report.TimeLimitSeconds > opt.Limit.Seconds() {
			t.Errorf("%v after %v, bound %v s", err, time.Since(began), report.TimeLimitSeconds)
		}
	})
}

func TestASignalEndsAThrottledWaitAtOnce(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		const signal = 30 * time.Minute
		began := time.Now()
		var moved atomic.Bool
		w.API(func(c sim.Call) *sim.Fault {
			if moved.Load() && time.Since(began) < signal-time.Second {
				return sim.Throttled()
			}
			moved.Store(moved.Load() || c.Action == "EnterStandby")
			return nil
		})
		ctx, cancel := context.WithCancelCause(context.Background())
		var told time.Time
		time.AfterFunc(signal, func() { told = time.Now(); cancel(errors.New("told to stop")) })
		report, err := w.Agent(w.IDs[0]).Out(ctx, fleettest.OutOptions())
		if told.IsZero() || time.Since(told) > 0 {
			t.Errorf("ended %v after it was told to", time.Since(told))
		}
		if stop := w.WantClass(err, failure.Interrupted); !strings.Contains(stop.Reason, w.IDs[0]+" is Standby") {
			t.Errorf("%q does not say where it is, although AWS answers again", stop.Reason)
		}
		if report.ThrottledSeconds < 20*60 {
			t.Errorf("the report says throttled for %v s", report.ThrottledSeconds)
		}
	})
}

// A run that found the host on its way out, and was then held back, does not take it
// for one that it may put back.
func TestHeldBackForLongDoesNotMakeAHostOurs(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		if err := w.EnterStandby("web", w.IDs[0], true); err != nil {
			t.Fatal(err)
		}
		w.Pass(299 * time.Second)
		began := time.Now()
		w.API(func(sim.Call) *sim.Fault {
			if at := time.Since(began); at > 100*time.Millisecond && at < 10*time.Minute {
				return sim.Throttled()
			}
			return nil
		})
		w.SetAppHealthy(w.IDs[1], false) // the floor is short: a host of this run's own would go back in
		w.Must(w.Out(w.IDs[0]))
		w.WantState(w.IDs[0], "Standby")
	})
}

// A short settle time says that reads do not lag, not that they take no time.
func TestAShortSettleTimeDoesNotMakeEveryLookTooOld(t *testing.T) {
	g := fleettest.WebGroup()
	g.Min = 0
	inWorld(t, sim.Config{}, g, func(w *world) {
		w.API(func(sim.Call) *sim.Fault { return &sim.Fault{Delay: 100 * time.Millisecond} })
		opt := fleettest.OutOptions()
		opt.Settle, opt.Wait = 0, 0
		_, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
		if err != nil {
			t.Error(err)
		}
		w.WantMoves("EnterStandby")
	})
}

// Taking a move back may be throttled as well: the budgets stand still meanwhile, and the
// report says so.
func TestAThrottledUndoIsHeldBackToo(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		var until time.Time
		w.API(func(c sim.Call) *sim.Fault {
			switch {
			case c.Action == "EnterStandby":
				w.SetAppHealthy(w.IDs[1], false)
			case c.Action != "ExitStandby":
			case until.IsZero():
				until = time.Now().Add(20 * time.Minute)
				return sim.Throttled()
			case time.Now().Before(until):
				return sim.Throttled()
			}
			return nil
		})
		opt := fleettest.OutOptions()
		opt.Wait = 0
		report, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
		w.WantClass(err, failure.RolledBack)
		if report.ThrottledSeconds < 1000 {
			t.Errorf("the report says throttled for %v s of twenty minutes", report.ThrottledSeconds)
		}
	})
}

// Nobody at a terminal should wonder for five minutes whether it works.
func TestAnUnansweredLookSaysSoWithinTenSeconds(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.API(func(sim.Call) *sim.Fault { return &sim.Fault{Reset: true} })
		agent := w.Agent(w.IDs[0])
		began := time.Now()
		var first time.Duration
		var says string
		agent.Progress = func(p rotation.Progress) {
			if says == "" {
				first, says = time.Since(began), p.Waiting
			}
		}
		_, err := agent.Out(w.Context(), fleettest.OutOptions())
		if err == nil || first == 0 || first > 10*time.Second || !strings.Contains(says, "giving up in") {
			t.Errorf("%v; first said %q after %s", err, says, first)
		}
	})
}

// A look that AWS holds back is as young as its first answer, so what it read is moved by at once.
func TestALookThatWasHeldBackIsYoung(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		until := time.Now().Add(2 * time.Minute)
		looks := 0
		w.API(func(c sim.Call) *sim.Fault {
			if time.Now().Before(until) {
				return sim.Throttled()
			}
			if c.Action == "DescribeInstanceRefreshes" {
				looks++
			}
			return nil
		})
		w.Must(w.Out(w.IDs[0]))
		if looks != 1 {
			t.Errorf("looked at the whole group %d times before it left, want once", looks)
		}
	})
}

// Looks that are answered make up for those that AWS throttled: one that is throttled much later is tried again soon.
func TestThrottlingIsForgotten(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		until := time.Now().Add(5 * time.Minute)
		var left, again, tried time.Time
		w.API(func(c sim.Call) *sim.Fault {
			switch now := time.Now(); {
			case now.Before(until):
				return sim.Throttled()
			case c.Action == "EnterStandby":
				left = now
			case c.Action != "DescribeAutoScalingInstances" || left.IsZero() || now.Sub(left) < time.Minute:
			case again.IsZero():
				again = now
				return sim.Throttled()
			case tried.IsZero():
				tried = now
			}
			return nil
		})
		w.Must(w.Out(w.IDs[0]))
		if gap := tried.Sub(again); again.IsZero() || gap > 20*time.Second {
			t.Errorf("throttled once at %s, and tried again %s later", again, gap)
		}
	})
}
