package balanced_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// fromYAML is a CloudFormation template. A short form such as !Ref X is then its text, X.
func fromYAML[T any](t *testing.T, file string) T {
	t.Helper()
	var document any
	if err := yaml.Unmarshal([]byte(read(t, file)), &document); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return fromJSON[T](t, string(text))
}

// watched is what the alarm goes off for: the least of each minute, in all of an hour's.
const watched = `{
	"Namespace": "AWS/AutoScaling", "MetricName": "GroupStandbyInstances", "Statistic": "Minimum", "Threshold": 1,
	"ComparisonOperator": "GreaterThanOrEqualToThreshold", "Period": 60, "TreatMissingData": "missing"
}`

// movesPattern is which events are told. EventBridge compares names exactly.
const movesPattern = `{
	"source": ["aws.autoscaling"], "detail-type": ["AWS API Call via CloudTrail"],
	"detail": {
		"eventSource": ["autoscaling.amazonaws.com"], "eventName": ["EnterStandby", "ExitStandby"],
		"requestParameters": {"autoScalingGroupName": ["GROUP"]}
	}
}`

func TestTheAlarmIsForAnHourInStandby(t *testing.T) {
	template := fromYAML[struct {
		Parameters map[string]struct {
			Default     any
			Description string
		}
		Resources map[string]struct{ Properties map[string]any }
	}](t, "scripts/cloudwatch/standby.yaml")
	alarm := template.Resources["InStandby"].Properties
	got := map[string]any{}
	want := fromJSON[map[string]any](t, watched)
	for name := range want {
		got[name] = alarm[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the alarm (-want +got):\n%s", diff)
	}
	if alarm["EvaluationPeriods"] != "Minutes" || alarm["DatapointsToAlarm"] != "Minutes" || template.Parameters["Minutes"].Default != 60.0 {
		t.Errorf("it goes off after %v of %v, Minutes is %v", alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"], template.Parameters["Minutes"].Default)
	}
	pattern := fromJSON[any](t, movesPattern)
	pattern.(map[string]any)["detail"].(map[string]any)["requestParameters"] = map[string]any{"autoScalingGroupName": []any{"GroupName"}}
	if diff := cmp.Diff(pattern, template.Resources["Moved"].Properties["EventPattern"]); diff != "" {
		t.Errorf("the rule (-want +got):\n%s", diff)
	}
	for name, p := range template.Parameters {
		if p.Description == "" {
			t.Errorf("%s is not explained", name)
		}
	}
}

// TestTheFleetCollectsWhatTheAlarmWatches: the metric is off unless the group asks for it.
func TestTheFleetCollectsWhatTheAlarmWatches(t *testing.T) {
	group := fromJSON[struct {
		MetricsCollection []struct {
			Granularity string
			Metrics     []string
		}
	}](t, string(loadTemplate(t).Resources["Group"].Properties))
	if len(group.MetricsCollection) != 1 || !cmp.Equal(group.MetricsCollection[0].Metrics, []string{"GroupStandbyInstances"}) {
		t.Errorf("the group collects %+v", group.MetricsCollection)
	}
}

// pluginMirrors are where a provider may be on disk: where Terraform itself looks, and where
// images of machines keep one.
func pluginMirrors() []string {
	home, _ := os.UserHomeDir()
	return []string{filepath.Join(home, ".terraform.d/plugins"), "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins", "/opt/tf-plugins"}
}

// terraformIn is terraform in a folder of its own, as if there were no settings and no cache.
func terraformIn(t *testing.T, dir string) func(args ...string) (string, error) {
	return func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "terraform", append([]string{"-chdir=" + dir}, args...)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1"}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

// module is terraform in a copy of a module, which has its provider.
func module(t *testing.T, folder string) (terraform func(args ...string) (string, error), dir string) {
	t.Helper()
	needs(t, "terraform")
	mirror := ""
	for _, place := range pluginMirrors() {
		if found, _ := filepath.Glob(place + "/*/hashicorp/aws/*/*/terraform-provider-aws*"); len(found) > 0 {
			mirror = place
		}
	}
	if mirror == "" {
		t.Skipf("no Terraform provider for AWS in %v", pluginMirrors())
	}
	files, err := filepath.Glob(folder + "/*.tf*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", folder, len(files), err)
	}
	dir = t.TempDir()
	for _, file := range files {
		write(t, filepath.Join(dir, filepath.Base(file)), read(t, file), 0o644)
	}
	terraform = terraformIn(t, dir)
	if out, err := terraform("init", "-backend=false", "-input=false", "-no-color", "-plugin-dir="+mirror); err != nil {
		t.Fatalf("terraform init: %v\n%s", err, out)
	}
	return terraform, dir
}

// TestTheTerraformRoleIsValid has the provider's own word; that of the alarm is in the plan
// below.
func TestTheTerraformRoleIsValid(t *testing.T) {
	terraform, _ := module(t, "scripts/terraform")
	if out, err := terraform("validate", "-no-color"); err != nil {
		t.Errorf("terraform validate: %v\n%s", err, out)
	}
}

// planned is what a plan of the module must have, with a provider that asks nobody.
const planned = `
mock_provider "aws" {}

override_data {
  target = data.aws_iam_policy_document.topic[0]
  values = { json = "{}" }
}

run "plan" {
  command   = plan
  variables { group = "GROUP" }

  assert {
    condition = alltrue([for name, value in jsondecode(WATCHED) : value == {
      Namespace          = aws_cloudwatch_metric_alarm.in_standby.namespace
      MetricName         = aws_cloudwatch_metric_alarm.in_standby.metric_name
      Statistic          = aws_cloudwatch_metric_alarm.in_standby.statistic
      Threshold          = tostring(aws_cloudwatch_metric_alarm.in_standby.threshold)
      ComparisonOperator = aws_cloudwatch_metric_alarm.in_standby.comparison_operator
      Period             = tostring(aws_cloudwatch_metric_alarm.in_standby.period)
      TreatMissingData   = aws_cloudwatch_metric_alarm.in_standby.treat_missing_data
    }[name]])
    error_message = "The alarm watches something else."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.in_standby.evaluation_periods == 60 && aws_cloudwatch_metric_alarm.in_standby.datapoints_to_alarm == 60
    error_message = "The alarm goes off after another time."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.in_standby.dimensions == tomap({ AutoScalingGroupName = "GROUP" })
    error_message = "The alarm watches another group."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.moved[0].event_pattern) == jsondecode(PATTERN)
    error_message = "The rule tells other events."
  }
}

run "one_group" {
  command         = plan
  variables { group = "*" }
  expect_failures = [var.group]
}
`

// TestTheTerraformAlarmIsForAnHourInStandby: both templates watch the same.
func TestTheTerraformAlarmIsForAnHourInStandby(t *testing.T) {
	terraform, dir := module(t, "scripts/cloudwatch")
	texts := fromJSON[map[string]any](t, watched)
	for name, value := range texts {
		texts[name] = fmt.Sprint(value)
	}
	text, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	quoted := strings.NewReplacer("WATCHED", strconv.Quote(string(text)), "PATTERN", strconv.Quote(movesPattern))
	write(t, filepath.Join(dir, "plan.tftest.hcl"), quoted.Replace(planned), 0o644)
	if out, err := terraform("test", "-no-color"); err != nil {
		t.Errorf("terraform test: %v\n%s", err, out)
	}
}
