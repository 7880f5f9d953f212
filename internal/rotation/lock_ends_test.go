package rotation_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleettest"
	"balanced/internal/lock/fleetlocktest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

func warns(r *rotation.Report, text string) bool {
	return strings.Count(strings.Join(r.Warnings, "\n"), text) == 1
}

// quickGroup drains nothing, so that all of out and in takes less time than an entry needs to be old.
func quickGroup() sim.Group { return sim.Group{Name: "web", Max: 6, Desired: 4} }

// Its own return is proof enough that a slot is free, however young the entry is: also one that a killed run began.
func TestAReturnReleasesAYoungEntry(t *testing.T) {
	inLockedWorld(t, quickGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		w.Must(w.In(w.IDs[0]))
		w.wantHolders()
		w.Must(w.Out(w.IDs[0]))
		ctx, kill := context.WithCancel(context.Background())
		w.SetFaults(func(c sim.Call) *sim.Fault {
			if c.Action == "ExitStandby" {
				time.AfterFunc(time.Millisecond, kill)
			}
			return nil
		})
		if _, err := w.Agent(w.IDs[0]).In(ctx, fleettest.InOptions()); err == nil {
			t.Fatal("it was to be killed")
		}
		w.SetFaults(nil)
		w.wantHolders(w.IDs[0])
		if state := w.State(w.IDs[0]); state != "Pending" {
			t.Fatalf("it is %s; the test wants a return that is under way", state)
		}
		w.Must(w.In(w.IDs[0]))
		w.wantHolders()
	})
}

// A run whose move was accepted keeps its slot, even if it never read the instance as out.
func TestAMoveKeepsItsSlot(t *testing.T) {
	inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
		moved := false
		w.API(func(c sim.Call) *sim.Fault {
			moved = moved || c.Action == "EnterStandby"
			if moved && c.Service == "autoscaling" && !c.Mutating() {
				return &sim.Fault{Reset: true}
			}
			return nil
		})
		_, err := w.Out(w.IDs[0])
		w.wantClass(err, failure.Unfinished)
		w.wantHolders(w.IDs[0])
	})
}

// An instance that is out without an entry is told so, once, and waits for reads to catch up as without a lock.
func TestAnInstanceThatLeftWithoutTheLock(t *testing.T) {
	inLockedWorld(t, quickGroup(), func(w *world) {
		w.Lock = ""
		w.Must(w.Out(w.IDs[0]))
		w.Lock = "dynamodb:locks"
		began := time.Now()
		report, err := w.Out(w.IDs[0])
		w.Must(report, err)
		if !warns(report, "the slot in the lock is not this instance's: it left without it") {
			t.Errorf("warnings %q", report.Warnings)
		}
		if took := time.Since(began); took < rotation.DefaultSettle {
			t.Errorf("proven after %s, on reads that may lag", took)
		}
		w.wantHolders()
		w.Lock = ""
		w.Must(w.In(w.IDs[0]))
		w.Lock = "dynamodb:locks"
		w.Must(w.Out(w.IDs[0]))
		report, err = w.Out(w.IDs[0])
		w.Must(report, err)
		if warns(report, "the slot in the lock") {
			t.Errorf("its own slot is warned of: %q", report.Warnings)
		}
	})
}

// A slot that a run took and could not release is told of, within its time.
func TestASlotThatCannotBeReleasedIsToldOf(t *testing.T) {
	inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
		w.Lock = ""
		server := fleetlocktest.New(fleetlocktest.Airlock, map[string]int{"web": 1})
		var denied time.Time
		w.SetFaults(func(c sim.Call) *sim.Fault {
			if c.Action != "EnterStandby" {
				return nil
			}
			server.Break(true)
			denied = time.Now()
			return &sim.Fault{Status: 403, Code: "AccessDenied", Message: "not authorized to perform: autoscaling:EnterStandby"}
		})
		report, err := w.fleetLocked(w.IDs[0], server).Out(w.Context(), fleettest.OutOptions())
		w.wantClass(err, failure.Denied)
		if !warns(report, "the slot was not released: https://lock.example.com/ did not confirm that the slot of "+w.IDs[0]+" is free") {
			t.Errorf("warnings %q", report.Warnings)
		}
		if took := time.Since(denied); took < 10*time.Second || took > 16*time.Second {
			t.Errorf("releasing it went on for %s, want 15s", took)
		}
	})
}

// A signal while the slot is being released ends in with the signal's code, whatever the lock is.
func TestASignalWhileASlotIsReleased(t *testing.T) {
	inLockedWorld(t, quickGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		ctx, stop := context.WithCancelCause(context.Background())
		w.SetFaults(func(c sim.Call) *sim.Fault {
			if c.Action != "PutItem" {
				return nil
			}
			stop(failure.New(failure.Interrupted, "", "stopped by SIGTERM"))
			return &sim.Fault{Reset: true}
		})
		_, err := w.Agent(w.IDs[0]).In(ctx, fleettest.InOptions())
		if refused := w.WantClass(err, failure.Interrupted); !strings.Contains(refused.Reason, "is InService") {
			t.Errorf("%q does not say where the instance is", refused.Reason)
		}
		w.wantHolders(w.IDs[0])
	})
}

// A run that rolled back and has time left starts again, with a slot of its own.
func TestAfterARollbackASlotIsTakenAgain(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		w.AddTable(sim.Table{Name: "locks", Key: "group"})
		w.Lock = "dynamodb:locks"
		go func() {
			w.Pass(time.Minute)
			w.SetAppHealthy(w.IDs[1], false)
			w.Pass(20 * time.Minute)
			w.SetAppHealthy(w.IDs[1], true)
		}()
		opt := fleettest.OutOptions()
		opt.Wait = 2 * time.Hour
		w.Must(w.Agent(w.IDs[0]).Out(w.Context(), opt))
		w.WantMoves("EnterStandby", "ExitStandby", "EnterStandby")
		w.wantHolders(w.IDs[0])
	})
}

// status shows who holds a slot, and goes on where the lock does not answer.
func TestStatusShowsTheHolders(t *testing.T) {
	inLockedWorld(t, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		report, standing, err := w.Agent(w.IDs[1]).Status(w.Context(), fleet.MinHealthy{})
		if err != nil || standing != rotation.InService {
			t.Fatalf("%v, %s", err, standing)
		}
		if l := report.Lock; l == nil || l.Group != w.GroupARN("web") || len(l.Holders) != 1 || l.Holders[0].ID != w.IDs[0] || slices.ContainsFunc(report.Warnings, func(text string) bool { return strings.Contains(text, "lock") }) {
			t.Errorf("lock %+v, warnings %q", l, report.Warnings)
		}
		w.DeleteTable("locks")
		report, _, err = w.Agent(w.IDs[1]).Status(w.Context(), fleet.MinHealthy{})
		if err != nil || report.Lock == nil || report.Lock.Holders != nil || !warns(report, "the lock: no DynamoDB table locks in eu-west-1") {
			t.Errorf("%v, lock %+v, warnings %q", err, report.Lock, report.Warnings)
		}
	})
}
