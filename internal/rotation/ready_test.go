package rotation_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// gated is the group of most tests with a launch hook.
func gated(hooks ...sim.Hook) sim.Group {
	g := fleettest.WebGroup()
	g.Hooks = hooks
	return g
}

func warmUp() sim.Hook { return sim.Hook{Name: "warm-up", Heartbeat: 5 * time.Minute} }

// ready runs on a new instance.
func (w *world) ready(id string, host *asker, opt rotation.ReadyOptions) (*rotation.Report, error) {
	w.Helper()
	if opt.Timeout == 0 {
		opt.Timeout = rotation.Auto
	}
	host.world = w
	agent := w.Agent(id)
	agent.Prober = host
	agent.Alone = func(string) (func(), error) { w.Error("it asked to be alone"); return func() {}, nil }
	return agent.Ready(w.Context(), opt)
}

// answers are the results that hooks were completed with.
func (w *world) answers() []string {
	var all []string
	for _, c := range w.Calls() {
		if c.Action == "CompleteLifecycleAction" && c.Effect {
			all = append(all, c.Params.Get("LifecycleActionResult"))
		}
	}
	return all
}

func (w *world) wantAnswers(want ...string) {
	w.Helper()
	if got := w.answers(); !slices.Equal(got, want) {
		w.Errorf("hooks were completed with %q, want %q", got, want)
	}
}

func (w *world) count(action string) (n int) {
	for _, c := range w.Calls() {
		if c.Action == action {
			n++
		}
	}
	return n
}

func TestANewInstanceThatPassesGoesIntoService(t *testing.T) {
	inWorld(t, sim.Config{}, gated(warmUp()), func(w *world) {
		id := w.launched()
		var host asker
		report, err := w.ready(id, &host, rotation.ReadyOptions{})
		if err != nil || report.Outcome != "in" || !report.Moved {
			t.Fatalf("%v, outcome %q, moved %v", err, report.Outcome, report.Moved)
		}
		if healthy, all := w.HealthyAt(id); healthy != all || all != 2 || len(host.given) != 1 {
			t.Errorf("0, yet healthy at %d of %d, and asked %d times", healthy, all, len(host.given))
		}
		w.wantAnswers("CONTINUE")
		report, err = w.ready(id, &host, rotation.ReadyOptions{})
		if err != nil || report.Moved || len(host.given) != 1 {
			t.Errorf("again: %v, moved %v, asked %d times", err, report.Moved, len(host.given))
		}
	})
}

// A start that takes longer than the hook waits without a sign of life.
func TestHeartbeatsKeepTheHookWaiting(t *testing.T) {
	hook := sim.Hook{Name: "warm-up", Heartbeat: 30 * time.Second}
	inWorld(t, sim.Config{}, gated(hook), func(w *world) {
		id := w.launched()
		host := asker{meanwhile: func() { w.Pass(8 * time.Minute) }}
		if _, err := w.ready(id, &host, rotation.ReadyOptions{}); err != nil {
			t.Fatal(err)
		}
		w.wantAnswers("CONTINUE")
		if n := w.count("RecordLifecycleActionHeartbeat"); n < 40 || n > 65 {
			t.Errorf("%d heartbeats in 8 minutes, want one each 10 s", n)
		}
	})
}

func TestAnUnfitNewInstanceIsLeftToItsHook(t *testing.T) {
	for name, abandon := range map[string]bool{"leave": false, "abandon": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sim.Config{}, gated(warmUp()), func(w *world) {
				id := w.launched()
				begun := time.Now()
				report, err := w.ready(id, &asker{fails: true}, rotation.ReadyOptions{Abandon: abandon})
				if took := time.Since(begun); took > 16*time.Minute {
					t.Errorf("it took %s", took)
				}
				if !abandon {
					stop := w.WantClass(err, failure.Unfit)
					if !strings.Contains(stop.Error(), id+" stays in Pending:Wait (") || !strings.Contains(stop.Hint, "ABANDON, comes within 5m") || report.Moved {
						t.Errorf("%q; %q, moved %v", stop.Error(), stop.Hint, report.Moved)
					}
					w.WantState(id, "Pending:Wait")
					w.wantAnswers()
					return
				}
				if stop := w.WantClass(err, failure.Unhealthy); !strings.Contains(stop.Error(), "launch of "+id+" abandoned: GET") || !report.Moved {
					t.Errorf("%q, moved %v", stop.Error(), report.Moved)
				}
				w.wantAnswers("ABANDON")
				w.WantState(id, "")
				w.Pass(5 * time.Minute)
				if members := w.Members("web"); len(members) != 5 {
					t.Errorf("%d members, want a fifth in its place", len(members))
				}
			})
		})
	}
}

// What ready does where no hook, or none that is its own, holds the instance.
func TestWhichHook(t *testing.T) {
	managed := sim.Hook{Name: "CodeDeploy-managed-automatic-launch-deployment-hook-web-1", Heartbeat: time.Hour}
	ending := sim.Hook{Name: "bye", Terminating: true}
	for name, tc := range map[string]struct {
		hooks []sim.Hook
		named string
		class failure.Class // Internal: well
		says  string
	}{
		"none":                         {nil, "", failure.Setup, "web has no launch hook"},
		"a terminating one":            {[]sim.Hook{ending}, "", failure.Setup, "web has no launch hook"},
		"only CodeDeploy's":            {[]sim.Hook{managed}, "", failure.Setup, "web has no launch hook"},
		"two":                          {[]sim.Hook{warmUp(), {Name: "other"}}, "", failure.Setup, "web has several launch hooks: warm-up, other"},
		"another name":                 {[]sim.Hook{warmUp()}, "warmup", failure.Setup, "web has no launch hook warmup"},
		"named":                        {[]sim.Hook{warmUp(), {Name: "other", Continue: true, Heartbeat: time.Minute}}, "warm-up", failure.Internal, ""},
		"with others":                  {[]sim.Hook{warmUp(), ending}, "", failure.Internal, ""},
		"with one of CodeDeploy's too": {[]sim.Hook{warmUp(), managed}, "", failure.Unhealthy, "still Pending:Wait: launch hook CodeDeploy-managed"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sim.Config{}, gated(tc.hooks...), func(w *world) {
				id := w.launched()
				report, err := w.ready(id, &asker{}, rotation.ReadyOptions{Hook: tc.named})
				if tc.class == failure.Internal {
					w.Must(report, err)
					return
				}
				if stop := w.WantClass(err, tc.class); !strings.Contains(stop.Error(), tc.says) {
					t.Errorf("%q, want %q", stop.Error(), tc.says)
				}
				if tc.class == failure.Setup {
					w.wantAnswers()
				}
			})
		})
	}
}

// An answer that is lost may have taken effect: the next run, or the next look, tells.
func TestALostAnswerToCompleteIsSettledByWhatIsRead(t *testing.T) {
	codeDeploy := sim.Hook{Name: "CodeDeploy-managed-automatic-launch-deployment-hook-web-1", Continue: true, Heartbeat: 2 * time.Minute}
	for name, tc := range map[string]struct {
		fault sim.Fault
		hooks []sim.Hook
		sent  int
	}{
		"it took effect":                       {sim.Fault{LoseReply: true}, []sim.Hook{warmUp()}, 1},
		"it did not":                           {sim.Fault{Reset: true}, []sim.Hook{warmUp()}, 2},
		"it took effect, and another holds it": {sim.Fault{LoseReply: true}, []sim.Hook{warmUp(), codeDeploy}, 1},
		"it is delivered twice":                {sim.Fault{Twice: true}, []sim.Hook{warmUp()}, 2},
		"a server error":                       {sim.Fault{Status: 500}, []sim.Hook{warmUp()}, 2},
		"throttled":                            {*sim.Throttled(), []sim.Hook{warmUp()}, 2},
	} {
		for _, fails := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				inWorld(t, sim.Config{}, gated(tc.hooks...), func(w *world) {
					id, left := w.launched(), 1
					w.API(func(c sim.Call) *sim.Fault {
						if c.Action == "CompleteLifecycleAction" && left > 0 {
							left--
							return &tc.fault
						}
						return nil
					})
					host := asker{fails: fails}
					report, err := w.ready(id, &host, rotation.ReadyOptions{Abandon: true})
					if fails {
						w.WantClass(err, failure.Unhealthy)
						w.wantAnswers("ABANDON")
						w.WantState(id, "")
						return
					}
					if err != nil || !report.Moved {
						t.Errorf("%v, moved %v", err, report.Moved)
					}
					w.wantAnswers("CONTINUE")
					if name == "it took effect" && len(host.given) != 1 {
						t.Errorf("the host was asked %d times", len(host.given))
					}
					if n := w.count("CompleteLifecycleAction"); n != tc.sent && len(tc.hooks) == 1 {
						t.Errorf("sent %d times, want %d", n, tc.sent)
					}
				})
			})
		}
	}
}

func TestReadyIsDenied(t *testing.T) {
	for _, action := range []string{"DescribeLifecycleHooks", "RecordLifecycleActionHeartbeat", "CompleteLifecycleAction"} {
		inWorld(t, sim.Config{}, gated(warmUp()), func(w *world) {
			id := w.launched()
			w.Deny("autoscaling:" + action)
			begun := time.Now()
			report, err := w.ready(id, &asker{}, rotation.ReadyOptions{})
			if failure.Of(err) != failure.Denied || report.Moved || time.Since(begun) > 5*time.Minute {
				t.Errorf("%s: %v, moved %v after %s", action, err, report.Moved, time.Since(begun))
			}
			w.wantAnswers()
		})
	}
}

// Something else decides while the host is asked.
func TestTheHookEndsMeanwhile(t *testing.T) {
	for name, tc := range map[string]struct {
		hook  sim.Hook
		class failure.Class // Internal: well
	}{
		"continued":  {sim.Hook{Name: "warm-up", Heartbeat: 30 * time.Second, Continue: true}, failure.Internal},
		"terminated": {sim.Hook{Name: "warm-up", Heartbeat: 30 * time.Second}, failure.Leaving},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sim.Config{}, gated(tc.hook), func(w *world) {
				id := w.launched()
				w.API(func(c sim.Call) *sim.Fault { // no heartbeat but the first arrives
					if c.Action == "RecordLifecycleActionHeartbeat" && w.count(c.Action) > 1 {
						return &sim.Fault{Reset: true}
					}
					return nil
				})
				report, err := w.ready(id, &asker{meanwhile: func() { w.Pass(2 * time.Minute) }}, rotation.ReadyOptions{})
				if tc.class == failure.Internal {
					w.Must(report, err)
				} else {
					w.WantClass(err, tc.class)
				}
				if report.Moved {
					t.Error("it says that it moved the instance")
				}
				w.wantAnswers()
			})
		})
	}
}

func TestContinuedAndNotHealthyInTime(t *testing.T) {
	g := quietHealth()
	g.Hooks = []sim.Hook{warmUp()}
	inWorld(t, sim.Config{}, g, func(w *world) {
		id := w.launched()
		w.SetAppHealthy(id, false)
		report, err := w.ready(id, &asker{}, rotation.ReadyOptions{})
		if stop := w.WantClass(err, failure.Unhealthy); !strings.Contains(stop.Reason, "InService but") || !report.Moved {
			t.Errorf("%q, moved %v", stop.Reason, report.Moved)
		}
		w.wantAnswers("CONTINUE")
	})
}

func TestTerminatedAfterContinue(t *testing.T) {
	inWorld(t, sim.Config{}, gated(warmUp()), func(w *world) {
		id := w.launched()
		w.SetAppHealthy(id, false)
		go func() { w.Pass(4 * time.Minute); w.Terminate(id) }()
		_, err := w.ready(id, &asker{}, rotation.ReadyOptions{})
		w.WantClass(err, failure.Gone)
	})
}

func TestADryRunOfReadyChangesNothing(t *testing.T) {
	for name, fails := range map[string]bool{"passes": false, "does not": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sim.Config{}, gated(sim.Hook{Name: "warm-up", Heartbeat: time.Hour}), func(w *world) {
				id := w.launched()
				w.Pass(5 * time.Minute)
				report, err := w.ready(id, &asker{fails: fails}, rotation.ReadyOptions{Abandon: true, DryRun: true})
				if would, ok := rotation.IsDryRun(report.Outcome); !fails && (!ok || would != "would complete the hook with CONTINUE" || err != nil) {
					t.Errorf("outcome %q, %v", report.Outcome, err)
				}
				if fails {
					w.WantClass(err, failure.Unfit)
				}
				if n := w.count("RecordLifecycleActionHeartbeat") + w.count("CompleteLifecycleAction"); n > 0 {
					t.Errorf("a dry run made %d calls that change something", n)
				}
			})
		})
	}
}

// An instance that is prepared for the warm pool gets no traffic; the hook holds it again when it leaves the pool.
func TestReadyInTheWarmPool(t *testing.T) {
	g := gated(warmUp())
	g.WarmPool = 1
	inWorld(t, sim.Config{}, g, func(w *world) {
		w.SetSizes("web", 3, 6, 5)
		w.Pass(2 * time.Second)
		id := w.WarmMembers("web")[0].ID
		w.WantState(id, "Warmed:Pending")
		host := asker{fails: true}
		report, err := w.ready(id, &host, rotation.ReadyOptions{})
		if err != nil || report.Outcome != "warm pool" || len(host.given) > 0 {
			t.Fatalf("%v, outcome %q, asked %d times", err, report.Outcome, len(host.given))
		}
		w.Pass(time.Minute)
		w.WantState(id, "Warmed:Stopped")
		report, err = w.ready(id, &host, rotation.ReadyOptions{})
		if err != nil || report.Outcome != "nothing to do" {
			t.Fatalf("%v, outcome %q", err, report.Outcome)
		}
		w.SetSizes("web", 3, 6, 6)
		w.Pass(time.Second)
		w.WantState(id, "Pending")
		host.fails = false
		w.Must(w.ready(id, &host, rotation.ReadyOptions{}))
		w.WantState(id, "InService")
		w.wantAnswers("CONTINUE", "CONTINUE")
	})
}

// An instance refresh that replaces root volumes keeps the instances; the launch hook holds them on the way back.
func TestReadyAfterARootVolumeIsReplaced(t *testing.T) {
	inWorld(t, sim.Config{}, gated(warmUp()), func(w *world) {
		w.StartRefreshWith("web", sim.Refresh{Strategy: "ReplaceRootVolume"})
		w.Pass(10 * time.Second)
		i := slices.IndexFunc(w.Members("web"), func(m sim.MemberView) bool { return strings.HasPrefix(m.State, "ReplacingRootVolume") })
		if i < 0 {
			t.Fatalf("nothing is replaced: %+v", w.Members("web"))
		}
		w.Must(w.ready(w.Members("web")[i].ID, &asker{}, rotation.ReadyOptions{}))
		w.wantAnswers("CONTINUE")
	})
}

func TestReadyWaitsForMembershipAndRole(t *testing.T) {
	inWorld(t, sim.Config{MaxLag: time.Minute}, gated(warmUp()), func(w *world) {
		id := w.launched()
		w.UpdateMetadata(id, func(m *sim.Metadata) { m.CredentialsFrom = time.Now().Add(40 * time.Second) })
		began := time.Now()
		w.API(func(c sim.Call) *sim.Fault {
			if time.Since(began) < 80*time.Second && strings.HasPrefix(c.Action, "Describe") {
				return &sim.Fault{Lag: min(time.Minute, time.Since(began)+2*time.Second)}
			}
			return nil
		})
		w.Must(w.ready(id, &asker{}, rotation.ReadyOptions{}))
		w.wantAnswers("CONTINUE")
	})
}

func TestReadyWithoutAnything(t *testing.T) {
	for state, class := range map[string]failure.Class{
		"Standby": failure.NotNow, "Terminating": failure.Leaving, "Pending:Proceed": failure.NotNow, "Quantum:Superposed": failure.NotNow,
	} {
		inWorld(t, sim.Config{}, gated(warmUp()), func(w *world) {
			w.SetState(w.IDs[0], state)
			_, err := w.ready(w.IDs[0], &asker{}, rotation.ReadyOptions{})
			if stop := w.WantClass(err, class); !strings.Contains(stop.Reason, state) {
				t.Errorf("%q does not name %s", stop.Reason, state)
			}
			w.wantAnswers()
		})
	}
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		w.SetAppHealthy(w.IDs[0], false)
		w.Pass(5 * time.Minute)
		_, err := w.ready(w.IDs[0], &asker{}, rotation.ReadyOptions{})
		w.WantClass(err, failure.NotNow)
	})
	g := gated(warmUp())
	g.Lattice = []string{"arn:aws:vpc-lattice:eu-west-1:123456789012:targetgroup/tg-0abc"}
	inWorld(t, sim.Config{}, g, func(w *world) {
		_, err := w.ready(w.launched(), &asker{}, rotation.ReadyOptions{})
		w.WantClass(err, failure.Setup)
		w.wantAnswers()
	})
	inWorld(t, sim.Config{}, gated(warmUp()), func(w *world) {
		w.Suspend("web", "AddToLoadBalancer")
		_, err := w.ready(w.launched(), &asker{}, rotation.ReadyOptions{})
		w.WantClass(err, failure.Setup)
		w.wantAnswers()
	})
}

func stepNames(r *rotation.Report) (names []string) {
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	return names
}

// The way of a new instance, step by step, and how soon its end is noticed.
func TestTheStepsOfALaunch(t *testing.T) {
	inWorld(t, sim.Config{}, gated(warmUp()), func(w *world) {
		id := w.launched()
		var healthySince atomic.Pointer[time.Time]
		go func() {
			for healthySince.Load() == nil {
				w.Pass(100 * time.Millisecond)
				if n, all := w.HealthyAt(id); n == all && all > 0 {
					healthySince.Store(new(time.Now()))
				}
			}
		}()
		report, err := w.ready(id, &asker{}, rotation.ReadyOptions{})
		want := []string{"hook", "arrive", "probe", "continue", "in service", "healthy"}
		if got := stepNames(report); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, steps %q, want %q", err, got, want)
		}
		if late := time.Since(*healthySince.Load()); late > 4*time.Second {
			t.Errorf("noticed %s after it was healthy", late)
		}
	})
}

func TestTheStepsIntoTheWarmPool(t *testing.T) {
	g := gated(warmUp())
	g.WarmPool = 1
	inWorld(t, sim.Config{}, g, func(w *world) {
		w.SetSizes("web", 3, 6, 5)
		w.Pass(2 * time.Second)
		id := w.WarmMembers("web")[0].ID
		report, err := w.ready(id, &asker{}, rotation.ReadyOptions{DryRun: true})
		if failure.Of(err) != failure.NotNow || !slices.Equal(stepNames(report), []string{"hook", "arrive"}) {
			t.Errorf("before the hook: %v, steps %q", err, stepNames(report))
		}
		w.Pass(2 * time.Minute)
		report, err = w.ready(id, &asker{}, rotation.ReadyOptions{DryRun: true})
		if would, ok := rotation.IsDryRun(report.Outcome); err != nil || !ok || !strings.Contains(would, "pass the hook") {
			t.Errorf("%v, outcome %q", err, report.Outcome)
		}
		w.wantAnswers()
		report, err = w.ready(id, &asker{}, rotation.ReadyOptions{})
		if err != nil || !slices.Equal(stepNames(report), []string{"hook", "warm pool"}) {
			t.Errorf("%v, steps %q", err, stepNames(report))
		}
	})
}

func TestReadyWithoutAProbe(t *testing.T) {
	inWorld(t, sim.Config{}, gated(warmUp()), func(w *world) {
		id, host := w.launched(), asker{fails: true}
		w.Must(w.ready(id, &host, rotation.ReadyOptions{Probe: rotation.ProbeOptions{Off: true}}))
		if len(host.given) > 0 {
			t.Errorf("asked %d times", len(host.given))
		}
		w.wantAnswers("CONTINUE")
	})
}

func TestReadySaysThatNoGroupListsIt(t *testing.T) {
	inWorld(t, sim.Config{}, gated(warmUp()), func(w *world) {
		w.Detach(w.IDs[0])
		w.Pass(10 * time.Minute)
		agent, said := w.Agent(w.IDs[0]), false
		agent.Progress = func(p rotation.Progress) { said = said || strings.Contains(p.Waiting, "in no Auto Scaling group yet") }
		_, err := agent.Ready(w.Context(), rotation.ReadyOptions{WaitOptions: rotation.WaitOptions{Timeout: time.Minute}})
		if w.WantClass(err, failure.Setup); !said {
			t.Error("it was not said what it waits for")
		}
	})
}
