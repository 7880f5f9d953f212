package rotation_test

import (
	"strings"
	"testing"
	"time"

	"balanced/internal/rotation"
	"balanced/internal/sim"
)

func TestOutAndIn(t *testing.T) {
	inWorld(t, sim.Config{}, fleet(), func(w *world) {
		id := w.ids[0]
		began := time.Now()
		report, err := w.out(id)
		w.must(report, err)
		w.wantState(id, "Standby")
		w.wantMoves("EnterStandby")
		if takes := w.RoutedBy(id); len(takes) > 0 {
			t.Errorf("0 from out, but %v still send it traffic", takes)
		}
		if took := time.Since(began); took < 300*time.Second || took > 330*time.Second {
			t.Errorf("a drain of 300 s took %s", took)
		}
		if report.Outcome != "out" || !report.Moved || report.Group.Floor != 3 {
			t.Errorf("report: %+v", report)
		}
		w.must(w.in(id))
		w.wantState(id, "InService")
		w.wantMoves("EnterStandby", "ExitStandby")
		if healthy, of := w.HealthyAt(id); healthy != of || of != 2 {
			t.Errorf("0 from in, but healthy at %d of %d", healthy, of)
		}
		if min, max, desired := w.Sizes("web"); min != 3 || max != 6 || desired != 4 {
			t.Errorf("sizes after out and in: %d/%d/%d, want 3/6/4", min, max, desired)
		}
	})
}

func TestTwiceIsAlreadySo(t *testing.T) {
	inWorld(t, sim.Config{}, fleet(), func(w *world) {
		id := w.ids[0]
		report, err := w.in(id)
		w.must(report, err)
		if report.Outcome != "already in" {
			t.Errorf("in on a host in service: outcome %q", report.Outcome)
		}
		w.wantMoves()
		w.must(w.out(id))
		began := time.Now()
		report, err = w.out(id)
		w.must(report, err)
		if report.Outcome != "already out" || report.Moved {
			t.Errorf("out on a host that is out: outcome %q, moved %v", report.Outcome, report.Moved)
		}
		if took := time.Since(began); took > rotation.DefaultSettle+5*time.Second {
			t.Errorf("the second out waited %s, reads lag 10 s at most", took)
		}
		w.wantMoves("EnterStandby")
	})
}

func TestSecondHostIsRefusedAndWaitsItsTurn(t *testing.T) {
	inWorld(t, sim.Config{}, fleet(), func(w *world) {
		w.must(w.out(w.ids[0]))
		opt := outOptions()
		opt.Wait = 0
		_, err := w.agent(w.ids[1]).Out(w.Context(), opt)
		w.wantClass(err, rotation.NotNow)
		w.wantState(w.ids[1], "InService")
		w.wantMoves("EnterStandby")

		done := make(chan error)
		go func() {
			_, err := w.out(w.ids[1])
			done <- err
		}()
		w.pass(time.Minute)
		w.must(w.in(w.ids[0]))
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		w.wantState(w.ids[1], "Standby")
	})
}

// A large group and a long feed come in pages: nobody is overlooked, and the claim at
// the bottom of the feed has its age.
func TestPagesAreReadToTheirEnd(t *testing.T) {
	g := fleet()
	g.Desired, g.Max, g.Min = 250, 300, 240
	inWorld(t, sim.Config{}, g, func(w *world) {
		if err := w.EnterStandby("web", w.ids[249], true); err != nil {
			t.Fatal(err)
		}
		w.AddActivities("web", 350)
		for range 55 { // newer activities push the claim off the first page
			w.must(nil, w.EnterStandby("web", w.ids[1], true))
			w.pass(6 * time.Minute)
			w.must(nil, w.ExitStandby("web", w.ids[1]))
			w.pass(4 * time.Minute)
		}
		w.AddTargets("web", "i-0aaaaaaaaaaaaaaaa", "i-0bbbbbbbbbbbbbbbb") // strangers, healthy or not
		report, _, err := w.agent(w.ids[0]).Status(w.Context(), rotation.MinHealthy{})
		w.must(report, err)
		if got := report.Group; got.Members != 250 || got.Serving != 249 || got.Strength != 250 || len(report.Members) != 250 {
			t.Errorf("group of 250, one out: %+v, %d members listed", got, len(report.Members))
		}
		opt := outOptions()
		opt.Wait = 0
		_, err = w.agent(w.ids[0]).Out(w.Context(), opt)
		stop := w.wantClass(err, rotation.NotNow)
		if !strings.Contains(stop.Reason, w.ids[249]+" in Standby for 9h10m") {
			t.Errorf("%q does not name who is out, and since when", stop.Reason)
		}
	})
}
