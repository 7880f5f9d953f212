package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
	"balanced/internal/fleettest"
	"balanced/internal/lock"
	"balanced/internal/lock/fleetlocktest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// inLockedWorld is a group whose MinSize holds nothing, and a table with its slots.
func inLockedWorld(t *testing.T, g sim.Group, test func(*world)) {
	t.Helper()
	g.Min = 0
	inWorld(t, sim.Config{MaxLag: 2 * time.Minute}, g, func(w *world) {
		w.AddTable(sim.Table{Name: "locks", Key: "group"})
		w.Lock = "dynamodb:locks"
		test(w)
	})
}

// holders are those that have an entry.
func (w *world) holders() []string {
	w.Helper()
	var ids []string
	for _, id := range w.IDs {
		if strings.Contains(w.Item("locks", w.GroupARN("web")), `"`+id+`":`) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (w *world) wantHolders(want ...string) {
	w.Helper()
	slices.Sort(want)
	if got := w.holders(); !slices.Equal(got, want) {
		w.Errorf("holders in the table: %v, want %v", got, want)
	}
}

// asked counts the calls after the first so many: all, or those of some actions.
func (w *world) asked(from int, actions ...string) (n int) {
	for _, c := range w.Calls()[from:] {
		if c.Service != "imds" && (len(actions) == 0 || slices.Contains(actions, c.Action)) {
			n++
		}
	}
	return n
}

func (w *world) wantClass(err error, want failure.Class) {
	w.Helper()
	if err == nil || failure.Of(err) != want {
		w.Errorf("ended with %v (%s), want class %s", err, failure.Of(err), want)
	}
}

func noWait() rotation.OutOptions {
	opt := fleettest.OutOptions()
	opt.Wait = 0
	return opt
}

// A lock costs out two calls and in two on a calm group, and no look more.
func TestALockCostsFewCalls(t *testing.T) {
	var without, with [2]int
	for _, locked := range []bool{false, true} {
		inLockedWorld(t, sim.Group{Name: "web", Max: 6, Desired: 4, TargetGroups: []string{"web"}}, func(w *world) {
			counts := &with
			if !locked {
				w.Lock, counts = "", &without
				w.SetSizes("web", 3, 6, 4) // as calm as with the lock: no spread of starts, and the first look is enough
			}
			from := len(w.Calls())
			report, err := w.Out(w.IDs[0])
			w.Must(report, err)
			counts[0] = w.asked(from)
			if locked {
				w.wantHolders(w.IDs[0])
				if l := report.Lock; l == nil || l.Kind != "dynamodb" || l.Where != "dynamodb:locks" || len(l.Holders) != 1 || l.Holders[0].ID != w.IDs[0] {
					t.Errorf("the report has the lock as %+v", l)
				}
			}
			from = len(w.Calls())
			w.Must(w.In(w.IDs[0]))
			counts[1] = w.asked(from)
			if locked {
				w.wantHolders()
			}
		})
	}
	t.Logf("out: %d calls without a lock, %d with; in: %d and %d", without[0], with[0], without[1], with[1])
	if with[0]-without[0] > 3 || with[1]-without[1] > 3 {
		t.Errorf("out: %d calls without a lock, %d with; in: %d and %d", without[0], with[0], without[1], with[1])
	}
}

// However much reads lag, below a minute, all that start in the same instant with a lock: one begins to drain, the
// others are refused, and nobody goes back.
func TestALockHoldsARush(t *testing.T) {
	for _, lag := range []time.Duration{0, 8 * time.Second, 55 * time.Second} {
		t.Run(lag.String(), func(t *testing.T) {
			inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
				w.Pass(3 * time.Minute)
				w.API(func(c sim.Call) *sim.Fault { return &sim.Fault{Lag: lag, Delay: 50 * time.Millisecond} })
				ends := w.rush(noWait())
				if n := succeeded(ends); n != 1 {
					t.Errorf("%d runs returned 0: %v", n, ends)
				}
				for id, err := range ends {
					if err != nil {
						w.WantClass(err, failure.NotNow)
						w.WantState(id, "InService")
					}
				}
				w.WantMoves("EnterStandby")
			})
		})
	}
}

// An agent that was killed between its entry and its move is found out by one that waits, within about two minutes, and
// the log says whose slot was freed and why.
func TestADeadHoldersSlotIsFree(t *testing.T) {
	inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
		w.dieWithASlot(w.IDs[0])
		w.wantHolders(w.IDs[0])
		_, err := w.Agent(w.IDs[1]).Out(w.Context(), noWait())
		refused := w.WantClass(err, failure.NotNow)
		if !strings.Contains(refused.Reason, w.IDs[0]) || !strings.Contains(refused.Hint, "1m30s") {
			t.Errorf("%q; %q does not say who, and for how long", refused.Reason, refused.Hint)
		}
		w.WantMoves()
		began := time.Now()
		var moved time.Duration
		w.SetFaults(func(c sim.Call) *sim.Fault {
			if c.Action == "EnterStandby" {
				moved = time.Since(began)
			}
			return nil
		})
		agent := w.Agent(w.IDs[1])
		core, logged := observer.New(zap.InfoLevel)
		agent.Log = zap.New(core)
		w.Must(agent.Out(w.Context(), fleettest.OutOptions()))
		t.Logf("the slot was free after %s", moved)
		if moved < 90*time.Second || moved > 97*time.Second { // it looks when the entry is old enough
			t.Errorf("it left after %s, want 90s and a little more", moved)
		}
		freed := "freed the slot of " + w.IDs[0] + ": it is in service and healthy, and its entry has not changed for 1m30s"
		if logged.FilterMessageSnippet(freed).Len() != 1 {
			t.Errorf("the log does not say %q", freed)
		}
		w.wantHolders(w.IDs[1])
		// The dead one comes back to life: it waits for its turn like any other.
		_, err = w.Agent(w.IDs[0]).Out(w.Context(), noWait())
		w.WantClass(err, failure.NotNow)
	})
}

// A holder that is still alive frees its slot when it returns. Who waits notices that soon, and not only when the holder
// would count as dead.
func TestASlotThatIsReleasedIsTakenSoon(t *testing.T) {
	inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
		w.dieWithASlot(w.IDs[0])
		began := time.Now()
		time.AfterFunc(30*time.Second, func() {
			if err := w.Agent(w.IDs[0]).Lock.Release(w.Context(), fleet.Group{ARN: w.GroupARN("web"), Name: "web"}, lock.Basis{}); err != nil {
				t.Error(err)
			}
		})
		var moved time.Duration
		w.SetFaults(func(c sim.Call) *sim.Fault {
			if c.Action == "EnterStandby" {
				moved = time.Since(began)
			}
			return nil
		})
		w.Must(w.Out(w.IDs[1]))
		if moved < 30*time.Second || moved > 45*time.Second {
			t.Errorf("it left after %s; the slot was free after 30s", moved)
		}
	})
}

// dieWithASlot: an agent is killed once its entry is written.
func (w *world) dieWithASlot(id string) {
	w.Helper()
	ctx, kill := context.WithCancelCause(context.Background())
	stuck := &stuckLock{SlotLock: w.Agent(id).Lock, then: func() { kill(errors.New("killed")) }}
	agent := w.Agent(id)
	agent.Lock = stuck
	if _, err := agent.Out(ctx, noWait()); err == nil {
		w.Fatal("it was to be killed")
	}
	w.Pass(time.Minute)
}

// stuckLock kills its process as soon as it has a slot: nothing is released any more.
type stuckLock struct {
	rotation.SlotLock
	then func()
}

func (s *stuckLock) Acquire(ctx context.Context, seen lock.Look, slots int) (lock.Held, error) {
	_, err := s.SlotLock.Acquire(ctx, seen, slots)
	s.then()
	return lock.Held{}, errors.Join(err, context.Cause(ctx), errors.New("killed"))
}

func (s *stuckLock) MayHold() bool { return false }

// EnterStandby is asked for within 30 seconds of the request that took the slot, however long AWS throttles it: then the
// slot is taken anew.
func TestTheMoveComesWhileTheSlotIsSurelyHeld(t *testing.T) {
	inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
		throttledUntil := time.Now().Add(2 * time.Minute)
		var put time.Time
		puts, tries := 0, 0
		w.SetFaults(func(c sim.Call) *sim.Fault {
			switch c.Action {
			case "PutItem":
				put = time.Now()
				puts++
			case "EnterStandby":
				tries++
				if age := time.Since(put); age > 30*time.Second {
					t.Errorf("EnterStandby %s after PutItem", age)
				}
				if time.Now().Before(throttledUntil) {
					return sim.Throttled()
				}
			}
			return nil
		})
		w.Must(w.Out(w.IDs[0]))
		t.Logf("%d PutItem, %d EnterStandby", puts, tries)
		if puts < 3 || tries < 40 {
			t.Errorf("%d PutItem, %d EnterStandby in two minutes of throttling: it gave up early", puts, tries)
		}
		w.WantMoves("EnterStandby")
		w.wantHolders(w.IDs[0])
	})
}

// A run that took a slot and then did not move releases it: after a refusal, and after a signal.
func TestAnUnusedSlotIsGivenBack(t *testing.T) {
	for name, c := range map[string]struct {
		fault sim.Fault
		class failure.Class
	}{
		"throttled": {*sim.Throttled(), failure.Unreachable},
		"denied":    {sim.Fault{Status: 403, Code: "AccessDenied", Message: "not authorized to perform: autoscaling:EnterStandby"}, failure.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
				w.SetFaults(func(call sim.Call) *sim.Fault {
					if call.Action == "EnterStandby" {
						return &c.fault
					}
					return nil
				})
				opt := noWait()
				opt.Limit = 15 * time.Minute // throttling gives way
				_, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
				w.wantClass(err, c.class)
				w.wantHolders()
			})
		})
	}
	t.Run("signal", func(t *testing.T) {
		inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
			ctx, stop := context.WithCancelCause(context.Background())
			w.SetFaults(func(call sim.Call) *sim.Fault {
				if call.Action == "EnterStandby" {
					return sim.Throttled()
				}
				return nil
			})
			time.AfterFunc(10*time.Second, func() {
				w.wantHolders(w.IDs[0])
				stop(failure.New(failure.Interrupted, "", "stopped by SIGTERM"))
			})
			_, err := w.Agent(w.IDs[0]).Out(ctx, fleettest.OutOptions())
			w.WantClass(err, failure.Interrupted)
			w.wantHolders()
			w.WantMoves()
		})
	})
}

// Where a move may have followed the entry that no read shows yet, the entry stays: others free it in their own time.
// Without that a slot is free for two while reads lag: the run's own call may have taken effect, or that of a run before
// it.
func TestAnEntryStaysWhileAMoveMayHaveFollowed(t *testing.T) {
	inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
		w.Pass(3 * time.Minute)
		lost := once("EnterStandby", sim.Fault{LoseReply: true})
		w.API(func(c sim.Call) *sim.Fault {
			if fault := lost(c); fault != nil {
				return fault
			}
			return &sim.Fault{Lag: 50 * time.Second}
		})
		_, err := w.Agent(w.IDs[0]).Out(w.Context(), noWait())
		w.wantClass(err, failure.Unreachable) // its reads, older than it assumes, say that it did not move
		w.WantState(w.IDs[0], "EnteringStandby")
		w.wantHolders(w.IDs[0])
		_, err = w.Agent(w.IDs[0]).Out(w.Context(), noWait())
		w.wantClass(err, failure.NotNow)
		w.wantHolders(w.IDs[0])
		_, err = w.Agent(w.IDs[1]).Out(w.Context(), noWait())
		w.wantClass(err, failure.NotNow)
		report, err := w.Agent(w.IDs[0]).In(w.Context(), fleettest.InOptions())
		if err == nil && report.Outcome == "already in" {
			w.wantHolders(w.IDs[0])
		}
		w.WantMoves("EnterStandby")
	})
}

// A run that was killed right after its move has an entry, too, and reads may not show the move yet to the run after it.
// Where that one ends before it asks for a move, it knows no better.
func TestTheEntryOfARunBeforeStays(t *testing.T) {
	inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
		w.Pass(3 * time.Minute)
		var throttled bool
		w.API(func(c sim.Call) *sim.Fault {
			if c.Action == "EnterStandby" && throttled {
				return sim.Throttled()
			}
			return &sim.Fault{Lag: 50 * time.Second}
		})
		ctx, kill := context.WithCancelCause(context.Background())
		agent := w.Agent(w.IDs[0])
		agent.Mover = killed{agent.Mover, func() { kill(errors.New("killed")) }}
		if _, err := agent.Out(ctx, noWait()); err == nil {
			t.Fatal("it was to be killed")
		}
		w.wantHolders(w.IDs[0])
		throttled = true
		ctx, stop := context.WithCancelCause(context.Background())
		time.AfterFunc(5*time.Second, func() { stop(failure.New(failure.Interrupted, "", "stopped by SIGTERM")) })
		_, err := w.Agent(w.IDs[0]).Out(ctx, noWait())
		w.wantClass(err, failure.Interrupted)
		w.wantHolders(w.IDs[0])
		throttled = false
		_, err = w.Agent(w.IDs[1]).Out(w.Context(), noWait())
		w.wantClass(err, failure.NotNow)
		w.WantMoves("EnterStandby")
	})
}

// killed is a process that dies once its move has taken effect.
type killed struct {
	rotation.Mover
	then func()
}

func (k killed) EnterStandby(ctx context.Context, group, instance string, decrement bool) (fleet.Activity, error) {
	_, err := k.Mover.EnterStandby(ctx, group, instance, decrement)
	k.then()
	return fleet.Activity{}, errors.Join(err, errors.New("killed"))
}

// A run that rolls its own move back frees the slot, so that another need not wait for it.
func TestARollbackGivesTheSlotBack(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		w.AddTable(sim.Table{Name: "locks", Key: "group"})
		w.Lock = "dynamodb:locks"
		go func() {
			w.Pass(time.Minute)
			w.wantHolders(w.IDs[0])
			w.SetAppHealthy(w.IDs[1], false)
		}()
		_, err := w.Agent(w.IDs[0]).Out(w.Context(), noWait())
		w.WantClass(err, failure.RolledBack)
		w.WantMoves("EnterStandby", "ExitStandby")
		w.wantHolders()
	})
}

// The lock fails closed: without an answer of its own nothing is moved, and the class is the cause's.
func TestALockFailsClosed(t *testing.T) {
	denied := sim.Fault{Status: 400, Code: "AccessDeniedException", Message: "User: x is not authorized to perform: dynamodb:PutItem"}
	for name, c := range map[string]struct {
		before func(*world)
		class  failure.Class
	}{
		"no table":          {func(w *world) { w.DeleteTable("locks") }, failure.Setup},
		"another key":       {func(w *world) { w.AddTable(sim.Table{Name: "locks", Key: "id"}) }, failure.Setup},
		"reads denied":      {func(w *world) { w.API(of("GetItem", denied)) }, failure.Denied},
		"writes denied":     {func(w *world) { w.API(of("PutItem", denied)) }, failure.Denied},
		"unreachable":       {func(w *world) { w.API(of("GetItem", sim.Fault{Reset: true})) }, failure.Unreachable},
		"no write gets in":  {func(w *world) { w.API(of("PutItem", sim.Fault{Reset: true})) }, failure.Unreachable},
		"throttled":         {func(w *world) { w.API(of("GetItem", *sim.Throttled())) }, failure.Unreachable},
		"deleted meanwhile": {func(w *world) { w.API(onceThen("PutItem", func() { w.DeleteTable("locks") })) }, failure.Setup},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name == "throttled" {
				t.Skip("three hours of it are 2,000 calls")
			}
			inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
				c.before(w)
				began := time.Now()
				_, err := w.Agent(w.IDs[0]).Out(w.Context(), noWait())
				w.wantClass(err, c.class)
				t.Logf("after %s: %v", time.Since(began), err)
				w.WantMoves()
				w.WantState(w.IDs[0], "InService")
			})
		})
	}
}

// of makes a fault happen to every call of an action.
func of(action string, f sim.Fault) func(sim.Call) *sim.Fault {
	return func(c sim.Call) *sim.Fault {
		if c.Action != action {
			return nil
		}
		return &f
	}
}

// onceThen does something when the first call of an action arrives.
func onceThen(action string, then func()) func(sim.Call) *sim.Fault {
	first := once(action, sim.Fault{})
	return func(c sim.Call) *sim.Fault {
		if first(c) != nil {
			then()
		}
		return nil
	}
}

// in does not wait for DynamoDB, and out goes on with an instance that is out already, whatever became of the table.
func TestATableThatIsGoneHoldsNoReturnUp(t *testing.T) {
	inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		w.DeleteTable("locks")
		report, err := w.Out(w.IDs[0])
		w.Must(report, err)
		if !strings.Contains(strings.Join(report.Warnings, "\n"), "the slot in the lock") {
			t.Errorf("no warning that the slot is not known: %q", report.Warnings)
		}
		report, err = w.In(w.IDs[0])
		w.Must(report, err)
		if !strings.Contains(strings.Join(report.Warnings, "\n"), "the slot was not released") {
			t.Errorf("no warning that the slot was not released: %q", report.Warnings)
		}
		w.WantState(w.IDs[0], "InService")
	})
}

// A rerun finds the instance out and the entry its own: the first whole look is enough, without waiting for reads to
// catch up.
func TestARerunWithALockNeedsNoSettleTime(t *testing.T) {
	inLockedWorld(t, sim.Group{Name: "web", Max: 6, Desired: 4}, func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		began := time.Now()
		w.Must(w.Out(w.IDs[0]))
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the rerun took %s", took)
		}
		w.WantMoves("EnterStandby")
	})
}

// With more than one slot the guards are asked again about those that have an entry and are still read as in service.
func TestHoldersThatAreStillInServiceCountAsLeaving(t *testing.T) {
	inLockedWorld(t, sim.Group{Name: "web", Max: 8, Desired: 5, TargetGroups: []string{"web"}}, func(w *world) {
		opt := noWait()
		opt.MinHealthy = sample.Rule("3")
		w.dieWithASlot(w.IDs[0])
		w.SetAppHealthy(w.IDs[4], false)
		w.Pass(2 * time.Minute)
		_, err := w.Agent(w.IDs[1]).Out(w.Context(), opt)
		if refused := w.WantClass(err, failure.NotNow); !strings.Contains(refused.Reason, "only 2 peers are healthy, minimum 3") {
			t.Errorf("refused for another reason: %v", err)
		}
		w.WantMoves()
	})
}

// A dry run reads and writes nothing, and ends with the code of the run.
func TestADryRunTakesNoSlot(t *testing.T) {
	inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
		opt := fleettest.OutOptions()
		opt.DryRun = true
		report, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
		w.Must(report, err)
		if report.Outcome != "dry run: would enter Standby" {
			t.Errorf("outcome %q", report.Outcome)
		}
		if n := w.asked(0, "PutItem"); n != 0 {
			t.Errorf("%d PutItem", n)
		}
		w.dieWithASlot(w.IDs[1])
		_, err = w.Agent(w.IDs[0]).Out(w.Context(), opt)
		w.WantClass(err, failure.NotNow)
		w.Pass(2 * time.Minute)
		back := fleettest.InOptions()
		back.DryRun = true
		w.Must(w.Agent(w.IDs[1]).In(w.Context(), back))
		w.wantHolders(w.IDs[1])
		w.DeleteTable("locks")
		_, err = w.Agent(w.IDs[0]).Out(w.Context(), opt)
		w.WantClass(err, failure.Setup)
	})
}

// fleetLocked is an agent with a FleetLock server behind it.
func (w *world) fleetLocked(id string, server http.Handler) *rotation.Agent {
	w.Helper()
	where, err := lock.Parse("https://lock.example.com/")
	if err != nil {
		w.Fatal(err)
	}
	agent := w.Agent(id)
	if agent.Lock, err = lock.New(where, lock.Options{Instance: id, HTTP: served{server}}); err != nil {
		w.Fatal(err)
	}
	return agent
}

// served answers requests at once.
type served struct{ http.Handler }

func (s served) RoundTrip(req *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, req)
	return answer.Result(), nil
}

// With a FleetLock server: one slot, taken and released; an unlock that is not confirmed is 82 for in, and told by an
// out that rolled back.
func TestAFleetLockServerHoldsTheSlots(t *testing.T) {
	inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
		w.Lock = ""
		server := fleetlocktest.New(fleetlocktest.Airlock, map[string]int{"web": 1})
		ctx := w.Context()
		report, err := w.fleetLocked(w.IDs[0], server).Out(ctx, fleettest.OutOptions())
		w.Must(report, err)
		if l := report.Lock; l == nil || l.Kind != "fleetlock" || l.Holders != nil {
			t.Errorf("the report has the lock as %+v", l)
		}
		if got := server.Holders("web"); !slices.Equal(got, []string{w.IDs[0]}) {
			t.Errorf("the server has %v", got)
		}
		w.Must(w.fleetLocked(w.IDs[0], server).Out(ctx, fleettest.OutOptions()))
		server.Break(true)
		_, err = w.fleetLocked(w.IDs[0], server).In(ctx, fleettest.InOptions())
		w.WantClass(err, failure.Unfinished)
		w.WantState(w.IDs[0], "InService")
		server.Break(false)
		_, err = w.fleetLocked(w.IDs[1], server).Out(ctx, noWait())
		w.WantClass(err, failure.NotNow)
		w.Must(w.fleetLocked(w.IDs[0], server).In(ctx, fleettest.InOptions()))
		if got := server.Holders("web"); len(got) != 0 {
			t.Errorf("the server still has %v", got)
		}
		w.WantMoves("EnterStandby", "ExitStandby")
	})
}

// An instance that is in Standby without a slot of the server takes one when out is run again.
func TestAnInstanceThatIsOutTakesItsFleetLock(t *testing.T) {
	inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
		w.Lock = ""
		w.Must(w.Out(w.IDs[0]))
		server := fleetlocktest.New(fleetlocktest.Poseidon, nil)
		dry := fleettest.OutOptions()
		dry.DryRun = true
		w.Must(w.fleetLocked(w.IDs[0], server).Out(w.Context(), dry))
		if asked := server.Requests(); len(asked) != 0 {
			t.Errorf("a dry run asked for %q", asked)
		}
		w.Must(w.fleetLocked(w.IDs[0], server).Out(w.Context(), fleettest.OutOptions()))
		if got := server.Holders("web"); !slices.Equal(got, []string{w.IDs[0]}) {
			t.Errorf("the server has %v", got)
		}
	})
}

func TestARollbackTellsOfASlotThatStaysTaken(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		server := fleetlocktest.New(fleetlocktest.Poseidon, nil)
		go func() {
			w.Pass(time.Minute)
			w.SetAppHealthy(w.IDs[1], false)
			server.Break(true)
		}()
		_, err := w.fleetLocked(w.IDs[0], server).Out(w.Context(), noWait())
		refused := w.WantClass(err, failure.RolledBack)
		if !strings.Contains(refused.Reason, "did not confirm that the slot of "+w.IDs[0]+" is free") || !strings.Contains(refused.Hint, "balanced in") {
			t.Errorf("%q; %q does not say that the slot is taken", refused.Reason, refused.Hint)
		}
		w.WantState(w.IDs[0], "InService")
		fmt.Fprintln(t.Output(), err)
	})
}
