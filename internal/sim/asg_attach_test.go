package sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"balanced/internal/sim"
)

func detach(t *testing.T, c *awsasg.Client, source string) error {
	_, err := c.DetachTrafficSources(t.Context(), &awsasg.DetachTrafficSourcesInput{
		AutoScalingGroupName: aws.String("web"), TrafficSources: []types.TrafficSourceIdentifier{{Identifier: aws.String(source)}},
	})
	return err
}

func TestDetachedSourcesDeregisterTheirInstances(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front"})
		r.AddClassic(sim.Classic{Name: "old"})
		const lattice = "arn:aws:vpc-lattice:eu-west-1:1:targetgroup/tg-1"
		id := r.AddGroup(sim.Group{Name: "web", Desired: 2, TargetGroups: []string{"app"}, Classic: []string{"old"}, Lattice: []string{lattice}})[0]
		w := as(t, r, id)
		for _, source := range []string{r.TargetGroupARN("app"), "old", lattice} {
			if err := detach(t, w.asg, source); err != nil {
				t.Fatal(err)
			}
		}
		out, err := w.asg.DescribeAutoScalingGroups(t.Context(), &awsasg.DescribeAutoScalingGroupsInput{})
		if err != nil {
			t.Fatal(err)
		}
		g := out.AutoScalingGroups[0]
		if len(g.TrafficSources)+len(g.LoadBalancerNames)+len(g.TargetGroupARNs) > 0 || len(r.RoutedBy(id)) > 0 {
			t.Errorf("still attached: %v %v %v, still routed to by %v", g.TrafficSources, g.LoadBalancerNames, g.TargetGroupARNs, r.RoutedBy(id))
		}
		if err := detach(t, w.asg, "old"); err == nil {
			t.Error("what is not attached was detached")
		}
	})
}

func TestHealthChecksOfAGroupAreUpdated(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		w := as(t, r, r.AddGroup(sim.Group{Name: "web", Min: 1, Desired: 2})[0])
		_, err := w.asg.UpdateAutoScalingGroup(t.Context(), &awsasg.UpdateAutoScalingGroupInput{
			AutoScalingGroupName: aws.String("web"), HealthCheckGracePeriod: aws.Int32(90), HealthCheckType: aws.String("ELB"),
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := w.asg.DescribeAutoScalingGroups(t.Context(), &awsasg.DescribeAutoScalingGroupsInput{})
		if err != nil {
			t.Fatal(err)
		}
		if g := out.AutoScalingGroups[0]; *g.HealthCheckGracePeriod != 90 || *g.HealthCheckType != "ELB" || *g.MinSize != 1 {
			t.Errorf("grace %d, type %s, min %d", *g.HealthCheckGracePeriod, *g.HealthCheckType, *g.MinSize)
		}
	})
}

func TestSkewChangesTheDateHeader(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		w := as(t, r, r.AddGroup(sim.Group{Name: "web", Desired: 1})[0])
		r.SetFaults(func(sim.Call) *sim.Fault { return &sim.Fault{Skew: -time.Hour} })
		out, err := w.asg.DescribeAutoScalingGroups(t.Context(), &awsasg.DescribeAutoScalingGroupsInput{})
		if err != nil {
			t.Fatal(err)
		}
		if at, _ := awsmiddleware.GetServerTime(out.ResultMetadata); time.Since(at).Round(time.Minute) != time.Hour {
			t.Errorf("answered at %v, want an hour ago", at)
		}
	})
}

func TestAttachInstances(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 2, Desired: 1})
		spare := r.AddGroup(sim.Group{Name: "other", Desired: 2})
		for _, id := range spare {
			r.Detach(id)
		}
		pass(time.Minute)
		w := as(t, r, ids[0])
		attach := func(ids ...string) error {
			_, err := w.asg.AttachInstances(t.Context(), &awsasg.AttachInstancesInput{AutoScalingGroupName: aws.String("web"), InstanceIds: ids})
			return err
		}
		wantRefusal(t, attach(spare...), "ValidationError", "AutoScalingGroup web has min-size=0, max-size=2, and desired-size=1. To attach 2 instances, please update the AutoScalingGroup sizes appropriately.")
		r.Suspend("web", "Launch")
		if err := attach(spare[0]); err == nil {
			t.Error("attached while Launch is suspended")
		}
		r.Resume("web", "Launch")
		if err := attach(spare[0]); err != nil {
			t.Fatal(err)
		}
		newest := w.feed()[0]
		if *newest.Description != "Attaching an existing EC2 instance: "+spare[0] || !strings.HasSuffix(*newest.Cause, " an instance was added in response to user request. Keeping the capacity at the new 2.") {
			t.Errorf("activity %s: %s", *newest.Description, *newest.Cause)
		}
		pass(time.Minute)
		w.wantState(spare[0], "InService")
		if _, _, desired := r.Sizes("web"); desired != 2 {
			t.Errorf("desired %d, want 2", desired)
		}
	})
}
