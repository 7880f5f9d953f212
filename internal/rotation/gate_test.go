package rotation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// faulty answers calls of one action with faults, one a call, and the rest well.
func (w *world) faulty(action string, faults ...*sim.Fault) {
	w.API(func(c sim.Call) *sim.Fault {
		if c.Action != action || len(faults) == 0 {
			return nil
		}
		next := faults[0]
		faults = faults[1:]
		return next
	})
}

// A heartbeat that fails is sent again at its time; one that is refused or denied ends the probe.
func TestHeartbeatsThatFail(t *testing.T) {
	for name, tc := range map[string]struct {
		meanwhile func(*world, string) // a minute into the probe
		fault     *sim.Fault           // of the second heartbeat
		class     failure.Class
		atLeast   time.Duration
		atMost    time.Duration
	}{
		"one is lost":         {nil, &sim.Fault{Reset: true}, failure.Unfit, 10 * time.Minute, 20 * time.Minute},
		"denied meanwhile":    {func(w *world, _ string) { w.Deny("autoscaling:RecordLifecycleActionHeartbeat") }, nil, failure.Denied, 0, 4 * time.Minute},
		"completed meanwhile": {func(w *world, id string) { w.Terminate(id) }, nil, failure.Leaving, 0, 4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sim.Config{}, gated(sim.Hook{Name: "warm-up", Heartbeat: time.Minute}), func(w *world) {
				id := w.launched()
				w.Pass(90 * time.Second)
				w.faulty("RecordLifecycleActionHeartbeat", nil, tc.fault)
				if tc.meanwhile != nil {
					go func() { w.Pass(time.Minute); tc.meanwhile(w, id) }()
				}
				begun := time.Now()
				report, err := w.ready(id, &asker{fails: true}, rotation.ReadyOptions{})
				if took := time.Since(begun); failure.Of(err) != tc.class || took < tc.atLeast || took > tc.atMost || report.Moved {
					t.Errorf("%v after %s, moved %v; want class %v after %s to %s", err, took, report.Moved, tc.class, tc.atLeast, tc.atMost)
				}
				w.wantAnswers()
			})
		})
	}
}

// The next run finds its hook completed and another that holds the instance: it waits, and neither probes nor asks again.
func TestRunAgainWhileAnotherHookHolds(t *testing.T) {
	inWorld(t, sim.Config{}, gated(warmUp(), sim.Hook{Name: "other", Heartbeat: time.Hour}), func(w *world) {
		id := w.launched()
		opt := rotation.ReadyOptions{Hook: "warm-up"}
		opt.Timeout = 5 * time.Minute
		_, err := w.ready(id, &asker{}, opt)
		w.WantClass(err, failure.Unhealthy)
		before, host := w.count("RecordLifecycleActionHeartbeat"), asker{}
		report, err := w.ready(id, &host, opt)
		if stop := w.WantClass(err, failure.NotNow); !strings.Contains(stop.Reason, "launch hook other holds it too") || report.Moved {
			t.Errorf("%q, moved %v", stop.Reason, report.Moved)
		}
		if n := w.count("RecordLifecycleActionHeartbeat") - before; n != 1 || len(host.given) > 0 {
			t.Errorf("%d heartbeats, and the host was asked %d times", n, len(host.given))
		}
		w.wantAnswers("CONTINUE")
	})
}

// A refusal that nobody foresaw may pass; calls that AWS throttles are spread.
func TestCompleteIsRefused(t *testing.T) {
	odd := &sim.Fault{Status: 400, Code: "ValidationError", Message: "Not today"}
	inWorld(t, sim.Config{}, gated(warmUp()), func(w *world) {
		id := w.launched()
		w.faulty("CompleteLifecycleAction", slices.Repeat([]*sim.Fault{odd}, 1000)...)
		report, err := w.ready(id, &asker{}, rotation.ReadyOptions{})
		if stop := w.WantClass(err, failure.NotNow); !strings.Contains(stop.Error(), "completing the launch hook: ") || report.Moved {
			t.Errorf("%q, moved %v", stop.Error(), report.Moved)
		}
	})
	inWorld(t, sim.Config{}, gated(warmUp()), func(w *world) {
		id := w.launched()
		w.Pass(2 * time.Minute)
		w.faulty("CompleteLifecycleAction", slices.Repeat([]*sim.Fault{sim.Throttled()}, 20)...)
		begun := time.Now()
		w.Must(w.ready(id, &asker{}, rotation.ReadyOptions{}))
		if took, n := time.Since(begun), w.count("CompleteLifecycleAction"); took < 15*time.Second || n != 21 {
			t.Errorf("%d calls in %s", n, took)
		}
	})
	inWorld(t, sim.Config{}, gated(warmUp()), func(w *world) {
		id := w.launched()
		w.Deny("autoscaling:CompleteLifecycleAction")
		report, err := w.ready(id, &asker{fails: true}, rotation.ReadyOptions{Abandon: true})
		if failure.Of(err) != failure.Denied || report.Moved {
			t.Errorf("abandoning was denied: %v, moved %v", err, report.Moved)
		}
	})
}

func TestALostAnswerOnTheWayIntoTheWarmPool(t *testing.T) {
	for name, fault := range map[string]*sim.Fault{"it took effect": {LoseReply: true}, "it did not": {Reset: true}} {
		t.Run(name, func(t *testing.T) {
			g := gated(warmUp())
			g.WarmPool = 1
			inWorld(t, sim.Config{}, g, func(w *world) {
				w.SetSizes("web", 3, 6, 5)
				w.Pass(2 * time.Second)
				w.faulty("CompleteLifecycleAction", fault)
				report, err := w.ready(w.WarmMembers("web")[0].ID, &asker{}, rotation.ReadyOptions{})
				if err != nil || !report.Moved {
					t.Errorf("%v, moved %v", err, report.Moved)
				}
				w.wantAnswers("CONTINUE")
			})
		})
	}
}

// A hook that continues by default lets a host into service that did not pass: that is said, unless it is abandoned.
func TestAHookThatContinuesIsWarnedOf(t *testing.T) {
	for _, continues := range []bool{false, true} {
		for _, abandon := range []bool{false, true} {
			inWorld(t, sim.Config{}, gated(sim.Hook{Name: "warm-up", Heartbeat: time.Hour, Continue: continues}), func(w *world) {
				report, _ := w.ready(w.launched(), &asker{fails: true}, rotation.ReadyOptions{Abandon: abandon})
				warned := slices.ContainsFunc(report.Warnings, func(s string) bool { return strings.Contains(s, "warm-up continues by default") })
				if warned != (continues && !abandon) {
					t.Errorf("continues %v, abandon %v: warnings %q", continues, abandon, report.Warnings)
				}
			})
		}
	}
}

// A name that is given may also be that of CodeDeploy's hook, and several are named with a command to run.
func TestNamedHooks(t *testing.T) {
	managed := sim.Hook{Name: "CodeDeploy-managed-automatic-launch-deployment-hook-web-1", Heartbeat: time.Hour}
	inWorld(t, sim.Config{}, gated(managed), func(w *world) {
		w.Must(w.ready(w.launched(), &asker{}, rotation.ReadyOptions{Hook: managed.Name}))
	})
	inWorld(t, sim.Config{}, gated(warmUp(), sim.Hook{Name: "other"}), func(w *world) {
		_, err := w.ready(w.launched(), &asker{}, rotation.ReadyOptions{})
		if stop := w.WantClass(err, failure.Setup); stop.Hint != "name one: --launch-hook warm-up" {
			t.Errorf("hint %q", stop.Hint)
		}
	})
}

// The probe leaves the load balancers the time for their checks; a dry run does not wait for an application that starts.
func TestHowLongANewHostIsAsked(t *testing.T) {
	inWorld(t, sim.Config{}, gated(sim.Hook{Name: "warm-up", Heartbeat: time.Hour}), func(w *world) {
		id := w.launched()
		w.Pass(2 * time.Minute)
		for _, tc := range []struct {
			timeout        time.Duration
			dry            bool
			least, longest time.Duration
		}{
			{rotation.Auto, false, 14*time.Minute + 45*time.Second, 15 * time.Minute},
			{time.Minute, false, 15 * time.Second, 31 * time.Second},
			{rotation.Auto, true, 29 * time.Second, 30 * time.Second},
		} {
			host, opt := asker{fails: true}, rotation.ReadyOptions{DryRun: tc.dry}
			opt.Timeout = tc.timeout
			_, err := w.ready(id, &host, opt)
			w.WantClass(err, failure.Unfit)
			if len(host.given) != 1 || host.given[0] < tc.least || host.given[0] > tc.longest {
				t.Errorf("--timeout %s, dry run %v: asked for %s, want %s to %s", tc.timeout, tc.dry, host.given, tc.least, tc.longest)
			}
		}
	})
}
