package rotation_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

func (w *world) wait(id string, timeout time.Duration) (*rotation.Report, error) {
	w.Helper()
	return w.Agent(id).Wait(w.Context(), rotation.WaitOptions{Timeout: timeout})
}

// launched asks for one more instance and returns its id.
func (w *world) launched() string {
	w.SetSizes("web", 3, 6, 5)
	w.Pass(time.Second)
	for _, m := range w.Members("web") {
		if !slices.Contains(w.IDs, m.ID) {
			return m.ID
		}
	}
	w.Fatal("nothing was launched")
	return ""
}

func TestWaitThroughALaunch(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		id := w.launched()
		report, err := w.wait(id, rotation.Auto)
		if err != nil || report.Outcome != "in" || report.Moved {
			t.Fatalf("%v, outcome %q, moved %v", err, report.Outcome, report.Moved)
		}
		if healthy, all := w.HealthyAt(id); healthy != all || all != 2 {
			t.Errorf("0, yet healthy at %d of %d", healthy, all)
		}
		w.WantMoves()
	})
}

func TestWaitThroughLifecycleHooks(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		id := w.IDs[0]
		w.SetState(id, "Pending")
		w.SetAppHealthy(id, false)
		w.Pass(5 * time.Minute)
		go func() {
			for _, state := range []string{"Pending:Wait", "Pending:Proceed", "InService"} {
				w.Pass(2 * time.Minute)
				w.SetState(id, state)
			}
			w.Pass(time.Minute)
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
	inWorld(t, sim.Config{MaxLag: time.Minute}, fleettest.WebGroup(), func(w *world) {
		id := w.launched()
		w.API(func(sim.Call) *sim.Fault { return &sim.Fault{Lag: 40 * time.Second} })
		var waited bool
		agent := w.Agent(id)
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
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Detach(w.IDs[0])
		w.Pass(10 * time.Minute)
		begun := time.Now()
		_, err := w.wait(w.IDs[0], time.Minute)
		w.WantClass(err, failure.Setup)
		if took := time.Since(begun); !errors.Is(err, rotation.ErrNotMember) || took < 45*time.Second || took > 75*time.Second {
			t.Errorf("%v after %s, want about a minute", err, took)
		}
	})
}

func TestWaitEndsWhereNothingWillCome(t *testing.T) {
	for state, class := range map[string]failure.Class{
		"Standby":          failure.NotNow,
		"EnteringStandby":  failure.NotNow,
		"Terminating:Wait": failure.Leaving,
		"Detaching":        failure.Leaving,
	} {
		inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
			w.SetState(w.IDs[0], state)
			begun := time.Now()
			_, err := w.wait(w.IDs[0], rotation.Auto)
			if stop := w.WantClass(err, class); !strings.Contains(stop.Reason, state) {
				t.Errorf("%q does not name %s", stop.Reason, state)
			}
			if took := time.Since(begun); took > time.Minute {
				t.Errorf("%s: refused after %s, want at once", state, took)
			}
			w.WantMoves()
		})
	}
}

func TestWaitIsOver(t *testing.T) {
	for state, word := range map[string]string{"Pending:Wait": "Pending:Wait", "InService": "unhealthy", "Quantum:Superposed": "Quantum"} {
		inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
			w.SetState(w.IDs[0], state)
			w.SetAppHealthy(w.IDs[0], false)
			w.Pass(5 * time.Minute)
			_, err := w.wait(w.IDs[0], 3*time.Minute)
			if stop := w.WantClass(err, failure.NotNow); !strings.Contains(stop.Reason, word) {
				t.Errorf("%s: %q does not name what is missing", state, stop.Reason)
			}
			w.WantMoves()
		})
	}
}

func TestWaitInTheWarmPoolAndBesideAnotherRun(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.SetState(w.IDs[0], "Warmed:Stopped")
		if report, err := w.wait(w.IDs[0], rotation.Auto); err != nil || report.Outcome != "nothing to do" {
			t.Errorf("%v, outcome %q", err, report.Outcome)
		}
		agent := w.Agent(w.IDs[1])
		agent.Alone = func(string) (func(), error) { t.Error("it asked to be alone"); return nil, errors.New("busy") }
		if _, err := agent.Wait(w.Context(), rotation.WaitOptions{Timeout: rotation.Auto}); err != nil {
			t.Error(err)
		}
	})
}

// What cannot be asked about health proves nothing.
func TestWaitWithASourceThatCannotBeAsked(t *testing.T) {
	g := fleettest.WebGroup()
	g.Lattice = []string{"arn:aws:vpc-lattice:eu-west-1:123456789012:targetgroup/tg-0abc"}
	inWorld(t, sim.Config{}, g, func(w *world) {
		_, err := w.wait(w.IDs[0], rotation.Auto)
		w.WantClass(err, failure.Setup)
	})
}

// A new instance has no credentials in its first seconds, and sometimes none for a minute.
func TestAStartThatHasNoCredentialsYetIsWaitedFor(t *testing.T) {
	for name, tc := range map[string]struct {
		after time.Duration
		ends  failure.Class // Internal: well
	}{
		"after 40 s": {40 * time.Second, failure.Internal},
		"never":      {time.Hour, failure.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
				w.UpdateMetadata(w.IDs[0], func(m *sim.Metadata) { m.CredentialsFrom = time.Now().Add(tc.after) })
				agent := w.Agent(w.IDs[0])
				began := time.Now()
				_, err := agent.Wait(w.Context(), rotation.WaitOptions{Timeout: rotation.Auto})
				if failure.Of(err) != tc.ends || err != nil && time.Since(began) > 6*time.Minute {
					t.Errorf("%v after %s, want class %v", err, time.Since(began), tc.ends)
				}
			})
		})
	}
}
