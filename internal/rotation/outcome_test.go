package rotation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

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

// A limit shrinks the budgets of a run, down to what its move takes at least; and what `in` warns of is in its report.
func TestTheLimitOfADryRun(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		const overrun, settle, move = 60, 10, 60
		const wayOut, wayBack = 60 + 300 + 60, 30 + 3*35 // two load balancers: their delays, and three checks
		out := fleettest.OutOptions()
		out.DryRun, out.Limit = true, (wayOut+settle)*time.Second
		report, err := w.Agent(w.IDs[0]).Out(w.Context(), out)
		w.Must(report, err)
		if want := float64(wayOut + settle + wayBack + move + overrun); report.TimeLimitSeconds != want || report.Outcome != "dry run: would enter Standby" {
			t.Errorf("out within %s takes up to %v s, want %v; outcome %q", out.Limit, report.TimeLimitSeconds, want, report.Outcome)
		}
		out.DryRun, out.Limit, out.Replace = false, 0, true
		w.SetSizes("web", 4, 6, 4)
		w.Must(w.Agent(w.IDs[0]).Out(w.Context(), out))
		in := fleettest.InOptions()
		in.DryRun, in.Limit = true, wayBack*time.Second
		report, err = w.Agent(w.IDs[0]).In(w.Context(), in)
		w.Must(report, err)
		if want := float64(wayBack + wayOut + settle + overrun); report.TimeLimitSeconds != want || report.Outcome != "dry run: would exit Standby" {
			t.Errorf("in within %s takes up to %v s, want %v; outcome %q", in.Limit, report.TimeLimitSeconds, want, report.Outcome)
		}
		if got := strings.Join(report.Warnings, "; "); !strings.Contains(got, "it left with --replace") {
			t.Errorf("in warns of %q", got)
		}
		w.WantMoves("EnterStandby")
	})
}

// Outside a group an instance that is registered in part is on its way in for `in`, which registers the rest.
func TestInCompletesWhatIsRegisteredInPart(t *testing.T) {
	fleettest.InOutside(t, sim.Config{}, 3, func(w *fleettest.World) {
		w.Deregister("web", w.IDs[0])
		w.Pass(time.Minute)
		report, err := w.In(w.IDs[0])
		w.Must(report, err)
		if report.Outcome != "in" || !slices.Contains(w.HealthyTargets("web"), w.IDs[0]) {
			t.Errorf("outcome %q, healthy at web: %v", report.Outcome, w.HealthyTargets("web"))
		}
	})
}
