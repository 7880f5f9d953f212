package sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"balanced/internal/sim"
)

// newcomer is the newest member of group web.
func newcomer(r *sim.Region) string {
	members := r.Members("web")
	return members[len(members)-1].ID
}

// complete completes the lifecycle action of a hook for an instance.
func (w *world) complete(hook, id, result string) error {
	_, err := w.asg.CompleteLifecycleAction(w.t.Context(), &awsasg.CompleteLifecycleActionInput{
		AutoScalingGroupName: aws.String("web"), LifecycleHookName: aws.String(hook),
		InstanceId: aws.String(id), LifecycleActionResult: aws.String(result),
	})
	return err
}

func (w *world) heartbeat(hook, id string) error {
	_, err := w.asg.RecordLifecycleActionHeartbeat(w.t.Context(), &awsasg.RecordLifecycleActionHeartbeatInput{
		AutoScalingGroupName: aws.String("web"), LifecycleHookName: aws.String(hook), InstanceId: aws.String(id),
	})
	return err
}

// wantNewest fails the test unless the newest activity has this status and progress.
func (w *world) wantNewest(status string, progress int) sim.ActivityView {
	w.t.Helper()
	a := w.Activities("web")[0]
	if a.StatusCode != status || a.Progress != progress {
		w.t.Fatalf("newest activity %+v, want %s at %d", a, status, progress)
	}
	return a
}

func TestALaunchHook(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front"})
		ids := r.AddGroup(sim.Group{
			Name: "web", Max: 3, Desired: 1, TargetGroups: []string{"app"},
			Hooks: []sim.Hook{{Name: "gate", Heartbeat: 10 * time.Minute}, {Name: "second", Heartbeat: 10 * time.Minute}},
		})
		w := as(t, r, ids[0])
		r.SetSizes("web", 1, 3, 2)
		pass(2 * time.Minute)
		id := newcomer(r)
		w.wantState(id, "Pending:Wait")
		w.wantNewest("MidLifecycleAction", 40)
		if n := len(r.Registrations("app")); n != 1 {
			t.Fatalf("%d registrations, want none of a waiting instance", n)
		}
		if err := w.complete("gate", id, "CONTINUE"); err != nil {
			t.Fatal(err)
		}
		w.wantState(id, "Pending:Wait")
		wantRefusal(t, w.complete("gate", id, "CONTINUE"), "ValidationError", "No active Lifecycle Action found with instance ID "+id)
		if err := w.complete("second", id, "CONTINUE"); err != nil {
			t.Fatal(err)
		}
		w.wantState(id, "Pending:Proceed")
		pass(time.Second)
		w.wantState(id, "InService")
		w.wantNewest("Successful", 100)
	})
}

func TestAnAbandonedLaunch(t *testing.T) {
	for _, c := range []struct {
		name   string
		act    func(*world, string) error // nil: nobody completes the action
		reason string
	}{
		{"by somebody", func(w *world, id string) error { return w.complete("gate", id, "ABANDON") }, "Lifecycle Action Completed with ABANDON Result"},
		{"by the time-out", nil, "Heartbeat Timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
				ids := r.AddGroup(sim.Group{Name: "web", Max: 3, Desired: 1, Hooks: []sim.Hook{{Name: "gate", Heartbeat: time.Minute}}})
				w := as(t, r, ids[0])
				r.SetSizes("web", 1, 3, 2)
				pass(91 * time.Second)
				id := newcomer(r)
				if c.act != nil {
					if err := c.act(w, id); err != nil {
						t.Fatal(err)
					}
				}
				pass(61 * time.Second)
				w.wantState(id, "")
				var cancelled sim.ActivityView
				for _, a := range r.Activities("web") {
					if a.StatusCode == "Cancelled" {
						cancelled = a
					}
				}
				prefix := "Launching a new EC2 instance: " + id + ".  Status Reason: Instance failed to complete user's Lifecycle Action: Lifecycle Action with token "
				if d := cancelled.Description; !strings.HasPrefix(d, prefix) || !strings.HasSuffix(d, " was abandoned: "+c.reason) {
					t.Errorf("description %q, want %q… %q", d, prefix, c.reason)
				}
				w.wantState(newcomer(r), "Pending") // another one is launched
			})
		})
	}
}

func TestADefaultResultOfContinue(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 3, Desired: 1, Hooks: []sim.Hook{{Name: "gate", Heartbeat: time.Minute, Continue: true}}})
		w := as(t, r, ids[0])
		r.SetSizes("web", 1, 3, 2)
		pass(149 * time.Second)
		w.wantState(newcomer(r), "Pending:Wait")
		pass(2 * time.Second)
		w.wantState(newcomer(r), "InService")
	})
}

func TestHeartbeatsUpToTheGlobalTimeout(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 3, Desired: 1, Hooks: []sim.Hook{{Name: "gate", Heartbeat: time.Minute, Continue: true}}})
		w := as(t, r, ids[0])
		wantRefusal(t, w.heartbeat("gate", ids[0]), "ValidationError", "No active Lifecycle Action found with instance ID "+ids[0])
		r.SetSizes("web", 1, 3, 2)
		pass(90 * time.Second)
		id := newcomer(r)
		beats := 0
		for r.State(id) == "Pending:Wait" {
			if err := w.heartbeat("gate", id); err != nil {
				t.Fatal(err)
			}
			beats++
			pass(50 * time.Second)
		}
		if beats != 120 { // 100 minutes are 120 times 50 s
			t.Errorf("in service after %d heartbeats, want 120: the global time-out is 100 minutes", beats)
		}
	})
}

func TestATerminatingHook(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front", Drain: time.Minute})
		ids := r.AddGroup(sim.Group{Name: "web", Desired: 2, TargetGroups: []string{"app"}, Hooks: []sim.Hook{{Name: "bye", Terminating: true}}})
		w := as(t, r, ids[1])
		r.Terminate(ids[0])
		pass(59 * time.Second)
		w.wantState(ids[0], "Terminating")
		if a := w.wantNewest("WaitingForELBConnectionDraining", 50); !strings.HasSuffix(a.Description, " - Waiting For ELB Connection Draining.") {
			t.Errorf("description %q while it drains", a.Description)
		}
		pass(2 * time.Second)
		w.wantState(ids[0], "Terminating:Wait")
		if a := w.wantNewest("MidTerminatingLifecycleAction", 60); a.Description != "Terminating EC2 instance: "+ids[0] {
			t.Errorf("description %q at the hook", a.Description)
		}
		if err := w.complete("bye", ids[0], "ABANDON"); err != nil {
			t.Fatal(err)
		}
		w.wantState(ids[0], "Terminating:Proceed")
		pass(31 * time.Second)
		w.wantState(ids[0], "")
		w.wantNewest("Successful", 100)
	})
}

func TestARetainedInstance(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{
			Name: "web", Max: 3, Desired: 2, Hooks: []sim.Hook{{Name: "bye", Terminating: true}},
			Settings: sim.Settings{RetainOnAbandon: true},
		})
		w := as(t, r, ids[1])
		r.SetHealthStatus(ids[0], "Unhealthy")
		pass(time.Second)
		if err := w.complete("bye", ids[0], "ABANDON"); err != nil {
			t.Fatal(err)
		}
		w.wantState(ids[0], "Terminating:Retained")
		pass(5 * time.Minute)
		w.wantState(ids[0], "Terminating:Retained")
		if !r.Alive(ids[0]) || inService(r) != 2 {
			t.Fatalf("in EC2: %t, %d in service; want it running and replaced", r.Alive(ids[0]), inService(r))
		}
		var ended sim.ActivityView
		for _, a := range r.Activities("web") {
			if strings.HasPrefix(a.Description, "Terminating EC2 instance: "+ids[0]) {
				ended = a
			}
		}
		if ended.StatusCode != "Cancelled" || !strings.Contains(ended.Description, ".  Status Reason: Instance failed to complete user's Lifecycle Action") {
			t.Errorf("termination %+v, want it Cancelled", ended)
		}
		_, err := w.enter(ids[0])
		wantRefusal(t, err, "ValidationError", "The instance "+ids[0]+" is not in InService.")
		out, err := w.asg.TerminateInstanceInAutoScalingGroup(t.Context(), &awsasg.TerminateInstanceInAutoScalingGroupInput{
			InstanceId: aws.String(ids[0]), ShouldDecrementDesiredCapacity: aws.Bool(true),
		})
		if err != nil {
			t.Fatal(err)
		}
		if p := aws.ToInt32(out.Activity.Progress); p != 0 {
			t.Errorf("progress %d in the answer, want 0", p)
		}
		w.wantState(ids[0], "Terminating:Wait") // recorded: the hook runs again
		if err := w.complete("bye", ids[0], "CONTINUE"); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		w.wantState(ids[0], "")
		if _, _, desired := r.Sizes("web"); desired != 2 {
			t.Errorf("desired %d, want 2: it did not count", desired)
		}
	})
}

func TestRetain(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, time.Minute)
		w := as(t, r, ids[1])
		r.Retain(ids[0])
		w.wantState(ids[0], "Terminating")
		pass(time.Minute)
		w.wantState(ids[0], "Terminating:Retained")
		pass(2 * time.Minute)
		if inService(r) != 3 || len(r.RoutedBy(ids[0])) != 0 {
			t.Errorf("%d in service, routed by %v; want a replacement and no traffic", inService(r), r.RoutedBy(ids[0]))
		}
		if target, err := as(t, r, ids[0]).item("autoscaling/target-lifecycle-state"); err != nil || target != "Terminated" {
			t.Errorf("target lifecycle state %q, %v; want Terminated", target, err)
		}
	})
}

func TestAForcedRetainedState(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 3, Desired: 2})
		r.SetState(ids[0], "Terminating:Retained")
		r.Resume("web", "Launch") // lets Auto Scaling act on the group
		pass(2 * time.Minute)
		if n := inService(r); n != 2 {
			t.Errorf("%d in service, want a replacement of the one that does not count", n)
		}
		if target, err := as(t, r, ids[0]).item("autoscaling/target-lifecycle-state"); err != nil || target != "Terminated" {
			t.Errorf("target lifecycle state %q, %v; want Terminated", target, err)
		}
		r.SetState(ids[1], "Warmed:Running")
		if target, err := as(t, r, ids[1]).item("autoscaling/target-lifecycle-state"); err != nil || target != "Warmed:Running" {
			t.Errorf("target lifecycle state %q, %v; want Warmed:Running", target, err)
		}
	})
}

func TestDescribeLifecycleHooks(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Desired: 1, Hooks: []sim.Hook{
			{Name: "gate", Heartbeat: 10 * time.Minute, Continue: true, Metadata: "say hello"}, {Name: "bye", Terminating: true},
		}})
		w := as(t, r, ids[0])
		out, err := w.asg.DescribeLifecycleHooks(t.Context(), &awsasg.DescribeLifecycleHooksInput{AutoScalingGroupName: aws.String("web")})
		if err != nil || len(out.LifecycleHooks) != 2 {
			t.Fatalf("%+v, %v; want two hooks", out, err)
		}
		gate, bye := out.LifecycleHooks[0], out.LifecycleHooks[1]
		if *gate.LifecycleTransition != "autoscaling:EC2_INSTANCE_LAUNCHING" || *gate.HeartbeatTimeout != 600 || *gate.GlobalTimeout != 60000 ||
			*gate.DefaultResult != "CONTINUE" || *gate.NotificationMetadata != "say hello" {
			t.Errorf("launch hook %+v", gate)
		}
		if *bye.LifecycleTransition != "autoscaling:EC2_INSTANCE_TERMINATING" || *bye.HeartbeatTimeout != 3600 || *bye.GlobalTimeout != 172800 || *bye.DefaultResult != "ABANDON" {
			t.Errorf("terminating hook %+v", bye)
		}
		out, err = w.asg.DescribeLifecycleHooks(t.Context(), &awsasg.DescribeLifecycleHooksInput{AutoScalingGroupName: aws.String("web"), LifecycleHookNames: []string{"bye", "none"}})
		if err != nil || len(out.LifecycleHooks) != 1 {
			t.Errorf("%+v, %v; want the one known hook", out, err)
		}
		err = w.complete("gate", ids[0], "PERHAPS")
		wantRefusal(t, err, "ValidationError", "No active Lifecycle Action found with instance ID "+ids[0])
	})
}

func TestStandbyRunsNoHooks(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := r.AddGroup(sim.Group{Name: "web", Max: 2, Desired: 2, Hooks: []sim.Hook{{Name: "gate"}, {Name: "bye", Terminating: true}}})[0]
		w := as(t, r, id)
		r.EnterStandby("web", id, true)
		pass(time.Second)
		w.wantState(id, "Standby")
		r.ExitStandby("web", id)
		pass(7 * time.Second)
		w.wantState(id, "InService")
	})
}

func TestReturnToWarmPool(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 3, Desired: 2, WarmPool: 1, Settings: sim.Settings{ReuseOnScaleIn: true}})
		w := as(t, r, ids[0])
		r.SetSizes("web", 0, 3, 1)
		pass(time.Second)
		left := ids[0]
		if r.State(left) == "InService" {
			left = ids[1]
		}
		w.wantState(left, "Warmed:Pending")
		if target, err := as(t, r, left).item("autoscaling/target-lifecycle-state"); err != nil || target != "Warmed:Stopped" {
			t.Errorf("target lifecycle state %q, %v; want Warmed:Stopped", target, err)
		}
		pass(time.Minute)
		w.wantState(left, "Warmed:Stopped")
		out, err := w.asg.DescribeWarmPool(t.Context(), &awsasg.DescribeWarmPoolInput{AutoScalingGroupName: aws.String("web")})
		if err != nil || len(out.Instances) != 2 || !aws.ToBool(out.WarmPoolConfiguration.InstanceReusePolicy.ReuseOnScaleIn) {
			t.Errorf("%+v, %v; want two warm instances and the reuse policy", out, err)
		}
		other := r.Members("web")[0].ID
		r.ReturnToWarmPool(other)
		w.wantState(other, "Warmed:Pending")
		if _, _, desired := r.Sizes("web"); desired != 0 {
			t.Errorf("desired %d, want 0", desired)
		}
	})
}

// A person marks an instance Unhealthy while ReplaceUnhealthy is suspended.
func TestAnUnhealthyMarkWithoutReplacement(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, 0)
		w := as(t, r, ids[1])
		r.Suspend("web", "ReplaceUnhealthy")
		if _, err := w.asg.SetInstanceHealth(t.Context(), &awsasg.SetInstanceHealthInput{InstanceId: aws.String(ids[0]), HealthStatus: aws.String("Unhealthy"), ShouldRespectGracePeriod: aws.Bool(false)}); err != nil {
			t.Fatal(err)
		}
		pass(time.Hour)
		w.wantState(ids[0], "InService")
		if h := r.Members("web")[0].Health; h != "Unhealthy" {
			t.Errorf("health %s, want Unhealthy", h)
		}
		w.wantTarget("app", ids[0], "healthy", "")
	})
}
