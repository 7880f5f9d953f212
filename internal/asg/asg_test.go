package asg

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"

	"balanced/internal/fleet"
)

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		text     string
		kind     fleet.ActivityKind
		instance string
	}{
		{"Moving EC2 instance to Standby: i-05a27f8278dbb608d", fleet.ToStandby, "i-05a27f8278dbb608d"},
		{"Moving EC2 instance to StandBy: i-1", fleet.ToStandby, "i-1"},
		{"Moving EC2 instance to Standby: i-1 - Waiting For ELB Connection Draining.", fleet.ToStandby, "i-1"},
		{"Moving EC2 instance out of Standby: i-1", fleet.FromStandby, "i-1"},
		{"Launching a new EC2 instance: i-1", fleet.Launch, "i-1"},
		{"Launching a new EC2 instance.  Status Reason: We currently do not have sufficient capacity: none", fleet.Launch, ""},
		{"Launching a new EC2 instance: i-1.  Status Reason: Instance became unhealthy: i-2", fleet.Launch, "i-1"},
		{"Launching a new EC2 instance.  Status Reason: cannot replace it: i-2", fleet.Launch, ""}, // the reason may name another
		{"Moving EC2 instance to Standby: i-1.  Status Reason: cancelled by a user: i-2", fleet.ToStandby, "i-1"},
		{"Launching a new EC2 instance from warm pool: i-1", fleet.Launch, "i-1"},
		{"Launching a new EC2 instance into warm pool: i-1", fleet.WarmLaunch, "i-1"},
		{"Terminating EC2 instance: i-1", fleet.Terminate, "i-1"},
		{"Terminating EC2 instance: i-1 - Waiting For ELB Connection Draining.", fleet.Terminate, "i-1"},
		{"Detaching EC2 instance: i-1", fleet.OtherActivity, "i-1"},
		{"Updating load balancers/target groups: Successful. Status Reason: Added: arn:aws:…", fleet.OtherActivity, ""},
		{"", fleet.OtherActivity, ""},
	} {
		if kind, instance := classify(c.text); kind != c.kind || instance != c.instance {
			t.Errorf("%q is %v of %q, want %v of %q", c.text, kind, instance, c.kind, c.instance)
		}
	}
}

func TestCapacity(t *testing.T) {
	for _, c := range []struct {
		cause    string
		from, to int
		ok       bool
	}{
		{"At 2025-06-21T04:51:26Z instance i-1 was moved to standby in response to a user request, shrinking the capacity from 4 to 3.", 4, 3, true},
		{"At 2025-06-21T04:51:26Z instance i-1 was moved out of standby in response to a user request, increasing the capacity from 0 to 1.", 0, 1, true},
		{"At …Z instance i-1 was moved to standby in response to a user request.", 0, 0, false},
		{"At …Z a monitor alarm X triggered policy Y changing the desired capacity from 9 to 2.  At …Z an instance was taken out of service, shrinking the capacity from 3 to 2.", 3, 2, true},
		{"shrinking the capacity from 99999999999999999999 to 1", 0, 0, false},
		{"", 0, 0, false},
	} {
		if from, to, ok := capacity(c.cause); from != c.from || to != c.to || ok != c.ok {
			t.Errorf("%q: %d to %d, %v", c.cause, from, to, ok)
		}
	}
}

func FuzzActivity(f *testing.F) {
	f.Add("Moving EC2 instance to Standby: i-0a", "i was moved to standby, shrinking the capacity from 4 to 3.")
	f.Add("Launching a new EC2 instance: i-0a", "increasing the capacity from 0 to 1.")
	f.Add("ſtandby: i-", "the capacity from to")
	f.Fuzz(func(t *testing.T, text, cause string) {
		a := activity(types.Activity{Description: &text, Cause: &cause})
		if a.Instance != "" && !strings.Contains(text, ": "+a.Instance) {
			t.Errorf("instance %q out of %q", a.Instance, text)
		}
		if a.From < 0 || a.To < 0 || !a.Moved && a.From+a.To != 0 {
			t.Errorf("from %d to %d, moved %v, out of %q", a.From, a.To, a.Moved, cause)
		}
	})
}

func TestWhatIsAttachedIsTheUnionOfOldAndNewFields(t *testing.T) {
	source := func(kind, id string) types.TrafficSourceIdentifier {
		s := types.TrafficSourceIdentifier{Identifier: &id}
		if kind != "" {
			s.Type = &kind
		}
		return s
	}
	const tg = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/"
	var g fleet.Group
	attach(&g, types.AutoScalingGroup{
		LoadBalancerNames: []string{"shop", "api"},
		TargetGroupARNs:   []string{tg + "b/1", tg + "d/1"},
		TrafficSources: []types.TrafficSourceIdentifier{
			source("elb", "api"), source("elb", "new"), source("elbv2", tg+"b/1"), source("elbv2", tg+"a/1"),
			source("", tg+"c/1"), source("vpc-lattice", "arn:aws:vpc-lattice:eu-west-1:1:targetgroup/tg-1"),
			source("", "arn:aws:other"), source("new", tg+"e/1"),
		},
	})
	want := fleet.Group{
		Classic:      []string{"api", "new", "shop"},
		TargetGroups: []string{tg + "a/1", tg + "b/1", tg + "c/1", tg + "d/1"},
		Unknown:      []string{"arn:aws:other", "new " + tg + "e/1", "vpc-lattice arn:aws:vpc-lattice:eu-west-1:1:targetgroup/tg-1"},
	}
	if diff := cmp.Diff(want, g); diff != "" {
		t.Error(diff)
	}
}

func TestAnAbsentMaintenancePolicyIsNoPercentage(t *testing.T) {
	for _, c := range []struct {
		policy *types.InstanceMaintenancePolicy
		want   int
	}{
		{nil, -1},
		{&types.InstanceMaintenancePolicy{}, -1},
		{&types.InstanceMaintenancePolicy{MinHealthyPercentage: aws.Int32(-1)}, -1},
		{&types.InstanceMaintenancePolicy{MinHealthyPercentage: aws.Int32(0)}, 0},
		{&types.InstanceMaintenancePolicy{MinHealthyPercentage: aws.Int32(90)}, 90},
	} {
		g := group(types.AutoScalingGroup{InstanceMaintenancePolicy: c.policy}, answeredAt(middleware.Metadata{}))
		if g.MinHealthyPercent != c.want || g.At.IsZero() {
			t.Errorf("%+v: %d at %v", c.policy, g.MinHealthyPercent, g.At)
		}
	}
}

func TestMembers(t *testing.T) {
	in := []types.Instance{
		{InstanceId: aws.String("i-1"), AvailabilityZone: aws.String("a"), LifecycleState: "InService", HealthStatus: aws.String("Healthy"), WeightedCapacity: aws.String("4")},
		{InstanceId: aws.String("i-2"), LifecycleState: "ReplacingRootVolume", HealthStatus: aws.String("UNHEALTHY")},
	}
	want := []fleet.Member{
		{ID: "i-1", Zone: "a", State: fleet.InService, Healthy: true, Weight: 4},
		{ID: "i-2", State: "ReplacingRootVolume"},
	}
	g := group(types.AutoScalingGroup{Instances: in, Status: aws.String("Delete in progress")}, answeredAt(middleware.Metadata{}))
	if diff := cmp.Diff(want, g.Members); diff != "" || !g.Deleting || !g.Weighted() {
		t.Errorf("%+v\n%s", g, diff)
	}
}

func TestWhyAnActivityFailedIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		text, message string
		want          string
	}{
		"in its own place":   {"Launching a new EC2 instance.  Status Reason: no capacity. Launching EC2 instance failed.", "no capacity. Launching EC2 instance failed.", "no capacity. Launching EC2 instance failed."},
		"in both places":     {"Launching a new EC2 instance.  Status Reason: no", "no capacity", "no capacity"},
		"in the description": {"Launching a new EC2 instance.  Status Reason: You have exceeded a quota.", "", "You have exceeded a quota."},
		"not at all":         {"Launching a new EC2 instance", "", ""},
	} {
		in := types.Activity{Description: &c.text, StatusCode: "Failed"}
		if c.message != "" {
			in.StatusMessage = &c.message
		}
		if a := activity(in); a.Message != c.want || !a.FailedLaunch() || a.Running() {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestWhoManagesAGroupAndWhatItRetains(t *testing.T) {
	for name, c := range map[string]struct {
		in       types.AutoScalingGroup
		operator string
		retains  bool
	}{
		"nobody":                {types.AutoScalingGroup{}, "", false},
		"an operator":           {types.AutoScalingGroup{Operator: &types.Operator{Principal: aws.String("eks.amazonaws.com")}}, "eks.amazonaws.com", false},
		"an empty policy":       {types.AutoScalingGroup{InstanceLifecyclePolicy: &types.InstanceLifecyclePolicy{}}, "", false},
		"a policy to terminate": {types.AutoScalingGroup{InstanceLifecyclePolicy: &types.InstanceLifecyclePolicy{RetentionTriggers: &types.RetentionTriggers{TerminateHookAbandon: "terminate"}}}, "", false},
		"a policy to retain":    {types.AutoScalingGroup{InstanceLifecyclePolicy: &types.InstanceLifecyclePolicy{RetentionTriggers: &types.RetentionTriggers{TerminateHookAbandon: "retain"}}}, "", true},
	} {
		if g := group(c.in, answeredAt(middleware.Metadata{})); g.Operator != c.operator || g.Retains != c.retains {
			t.Errorf("%s: %q, %v", name, g.Operator, g.Retains)
		}
	}
}

func TestMetricsThatAreSent(t *testing.T) {
	in := types.AutoScalingGroup{EnabledMetrics: []types.EnabledMetric{{Metric: aws.String("GroupStandbyInstances")}, {Metric: aws.String("GroupTotalInstances")}}}
	if got := group(in, answeredAt(middleware.Metadata{})).Metrics; !slices.Equal(got, []string{"GroupStandbyInstances", "GroupTotalInstances"}) {
		t.Errorf("%v", got)
	}
}

func TestWhatARefreshDoes(t *testing.T) {
	for strategy, inPlace := range map[types.RefreshStrategy]bool{"Rolling": false, "ReplaceRootVolume": true, "": false} {
		if r := refresh(types.InstanceRefresh{Status: "InProgress", Strategy: strategy}); r.InPlace() != inPlace || r.Strategy != string(strategy) {
			t.Errorf("%q: %+v", strategy, r)
		}
	}
}
