package sim_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"balanced/internal/sim"
)

// group is a group through the API.
func (w *world) group(name string) asgtypes.AutoScalingGroup {
	w.t.Helper()
	out, err := w.asg.DescribeAutoScalingGroups(w.t.Context(), &awsasg.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.AutoScalingGroups[0]
}

func TestFieldsThatEveryGroupHas(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		w := as(t, r, r.AddGroup(sim.Group{Name: "web", Desired: 1})[0])
		g := w.group("web")
		if g.AvailabilityZoneDistribution.CapacityDistributionStrategy != "balanced-best-effort" || g.CapacityReservationSpecification.CapacityReservationPreference != "default" ||
			g.InstanceLifecyclePolicy.RetentionTriggers.TerminateHookAbandon != "terminate" ||
			*g.ServiceLinkedRoleARN != "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling" {
			t.Errorf("group %+v", g)
		}
		if want := []string{"euw1-az1", "euw1-az2", "euw1-az3"}; !slices.Equal(g.AvailabilityZoneIds, want) {
			t.Errorf("zone ids %v, want %v", g.AvailabilityZoneIds, want)
		}
		if g.DeletionProtection != "" || g.AvailabilityZoneImpairmentPolicy != nil || g.Operator != nil || g.DefaultInstanceWarmup != nil || g.Status != nil {
			t.Errorf("group %+v, want nothing that was not set", g)
		}
	})
}

func TestFieldsThatAGroupCanHave(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		w := as(t, r, r.AddGroup(sim.Group{Name: "web", Desired: 1, Settings: sim.Settings{
			DeletionProtection: "prevent-all-deletion", Distribution: "balanced-only", ImpairedZone: "IgnoreUnhealthy", CapacityReservation: "none",
			RetainOnAbandon: true, DefaultWarmup: 2 * time.Minute, Metrics: []string{"GroupStandbyInstances"}, Tags: map[string]string{"role": "web"},
		}})[0])
		g := w.group("web")
		if g.DeletionProtection != "prevent-all-deletion" || g.AvailabilityZoneDistribution.CapacityDistributionStrategy != "balanced-only" ||
			!*g.AvailabilityZoneImpairmentPolicy.ZonalShiftEnabled || g.AvailabilityZoneImpairmentPolicy.ImpairedZoneHealthCheckBehavior != "IgnoreUnhealthy" ||
			g.CapacityReservationSpecification.CapacityReservationPreference != "none" || g.InstanceLifecyclePolicy.RetentionTriggers.TerminateHookAbandon != "retain" ||
			*g.DefaultInstanceWarmup != 120 || *g.EnabledMetrics[0].Metric != "GroupStandbyInstances" || *g.EnabledMetrics[0].Granularity != "1Minute" || *g.Tags[0].Value != "web" {
			t.Errorf("group %+v", g)
		}
	})
}

func TestAGroupThatIsBeingDeleted(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		w := as(t, r, r.AddGroup(sim.Group{Name: "web", Min: 1, Desired: 1})[0])
		r.DeleteGroup("web")
		if g := w.group("web"); aws.ToString(g.Status) != "Delete in progress" || *g.MinSize != 0 || *g.MaxSize != 0 || *g.DesiredCapacity != 0 {
			t.Errorf("status %q, sizes %d %d %d; want Delete in progress and 0", aws.ToString(g.Status), *g.MinSize, *g.MaxSize, *g.DesiredCapacity)
		}
	})
}

func TestAManagedGroup(t *testing.T) {
	const message = "AutoScalingGroup web is managed by ecs.amazonaws.com. Only the operator can make changes to it."
	for code, behaviour := range map[string]sim.Behaviour{"AccessDenied": {}, "OperationNotPermitted": {OperatorCode: "OperationNotPermitted"}} {
		inBubble(t, sim.Config{Behaviour: behaviour}, func(t *testing.T, r *sim.Region) {
			id := r.AddGroup(sim.Group{Name: "web", Max: 2, Desired: 2, Settings: sim.Settings{Operator: "ecs.amazonaws.com"}})[0]
			w := as(t, r, id)
			if g := w.group("web"); *g.Operator.Principal != "ecs.amazonaws.com" {
				t.Errorf("operator %v", g.Operator)
			}
			_, err := w.enter(id)
			wantRefusal(t, err, code, message)
			_, err = w.asg.TerminateInstanceInAutoScalingGroup(t.Context(), &awsasg.TerminateInstanceInAutoScalingGroupInput{InstanceId: aws.String(id), ShouldDecrementDesiredCapacity: aws.Bool(false)})
			wantRefusal(t, err, code, message)
			w.wantState(id, "InService")
			if n := len(w.feed()); n != 2 {
				t.Errorf("%d activities, want to read those of a managed group", n)
			}
		})
	}
}

func TestSetInstanceProtection(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 2, Desired: 2})
		other := r.AddGroup(sim.Group{Name: "other", Desired: 1})[0]
		w := as(t, r, ids[0])
		protect := func(ids ...string) error {
			_, err := w.asg.SetInstanceProtection(t.Context(), &awsasg.SetInstanceProtectionInput{AutoScalingGroupName: aws.String("web"), InstanceIds: ids, ProtectedFromScaleIn: aws.Bool(true)})
			return err
		}
		wantRefusal(t, protect(ids[0], other), "ValidationError", "The instance "+other+" is not part of Auto Scaling group web.")
		r.SetState(ids[1], "Pending:Wait")
		wantRefusal(t, protect(ids...), "ValidationError", "The instance "+ids[1]+" is not in InService or EnteringStandby or Standby.")
		if m := w.group("web").Instances[0]; *m.ProtectedFromScaleIn {
			t.Error("a refused call has protected an instance")
		}
		if err := protect(ids[0]); err != nil {
			t.Fatal(err)
		}
		if m := w.group("web").Instances[0]; !*m.ProtectedFromScaleIn {
			t.Error("not protected")
		}
	})
}

func TestLaunchBeforeTerminate(t *testing.T) {
	for _, enabled := range []bool{false, true} {
		inBubble(t, sim.Config{LaunchBeforeTerminate: enabled}, func(t *testing.T, r *sim.Region) {
			ids := r.AddGroup(sim.Group{Name: "web", Max: 2, Desired: 2})
			r.AddGroup(sim.Group{Name: "policy", Max: 2, Desired: 2, MinHealthyPercentage: 50, MaxHealthyPercentage: 100})
			w := as(t, r, ids[0])
			out, err := w.asg.DescribeAccountSettings(t.Context(), &awsasg.DescribeAccountSettingsInput{})
			if err != nil || *out.Settings[0].Name != "launchBeforeTerminate" || *out.Settings[0].EnforcementType != "none" ||
				*out.Settings[0].Value != map[bool]string{false: "disabled", true: "enabled"}[enabled] {
				t.Fatalf("%+v, %v", out, err)
			}
			r.SetHealthStatus(ids[0], "Unhealthy")
			policy := r.Members("policy")[0].ID
			r.SetHealthStatus(policy, "Unhealthy")
			pass(time.Second)
			w.wantState(ids[0], map[bool]string{false: "Terminating", true: "InService"}[enabled])
			w.wantState(policy, "Terminating") // its own policy counts
		})
	}
}

func TestDetailsHaveThreeKeys(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		w := as(t, r, r.AddGroup(sim.Group{Name: "web", Desired: 1})[0])
		var details map[string]string
		if err := json.Unmarshal([]byte(*w.feed()[0].Details), &details); err != nil {
			t.Fatal(err)
		}
		if len(details) != 3 || details["Availability Zone ID"] != "euw1-az1" || details["Subnet ID"] != "subnet-eu-west-1a" || details["Availability Zone"] != "eu-west-1a" {
			t.Errorf("details %v", details)
		}
	})
}

func TestMetricsOfAGroupAreTurnedOn(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		w := as(t, r, r.AddGroup(sim.Group{Name: "web", Desired: 1, Settings: sim.Settings{Metrics: []string{"GroupMinSize"}}})[0])
		ask := func(granularity string, metrics ...string) error {
			_, err := w.asg.EnableMetricsCollection(t.Context(), &awsasg.EnableMetricsCollectionInput{AutoScalingGroupName: aws.String("web"), Granularity: aws.String(granularity), Metrics: metrics})
			return err
		}
		if err := ask("5Minutes"); err == nil {
			t.Error("a granularity that is none was taken")
		}
		if err := ask("1Minute", "Standby"); err == nil {
			t.Error("a metric that is none was taken")
		}
		if err := ask("1Minute", "GroupStandbyInstances", "GroupMinSize"); err != nil || len(w.group("web").EnabledMetrics) != 2 {
			t.Errorf("%v, metrics %v", err, w.group("web").EnabledMetrics)
		}
		if err := ask("1Minute"); err != nil || len(w.group("web").EnabledMetrics) != 20 {
			t.Errorf("%v, %d metrics", err, len(w.group("web").EnabledMetrics))
		}
	})
}
