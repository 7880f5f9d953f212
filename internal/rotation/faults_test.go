package rotation_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// once makes a fault happen to the first call of an action only.
func once(action string, f sim.Fault) func(sim.Call) *sim.Fault {
	var done atomic.Bool
	return func(c sim.Call) *sim.Fault {
		if c.Action != action || done.Swap(true) {
			return nil
		}
		return &f
	}
}

// Whatever becomes of the answer, the instance is moved once, and the run ends as if
// nothing had happened.
func TestADoubtfulAnswerIsSettledByLooking(t *testing.T) {
	for name, fault := range map[string]sim.Fault{
		"answer lost after it took effect": {LoseReply: true},
		"connection reset before":          {Reset: true},
		"delivered twice":                  {Twice: true},
		"server error before":              {Status: 500, Code: "InternalFailure", Message: "oops"},
		"contention":                       {Status: 500, Code: "ResourceContention", Message: "You already have a pending update"},
		"throttled":                        {Status: 400, Code: "Throttling", Message: "Rate exceeded"},
		"answered too late":                {Delay: time.Minute},
	} {
		for _, action := range []string{"EnterStandby", "ExitStandby"} {
			t.Run(name+" "+action, func(t *testing.T) {
				inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
					w.SetFaults(once(action, fault))
					report, err := w.Out(w.IDs[0])
					w.Must(report, err)
					if !report.Moved {
						t.Error("the report says that nothing was moved")
					}
					w.WantState(w.IDs[0], "Standby")
					w.Must(w.In(w.IDs[0]))
					w.WantState(w.IDs[0], "InService")
					w.WantMoves("EnterStandby", "ExitStandby")
				})
			})
		}
	}
}

// A move whose answer is lost and whose effect the describes do not show yet is not
// taken for one that did not happen.
func TestALostAnswerAndStaleReads(t *testing.T) {
	inWorld(t, sim.Config{MaxLag: time.Minute}, fleettest.WebGroup(), func(w *world) {
		lost := once("EnterStandby", sim.Fault{LoseReply: true})
		w.API(func(c sim.Call) *sim.Fault {
			if f := lost(c); f != nil {
				return f
			}
			if strings.HasPrefix(c.Action, "DescribeAutoScaling") {
				return &sim.Fault{Lag: 8 * time.Second}
			}
			return nil
		})
		w.Must(w.Out(w.IDs[0]))
		w.WantMoves("EnterStandby")
	})
}

func TestThrottledToTheEndIsNeverAVerdict(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.API(func(sim.Call) *sim.Fault { return sim.Throttled() })
		opt := fleettest.OutOptions()
		opt.Wait = 2 * time.Minute
		began := time.Now()
		report, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
		var away *awsapi.UnreachableError
		if !errors.As(err, &away) || away.Why != awsapi.Throttled {
			t.Fatalf("throttled for two minutes: %v, want an UnreachableError that says so", err)
		}
		allowed := time.Duration(report.ThrottlingLimitSeconds) * time.Second
		if took := time.Since(began) - allowed; allowed < time.Hour || took < 110*time.Second || took > 130*time.Second {
			t.Errorf("gave up %s after the %s that it may be throttled, the wait is two minutes", took, allowed)
		}
		if held := report.ThrottledSeconds; held < allowed.Seconds() || held > allowed.Seconds()+130 {
			t.Errorf("the report says throttled for %v s of %v", held, allowed.Seconds())
		}
		w.WantMoves()
	})
}

func TestThrottledForAWhileOnlyDelays(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		until := time.Now().Add(90 * time.Second)
		w.API(func(c sim.Call) *sim.Fault {
			if time.Now().Before(until) {
				return sim.Throttled()
			}
			return nil
		})
		w.Must(w.Out(w.IDs[0]))
		w.WantState(w.IDs[0], "Standby")
	})
}

func TestDeniedNamesTheActionAtOnce(t *testing.T) {
	for _, action := range []string{
		"autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities",
		"autoscaling:DescribeInstanceRefreshes", "autoscaling:EnterStandby", "elasticloadbalancing:DescribeTargetGroups",
		"elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DescribeInstanceHealth",
	} {
		inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
			w.Deny(action)
			began := time.Now()
			_, err := w.Out(w.IDs[0])
			var denied *awsapi.DeniedError
			if !errors.As(err, &denied) || denied.Action != action {
				t.Errorf("%s denied: %v", action, err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s denied: it took %s to say so", action, took)
			}
			w.WantMoves()
		})
	}
}

// Once the move took effect the code is about the move; the permission is the reason.
func TestDeniedAfterTheMoveIsUnfinished(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.API(func(c sim.Call) *sim.Fault {
			if c.Action == "EnterStandby" {
				w.Deny("autoscaling:DescribeAutoScalingInstances")
			}
			return nil
		})
		_, err := w.Out(w.IDs[0])
		stop := w.WantClass(err, failure.Unfinished)
		if !strings.Contains(stop.Error(), "DescribeAutoScalingInstances") {
			t.Errorf("%q does not name the permission", stop.Error())
		}
	})
}

// Killed at any point, the same command again converges. A run is cut here by an AWS
// that never answers again, which leaves behind what a kill would.
func TestRerunIsTheRepair(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 4
	}
	for calls, cut := 1, true; cut; calls += step {
		inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
			out := w.cutAfter(calls, func(ctx context.Context) { _, _ = w.Agent(w.IDs[0]).Out(ctx, fleettest.OutOptions()) })
			w.Must(w.Out(w.IDs[0]))
			w.WantState(w.IDs[0], "Standby")
			if takes := w.RoutedBy(w.IDs[0]); len(takes) > 0 {
				t.Errorf("cut after %d calls, rerun: %v still send traffic", calls, takes)
			}
			in := w.cutAfter(calls, func(ctx context.Context) { _, _ = w.Agent(w.IDs[0]).In(ctx, fleettest.InOptions()) })
			w.Must(w.In(w.IDs[0]))
			w.WantMoves("EnterStandby", "ExitStandby")
			if _, _, desired := w.Sizes("web"); desired != 4 {
				t.Errorf("cut after %d calls: desired %d in the end, want 4", calls, desired)
			}
			cut = out || in
		})
		if calls > 200 {
			t.Fatal("a run makes more than 200 calls")
		}
	}
}

// cutAfter runs a command whose process dies after so many API calls; the call at which it dies takes effect. It says
// whether the command came that far. How it ends is nobody's to see.
func (w *world) cutAfter(calls int, run func(context.Context)) (cut bool) {
	ctx, die := context.WithCancel(context.Background())
	defer die()
	var n atomic.Int64
	w.API(func(sim.Call) *sim.Fault {
		switch made := int(n.Add(1)); {
		case made < calls:
			return nil
		case made == calls:
			die()
			return &sim.Fault{LoseReply: true}
		}
		return &sim.Fault{Reset: true}
	})
	run(ctx)
	w.SetFaults(nil)
	return ctx.Err() != nil
}

func TestInterruptedSaysWhereTheInstanceIs(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		ctx, cancel := context.WithCancelCause(context.Background())
		go func() {
			w.Pass(30 * time.Second)
			cancel(errors.New("told to stop"))
		}()
		report, err := w.Agent(w.IDs[0]).Out(ctx, fleettest.OutOptions())
		stop := w.WantClass(err, failure.Interrupted)
		if !strings.Contains(stop.Reason, w.IDs[0]+" is EnteringStandby") || !strings.Contains(stop.Hint, "balanced in") {
			t.Errorf("%q, hint %q: want the state and what to run next", stop.Reason, stop.Hint)
		}
		if !report.Moved {
			t.Error("the report says that nothing was moved")
		}
		w.Must(w.Out(w.IDs[0]))
	})
}

// Answers so slow that the time is over while the host is asked for a second time whether
// it is in no group: that is no verdict, and no riddle either.
func TestTheTimeIsOverBeforeTheSecondRead(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.API(func(sim.Call) *sim.Fault { return &sim.Fault{Delay: 9 * time.Second} })
		a := w.Agent(w.IDs[0])
		a.Groups = &leaving{Groups: a.Groups}
		opt := fleettest.OutOptions()
		opt.Wait, opt.IfMember = 0, true
		_, err := a.Out(w.Context(), opt)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no group lists") {
			t.Errorf("got %v", err)
		}
	})
}

// leaving are the groups' answers about an instance that has just left: only the first
// has it.
type leaving struct {
	rotation.Groups
	asked atomic.Bool
}

func (l *leaving) Membership(ctx context.Context, instance string) (fleet.Membership, error) {
	m, err := l.Groups.Membership(ctx, instance)
	if l.asked.Swap(true) {
		return fleet.Membership{At: m.At}, err
	}
	return m, err
}

func (l *leaving) Group(ctx context.Context, name string) (fleet.Group, error) {
	g, err := l.Groups.Group(ctx, name)
	g.Members = g.Members[1:]
	return g, err
}
