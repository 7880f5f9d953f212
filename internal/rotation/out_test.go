package rotation_test

import (
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

func TestOutAndIn(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		id := w.IDs[0]
		began := time.Now()
		report, err := w.Out(id)
		w.Must(report, err)
		w.WantState(id, "Standby")
		w.WantMoves("EnterStandby")
		if takes := w.RoutedBy(id); len(takes) > 0 {
			t.Errorf("0 from out, but %v still send it traffic", takes)
		}
		if took := time.Since(began); took < 300*time.Second || took > 330*time.Second {
			t.Errorf("a drain of 300 s took %s", took)
		}
		if report.Outcome != "out" || !report.Moved || report.Group.MinHealthy != 3 {
			t.Errorf("report: %+v", report)
		}
		w.Must(w.In(id))
		w.WantState(id, "InService")
		w.WantMoves("EnterStandby", "ExitStandby")
		if healthy, of := w.HealthyAt(id); healthy != of || of != 2 {
			t.Errorf("0 from in, but healthy at %d of %d", healthy, of)
		}
		if min, max, desired := w.Sizes("web"); min != 3 || max != 6 || desired != 4 {
			t.Errorf("sizes after out and in: %d/%d/%d, want 3/6/4", min, max, desired)
		}
	})
}

func TestTwiceIsAlreadySo(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		id := w.IDs[0]
		report, err := w.In(id)
		w.Must(report, err)
		if report.Outcome != "already in" {
			t.Errorf("in on a host in service: outcome %q", report.Outcome)
		}
		w.WantMoves()
		w.Must(w.Out(id))
		began := time.Now()
		report, err = w.Out(id)
		w.Must(report, err)
		if report.Outcome != "already out" || report.Moved {
			t.Errorf("out on a host that is out: outcome %q, moved %v", report.Outcome, report.Moved)
		}
		if took := time.Since(began); took > rotation.DefaultSettle+5*time.Second {
			t.Errorf("the second out waited %s, reads lag 10 s at most", took)
		}
		w.WantMoves("EnterStandby")
	})
}

func TestSecondHostIsRefusedAndWaitsItsTurn(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		opt := fleettest.OutOptions()
		opt.Wait = 0
		_, err := w.Agent(w.IDs[1]).Out(w.Context(), opt)
		w.WantClass(err, failure.NotNow)
		w.WantState(w.IDs[1], "InService")
		w.WantMoves("EnterStandby")

		done := make(chan error)
		go func() {
			_, err := w.Out(w.IDs[1])
			done <- err
		}()
		w.Pass(time.Minute)
		w.Must(w.In(w.IDs[0]))
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		w.WantState(w.IDs[1], "Standby")
	})
}

// A large group and a long feed come in pages: nobody is overlooked, and the holder at
// the bottom of the feed has its age.
func TestPagesAreReadToTheirEnd(t *testing.T) {
	g := fleettest.WebGroup()
	g.Desired, g.Max, g.Min = 250, 300, 240
	inWorld(t, sim.Config{}, g, func(w *world) {
		if err := w.EnterStandby("web", w.IDs[249], true); err != nil {
			t.Fatal(err)
		}
		w.AddActivities("web", 350)
		for range 55 { // newer activities push the holder off the first page
			w.Must(nil, w.EnterStandby("web", w.IDs[1], true))
			w.Pass(6 * time.Minute)
			w.Must(nil, w.ExitStandby("web", w.IDs[1]))
			w.Pass(4 * time.Minute)
		}
		w.AddTargets("web", "i-0aaaaaaaaaaaaaaaa", "i-0bbbbbbbbbbbbbbbb") // strangers, healthy or not
		report, _, err := w.Agent(w.IDs[0]).Status(w.Context(), fleet.MinHealthy{})
		w.Must(report, err)
		if got := report.Group; got.Members != 250 || got.Healthy != 249 || got.Capacity != 250 || len(report.Members) != 250 {
			t.Errorf("group of 250, one out: %+v, %d members listed", got, len(report.Members))
		}
		opt := fleettest.OutOptions()
		opt.Wait = 0
		_, err = w.Agent(w.IDs[0]).Out(w.Context(), opt)
		stop := w.WantClass(err, failure.NotNow)
		if !strings.Contains(stop.Reason, w.IDs[249]+" is out (Standby for 9h10m") {
			t.Errorf("%q does not name who is out, and since when", stop.Reason)
		}
	})
}
