package rotation_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/rotation"
	"balanced/internal/sim"
)

func (w *world) wait(id string, timeout time.Duration) (*rotation.Report, error) {
	w.Helper()
	return w.agent(id).Wait(w.Context(), rotation.WaitOptions{Timeout: timeout})
}

// launched asks for one more instance and returns its id.
func (w *world) launched() string {
	w.SetSizes("web", 3, 6, 5)
	w.pass(time.Second)
	for _, m := range w.Members("web") {
		if !slices.Contains(w.ids, m.ID) {
			return m.ID
		}
	}
	w.Fatal("nothing was launched")
	return ""
}

func TestWaitThroughALaunch(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		id := w.launched()
		report, err := w.wait(id, rotation.Auto)
		if err != nil || report.Outcome != "in" || report.Moved {
			t.Fatalf("%v, outcome %q, moved %v", err, report.Outcome, report.Moved)
		}
		if healthy, all := w.HealthyAt(id); healthy != all || all != 2 {
			t.Errorf("0, yet healthy at %d of %d", healthy, all)
		}
		w.wantMoves()
	})
}

func TestWaitThroughLifecycleHooks(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		id := w.ids[0]
		w.SetState(id, "Pending")
		w.SetAppHealthy(id, false)
		w.pass(5 * time.Minute)
		go func() {
			for _, state := range []string{"Pending:Wait", "Pending:Proceed", "InService"} {
				w.pass(2 * time.Minute)
				w.SetState(id, state)
			}
			w.pass(time.Minute)
			w.SetAppHealthy(id, true)
		}()
		begun := time.Now()
		report, err := w.wait(id, rotation.Auto)
		if err != nil || report.Outcome != "in" {
			t.Fatalf("%v, outcome %q", err, report.Outcome)
		}
		if took := time.Since(begun); took < 7*time.Minute {
			t.Errorf("0 after %s: the application was not yet up", took)
		}
	})
}

// A new instance is not in every answer at once.
func TestWaitWhileNoGroupListsIt(t *testing.T) {
	inWorld(t, sim.Config{MaxLag: time.Minute}, webGroup(), func(w *world) {
		id := w.launched()
		w.api(func(sim.Call) *sim.Fault { return &sim.Fault{Lag: 40 * time.Second} })
		var waited bool
		agent := w.agent(id)
		agent.Progress = func(p rotation.Progress) {
			waited = waited || strings.Contains(p.Waiting, "in no Auto Scaling group yet")
		}
		if _, err := agent.Wait(w.Context(), rotation.WaitOptions{Timeout: rotation.Auto}); err != nil {
			t.Fatal(err)
		}
		if !waited {
			t.Error("it was listed at once: the test shows nothing")
		}
	})
}

func TestWaitThatNoGroupEverLists(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		w.Detach(w.ids[0])
		w.pass(10 * time.Minute)
		begun := time.Now()
		_, err := w.wait(w.ids[0], time.Minute)
		w.wantClass(err, rotation.Setup)
		if took := time.Since(begun); !errors.Is(err, rotation.ErrNotMember) || took < 45*time.Second || took > 75*time.Second {
			t.Errorf("%v after %s, want about a minute", err, took)
		}
	})
}

func TestWaitEndsWhereNothingWillCome(t *testing.T) {
	for state, class := range map[string]rotation.Class{
		"Standby":          rotation.NotNow,
		"EnteringStandby":  rotation.NotNow,
		"Terminating:Wait": rotation.Leaving,
		"Detaching":        rotation.Leaving,
	} {
		inWorld(t, sim.Config{}, webGroup(), func(w *world) {
			w.SetState(w.ids[0], state)
			begun := time.Now()
			_, err := w.wait(w.ids[0], rotation.Auto)
			if stop := w.wantClass(err, class); !strings.Contains(stop.Reason, state) {
				t.Errorf("%q does not name %s", stop.Reason, state)
			}
			if took := time.Since(begun); took > time.Minute {
				t.Errorf("%s: refused after %s, want at once", state, took)
			}
			w.wantMoves()
		})
	}
}

func TestWaitIsOver(t *testing.T) {
	for state, word := range map[string]string{"Pending:Wait": "Pending:Wait", "InService": "unhealthy", "Quantum:Superposed": "Quantum"} {
		inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
			w.SetState(w.ids[0], state)
			w.SetAppHealthy(w.ids[0], false)
			w.pass(5 * time.Minute)
			_, err := w.wait(w.ids[0], 3*time.Minute)
			if stop := w.wantClass(err, rotation.NotNow); !strings.Contains(stop.Reason, word) {
				t.Errorf("%s: %q does not name what is missing", state, stop.Reason)
			}
			w.wantMoves()
		})
	}
}

func TestWaitInTheWarmPoolAndBesideAnotherRun(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		w.SetState(w.ids[0], "Warmed:Stopped")
		if report, err := w.wait(w.ids[0], rotation.Auto); err != nil || report.Outcome != "nothing to do" {
			t.Errorf("%v, outcome %q", err, report.Outcome)
		}
		agent := w.agent(w.ids[1])
		agent.Alone = func(string) (func(), error) { t.Error("it asked to be alone"); return nil, errors.New("busy") }
		if _, err := agent.Wait(w.Context(), rotation.WaitOptions{Timeout: rotation.Auto}); err != nil {
			t.Error(err)
		}
	})
}

// What cannot be asked about health proves nothing.
func TestWaitWithASourceThatCannotBeAsked(t *testing.T) {
	g := webGroup()
	g.Lattice = []string{"arn:aws:vpc-lattice:eu-west-1:123456789012:targetgroup/tg-0abc"}
	inWorld(t, sim.Config{}, g, func(w *world) {
		_, err := w.wait(w.ids[0], rotation.Auto)
		w.wantClass(err, rotation.Setup)
	})
}
