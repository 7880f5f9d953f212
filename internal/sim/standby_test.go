package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"balanced/internal/sim"
)

func TestEnterStandbyRefusals(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(r *sim.Region, id string)
		in      awsasg.EnterStandbyInput
		code    string
		message string // INSTANCE is its id
	}{
		{
			name:    "in Standby already",
			prepare: func(r *sim.Region, id string) { r.SetState(id, "Standby") },
			message: "The instance INSTANCE is not in InService.",
		},
		{
			name:    "entering Standby",
			prepare: func(r *sim.Region, id string) { r.SetState(id, "EnteringStandby") },
			message: "The instance INSTANCE is not in InService.",
		},
		{
			name:    "behind a launch hook",
			prepare: func(r *sim.Region, id string) { r.SetState(id, "Pending:Wait") },
			message: "The instance INSTANCE is not in InService.",
		},
		{
			name:    "in the warm pool",
			prepare: func(r *sim.Region, id string) { r.SetState(id, "Warmed:Running") },
			message: "The instance INSTANCE is not in InService.",
		},
		{
			name:    "MinSize",
			prepare: func(r *sim.Region, id string) { r.SetSizes("web", 3, 4, 3) },
			message: "AutoScalingGroup web has min-size=3, max-size=4, and desired-size=3. To place into standby 1 instance, please update the AutoScalingGroup sizes appropriately.",
		},
		{
			name:    "another group",
			in:      awsasg.EnterStandbyInput{AutoScalingGroupName: aws.String("other")},
			message: "The instance INSTANCE is not part of Auto Scaling group other.",
		},
		{
			name:    "no such instance",
			in:      awsasg.EnterStandbyInput{InstanceIds: []string{"i-0fffffffffffffff0"}},
			message: "The instance i-0fffffffffffffff0 is not part of Auto Scaling group web.",
		},
		{
			name:    "no such group",
			in:      awsasg.EnterStandbyInput{AutoScalingGroupName: aws.String("nobody")},
			message: "AutoScalingGroup name not found - AutoScalingGroup: nobody not found",
		},
		{
			name:    "no ids",
			in:      awsasg.EnterStandbyInput{InstanceIds: []string{}},
			message: "At least one Instance ID is required.",
		},
		{
			name:    "too many ids",
			in:      awsasg.EnterStandbyInput{InstanceIds: make([]string, 21)},
			message: "1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: Member must have length less than or equal to 20",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
				id := r.AddGroup(sim.Group{Name: "web", Min: 1, Max: 4, Desired: 3})[0]
				r.AddGroup(sim.Group{Name: "other"})
				if c.prepare != nil {
					c.prepare(r, id)
				}
				in := c.in
				if in.AutoScalingGroupName == nil {
					in.AutoScalingGroupName = aws.String("web")
				}
				if in.InstanceIds == nil {
					in.InstanceIds = []string{id}
				}
				in.ShouldDecrementDesiredCapacity = aws.Bool(true)
				_, err := as(t, r, id).asg.EnterStandby(t.Context(), &in)
				wantRefusal(t, err, "ValidationError", strings.ReplaceAll(c.message, "INSTANCE", id))
			})
		})
	}
}

func TestExitStandbyRefusals(t *testing.T) {
	for _, c := range []struct {
		name, message string
		prepare       func(r *sim.Region, id string)
	}{
		{"in service", "The instance INSTANCE is not in Standby.", func(r *sim.Region, id string) {}},
		{"still entering", "The instance INSTANCE is not in Standby.", func(r *sim.Region, id string) { r.SetState(id, "EnteringStandby") }},
		{
			"MaxSize", "AutoScalingGroup web has min-size=1, max-size=3, and desired-size=3. To remove from standby 1 instance, please update the AutoScalingGroup sizes appropriately.",
			func(r *sim.Region, id string) { r.SetState(id, "Standby") },
		},
		{"Launch suspended", "Cannot move instances out of Standby for AutoScalingGroup web while the Launch process is suspended", func(r *sim.Region, id string) {
			r.SetState(id, "Standby")
			r.Suspend("web", "Launch")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
				id := r.AddGroup(sim.Group{Name: "web", Min: 1, Max: 3, Desired: 3})[0]
				c.prepare(r, id)
				_, err := as(t, r, id).exit(id)
				wantRefusal(t, err, "ValidationError", strings.ReplaceAll(c.message, "INSTANCE", id))
			})
		})
	}
}

func TestMinSizeLimitsDepartures(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Min: 3, Max: 4, Desired: 4})
		w := as(t, r, ids[0])
		entered := 0
		for _, id := range ids {
			if _, err := w.enter(id); err == nil {
				entered++
			}
		}
		_, _, desired := r.Sizes("web")
		if entered != 1 || desired != 3 {
			t.Fatalf("%d instances left a group of MinSize 3, desired now %d; want 1 and 3", entered, desired)
		}
	})
}

func TestABatchMovesAllOrNone(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Min: 0, Max: 4, Desired: 4})
		r.SetState(ids[3], "Standby")
		w := as(t, r, ids[0])
		batch := &awsasg.EnterStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: ids, ShouldDecrementDesiredCapacity: aws.Bool(true)}
		_, err := w.asg.EnterStandby(t.Context(), batch)
		wantRefusal(t, err, "ValidationError", "The instance "+ids[3]+" is not in InService.")
		w.wantState(ids[0], "InService")

		batch.InstanceIds = ids[:2]
		out, err := w.asg.EnterStandby(t.Context(), batch)
		if err != nil || len(out.Activities) != 2 {
			t.Fatalf("batch of two: %v, %v", out, err)
		}
		if _, _, desired := r.Sizes("web"); desired != 2 {
			t.Fatalf("desired %d after two left, want 2", desired)
		}
	})
}

func TestEnteringWithoutDecrementLaunchesAReplacement(t *testing.T) {
	for _, surplusTerminated := range []bool{false, true} {
		t.Run(fmt.Sprintf("surplus terminated %t", surplusTerminated), func(t *testing.T) {
			inBubble(t, sim.Config{Behaviour: sim.Behaviour{SurplusTerminated: surplusTerminated}}, func(t *testing.T, r *sim.Region) {
				ids := r.AddGroup(sim.Group{Name: "web", Min: 2, Max: 3, Desired: 2})
				if err := r.EnterStandby("web", ids[0], false); err != nil {
					t.Fatal(err)
				}
				pass(2 * time.Minute)
				if n := inService(r); n != 2 {
					t.Fatalf("%d in service besides the one in Standby, want a replacement: 2", n)
				}
				if err := r.ExitStandby("web", ids[0]); err != nil {
					t.Fatal(err)
				}
				pass(2 * time.Minute)
				want := map[bool]int{false: 3, true: 2}[surplusTerminated]
				if _, _, desired := r.Sizes("web"); desired != want || inService(r) != want {
					t.Fatalf("desired %d, in service %d, want %d", desired, inService(r), want)
				}
			})
		})
	}
}

// inService counts the members of group web that are in service.
func inService(r *sim.Region) int {
	n := 0
	for _, m := range r.Members("web") {
		if m.State == "InService" {
			n++
		}
	}
	return n
}

func TestSuspendedAddToLoadBalancer(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, 0)
		r.EnterStandby("web", ids[0], true)
		pass(time.Minute)
		r.Suspend("web", "AddToLoadBalancer")
		if err := r.ExitStandby("web", ids[0]); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		r.Resume("web", "AddToLoadBalancer")
		pass(time.Hour)
		if takes := r.RoutedBy(ids[0]); r.State(ids[0]) != "InService" || len(takes) != 0 {
			t.Fatalf("state %s, routed to by %v; want InService and none, resumed or not", r.State(ids[0]), takes)
		}
	})
}

// albGroup is a group web of three behind an Application Load Balancer.
func albGroup(r *sim.Region, drain time.Duration) []string {
	r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
	r.AddTargetGroup(sim.TargetGroup{
		Name: "app", LoadBalancer: "front", Drain: drain,
		Check: sim.HealthCheck{Interval: 10 * time.Second, Healthy: 3, Unhealthy: 2},
	})
	return r.AddGroup(sim.Group{Name: "web", Min: 1, Max: 4, Desired: 3, TargetGroups: []string{"app"}})
}

func TestWeightedGroupsCountUnits(t *testing.T) {
	for _, byOne := range []bool{false, true} {
		t.Run(fmt.Sprintf("decrement by one %t", byOne), func(t *testing.T) {
			inBubble(t, sim.Config{Behaviour: sim.Behaviour{DecrementByOne: byOne}}, func(t *testing.T, r *sim.Region) {
				ids := r.AddGroup(sim.Group{Name: "web", Max: 12, Desired: 9, Weights: []int{4, 2, 3}})
				w := as(t, r, ids[0])
				if _, err := w.enter(ids[0]); err != nil {
					t.Fatal(err)
				}
				want := map[bool]int{false: 5, true: 8}[byOne]
				if _, _, desired := r.Sizes("web"); desired != want {
					t.Fatalf("desired %d after weight 4 of 9 left, want %d", desired, want)
				}
				out, err := w.asg.DescribeAutoScalingGroups(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				if weight := aws.ToString(out.AutoScalingGroups[0].Instances[0].WeightedCapacity); weight != "4" {
					t.Fatalf("WeightedCapacity %q, want 4", weight)
				}
			})
		})
	}
}

func TestContentionOnConcurrentMoves(t *testing.T) {
	inBubble(t, sim.Config{Behaviour: sim.Behaviour{ContentionOnConcurrentMove: true}}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 4, Desired: 4})
		w := as(t, r, ids[0])
		if _, err := w.enter(ids[0]); err != nil {
			t.Fatal(err)
		}
		_, err := w.enter(ids[1])
		wantRefusal(t, err, "ResourceContention", "You already have a pending update to an Amazon EC2 Auto Scaling resource (for example, an Auto Scaling group, instance, or load balancer).")
		if calls := r.Calls(); calls[len(calls)-1].Status != 500 {
			t.Fatalf("status %d, want 500", calls[len(calls)-1].Status)
		}
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		_, body, _ := ask(t, client, "GET", sim.APIEndpoint+"/?Version=2011-01-01&Action=EnterStandby&ShouldDecrementDesiredCapacity=true&AutoScalingGroupName=web&InstanceIds.member.1="+ids[1])
		if !strings.Contains(body, "<Type>Sender</Type><Code>ResourceContention</Code>") {
			t.Fatalf("the Type of ResourceContention is not Sender:\n%s", body)
		}
		pass(time.Second)
		if _, err := w.enter(ids[1]); err != nil {
			t.Fatalf("a second later: %v", err)
		}
	})
}

func TestRaisingMinSizeLaunchesForAnInstanceInStandby(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Min: 2, Max: 4, Desired: 3})
		r.EnterStandby("web", ids[0], true)
		r.SetSizes("web", 3, 4, 2)
		pass(2 * time.Minute)
		if _, _, desired := r.Sizes("web"); desired != 3 || inService(r) != 3 || len(r.Members("web")) != 4 {
			t.Fatalf("desired %d, in service %d of %d members; want 3, 3 of 4", desired, inService(r), len(r.Members("web")))
		}
	})
}

func TestScaleInSkipsProtectedInstances(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 4, Desired: 3})
		r.SetProtected(ids[0], true)
		r.SetSizes("web", 0, 4, 0)
		pass(time.Hour)
		if inService(r) != 1 || r.State(ids[0]) != "InService" {
			t.Fatalf("members %v, want only the protected %s", r.Members("web"), ids[0])
		}
	})
}

func TestScaleInSkipsStandby(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 4, Desired: 3})
		r.EnterStandby("web", ids[0], true)
		pass(time.Minute)
		r.SetSizes("web", 0, 4, 0)
		pass(time.Hour)
		members := r.Members("web")
		if len(members) != 1 || members[0].ID != ids[0] || members[0].State != "Standby" {
			t.Fatalf("members %v, want only %s in Standby", members, ids[0])
		}
	})
}
