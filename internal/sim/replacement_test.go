package sim_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"balanced/internal/sim"
)

// elbGroup is a group web of three whose load balancer health checks count after a grace period.
func elbGroup(r *sim.Region, grace time.Duration, change func(*sim.Group)) []string {
	r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
	r.AddTargetGroup(sim.TargetGroup{
		Name: "app", LoadBalancer: "front", Drain: 20 * time.Second,
		Check: sim.HealthCheck{Interval: 10 * time.Second, Healthy: 2, Unhealthy: 2},
	})
	g := sim.Group{Name: "web", Min: 1, Max: 4, Desired: 3, TargetGroups: []string{"app"}, HealthCheckType: "EC2,ELB", Grace: grace}
	if change != nil {
		change(&g)
	}
	return r.AddGroup(g)
}

// descriptions are the feed's newest entries, in the order of the feed.
func descriptions(r *sim.Region, n int) []string {
	var all []string
	for _, a := range r.Activities("web")[:n] {
		all = append(all, a.StatusCode+" "+a.Description)
	}
	return all
}

func TestAnUnhealthyTargetIsReplaced(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := elbGroup(r, 0, nil)[0]
		r.SetAppHealthy(id, false)
		pass(15 * time.Second)
		if r.State(id) != "InService" {
			t.Fatalf("%s after one failed check of two", r.State(id))
		}
		pass(10 * time.Second)
		if r.State(id) != "Terminating" {
			t.Fatalf("%s after two failed checks, want Terminating", r.State(id))
		}
		var terminating sim.ActivityView
		for _, a := range r.Activities("web") {
			if a.Description == "Terminating EC2 instance: "+id+" - Waiting For ELB Connection Draining." {
				terminating = a
			}
		}
		if !strings.HasSuffix(terminating.Cause, "an instance was taken out of service in response to an ELB system health check failure.") ||
			terminating.StatusCode != "WaitingForELBConnectionDraining" || terminating.Progress != 50 {
			t.Fatalf("termination %+v among %q", terminating, descriptions(r, 2))
		}
		pass(3 * time.Minute)
		if len(r.Members("web")) != 3 || inService(r) != 3 || r.State(id) != "" {
			t.Fatalf("members %v, want three in service and %s gone", r.Members("web"), id)
		}
		if !slices.ContainsFunc(r.Activities("web"), func(a sim.ActivityView) bool {
			return strings.HasSuffix(a.Cause, "an instance was launched in response to an unhealthy instance needing to be replaced.")
		}) {
			t.Fatal("no launch has the cause of a replacement")
		}
	})
}

func TestTheGracePeriodRestartsAfterStandby(t *testing.T) {
	for _, c := range []struct {
		grace time.Duration
		want  string
	}{{0, "Terminating"}, {5 * time.Minute, "InService"}} {
		inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
			id := elbGroup(r, c.grace, nil)[0]
			r.EnterStandby("web", id, true)
			pass(time.Minute)
			r.SetAppHealthy(id, false)
			r.ExitStandby("web", id)
			pass(30 * time.Second)
			if got := r.State(id); got != c.want {
				t.Fatalf("grace %v: %s unhealthy, half a minute after its return; want %s", c.grace, got, c.want)
			}
			pass(6 * time.Minute)
			if got := r.State(id); got != "" {
				t.Fatalf("grace %v: %s at the end, want it replaced", c.grace, got)
			}
		})
	}
}

func TestHealthIsFrozenInStandby(t *testing.T) {
	for _, c := range []struct {
		atOnce bool
		then   []string // lifecycle states after the return
	}{{false, []string{"Pending", "Terminating"}}, {true, []string{"Terminating", "Terminating"}}} {
		inBubble(t, sim.Config{Behaviour: sim.Behaviour{DeadFailsAtOnce: c.atOnce}}, func(t *testing.T, r *sim.Region) {
			ids := r.AddGroup(sim.Group{Name: "web", Min: 1, Max: 4, Desired: 3})
			r.EnterStandby("web", ids[0], true)
			pass(time.Minute)
			r.KillInstance(ids[0])
			pass(time.Hour)
			if m := r.Members("web")[0]; m.State != "Standby" || m.Health != "Healthy" {
				t.Fatalf("%+v, want a terminated instance to stay Standby and Healthy", m)
			}
			if err := r.ExitStandby("web", ids[0]); err != nil {
				t.Fatal(err)
			}
			for _, want := range c.then {
				if got := r.State(ids[0]); got != want {
					t.Fatalf("DeadFailsAtOnce %t: %s, want %s", c.atOnce, got, want)
				}
				pass(7 * time.Second)
			}
			pass(5 * time.Minute)
			if inService(r) != 3 {
				t.Fatalf("%d in service, want it replaced", inService(r))
			}
		})
	}
}

func TestATerminatedInstanceIsReplacedWithinTheGracePeriod(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := elbGroup(r, 24*time.Hour, nil)[0]
		r.KillInstance(id)
		if r.State(id) != "Terminating" || r.RoutedBy(id) != nil {
			t.Fatalf("%s, routed to by %v; want Terminating and none", r.State(id), r.RoutedBy(id))
		}
	})
}

func TestMinHealthyPercentageOf100LaunchesFirst(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := elbGroup(r, 0, func(g *sim.Group) { g.MinHealthyPercentage, g.MaxHealthyPercentage = 100, 150 })[0]
		r.SetHealthStatus(id, "Unhealthy")
		pass(time.Minute)
		if r.State(id) != "InService" || len(r.Members("web")) != 4 {
			t.Fatalf("%s among %d members, want InService until its replacement is there", r.State(id), len(r.Members("web")))
		}
		pass(3 * time.Minute)
		if r.State(id) != "" || inService(r) != 3 {
			t.Fatalf("%q, %d in service; want it gone and three", r.State(id), inService(r))
		}
	})
}

func TestSuspendedHealthProcesses(t *testing.T) {
	for _, process := range []string{"HealthCheck", "ReplaceUnhealthy"} {
		inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
			id := elbGroup(r, 0, nil)[0]
			r.Suspend("web", process)
			r.SetAppHealthy(id, false)
			pass(time.Hour)
			if r.State(id) != "InService" {
				t.Fatalf("%s suspended: %s, want InService", process, r.State(id))
			}
			r.Resume("web", process)
			if r.State(id) != "Terminating" {
				t.Fatalf("%s resumed: %s, want Terminating", process, r.State(id))
			}
		})
	}
}

func TestUnhealthyInstancesAreReplacedATenthAtATime(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 40, Desired: 30})
		for _, id := range ids[:8] {
			r.SetHealthStatus(id, "Unhealthy")
		}
		terminating := 0
		for _, m := range r.Members("web") {
			if m.State == "Terminating" {
				terminating++
			}
		}
		if terminating != 3 {
			t.Fatalf("%d of 30 are terminating at once, want a tenth", terminating)
		}
		pass(10 * time.Minute)
		if inService(r) != 30 || r.State(ids[7]) != "" {
			t.Fatalf("%d in service, the eighth %q; want 30 and all eight gone", inService(r), r.State(ids[7]))
		}
	})
}

func TestLaunchesUseTheWarmPool(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 4, Desired: 2, WarmPool: 2})
		w := as(t, r, ids[0])
		waiting := r.WarmMembers("web")
		if len(waiting) != 2 || waiting[0].State != "Warmed:Stopped" {
			t.Fatalf("warm pool %v, want two stopped", waiting)
		}
		groups, err := w.asg.DescribeAutoScalingGroups(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if g := groups.AutoScalingGroups[0]; len(g.Instances) != 2 || aws.ToInt32(g.WarmPoolSize) != 2 {
			t.Fatalf("the group lists %d instances and a warm pool of %d, want 2 and 2", len(g.Instances), aws.ToInt32(g.WarmPoolSize))
		}
		own, err := w.asg.DescribeAutoScalingInstances(t.Context(), &awsasg.DescribeAutoScalingInstancesInput{InstanceIds: []string{waiting[0].ID}})
		if err != nil || *own.AutoScalingInstances[0].LifecycleState != "Warmed:Stopped" {
			t.Fatalf("%v, %v; want a warm instance to be listed", own, err)
		}
		r.SetSizes("web", 0, 4, 3)
		if r.State(waiting[0].ID) != "Pending" {
			t.Fatalf("%s, want the warm instance to be launched", r.State(waiting[0].ID))
		}
		if got := descriptions(r, 2); !slices.Contains(got, "PreInService Launching a new EC2 instance from warm pool: "+waiting[0].ID) {
			t.Fatalf("feed %q", got)
		}
		pass(3 * time.Minute)
		out, err := w.asg.DescribeWarmPool(t.Context(), &awsasg.DescribeWarmPoolInput{AutoScalingGroupName: aws.String("web")})
		if err != nil || len(out.Instances) != 2 || inService(r) != 3 {
			t.Fatalf("warm pool %v, %v and %d in service; want it refilled and three", out, err, inService(r))
		}
	})
}

func TestRebalancingLaunchesBeforeItTerminates(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 4, Desired: 4, Zones: []string{"eu-west-1a", "eu-west-1b"}, AZRebalance: true})
		r.EnterStandby("web", ids[0], true) // both of zone a, which do not count in Standby
		r.EnterStandby("web", ids[2], true)
		newest := r.Activities("web")[0]
		if !strings.Contains(newest.Cause, "availability zones eu-west-1a eu-west-1b had 0 2 instances respectively. An instance was launched to aid in balancing the group's zones.") {
			t.Fatalf("newest activity %+v", newest)
		}
		pass(5 * time.Minute)
		zones := map[string]int{}
		for _, m := range r.Members("web") {
			if m.State == "InService" {
				zones[m.Zone]++
			}
		}
		if zones["eu-west-1a"] != 1 || zones["eu-west-1b"] != 1 {
			t.Fatalf("in service by zone %v, want one each", zones)
		}
	})
}

func TestFailingLaunchesAreRepeated(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddGroup(sim.Group{Name: "web", Max: 4, Desired: 2})
		r.FailLaunches("web", "We currently do not have sufficient t3.small capacity")
		r.SetSizes("web", 0, 4, 3)
		for range 36 {
			pass(10 * time.Second)
			r.Resume("web", "Launch") // lets Auto Scaling act on the group
		}
		want := "Failed Launching a new EC2 instance.  Status Reason: We currently do not have sufficient t3.small capacity"
		if got := descriptions(r, 8); got[0] != want || got[6] != want || got[7] == want {
			t.Fatalf("feed %q, want seven times %q", got, want)
		}
		if n := len(r.Members("web")); n != 2 {
			t.Fatalf("%d members, want no instance of a launch that failed", n)
		}
		r.FailLaunches("web", "")
		pass(5 * time.Minute)
		if inService(r) != 3 {
			t.Fatalf("%d in service once launches succeed, want 3", inService(r))
		}
	})
}
