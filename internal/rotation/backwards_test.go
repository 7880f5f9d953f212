package rotation_test

import (
	"errors"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleettest"
	"balanced/internal/sim"
)

// An undo begins with a look of its own. One that is older than the look that decided on
// it shows the state before: nobody else moved the instance.
func TestAnUndoWaitsForALookThatHasCaughtUp(t *testing.T) {
	g := fleettest.WebGroup()
	g.Min = 0
	inWorld(t, sim.Config{MaxLag: time.Minute}, g, func(w *world) {
		old, ahead, caughtUp := 0, false, time.Time{}
		w.API(func(c sim.Call) *sim.Fault {
			switch {
			case c.Action == "EnterStandby" && !ahead: // a person is a moment earlier
				ahead = true
				if err := w.EnterStandby("web", w.IDs[1], true); err != nil {
					w.Error(err)
				}
				w.Pass(10 * time.Millisecond)
			case c.Action == "DescribeAutoScalingGroups" && w.State(w.IDs[0]) == "Standby":
				if old++; old == 2 { // one decides to give the place back, this is the undo's
					caughtUp = time.Now().Add(3 * time.Second)
				}
			}
			if !c.Mutating() && time.Now().Before(caughtUp) {
				return &sim.Fault{Lag: 30 * time.Second}
			}
			return nil
		})
		opt := fleettest.OutOptions()
		opt.Wait = 0
		_, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
		if stop := new(failure.Refusal); errors.As(err, &stop) && stop.Class == failure.Unknown {
			w.Fatal(err)
		}
		w.WantClass(err, failure.RolledBack)
		w.WantState(w.IDs[0], "InService")
		if caughtUp.IsZero() {
			w.Error("no look was old")
		}
	})
}

// The same the other way round: a return that did not get healthy goes back to Standby.
func TestSendingBackWaitsForALookThatHasCaughtUp(t *testing.T) {
	inWorld(t, sim.Config{MaxLag: time.Minute}, quietHealth(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		w.SetAppHealthy(w.IDs[0], false)
		began, looks, old := time.Now(), 0, 0
		w.API(func(c sim.Call) *sim.Fault {
			if c.Action == "DescribeAutoScalingGroups" && w.State(w.IDs[0]) == "InService" {
				looks++
			}
			if looks == 2 && !c.Mutating() { // one decides to send it back, this is the undo's
				old++
				return &sim.Fault{Lag: time.Since(began) - time.Second}
			}
			return nil
		})
		opt := fleettest.InOptions()
		opt.Timeout = 20 * time.Second
		_, err := w.Agent(w.IDs[0]).In(w.Context(), opt)
		if stop := new(failure.Refusal); errors.As(err, &stop) && stop.Class == failure.Unknown {
			w.Fatal(err)
		}
		w.WantClass(err, failure.Unhealthy)
		w.WantState(w.IDs[0], "Standby")
		if old == 0 {
			w.Error("no look was old")
		}
	})
}
