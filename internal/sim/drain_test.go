package sim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	awselbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"balanced/internal/sim"
)

func TestTimeToStandby(t *testing.T) {
	classic := func(r *sim.Region, drain time.Duration) {
		r.AddClassic(sim.Classic{Name: "old", Draining: drain > 0, Drain: drain})
	}
	targetGroup := func(r *sim.Region, name string, drain time.Duration) {
		r.AddTargetGroup(sim.TargetGroup{Name: name, LoadBalancer: "front", Drain: drain})
	}
	for _, c := range []struct {
		name      string
		behaviour sim.Behaviour
		add       func(*sim.Region)
		group     sim.Group
		inFlight  time.Duration
		want      time.Duration
	}{
		{name: "no load balancer", want: 400 * time.Millisecond},
		{
			name:  "a target group drains for its whole delay, idle or not",
			add:   func(r *sim.Region) { targetGroup(r, "app", 300*time.Second) },
			group: sim.Group{TargetGroups: []string{"app"}}, want: 300 * time.Second,
		},
		{
			name:  "a target group behind no listener deregisters at once",
			add:   func(r *sim.Region) { r.AddTargetGroup(sim.TargetGroup{Name: "app", Drain: 300 * time.Second}) },
			group: sim.Group{TargetGroups: []string{"app"}}, want: 400 * time.Millisecond,
		},
		{
			name:  "an idle Classic Load Balancer deregisters at once",
			add:   func(r *sim.Region) { classic(r, 300*time.Second) },
			group: sim.Group{Classic: []string{"old"}}, want: 400 * time.Millisecond,
		},
		{
			name:  "a busy one when the last request ends",
			add:   func(r *sim.Region) { classic(r, 300*time.Second) },
			group: sim.Group{Classic: []string{"old"}}, inFlight: 70 * time.Second, want: 70 * time.Second,
		},
		{
			name:  "but no later than its timeout",
			add:   func(r *sim.Region) { classic(r, 300*time.Second) },
			group: sim.Group{Classic: []string{"old"}}, inFlight: time.Hour, want: 300 * time.Second,
		},
		{
			name:  "and without draining it closes connections",
			add:   func(r *sim.Region) { classic(r, 0) },
			group: sim.Group{Classic: []string{"old"}}, inFlight: time.Hour, want: 400 * time.Millisecond,
		},
		{
			name: "several drain at the same time",
			add: func(r *sim.Region) {
				targetGroup(r, "a", 100*time.Second)
				targetGroup(r, "b", 60*time.Second)
			},
			group: sim.Group{TargetGroups: []string{"a", "b"}}, want: 100 * time.Second,
		},
		{
			name: "or one after another", behaviour: sim.Behaviour{SerialDrains: true},
			add: func(r *sim.Region) {
				targetGroup(r, "a", 100*time.Second)
				targetGroup(r, "b", 60*time.Second)
			},
			group: sim.Group{TargetGroups: []string{"a", "b"}}, want: 160 * time.Second,
		},
		{
			name: "or Auto Scaling has a timer of its own", behaviour: sim.Behaviour{DrainTimer: 30 * time.Second},
			add:   func(r *sim.Region) { targetGroup(r, "a", 100*time.Second) },
			group: sim.Group{TargetGroups: []string{"a"}}, want: 30 * time.Second,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, sim.Config{Behaviour: c.behaviour}, func(t *testing.T, r *sim.Region) {
				r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
				if c.add != nil {
					c.add(r)
				}
				c.group.Name, c.group.Desired = "web", 2
				id := r.AddGroup(c.group)[0]
				r.SetInFlight(id, c.inFlight)
				if err := r.EnterStandby("web", id, true); err != nil {
					t.Fatal(err)
				}
				pass(c.want - time.Millisecond)
				if got := r.State(id); got != "EnteringStandby" {
					t.Fatalf("%s a moment before %v, want EnteringStandby", got, c.want)
				}
				pass(time.Millisecond)
				if got := r.State(id); got != "Standby" {
					t.Fatalf("%s after %v, want Standby", got, c.want)
				}
			})
		})
	}
}

func TestADrainingInstanceGetsNoNewTraffic(t *testing.T) {
	inBubble(t, sim.Config{Timing: sim.Timing{NetworkLinger: 20 * time.Second}}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		r.AddLoadBalancer(sim.LoadBalancer{Name: "wire", Type: "network"})
		r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front", Drain: 60 * time.Second})
		r.AddTargetGroup(sim.TargetGroup{Name: "tcp", Protocol: "TCP", LoadBalancer: "wire", Drain: 60 * time.Second})
		id := r.AddGroup(sim.Group{Name: "web", Desired: 2, TargetGroups: []string{"app", "tcp"}})[0]
		r.EnterStandby("web", id, true)
		if takes := r.RoutedBy(id); !slices.Equal(takes, []string{"tcp"}) {
			t.Fatalf("routed to by %v, want the lingering network load balancer only", takes)
		}
		pass(20 * time.Second)
		if takes, draining := r.RoutedBy(id), r.Draining(id); takes != nil || len(draining) != 2 {
			t.Fatalf("routed to by %v and is drained by %v, want none and both", takes, draining)
		}
	})
}

func (w *world) target(name, id string) *elbv2types.TargetHealth {
	w.t.Helper()
	out, err := w.elbv2.DescribeTargetHealth(w.t.Context(), &awselbv2.DescribeTargetHealthInput{
		TargetGroupArn: aws.String(w.TargetGroupARN(name)),
		Targets:        []elbv2types.TargetDescription{{Id: aws.String(id)}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.TargetHealthDescriptions[0].TargetHealth
}

func (w *world) wantTarget(name, id, state, reason string) {
	w.t.Helper()
	if got := w.target(name, id); string(got.State) != state || string(got.Reason) != reason {
		w.t.Fatalf("target %s is %s/%s, want %s/%s", id, got.State, got.Reason, state, reason)
	}
}

func TestTargetStates(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, 60*time.Second)
		w := as(t, r, ids[0])
		w.wantTarget("app", ids[0], "healthy", "")
		r.EnterStandby("web", ids[0], true)
		w.wantTarget("app", ids[0], "draining", "Target.DeregistrationInProgress")
		if n := w.listedTargets("app"); n != 3 {
			t.Fatalf("%d targets listed while one drains, want 3", n)
		}
		pass(time.Minute)
		w.wantTarget("app", ids[0], "unused", "Target.NotRegistered")
		if n := w.listedTargets("app"); n != 2 {
			t.Fatalf("%d targets listed after the drain, want the others: 2", n)
		}
		r.SetAppHealthy(ids[0], false)
		r.ExitStandby("web", ids[0])
		w.wantTarget("app", ids[0], "initial", "Elb.RegistrationInProgress")
		pass(6400 * time.Millisecond)
		w.wantState(ids[0], "InService") // which does not wait for a passing check
		w.wantTarget("app", ids[0], "initial", "Elb.InitialHealthChecking")
		pass(5600 * time.Millisecond)
		w.wantTarget("app", ids[0], "unhealthy", "Target.ResponseCodeMismatch")
		r.SetAppHealthy(ids[0], true)
		pass(20 * time.Second)
		w.wantTarget("app", ids[0], "unhealthy", "Target.ResponseCodeMismatch")
		pass(10 * time.Second)
		w.wantTarget("app", ids[0], "healthy", "")
	})
}

// listedTargets counts the targets of the answer that names none.
func (w *world) listedTargets(name string) int {
	w.t.Helper()
	out, err := w.elbv2.DescribeTargetHealth(w.t.Context(), &awselbv2.DescribeTargetHealthInput{TargetGroupArn: aws.String(w.TargetGroupARN(name))})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(out.TargetHealthDescriptions)
}

func TestChecksThatANewTargetMustPass(t *testing.T) {
	for _, c := range []struct {
		kind, protocol string
		want           time.Duration // after the registration: the first check is 1 s later
	}{
		{"application", "HTTP", time.Second},
		{"network", "TCP", 21 * time.Second},
		{"gateway", "GENEVE", 21 * time.Second},
	} {
		t.Run(c.kind, func(t *testing.T) {
			inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
				r.AddLoadBalancer(sim.LoadBalancer{Name: "front", Type: c.kind})
				r.AddTargetGroup(sim.TargetGroup{
					Name: "app", Protocol: c.protocol, LoadBalancer: "front",
					Check: sim.HealthCheck{Interval: 10 * time.Second, Healthy: 3},
				})
				id := r.AddGroup(sim.Group{Name: "web", Desired: 2, TargetGroups: []string{"app"}})[0]
				w := as(t, r, id)
				r.EnterStandby("web", id, true)
				pass(time.Minute)
				r.ExitStandby("web", id)
				pass(c.want - time.Millisecond)
				if got := w.target("app", id).State; got != "initial" {
					t.Fatalf("%s a moment before %v, want initial", got, c.want)
				}
				pass(time.Millisecond)
				w.wantTarget("app", id, "healthy", "")
			})
		})
	}
}

func TestAVerdictNeedsConsecutiveResults(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, 0) // checks every ten seconds, two failures or three passes in a row
		w := as(t, r, ids[0])
		pass(5 * time.Second)
		for range 4 { // one failed check, one passed
			r.SetAppHealthy(ids[0], false)
			pass(10 * time.Second)
			r.SetAppHealthy(ids[0], true)
			pass(10 * time.Second)
		}
		w.wantTarget("app", ids[0], "healthy", "")
		r.SetAppHealthy(ids[0], false)
		pass(20 * time.Second)
		for range 4 { // two passed, one failed
			w.wantTarget("app", ids[0], "unhealthy", "Target.ResponseCodeMismatch")
			r.SetAppHealthy(ids[0], true)
			pass(20 * time.Second)
			r.SetAppHealthy(ids[0], false)
			pass(10 * time.Second)
		}
		w.wantTarget("app", ids[0], "unhealthy", "Target.ResponseCodeMismatch")
	})
}

func TestUnusedTargets(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front", Zones: []string{"eu-west-1a"}})
		r.AddTargetGroup(sim.TargetGroup{Name: "spare"})
		r.AddTargetGroup(sim.TargetGroup{Name: "zonal", LoadBalancer: "front"})
		r.AddTargetGroup(sim.TargetGroup{Name: "unchecked", LoadBalancer: "front", Check: sim.HealthCheck{Disabled: true}})
		ids := r.AddGroup(sim.Group{Name: "web", Desired: 2, TargetGroups: []string{"spare", "zonal", "unchecked"}})
		w := as(t, r, ids[0])
		w.wantTarget("spare", ids[0], "unused", "Target.NotInUse")
		w.wantTarget("zonal", ids[0], "healthy", "")
		w.wantTarget("zonal", ids[1], "unused", "Target.NotInUse")
		w.wantTarget("unchecked", ids[0], "unavailable", "Target.HealthCheckDisabled")
		if got := w.target("zonal", ids[1]).Description; aws.ToString(got) != "Target is in an Availability Zone that is not enabled for the load balancer" {
			t.Fatalf("description %q", aws.ToString(got))
		}
	})
}

func TestTargetGroupsFailOpen(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, 0)
		for _, id := range ids[1:] {
			r.SetAppHealthy(id, false)
		}
		pass(time.Minute)
		if r.RoutedBy(ids[1]) != nil {
			t.Fatal("an unhealthy target gets traffic while another is healthy")
		}
		r.SetAppHealthy(ids[0], false)
		pass(time.Minute)
		if r.RoutedBy(ids[1]) == nil {
			t.Fatal("an Application Load Balancer with no healthy target sends traffic to all; this target gets none")
		}
		if healthy, all := r.HealthyAt(ids[1]); healthy != 0 || all != 1 {
			t.Fatalf("healthy at %d of %d, want 0 of 1: traffic is no proof of health", healthy, all)
		}
	})
}

func TestClassicLoadBalancersDoNotFailOpen(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddClassic(sim.Classic{Name: "old", Zones: []string{"eu-west-1a", "eu-west-1b"}})
		ids := r.AddGroup(sim.Group{Name: "web", Desired: 3, Classic: []string{"old"}})
		as(t, r, ids[0]).wantInstance(ids[2], "OutOfService", "ELB",
			"Instance is in the EC2 Availability Zone for which LoadBalancer is not configured to route traffic to.")
		for _, id := range ids[:2] {
			if r.RoutedBy(id) == nil {
				t.Fatalf("%s is healthy and gets no traffic", id)
			}
			r.SetAppHealthy(id, false)
		}
		pass(5 * time.Minute)
		for _, id := range ids {
			if r.RoutedBy(id) != nil {
				t.Fatalf("%s gets traffic, although it is unhealthy or its zone is disabled", id)
			}
		}
	})
}

func TestExtraPortsStayRegistered(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, 0)
		r.RegisterExtraPort("app", ids[0], 9090)
		r.AddTargets("app", "i-0aaaaaaaaaaaaaaaa")
		r.SetAppHealthy("i-0aaaaaaaaaaaaaaaa", false)
		if r.RoutedBy("i-0aaaaaaaaaaaaaaaa") == nil {
			t.Fatal("a target outside the group is unhealthy before its second failed check")
		}
		r.EnterStandby("web", ids[0], true)
		pass(time.Minute)
		w := as(t, r, ids[0])
		if n := w.listedTargets("app"); n != 4 {
			t.Fatalf("%d targets, want two members, one other instance and the extra port: 4", n)
		}
		if r.State(ids[0]) != "Standby" || r.RoutedBy(ids[0]) == nil {
			t.Fatalf("%s, takes %v; want Standby and traffic on the extra port", r.State(ids[0]), r.RoutedBy(ids[0]))
		}
	})
}

func (w *world) instanceHealth(ids ...string) []elbtypes.InstanceState {
	w.t.Helper()
	in := &awselb.DescribeInstanceHealthInput{LoadBalancerName: aws.String("old")}
	for _, id := range ids {
		in.Instances = append(in.Instances, elbtypes.Instance{InstanceId: aws.String(id)})
	}
	out, err := w.elb.DescribeInstanceHealth(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return out.InstanceStates
}

func (w *world) wantInstance(id, state, reason, description string) {
	w.t.Helper()
	got := w.instanceHealth(id)[0]
	if aws.ToString(got.State) != state || aws.ToString(got.ReasonCode) != reason || aws.ToString(got.Description) != description {
		w.t.Fatalf("instance health is\n %s / %s / %s\nwant\n %s / %s / %s",
			*got.State, *got.ReasonCode, *got.Description, state, reason, description)
	}
}

func TestClassicInstanceStates(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddClassic(sim.Classic{
			Name: "old", Draining: true, Drain: 60 * time.Second,
			Check: sim.HealthCheck{Interval: 10 * time.Second, Healthy: 2, Unhealthy: 3},
		})
		ids := r.AddGroup(sim.Group{Name: "web", Desired: 3, Classic: []string{"old"}})
		w := as(t, r, ids[0])
		w.wantInstance(ids[0], "InService", "N/A", "N/A")
		r.SetInFlight(ids[0], time.Hour)
		r.EnterStandby("web", ids[0], true)
		w.wantInstance(ids[0], "InService", "N/A", "Instance deregistration currently in progress.")
		pass(time.Minute)
		w.wantInstance(ids[0], "OutOfService", "Instance", "Instance is not currently registered with the LoadBalancer.")
		if n := len(w.instanceHealth()); n != 2 {
			t.Fatalf("%d instances listed, want the two that are registered", n)
		}
		r.SetAppHealthy(ids[0], false)
		r.ExitStandby("web", ids[0])
		w.wantInstance(ids[0], "OutOfService", "ELB", "Instance registration is still in progress.")
		pass(2 * time.Second)
		w.wantInstance(ids[0], "OutOfService", "Instance", "Instance has not passed the configured HealthyThreshold number of health checks consecutively.")
		pass(20 * time.Second)
		w.wantInstance(ids[0], "OutOfService", "Instance", "Instance has failed at least the UnhealthyThreshold number of health checks consecutively.")
		r.SetAppHealthy(ids[0], true)
		pass(20 * time.Second)
		w.wantInstance(ids[0], "InService", "N/A", "N/A")
		r.Suspend("web", "HealthCheck")
		r.KillInstance(ids[1])
		if n := len(w.instanceHealth()); n != 2 {
			t.Fatalf("%d instances listed, want two: not the terminated one", n)
		}
		if n := len(w.instanceHealth(ids[1], ids[0])); n != 1 {
			t.Fatalf("%d of two named instances answered, want one: terminated ones never are", n)
		}
	})
}
