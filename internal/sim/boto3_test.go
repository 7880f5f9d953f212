package sim_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/sim"
)

// boto3Script asks for what newer AWS features have added to the answers. It prints one JSON object.
const boto3Script = `
import boto3, json, os
asg, elbv2, sts = (boto3.client(name, region_name="eu-west-1") for name in ("autoscaling", "elbv2", "sts"))
arn, instance = os.environ["TARGET_GROUP_ARN"], os.environ["INSTANCE"]
group = asg.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])["AutoScalingGroups"][0]
target = elbv2.describe_target_health(TargetGroupArn=arn, Targets=[{"Id": instance}], Include=["AnomalyDetection"])["TargetHealthDescriptions"][0]
hooks = asg.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"]
refresh = asg.start_instance_refresh(AutoScalingGroupName="web", Strategy="Rolling", Preferences={"StandbyInstances": "Ignore"})
refreshes = asg.describe_instance_refreshes(AutoScalingGroupName="web")["InstanceRefreshes"]
asg.cancel_instance_refresh(AutoScalingGroupName="web")
asg.set_instance_protection(AutoScalingGroupName="web", InstanceIds=[instance], ProtectedFromScaleIn=True)
asg.set_instance_health(InstanceId=instance, HealthStatus="Healthy")
try:
    asg.complete_lifecycle_action(AutoScalingGroupName="web", LifecycleHookName="gate", InstanceId=instance, LifecycleActionResult="CONTINUE")
except asg.exceptions.ClientError as e:
    refused = str(e)
attributes = {a["Key"]: a["Value"] for a in elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]}
member = asg.describe_auto_scaling_instances(InstanceIds=[instance])["AutoScalingInstances"][0]
activity = asg.describe_scaling_activities(AutoScalingGroupName="web")["Activities"][-1]
print(json.dumps({
    "override": target["AdministrativeOverride"], "anomaly": target["AnomalyDetection"], "check port": target["HealthCheckPort"],
    "zones": group["AvailabilityZoneIds"], "distribution": group["AvailabilityZoneDistribution"], "policy": group["InstanceLifecyclePolicy"],
    "protection": group["DeletionProtection"], "reservation": group["CapacityReservationSpecification"], "role": group["ServiceLinkedRoleARN"],
    "hook": [hooks[0]["LifecycleTransition"], hooks[0]["GlobalTimeout"]], "refused": refused, "attributes": len(attributes),
    "refresh": [refreshes[0]["InstanceRefreshId"] == refresh["InstanceRefreshId"], refreshes[0]["Strategy"], refreshes[0]["Preferences"]["StandbyInstances"]],
    "protected": member["ProtectedFromScaleIn"], "details": sorted(json.loads(activity["Details"])), "caller": sts.get_caller_identity()["Arn"],
}))
`

func TestBoto3(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.CommandContext(t.Context(), python, "-c", "import boto3").Run()
	}
	if err != nil {
		t.Skipf("no Python with boto3: %v", err)
	}
	r := sim.New(sim.Config{Timing: sim.Timing{LaunchTime: time.Hour}})
	r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
	r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front"})
	id := r.AddGroup(sim.Group{
		Name: "web", Max: 3, Desired: 2, TargetGroups: []string{"app"}, Hooks: []sim.Hook{{Name: "gate"}},
		Settings: sim.Settings{DeletionProtection: "prevent-force-deletion"},
	})[0]
	r.ShiftZone("front", "eu-west-1a")
	api, metadata := httptest.NewServer(r.Handler()), httptest.NewServer(r.Metadata(id))
	t.Cleanup(api.Close)
	t.Cleanup(metadata.Close)

	cmd := exec.CommandContext(t.Context(), python, "-c", boto3Script)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_ENDPOINT_URL=" + api.URL, "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + metadata.URL,
		"AWS_MAX_ATTEMPTS=1", "TARGET_GROUP_ARN=" + r.TargetGroupARN("app"), "INSTANCE=" + id,
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"override": map[string]any{"State": "zonal_shift_active", "Reason": "AdministrativeOverride.ZonalShiftActive", "Description": "Zonal shift is active in target Availability Zone"},
		"anomaly":  map[string]any{"Result": "normal", "MitigationInEffect": "no"}, "check port": "80",
		"zones": []any{"euw1-az1", "euw1-az2", "euw1-az3"}, "distribution": map[string]any{"CapacityDistributionStrategy": "balanced-best-effort"},
		"policy":     map[string]any{"RetentionTriggers": map[string]any{"TerminateHookAbandon": "terminate"}},
		"protection": "prevent-force-deletion", "reservation": map[string]any{"CapacityReservationPreference": "default"},
		"role": "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
		"hook": []any{"autoscaling:EC2_INSTANCE_LAUNCHING", 172800.0}, "attributes": 14.0,
		"refused": "An error occurred (ValidationError) when calling the CompleteLifecycleAction operation: No active Lifecycle Action found with instance ID " + id,
		"refresh": []any{true, "Rolling", "Ignore"}, "protected": true,
		"details": []any{"Availability Zone", "Availability Zone ID", "Subnet ID"},
		"caller":  "arn:aws:sts::123456789012:assumed-role/instance-role/" + id,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what boto3 reads (-want +got):\n%s", diff)
	}
}
