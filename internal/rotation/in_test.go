package rotation_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

func TestStatesThatNeedNothing(t *testing.T) {
	for _, state := range []string{"Pending:Wait", "Warmed:Running", "Warmed:Stopped"} {
		inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
			w.SetState(w.IDs[0], state)
			for name, run := range map[string]func(string) (*rotation.Report, error){"out": w.Out, "in": w.In} {
				report, err := run(w.IDs[0])
				if err != nil || report.Outcome != "nothing to do" {
					t.Errorf("%s in %s: %v, outcome %q", name, state, err, report.Outcome)
				}
			}
			w.WantMoves()
		})
	}
}

func TestStatesThatRefuse(t *testing.T) {
	for state, class := range map[string]failure.Class{
		"Pending":             failure.NotNow,
		"Terminating":         failure.Leaving,
		"Terminating:Wait":    failure.Leaving,
		"Detaching":           failure.Leaving,
		"ReplacingRootVolume": failure.NotNow,
		"Quantum:Superposed":  failure.NotNow,
	} {
		inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
			w.SetState(w.IDs[0], state)
			opt := fleettest.OutOptions()
			opt.Wait = 0
			_, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
			stop := w.WantClass(err, class)
			if !strings.Contains(stop.Reason, state) {
				t.Errorf("%q does not name %s", stop.Reason, state)
			}
			w.WantMoves()
		})
	}
}

func TestSickInServiceIsNotMoved(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		w.SetAppHealthy(w.IDs[0], false)
		w.Pass(5 * time.Minute)
		_, err := w.In(w.IDs[0])
		w.WantClass(err, failure.NotNow)
		w.WantMoves()
	})
}

// quietHealth is a group that lets sick hosts be: EC2 checks only.
func quietHealth() sim.Group {
	g := fleettest.WebGroup()
	g.HealthCheckType = "EC2"
	return g
}

func TestSickReturnGoesBackToStandby(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		w.SetAppHealthy(w.IDs[0], false)
		_, err := w.In(w.IDs[0])
		stop := w.WantClass(err, failure.Unhealthy)
		if !strings.Contains(stop.Reason, "back in Standby") {
			t.Errorf("%q does not say where it is", stop.Reason)
		}
		w.WantState(w.IDs[0], "Standby")
		w.WantMoves("EnterStandby", "ExitStandby", "EnterStandby")
	})
}

func TestSickReturnIsLeftWhereAskedOrNeeded(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		w.SetAppHealthy(w.IDs[0], false)
		opt := fleettest.InOptions()
		opt.LeaveUnhealthy = true
		_, err := w.Agent(w.IDs[0]).In(w.Context(), opt)
		w.WantClass(err, failure.Unhealthy)
		w.WantState(w.IDs[0], "InService")
	})
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		w.SetAppHealthy(w.IDs[0], false)
		w.SetAppHealthy(w.IDs[1], false)
		_, err := w.In(w.IDs[0])
		if stop := w.WantClass(err, failure.Unhealthy); !strings.Contains(stop.Reason, "left in service") {
			t.Errorf("%q does not say where it is", stop.Reason)
		}
		w.WantState(w.IDs[0], "InService")
	})
}

// A rollback that moved nothing leaves the instance where it is known to be.
func TestSickReturnIsLeftWhereTheRollbackIsDenied(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		w.SetAppHealthy(w.IDs[0], false)
		w.API(of("EnterStandby", sim.Fault{Status: 403, Code: "AccessDenied", Message: "not authorized to perform: autoscaling:EnterStandby"}))
		_, err := w.In(w.IDs[0])
		if stop := w.WantClass(err, failure.Unhealthy); !strings.Contains(stop.Reason, "left in service (") {
			t.Errorf("%q does not say where it is, and why", stop.Reason)
		}
		w.WantState(w.IDs[0], "InService")
	})
}

func TestInWaitsForAPlaceBelowMaxSize(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		w.SetSizes("web", 3, 4, 4)
		w.Pass(5 * time.Minute)
		opt := fleettest.InOptions()
		opt.Wait = 0
		_, err := w.Agent(w.IDs[0]).In(w.Context(), opt)
		if stop := w.WantClass(err, failure.NotNow); !strings.Contains(stop.Hint, "MaxSize") {
			t.Errorf("hint %q does not give the ways out", stop.Hint)
		}
		w.WantMoves("EnterStandby")
		w.SetSizes("web", 3, 5, 4)
		w.Must(w.In(w.IDs[0]))
	})
}

func TestTakenAwayWhileAtWork(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		go func() {
			w.Pass(time.Minute)
			w.Terminate(w.IDs[0])
		}()
		_, err := w.Out(w.IDs[0])
		w.WantClass(err, failure.Gone)
	})
}

// A person who moves the instance back is not fought.
func TestAChangeByOthersIsNotFought(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.API(func(c sim.Call) *sim.Fault {
			if c.Action == "DescribeInstanceHealth" && w.State(w.IDs[0]) == "Standby" {
				if err := w.ExitStandby("web", w.IDs[0]); err != nil {
					t.Error(err)
				}
			}
			return nil
		})
		_, err := w.Out(w.IDs[0])
		stop := w.WantClass(err, failure.Unfinished)
		if !strings.Contains(stop.Reason, "something else changed its state") {
			t.Errorf("%q does not say what was seen", stop.Reason)
		}
		w.WantMoves("EnterStandby")
	})
}

// Detached is the last that Auto Scaling wanted, and stays so.
func TestNotAMember(t *testing.T) {
	for _, target := range []string{"", "Detached"} {
		inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
			w.detached(target)
			_, err := w.Out(w.IDs[0])
			w.WantClass(err, failure.Setup)
			opt := fleettest.OutOptions()
			opt.IfMember = true
			report, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
			if err != nil || report.Outcome != "not a member" {
				t.Errorf("wanted %q, --if-member: %v, outcome %q", target, err, report.Outcome)
			}
		})
	}
}

// detached takes the first instance out of its group, and has the metadata service say
// what Auto Scaling wants of it.
func (w *world) detached(target string) {
	w.Helper()
	w.Detach(w.IDs[0])
	w.Pass(10 * time.Minute)
	if w.State(w.IDs[0]) != "" {
		w.Fatalf("detached, yet %s", w.State(w.IDs[0]))
	}
	w.UpdateMetadata(w.IDs[0], func(m *sim.Metadata) { m.TargetState = &target })
}

// Asked in another Region or account, Auto Scaling knows nothing of an instance that it
// keeps in service here: to take that for "in no group" would upgrade it while it serves.
func TestNoGroupListsWhatAutoScalingWants(t *testing.T) {
	for target, want := range map[string]failure.Class{"InService": failure.Unreachable, "Terminated": failure.Leaving} {
		inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
			w.detached(target)
			agent := w.Agent(w.IDs[0])
			var waited bool
			agent.Progress = func(p rotation.Progress) { waited = waited || strings.Contains(p.Waiting, target) }
			opt := fleettest.OutOptions()
			opt.IfMember = true
			_, err := agent.Out(w.Context(), opt)
			if stop := w.WantClass(err, want); !strings.Contains(stop.Error(), target) {
				t.Errorf("%q does not say what Auto Scaling wants", stop)
			}
			if waited != (target == "InService") {
				t.Errorf("wanted %s: waited %v", target, waited)
			}
		})
	}
}

// A person took the instance out while the run waited for its turn: it is not this
// run's to put back, whoever else is out.
func TestAMoveByOtherHandsIsNotTakenBack(t *testing.T) {
	g := fleettest.WebGroup()
	g.Min = 0
	inWorld(t, sim.Config{}, g, func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		go func() {
			w.Pass(time.Minute)
			if err := w.EnterStandby("web", w.IDs[1], true); err != nil {
				t.Error(err)
			}
		}()
		_, err := w.Out(w.IDs[1])
		w.WantClass(err, failure.Unfinished)
		w.WantMoves("EnterStandby")
		w.WantState(w.IDs[1], "Standby")
	})
}

// An undo that gets through late does not outlast its budget: what is left is said.
func TestAnUndoEndsWithItsBudget(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		w.SetAppHealthy(w.IDs[0], false)
		var first atomic.Int64
		w.API(func(c sim.Call) *sim.Fault {
			if c.Action != "EnterStandby" {
				return nil
			}
			first.CompareAndSwap(0, time.Now().Unix())
			if time.Now().Unix()-first.Load() < 400 {
				return &sim.Fault{Status: 403, Code: "ExpiredToken", Message: "The security token included in the request is expired"}
			}
			return nil
		})
		opt := fleettest.InOptions()
		opt.Wait = 0
		began := time.Now()
		report, err := w.Agent(w.IDs[0]).In(w.Context(), opt)
		if stop := w.WantClass(err, failure.Unhealthy); !strings.Contains(stop.Reason, "on its way back to Standby") {
			t.Errorf("%q does not say where it is", stop.Reason)
		}
		if report.Instance.State != "EnteringStandby" {
			t.Errorf("the report says that it is %s", report.Instance.State)
		}
		if took := time.Since(began).Seconds(); took > report.TimeLimitSeconds {
			t.Errorf("it took %.0f s, its bound is %.0f s", took, report.TimeLimitSeconds)
		}
	})
}
