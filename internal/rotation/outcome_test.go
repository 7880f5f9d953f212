package rotation_test

import (
	"testing"

	"balanced/internal/fleettest"
	"balanced/internal/sim"
)

// A run that sees a move through which an earlier one began says what happened, and not that it was so already.
func TestAMoveSeenThroughIsNoStateFound(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		for _, want := range []string{"out", "already out"} {
			if want == "out" {
				if err := w.EnterStandby("web", w.IDs[0], true); err != nil {
					t.Fatal(err)
				}
			}
			report, err := w.Out(w.IDs[0])
			w.Must(report, err)
			if report.Outcome != want || report.Moved {
				t.Errorf("outcome %q, moved %v; want %q by another", report.Outcome, report.Moved, want)
			}
		}
		for _, want := range []string{"in", "already in"} {
			if want == "in" {
				if err := w.ExitStandby("web", w.IDs[0]); err != nil {
					t.Fatal(err)
				}
			}
			report, err := w.In(w.IDs[0])
			w.Must(report, err)
			if report.Outcome != want || report.Moved {
				t.Errorf("outcome %q, moved %v; want %q by another", report.Outcome, report.Moved, want)
			}
		}
	})
}
