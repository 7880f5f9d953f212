package rotation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/rotation"
	"balanced/internal/sim"
)

func (w *world) outWithin(id string, limit time.Duration) (*rotation.Report, error) {
	opt := outOptions()
	opt.Limit = limit
	return w.agent(id).Out(w.Context(), opt)
}

// The fleet's drains are 300 s and 60 s: leaving takes up to 430 s.
func TestADrainThatDoesNotFitIsNotBegun(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		_, err := w.outWithin(w.ids[0], 300*time.Second)
		stop := w.wantClass(err, rotation.Setup)
		if !strings.Contains(stop.Reason, "does not fit into") || !strings.Contains(stop.Hint, " s or more") {
			t.Errorf("%q, %q: want what it takes and what to give", stop.Reason, stop.Hint)
		}
		w.wantMoves()
		report, err := w.outWithin(w.ids[0], 450*time.Second)
		if err != nil || !slices.ContainsFunc(report.Warnings, func(s string) bool { return strings.Contains(s, "taking it back may not") }) {
			t.Errorf("%v, warnings %q", err, report.Warnings)
		}
		_, err = w.outWithin(w.ids[0], 10*time.Second)
		if err != nil {
			t.Errorf("already out, which takes no time: %v", err)
		}
	})
}

func TestAReturnThatDoesNotFitIsNotBegun(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		w.must(w.out(w.ids[0]))
		opt := inOptions()
		opt.Limit = 30 * time.Second
		_, err := w.agent(w.ids[0]).In(w.Context(), opt)
		w.wantClass(err, rotation.Setup)
		w.wantMoves("EnterStandby")
		opt.Limit = time.Hour
		w.must(w.agent(w.ids[0]).In(w.Context(), opt))
	})
}

// Waiting for a turn takes what the drain and taking it back leave.
func TestWaitingLeavesTimeForTheDrain(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		w.must(w.out(w.ids[1]))
		begun := time.Now()
		const limit = 900 * time.Second
		report, err := w.outWithin(w.ids[0], limit)
		w.wantClass(err, rotation.NotNow)
		took := time.Since(begun)
		if took >= limit-430*time.Second || took < 30*time.Second {
			t.Errorf("gave up after %s of %s", took, limit)
		}
		if report.BoundSeconds > limit.Seconds() {
			t.Errorf("bound %.0f s within %s", report.BoundSeconds, limit)
		}
	})
}
