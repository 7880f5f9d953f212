package rotation_test

import (
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
		if takes := w.Takes(id); len(takes) > 0 {
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
		if took := time.Since(began); took > time.Second {
			t.Errorf("the second out waited %s for nothing", took)
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
