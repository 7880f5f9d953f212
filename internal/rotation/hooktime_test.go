package rotation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

func (w *world) outWithin(id string, limit time.Duration) (*rotation.Report, error) {
	opt := fleettest.OutOptions()
	opt.Limit = limit
	return w.Agent(id).Out(w.Context(), opt)
}

// The fleet's drains are 300 s and 60 s: leaving takes up to 430 s.
func TestADrainThatDoesNotFitIsNotBegun(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		_, err := w.outWithin(w.IDs[0], 300*time.Second)
		stop := w.WantClass(err, failure.Setup)
		if !strings.Contains(stop.Reason, "does not fit into") || !strings.Contains(stop.Hint, " s or more") {
			t.Errorf("%q, %q: want what it takes and what to give", stop.Reason, stop.Hint)
		}
		w.WantMoves()
		report, err := w.outWithin(w.IDs[0], 450*time.Second)
		if err != nil || !slices.ContainsFunc(report.Warnings, func(s string) bool { return strings.Contains(s, "rolling it back may not") }) {
			t.Errorf("%v, warnings %q", err, report.Warnings)
		}
		_, err = w.outWithin(w.IDs[0], 10*time.Second)
		if err != nil {
			t.Errorf("already out, which takes no time: %v", err)
		}
	})
}

func TestAReturnThatDoesNotFitIsNotBegun(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		opt := fleettest.InOptions()
		opt.Limit = 30 * time.Second
		_, err := w.Agent(w.IDs[0]).In(w.Context(), opt)
		w.WantClass(err, failure.Setup)
		w.WantMoves("EnterStandby")
		opt.Limit = time.Hour
		w.Must(w.Agent(w.IDs[0]).In(w.Context(), opt))
	})
}

// Waiting for a turn takes what the drain and taking it back leave.
func TestWaitingLeavesTimeForTheDrain(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[1]))
		begun := time.Now()
		const limit = 900 * time.Second
		report, err := w.outWithin(w.IDs[0], limit)
		w.WantClass(err, failure.NotNow)
		took := time.Since(begun)
		if took >= limit-430*time.Second || took < 30*time.Second {
			t.Errorf("gave up after %s of %s", took, limit)
		}
		if report.TimeLimitSeconds > limit.Seconds() {
			t.Errorf("bound %.0f s within %s", report.TimeLimitSeconds, limit)
		}
	})
}
