package sim_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"balanced/internal/fleettest"
	"balanced/internal/sim"
)

// cli is the unmodified AWS CLI in an instance's shell: its only configuration and credentials are
// those of the metadata service.
type cli struct {
	t    *testing.T
	path string
	env  []string
}

func newCLI(t *testing.T, r *sim.Region, instance string) cli {
	t.Helper()
	path, err := fleettest.AWSCLI()
	if err != nil {
		t.Skipf("nothing to try against the Region: %v", err)
	}
	api, metadata := httptest.NewServer(r.Handler()), httptest.NewServer(r.Metadata(instance))
	t.Cleanup(api.Close)
	t.Cleanup(metadata.Close)
	return cli{t, path, []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1",
		"AWS_ENDPOINT_URL=" + api.URL, "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + metadata.URL, "AWS_MAX_ATTEMPTS=1",
	}}
}

// run runs the CLI and decodes its JSON. A refusal is what it prints on stderr.
func (c cli) run(args ...string) (out map[string]any, refusal string) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), c.path, append(args, "--output", "json")...)
	cmd.Env = c.env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, strings.TrimSpace(stderr.String())
	}
	if err := json.Unmarshal(text, &out); err != nil {
		c.t.Fatalf("aws %s: %v in\n%s", strings.Join(args, " "), err, text)
	}
	return out, ""
}

// want runs the CLI and compares the value at a path of its answer, such as "Activities.0.StatusCode".
func (c cli) want(path, want string, args ...string) {
	c.t.Helper()
	out, refusal := c.run(args...)
	var here any = out
	for step := range strings.SplitSeq(path, ".") {
		switch at := here.(type) {
		case map[string]any:
			here = at[step]
		case []any:
			if len(at) == 0 {
				c.t.Fatalf("aws %s: nothing at %s in %v", strings.Join(args, " "), path, out)
			}
			here = at[0]
		}
	}
	if here != want {
		c.t.Fatalf("aws %s: %s is %v, want %s %s", strings.Join(args, " "), path, here, want, refusal)
	}
}

func TestAWSCLI(t *testing.T) {
	r := sim.New(sim.Config{Timing: sim.Timing{MoveTime: -1}})
	r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
	r.AddClassic(sim.Classic{Name: "old", Draining: true})
	r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front"})
	ids := r.AddGroup(sim.Group{Name: "web", Min: 2, Max: 3, Desired: 3, Classic: []string{"old"}, TargetGroups: []string{"app"}})
	aws := newCLI(t, r, ids[0])
	group, arn := []string{"--auto-scaling-group-name", "web"}, []string{"--target-group-arn", r.TargetGroupARN("app")}

	aws.want("AutoScalingGroups.0.Instances.0.HealthStatus", "Healthy", "autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", "web")
	enter := append([]string{"autoscaling", "enter-standby", "--should-decrement-desired-capacity", "--instance-ids"}, ids[0])
	aws.want("Activities.0.StatusCode", "InProgress", append(enter, group...)...)
	_, refusal := aws.run(append(enter, group...)...)
	if want := "An error occurred (ValidationError) when calling the EnterStandby operation: The instance " + ids[0] + " is not in InService."; refusal != want {
		t.Fatalf("the second enter-standby says\n %s\nwant\n %s", refusal, want)
	}
	aws.want("TargetHealthDescriptions.0.TargetHealth.State", "healthy", append([]string{"elbv2", "describe-target-health", "--targets", "Id=" + ids[1]}, arn...)...)
	aws.want("InstanceStates.0.Description", "Instance is not currently registered with the LoadBalancer.",
		"elb", "describe-instance-health", "--load-balancer-name", "old", "--instances", ids[0])
	aws.want("TargetGroups.0.TargetType", "instance", "elbv2", "describe-target-groups", "--names", "app")
	aws.want("Attributes.0.Value", "0", append([]string{"elbv2", "describe-target-group-attributes"}, arn...)...)
	aws.want("AutoScalingInstances.0.HealthStatus", "HEALTHY", "autoscaling", "describe-auto-scaling-instances", "--instance-ids", ids[0])
	aws.want("Activities.0.Description", "Moving EC2 instance to Standby: "+ids[0], append([]string{"autoscaling", "describe-scaling-activities"}, group...)...)
	aws.want("Activities.0.StatusCode", "PreInService", append(append([]string{"autoscaling", "exit-standby", "--instance-ids"}, ids[0]), group...)...)
	for _, c := range r.Calls() {
		if c.Service != "imds" && c.Caller != ids[0] {
			t.Fatalf("%s is recorded as a call of %q, want the instance whose credentials signed it", c.Action, c.Caller)
		}
	}
}
