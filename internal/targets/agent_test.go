package targets_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// want checks that an instance is registered with so many of the five.
func want(w *fleettest.World, id string, registered int) {
	w.Helper()
	if got := w.Registered(id); got != registered {
		w.Errorf("%s is registered with %d, want %d", id, got, registered)
	}
}

// everything is what each direction sends, once.
func everything(w *fleettest.World, target, instance string) {
	w.Helper()
	w.WantMoves(target, target, target, target, instance)
}

func TestOutAndInAtEveryKindOfLoadBalancer(t *testing.T) {
	fleettest.InOutside(t, sim.Config{Timing: sim.Timing{NetworkLinger: 90 * time.Second}}, 3, func(w *fleettest.World) {
		began := time.Now()
		report, err := w.Agent(w.IDs[0]).Out(context.Background(), fleettest.OutWith("2"))
		w.Must(report, err)
		want(w, w.IDs[0], 0)
		everything(w, "DeregisterTargets", "DeregisterInstancesFromLoadBalancer")
		// A Network Load Balancer may send new connections for two minutes after it began to drain.
		if took := time.Since(began); took < 2*time.Minute || took > 3*time.Minute {
			t.Errorf("out took %s", took)
		}
		if report.Instance.State != "deregistered" || !report.Moved || report.Outcome != "out" {
			t.Errorf("report %+v", report)
		}
		calls := 0
		for _, n := range w.Calls() {
			if n.Service != "imds" {
				calls++
			}
		}
		// 12 and five for each load balancer, besides the looks: as for a group.
		if limit := 12 + 5*5 + 25; calls > limit {
			t.Errorf("out took %d calls, more than %d", calls, limit)
		}
		w.Must(w.Agent(w.IDs[0]).In(context.Background(), fleettest.InOptions()))
		want(w, w.IDs[0], 5)
		if healthy, all := w.HealthyAt(w.IDs[0]); healthy != 5 || all != 5 {
			t.Errorf("healthy at %d of %d", healthy, all)
		}
	})
}

// TestReadsThatLag: what was sent is not sent again because a read does not show it yet.
func TestReadsThatLag(t *testing.T) {
	fleettest.InOutside(t, sim.Config{MaxLag: 8 * time.Second}, 3, func(w *fleettest.World) {
		w.API(func(c sim.Call) *sim.Fault {
			if c.Mutating() {
				return nil
			}
			return &sim.Fault{Lag: 8 * time.Second}
		})
		w.Must(w.Agent(w.IDs[0]).Out(context.Background(), fleettest.OutWith("2")))
		everything(w, "DeregisterTargets", "DeregisterInstancesFromLoadBalancer")
		w.Must(w.Agent(w.IDs[0]).In(context.Background(), fleettest.InOptions()))
		want(w, w.IDs[0], 5)
		if moves := w.Moves(); len(moves) != 10 {
			t.Errorf("moves %v", moves)
		}
	})
}

// TestLostAnswers: each answer is lost once, in turn; what it was about is read, and sent again only where it had no effect.
func TestLostAnswers(t *testing.T) {
	for name, fault := range map[string]*sim.Fault{"after it took effect": {LoseReply: true}, "before": {Reset: true}, "with 503": {Status: 503}} {
		for nth := range 5 {
			if testing.Short() && nth%2 > 0 {
				continue
			}
			t.Run(name, func(t *testing.T) {
				fleettest.InOutside(t, sim.Config{}, 3, func(w *fleettest.World) {
					sent := 0
					w.API(func(c sim.Call) *sim.Fault {
						if !c.Mutating() {
							return nil
						}
						sent++
						if sent == nth+1 || sent == nth+7 {
							return fault
						}
						return nil
					})
					w.Must(w.Agent(w.IDs[0]).Out(context.Background(), fleettest.OutWith("2")))
					want(w, w.IDs[0], 0)
					everything(w, "DeregisterTargets", "DeregisterInstancesFromLoadBalancer")
					w.Must(w.Agent(w.IDs[0]).In(context.Background(), fleettest.InOptions()))
					want(w, w.IDs[0], 5)
				})
			})
		}
	}
}

// TestTheMinimumHoldsInEach: one load balancer with too few others is enough to refuse.
func TestTheMinimumHoldsInEach(t *testing.T) {
	fleettest.InOutside(t, sim.Config{}, 3, func(w *fleettest.World) {
		w.Deregister("tcp", w.IDs[1])
		w.Pass(2 * time.Minute)
		opt := fleettest.OutWith("2")
		opt.Wait = 0
		_, err := w.Agent(w.IDs[0]).Out(context.Background(), opt)
		if stop := w.WantClass(err, failure.Setup); stop != nil && stop.Reason != "minimum 2 is impossible: tcp lists only 1 besides "+w.IDs[0] {
			t.Error(stop)
		}
		w.WantMoves()
	})
}

// TestTwoAtOnce: without a lock both may begin to drain; both notice, and what is registered in the end is never too few
// for a run that ended with 0.
func TestTwoAtOnce(t *testing.T) {
	fleettest.InOutside(t, sim.Config{}, 3, func(w *fleettest.World) {
		ends := make([]error, 2)
		done := make(chan int)
		for i := range ends {
			agent := w.Agent(w.IDs[i])
			go func() {
				opt := fleettest.OutWith("2")
				opt.Wait, opt.Timeout = 0, 4*time.Minute
				_, ends[i] = agent.Out(context.Background(), opt)
				done <- i
			}()
		}
		<-done
		<-done
		out := 0
		for i, err := range ends {
			switch {
			case err == nil:
				out++
				want(w, w.IDs[i], 0)
			case failure.Is(err, failure.RolledBack, failure.NotNow):
				want(w, w.IDs[i], 5)
			default:
				t.Errorf("%s: %v", w.IDs[i], err)
			}
		}
		if out > 1 {
			t.Errorf("%d are out, and two others have to be healthy", out)
		}
	})
}

// TestAnInstanceThatWasDetachedFromAGroup: the metadata service goes on to say so, and it is no matter.
func TestAnInstanceThatWasDetachedFromAGroup(t *testing.T) {
	fleettest.InOutside(t, sim.Config{}, 3, func(w *fleettest.World) {
		detached := "Detached"
		w.UpdateMetadata(w.IDs[0], func(m *sim.Metadata) { m.TargetState = &detached })
		w.Must(w.Agent(w.IDs[0]).Out(context.Background(), fleettest.OutWith("2")))
	})
}

// TestStatusListsWhoIsRegistered.
func TestStatusListsWhoIsRegistered(t *testing.T) {
	fleettest.InOutside(t, sim.Config{}, 3, func(w *fleettest.World) {
		report, standing, err := w.Agent(w.IDs[0]).Status(context.Background(), fleettest.OutWith("2").MinHealthy)
		if err != nil || standing != rotation.InService {
			t.Fatalf("%v, %v", standing, err)
		}
		var ids []string
		for _, m := range report.Members {
			ids = append(ids, m.ID)
		}
		for _, id := range w.IDs {
			if !slices.Contains(ids, id) {
				t.Errorf("members %v, without %s", ids, id)
			}
		}
		if g := report.Group; !g.Declared || g.Healthy != 3 || g.Capacity != 3 || g.MinHealthy != 2 {
			t.Errorf("group %+v", g)
		}
	})
}

// TestALostAnswerThatIsNotTriedAgain: 69 would say that nothing was changed, but the first of five registrations was.
func TestALostAnswerThatIsNotTriedAgain(t *testing.T) {
	fleettest.InOutside(t, sim.Config{}, 3, func(w *fleettest.World) {
		w.API(func(c sim.Call) *sim.Fault {
			if !c.Mutating() {
				return nil
			}
			return &sim.Fault{LoseReply: true}
		})
		opt := fleettest.OutWith("2")
		opt.Wait = 0
		report, err := w.Agent(w.IDs[0]).Out(context.Background(), opt)
		w.WantClass(err, failure.Unfinished)
		want(w, w.IDs[0], 4)
		if !report.Moved {
			t.Error("the report says that nothing was moved")
		}
	})
}

// TestAPartIsRolledBack: one load balancer refuses until --wait is over. The others take the instance back, so that it is
// not left neither in service nor out.
func TestAPartIsRolledBack(t *testing.T) {
	fleettest.InOutside(t, sim.Config{}, 3, func(w *fleettest.World) {
		w.API(func(c sim.Call) *sim.Fault {
			if c.Action == "DeregisterInstancesFromLoadBalancer" {
				return &sim.Fault{Status: 400, Code: "ValidationError", Message: "no"}
			}
			return nil
		})
		opt := fleettest.OutWith("2")
		opt.Wait = time.Minute
		report, err := w.Agent(w.IDs[0]).Out(context.Background(), opt)
		w.WantClass(err, failure.RolledBack)
		want(w, w.IDs[0], 5)
		if healthy, _ := w.HealthyAt(w.IDs[0]); healthy != 5 || !report.Moved {
			t.Errorf("healthy at %d, moved %v", healthy, report.Moved)
		}
	})
}

// TestTwoThatWereKilledHalfWay: each keeps the other from leaving; the runs say so, and in repairs it.
func TestTwoThatWereKilledHalfWay(t *testing.T) {
	fleettest.InOutside(t, sim.Config{}, 3, func(w *fleettest.World) {
		w.Deregister("web", w.IDs[0])
		w.Deregister("tcp", w.IDs[1])
		w.Pass(5 * time.Minute)
		opt := fleettest.OutWith("2")
		opt.Wait = 0
		report, err := w.Agent(w.IDs[0]).Out(context.Background(), opt)
		w.WantClass(err, failure.Setup)
		w.WantMoves()
		if !slices.Contains(report.Warnings, "only 4 of the 5 named load balancers have "+w.IDs[0]+" registered: balanced in registers it with all") {
			t.Errorf("warnings %q", report.Warnings)
		}
		for _, id := range w.IDs[:2] {
			w.Must(w.Agent(id).In(context.Background(), fleettest.InOptions()))
		}
		w.Must(w.Agent(w.IDs[0]).Out(context.Background(), opt))
	})
}

// TestAddressesOfIPv6: a target group of IPv6 addresses holds the instance's own, however it is written.
func TestAddressesOfIPv6(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fleettest.World{T: t, Targets: "six", Region: sim.New(sim.Config{IPv6: func(n int) string { return fmt.Sprintf("2001:db8::%x", n+10) }})}
		w.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		w.AddTargetGroup(sim.TargetGroup{Name: "six", LoadBalancer: "front", TargetType: "ip", IPv6: true, Drain: 10 * time.Second})
		for range 2 {
			w.IDs = append(w.IDs, w.AddInstance(sim.Standalone{TargetGroups: []string{"six"}}))
		}
		w.Must(w.Agent(w.IDs[0]).Out(context.Background(), fleettest.OutWith("1")))
		want(w, w.IDs[0], 0)
		want(w, w.IDs[1], 1)
		w.Must(w.Agent(w.IDs[0]).In(context.Background(), fleettest.InOptions()))
		want(w, w.IDs[0], 1)
	})
}

// TestAnAddressThatTheInstanceLacks is refused before anything is changed.
func TestAnAddressThatTheInstanceLacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fleettest.World{T: t, Targets: "six", Region: sim.New(sim.Config{})}
		w.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		w.AddTargetGroup(sim.TargetGroup{Name: "six", LoadBalancer: "front", TargetType: "ip", IPv6: true})
		w.IDs = append(w.IDs, w.AddInstance(sim.Standalone{}))
		_, err := w.Agent(w.IDs[0]).In(context.Background(), fleettest.InOptions())
		w.WantClass(err, failure.Setup)
		w.WantMoves()
	})
}

// TestDeniedInPart: 77 would say that nothing was changed.
func TestDeniedInPart(t *testing.T) {
	fleettest.InOutside(t, sim.Config{}, 3, func(w *fleettest.World) {
		w.Deny("elasticloadbalancing:DeregisterInstancesFromLoadBalancer")
		_, err := w.Agent(w.IDs[0]).Out(context.Background(), fleettest.OutWith("2"))
		w.WantClass(err, failure.Unfinished)
		want(w, w.IDs[0], 1)
	})
}

// TestAlreadyOutOfANetworkLoadBalancer: nothing says when the instance left. Its delay of a minute has passed, and new
// connections may come until two minutes after the beginning.
func TestAlreadyOutOfANetworkLoadBalancer(t *testing.T) {
	fleettest.InOutside(t, sim.Config{}, 3, func(w *fleettest.World) {
		w.Must(w.Agent(w.IDs[0]).Out(context.Background(), fleettest.OutWith("2")))
		began := time.Now()
		report, err := w.Agent(w.IDs[0]).Out(context.Background(), fleettest.OutWith("2"))
		w.Must(report, err)
		if took := time.Since(began); report.Outcome != "already out" || took < 55*time.Second || took > 75*time.Second {
			t.Errorf("%s after %s", report.Outcome, took)
		}
	})
}
