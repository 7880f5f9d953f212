package asg

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

func group(g types.AutoScalingGroup, at time.Time) fleet.Group {
	out := fleet.Group{
		Name:     aws.ToString(g.AutoScalingGroupName),
		ARN:      aws.ToString(g.AutoScalingGroupARN),
		Min:      int(aws.ToInt32(g.MinSize)),
		Max:      int(aws.ToInt32(g.MaxSize)),
		Desired:  int(aws.ToInt32(g.DesiredCapacity)),
		Deleting: aws.ToString(g.Status) != "",
		Settings: settings(g),
		At:       at,
	}
	for _, i := range g.Instances {
		out.Members = append(out.Members, fleet.Member{
			ID:      aws.ToString(i.InstanceId),
			Zone:    aws.ToString(i.AvailabilityZone),
			State:   fleet.State(i.LifecycleState),
			Healthy: healthy(i.HealthStatus),
			Weight:  number(i.WeightedCapacity), // a string, of all things
		})
	}
	attach(&out, g)
	return out
}

func settings(g types.AutoScalingGroup) fleet.Settings {
	out := fleet.Settings{
		HealthCheckType:   aws.ToString(g.HealthCheckType),
		Grace:             time.Duration(aws.ToInt32(g.HealthCheckGracePeriod)) * time.Second,
		MinHealthyPercent: -1,
	}
	if g.Operator != nil {
		out.Operator = aws.ToString(g.Operator.Principal)
	}
	if p := g.InstanceLifecyclePolicy; p != nil && p.RetentionTriggers != nil {
		out.Retains = p.RetentionTriggers.TerminateHookAbandon == types.RetentionActionRetain
	}
	if p := g.InstanceMaintenancePolicy; p != nil && p.MinHealthyPercentage != nil {
		out.MinHealthyPercent = int(*p.MinHealthyPercentage)
	}
	for _, p := range g.SuspendedProcesses {
		out.Suspended = append(out.Suspended, aws.ToString(p.ProcessName))
	}
	for _, m := range g.EnabledMetrics {
		out.Metrics = append(out.Metrics, aws.ToString(m.Metric))
	}
	return out
}

// wholeGroup: sizes, lists and members that AWS always writes are there. A list of load balancers that is missing would
// be a group behind none, a size that is missing 0.
func wholeGroup(g types.AutoScalingGroup) error {
	name := aws.ToString(g.AutoScalingGroupName)
	for _, part := range []struct {
		what string
		has  bool
	}{
		{"MinSize", g.MinSize != nil},
		{"MaxSize", g.MaxSize != nil},
		{"DesiredCapacity", g.DesiredCapacity != nil},
		{"HealthCheckType", aws.ToString(g.HealthCheckType) != ""},
		{"Instances", g.Instances != nil},
		{"LoadBalancerNames", g.LoadBalancerNames != nil},
		{"TargetGroupARNs", g.TargetGroupARNs != nil},
		{"SuspendedProcesses", g.SuspendedProcesses != nil},
	} {
		if !part.has {
			return awsapi.Lacks("%s of group %s", part.what, name)
		}
	}
	for _, i := range g.Instances {
		state := string(i.LifecycleState)
		if err := wholeInstance(i.InstanceId, &state, i.HealthStatus, i.AvailabilityZone); err != nil {
			return err
		}
	}
	return nil
}

// wholeInstance: a state or a health that is missing is not the opposite of the one hoped for.
func wholeInstance(id, state, health, zone *string) error {
	for _, part := range []struct {
		name string
		text *string
	}{{"id", id}, {"lifecycle state", state}, {"health status", health}, {"zone", zone}} {
		if aws.ToString(part.text) == "" {
			return awsapi.Lacks("%s of instance %s", part.name, aws.ToString(id))
		}
	}
	return nil
}

// attach takes the union of the old fields and the new one: which of them shows a
// source depends on the call that attached it, and some show in both.
func attach(g *fleet.Group, from types.AutoScalingGroup) {
	g.Classic = slices.Clone(from.LoadBalancerNames)
	g.TargetGroups = slices.Clone(from.TargetGroupARNs)
	for _, s := range from.TrafficSources {
		id, kind := aws.ToString(s.Identifier), aws.ToString(s.Type)
		switch {
		case kind == "elb":
			g.Classic = append(g.Classic, id)
		case kind == "elbv2", kind == "" && strings.Contains(id, ":elasticloadbalancing:"):
			// The type may be left out for anything but a Classic load balancer.
			g.TargetGroups = append(g.TargetGroups, id)
		default:
			g.Unknown = append(g.Unknown, strings.TrimSpace(kind+" "+id))
		}
	}
	g.Classic = sorted(g.Classic)
	g.TargetGroups = sorted(g.TargetGroups)
	g.Unknown = sorted(g.Unknown)
}

func sorted(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// healthy: one call spells it HEALTHY, the other Healthy.
func healthy(s *string) bool { return strings.EqualFold(aws.ToString(s), "Healthy") }

func refresh(r types.InstanceRefresh) fleet.Refresh {
	out := fleet.Refresh{
		ID:       aws.ToString(r.InstanceRefreshId),
		Status:   string(r.Status),
		Percent:  int(aws.ToInt32(r.PercentageComplete)),
		Strategy: string(r.Strategy),
	}
	if r.Preferences != nil {
		out.Standby = string(r.Preferences.StandbyInstances)
	}
	return out
}
