package rotation_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// rush starts out on every instance at the same instant and tells how each ended.
func (w *world) rush(opt rotation.OutOptions) map[string]error {
	ends := map[string]error{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, id := range w.IDs {
		agent := w.Agent(id)
		all.Go(func() {
			_, err := agent.Out(w.Context(), opt)
			mu.Lock()
			defer mu.Unlock()
			ends[id] = err
		})
	}
	all.Wait()
	return ends
}

// out0 lists those whose out returned 0.
func succeeded(ends map[string]error) (n int) {
	for _, err := range ends {
		if err == nil {
			n++
		}
	}
	return n
}

func TestRushIsHeldByMinSize(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		opt := fleettest.OutOptions()
		opt.Wait = 0
		if n := succeeded(w.rush(opt)); n != 1 {
			t.Errorf("%d of 4 went out at once, MinSize leaves room for 1", n)
		}
		w.WantMoves("EnterStandby")
	})
}

// Without the fence several may leave before they see one another; all but the
// rightful give their places back, and nobody is told 0 for a place that is not theirs.
func TestRushWithoutAFence(t *testing.T) {
	for name, lag := range map[string]time.Duration{"fresh reads": 0, "stale reads": 8 * time.Second} {
		t.Run(name, func(t *testing.T) {
			g := fleettest.WebGroup()
			g.Min = 0
			inWorld(t, sim.Config{MaxLag: time.Minute}, g, func(w *world) {
				w.API(func(c sim.Call) *sim.Fault {
					return &sim.Fault{Lag: lag, Delay: 50 * time.Millisecond}
				})
				opt := fleettest.OutOptions()
				opt.Wait = 0
				ends := w.rush(opt)
				if n := succeeded(ends); n != 1 {
					t.Errorf("%d runs returned 0, the floor leaves one place, and the first keeps it: %v", n, ends)
				}
				for id, err := range ends {
					var stop *failure.Refusal
					switch {
					case err == nil:
						w.WantState(id, "Standby")
					case !errors.As(err, &stop) || stop.Class != failure.NotNow && stop.Class != failure.RolledBack:
						t.Errorf("%s ended with %v", id, err)
					default:
						w.WantState(id, "InService")
					}
				}
			})
		})
	}
}

// With nothing to drain there is no time for reads to catch up but the settle time:
// whoever believes the first read after the move believes to be alone.
func TestRushWithoutADrain(t *testing.T) {
	g := sim.Group{Name: "web", Min: 0, Max: 6, Desired: 4}
	inWorld(t, sim.Config{MaxLag: time.Minute}, g, func(w *world) {
		w.API(func(c sim.Call) *sim.Fault {
			if c.Mutating() {
				return nil
			}
			return &sim.Fault{Lag: 8 * time.Second}
		})
		opt := fleettest.OutOptions()
		opt.Wait = 0
		if ends := w.rush(opt); succeeded(ends) != 1 {
			t.Errorf("%d runs returned 0, the floor leaves one place: %v", succeeded(ends), ends)
		}
	})
}

// Starts are spread where MinSize does not fence the floor, so that agents started in
// the same instant see one another: here nobody leaves in vain.
func TestStartsAreSpread(t *testing.T) {
	g := fleettest.WebGroup()
	g.Min = 0
	inWorld(t, sim.Config{}, g, func(w *world) {
		w.API(func(sim.Call) *sim.Fault { return &sim.Fault{Delay: 50 * time.Millisecond} })
		opt := fleettest.OutOptions()
		opt.Wait = 0
		w.rush(opt)
		w.WantMoves("EnterStandby")
	})
}

// The floor is proven after the drain, not before it: a peer that fell ill meanwhile
// brings the host back.
func TestAPeerFallsIllMeanwhile(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		go func() {
			w.Pass(time.Minute)
			w.SetAppHealthy(w.IDs[1], false)
		}()
		opt := fleettest.OutOptions()
		opt.Wait = 0
		report, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
		stop := w.WantClass(err, failure.RolledBack)
		if !strings.Contains(stop.Reason, w.IDs[1]) {
			t.Errorf("%q does not name the sick peer", stop.Reason)
		}
		w.WantState(w.IDs[0], "InService")
		w.WantMoves("EnterStandby", "ExitStandby")
		if !report.Moved {
			t.Error("the report says that nothing was moved")
		}
	})
}

// A host that is out already serves nobody: sick peers do not hold it up.
func TestSickPeerDoesNotHoldUpAHostInStandby(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		w.SetAppHealthy(w.IDs[1], false)
		w.Pass(5 * time.Minute)
		report, err := w.Out(w.IDs[0])
		w.Must(report, err)
		if len(report.Warnings) == 0 || !strings.Contains(strings.Join(report.Warnings, " "), w.IDs[1]) {
			t.Errorf("warnings %v do not name the sick peer", report.Warnings)
		}
	})
}

// Somebody registered the instance again by hand: Standby alone proves nothing.
func TestStandbyIsNotDrained(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		w.AddTargets("web", w.IDs[0])
		opt := fleettest.OutOptions()
		opt.Timeout = 2 * time.Minute
		_, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
		stop := w.WantClass(err, failure.Unfinished)
		if !strings.Contains(stop.Reason, "healthy at web") {
			t.Errorf("%q does not say who still lists it", stop.Reason)
		}
	})
}

// Everyone started at once with time to wait gets a turn, if the ones before return.
func TestEveryoneGetsATurn(t *testing.T) {
	g := fleettest.WebGroup()
	g.Min = 0
	inWorld(t, sim.Config{}, g, func(w *world) {
		var atWork, most int
		var mu sync.Mutex
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			atWork += by
			most = max(most, atWork)
		}
		var all sync.WaitGroup
		for _, id := range w.IDs {
			agent := w.Agent(id)
			all.Go(func() {
				opt := fleettest.OutOptions()
				opt.Wait = 3 * time.Hour
				if _, err := agent.Out(w.Context(), opt); err != nil {
					t.Errorf("%s: out: %v", id, err)
					return
				}
				count(1)
				w.Pass(2 * time.Minute)
				count(-1)
				if _, err := agent.In(w.Context(), fleettest.InOptions()); err != nil {
					t.Errorf("%s: in: %v", id, err)
				}
			})
		}
		all.Wait()
		if most != 1 {
			t.Errorf("%d were at work at once, the floor leaves one place", most)
		}
		for _, id := range w.IDs {
			w.WantState(id, "InService")
		}
		if _, _, desired := w.Sizes("web"); desired != 4 {
			t.Errorf("desired %d in the end, want 4", desired)
		}
	})
}

// A rerun does not know when its host left: the feed it reads may not show the move
// yet. It judges only by looks that are younger than the first that showed it out.
func TestRerunOnAFeedThatLags(t *testing.T) {
	g := sim.Group{Name: "web", Min: 0, Max: 6, Desired: 4}
	inWorld(t, sim.Config{MaxLag: time.Minute}, g, func(w *world) {
		first, second := w.IDs[0], w.IDs[1]
		w.API(func(c sim.Call) *sim.Fault {
			switch {
			case c.Mutating():
				return nil
			case c.Caller == first:
				return &sim.Fault{Lag: 7 * time.Second}
			case c.Action == "DescribeScalingActivities":
				return &sim.Fault{Lag: 8 * time.Second}
			}
			return nil
		})
		ends := make(chan error)
		go func() {
			_, err := w.Out(first)
			ends <- err
		}()
		w.Pass(5 * time.Second)
		if err := w.EnterStandby("web", second, true); err != nil { // by a run killed right after
			t.Error(err)
		}
		w.Pass(6 * time.Second)
		opt := fleettest.OutOptions()
		opt.Timeout = time.Minute
		_, again := w.Agent(second).Out(w.Context(), opt)
		if err := <-ends; (err == nil) == (again == nil) {
			t.Errorf("the first ended with %v, the rerun of the second with %v: want one of them to have the place", err, again)
		}
	})
}

// Reads that lag may show a host in service that has just left: it is not "already in".
func TestInRightAfterAKilledOut(t *testing.T) {
	for name, balanced := range map[string]sim.Group{
		"behind load balancers": fleettest.WebGroup(),
		"behind none":           {Name: "web", Min: 0, Max: 6, Desired: 4},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sim.Config{MaxLag: time.Minute}, balanced, func(w *world) {
				id := w.IDs[0]
				if err := w.EnterStandby("web", id, true); err != nil { // by a run killed right after
					t.Fatal(err)
				}
				w.API(func(c sim.Call) *sim.Fault {
					if c.Mutating() {
						return nil
					}
					return &sim.Fault{Lag: 7 * time.Second}
				})
				report, err := w.In(id)
				w.Must(report, err)
				w.WantState(id, "InService")
				w.WantMoves("ExitStandby")
				if report.Outcome != "in" {
					t.Errorf("outcome %q of a run that brought the host back", report.Outcome)
				}
			})
		})
	}
}

// Reads that lag may show a host in Standby that has just come back: it is not "already
// out".
func TestOutRightAfterIn(t *testing.T) {
	g := sim.Group{Name: "web", Min: 0, Max: 6, Desired: 4}
	inWorld(t, sim.Config{MaxLag: time.Minute}, g, func(w *world) {
		id := w.IDs[0]
		w.Must(w.Out(id))
		w.Pass(time.Minute)
		w.Must(w.In(id))
		w.API(func(sim.Call) *sim.Fault { return &sim.Fault{Lag: 6 * time.Second} })
		w.Must(w.Out(id))
		w.WantState(id, "Standby")
	})
}

// A rerun right after an out that returned 0 may read that the host is still entering.
// Work on it may have begun, so it is not this run's to put back, whoever falls ill.
func TestRerunRightAfterOut(t *testing.T) {
	inWorld(t, sim.Config{MaxLag: time.Minute}, quietHealth(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		w.SetState(w.IDs[1], "Terminating:Wait") // it serves no more, and for long
		w.API(func(c sim.Call) *sim.Fault {
			if c.Service == "autoscaling" && !c.Mutating() {
				return &sim.Fault{Lag: 8 * time.Second}
			}
			return nil
		})
		w.Must(w.Out(w.IDs[0]))
		w.WantMoves("EnterStandby")
	})
}

// What an undo that did not get through saw last is what the report says.
func TestAStuckUndoSaysWhereTheHostIs(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		w.API(func(c sim.Call) *sim.Fault {
			switch c.Action {
			case "EnterStandby":
				w.SetAppHealthy(w.IDs[1], false)
			case "ExitStandby":
				w.SetAppHealthy(w.IDs[0], false)
			}
			return nil
		})
		opt := fleettest.OutOptions()
		opt.Wait = 0
		report, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
		stop := w.WantClass(err, failure.Unknown)
		if state := w.State(w.IDs[0]); report.Instance.State != state || !strings.Contains(stop.Reason, "last seen "+state) {
			t.Errorf("it is %s, the report says %s and the reason %q", state, report.Instance.State, stop.Reason)
		}
	})
}
