//go:build unix

package ways

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// newRefreshRun has an instance refresh go through states, one a look: status, percentage, reason. "!" is a look that
// AWS does not answer. The group has what the answers say, by the end of the query.
func newRefreshRun(t *testing.T, answers map[string]string, states ...string) *pipelineRun {
	t.Helper()
	need(t, "bash")
	s := &stage{T: t, dir: t.TempDir()}
	s.script("aws", `printf '%s\n' "$@" >"$FAKE/$2"
case "$2 $*" in
create-launch*) echo 8 ;;
start*) echo 2b1d6f1e-0000-4000-8000-000000000002 ;;
describe-auto*)
	for last; do case $last in AutoScalingGroups*) break ;; esac; done
	cat "$FAKE/answers/$last" ;;
describe-instance*)
	read -r line <"$FAKE/states"
	sed -i 1d "$FAKE/states"
	[ "$line" != "!" ] || { echo "Could not connect to the endpoint URL" >&2; exit 255; }
	printf '%b\n' "$line" ;;
*) exit 98 ;;
esac`)
	for _, query := range []string{
		"LaunchTemplate.LaunchTemplateId", "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateId",
		"MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.Version", "MixedInstancesPolicy.LaunchTemplate.Overrides[].InstanceType",
	} {
		answer := "None"
		if given, ok := answers[query]; ok {
			answer = given
		}
		s.write(s.dir+"/answers/AutoScalingGroups[0]."+query, answer+"\n")
	}
	s.write(s.dir+"/states", strings.ReplaceAll(strings.Join(states, "\n"), "\t", `\t`)+"\n")
	root, err := filepath.Abs("../..")
	if err == nil {
		err = os.Symlink(filepath.Join(root, "scripts"), s.dir+"/scripts")
	}
	if err != nil {
		t.Fatal(err)
	}
	return &pipelineRun{s, map[string]string{"PATH": s.dir + "/bin:/usr/bin:/bin", "FAKE": s.dir, "REFRESH_POLL": "0"}}
}

func templated() map[string]string {
	return map[string]string{"LaunchTemplate.LaunchTemplateId": "lt-0abc"}
}

func mixed() map[string]string {
	spec := "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification."
	return map[string]string{
		spec + "LaunchTemplateId": "lt-0def", spec + "Version": "3", "MixedInstancesPolicy.LaunchTemplate.Overrides[].InstanceType": "m7g.large\tc7g.large",
	}
}

// The refresh gets the AMI as each strategy wants it, and a numbered version, without which there is no rollback.
func TestARefreshGetsTheAMI(t *testing.T) {
	type object = map[string]any
	for strategy, c := range map[string]struct {
		group map[string]string
		want  object
	}{
		"Rolling": {templated(), object{"LaunchTemplate": object{"LaunchTemplateId": "lt-0abc", "Version": "8"}}},
		"ReplaceRootVolume": {mixed(), object{"MixedInstancesPolicy": object{"LaunchTemplate": object{
			"LaunchTemplateSpecification": object{"LaunchTemplateId": "lt-0def", "Version": "3"},
			"Overrides":                   []any{object{"InstanceType": "m7g.large", "ImageId": "ami-1"}, object{"InstanceType": "c7g.large", "ImageId": "ami-1"}},
		}}}},
	} {
		t.Run(strategy, func(t *testing.T) {
			p := newRefreshRun(t, c.group, "Pending\tNone\tNone", "InProgress\t50\tNone", "Successful\t100\tNone")
			p.exits(p.bash("scripts/pipeline/refresh web ami-1 scripts/pipeline/rolling.json "+strategy, nil), 0, "refresh: web is done")
			start := p.called("start-instance-refresh")
			after := func(flag string) string { return start[slices.Index(start, flag)+1] }
			var got object
			if err := json.Unmarshal([]byte(after("--desired-configuration")), &got); err != nil {
				t.Fatalf("%v: %s", err, after("--desired-configuration"))
			}
			if diff := cmp.Diff(c.want, got); diff != "" || after("--strategy") != strategy {
				t.Errorf("%s, desired configuration (-want +got):\n%s", after("--strategy"), diff)
			}
		})
	}
}

func TestARefreshEnds(t *testing.T) {
	unnumbered := mixed()
	unnumbered["MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.Version"] = "$Latest"
	start := "web ami-1 scripts/pipeline/rolling.json"
	for name, c := range map[string]struct {
		args   string
		group  map[string]string
		states []string
		code   int
		says   string
	}{
		"rolled back":             {start, templated(), []string{"InProgress\t10\tNone", "RollbackInProgress\t10\tNone", "RollbackSuccessful\t0\tRollback triggered due to alarm"}, 1, "web: RollbackSuccessful at 0 %: Rollback triggered due to alarm"},
		"failed":                  {start, templated(), []string{"Failed\t10\tInstances failed"}, 1, "refresh: web: Failed at 10 %: Instances failed"},
		"cancelled":               {"wait web ID", nil, []string{"Cancelling\t10\tNone", "Cancelled\t10\tNone"}, 1, "web: Cancelled at 10 %"},
		"AWS is away for long":    {"wait web ID", nil, slices.Repeat([]string{"!"}, 10), 1, "the refresh goes on: refresh wait web ID"},
		"AWS is away for a while": {"wait web ID", nil, append(slices.Repeat([]string{"!"}, 9), "Successful\t100\tNone"), 0, "web is done"},
		"no such group":           {start, nil, nil, 1, "there is no group web with a launch template"},
		"in place, not mixed":     {start + " ReplaceRootVolume", templated(), nil, 1, "which ReplaceRootVolume wants"},
		"in place, unnumbered":    {start + " ReplaceRootVolume", unnumbered, nil, 1, "web has version $Latest of lt-0def: give it a number"},
		"another strategy":        {start + " InPlace", templated(), nil, 64, "usage: refresh GROUP"},
		"no preferences":          {"web ami-1 nowhere.json", nil, nil, 64, "nowhere.json cannot be read"},
		"nothing":                 {"", nil, nil, 64, "usage: refresh GROUP"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newRefreshRun(t, c.group, c.states...)
			p.exits(p.bash("scripts/pipeline/refresh "+c.args, nil), c.code, c.says)
		})
	}
}

// Each preferences file keeps the old instances in service until new ones have passed, and stops at the alarms that
// alarms.yaml makes for the group.
func TestPreferencesAndAlarms(t *testing.T) {
	var alarms struct {
		Resources map[string]struct {
			Properties struct {
				AlarmName yaml.Node `yaml:"AlarmName"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	parse(t, scripts+"/pipeline/alarms.yaml", &alarms)
	var names []string
	for _, alarm := range alarms.Resources {
		names = append(names, strings.Replace(alarm.Properties.AlarmName.Value, "${Group}", "web", 1))
	}
	slices.Sort(names)
	for _, file := range []string{"rolling", "in-place"} {
		text, err := os.ReadFile(scripts + "/pipeline/" + file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var preferences struct {
			CheckpointPercentages []int
			StandbyInstances      string
			AlarmSpecification    struct{ Alarms []string }
		}
		if err := json.Unmarshal(text, &preferences); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(names, preferences.AlarmSpecification.Alarms); diff != "" {
			t.Errorf("%s: alarms made (-) and watched (+):\n%s", file, diff)
		}
		if n := len(preferences.CheckpointPercentages); n == 0 || preferences.CheckpointPercentages[n-1] != 100 || preferences.StandbyInstances != "Wait" {
			t.Errorf("%s: %+v", file, preferences)
		}
	}
}

// make passes on what was given, with the alarms of the group, and stops before AWS where something is missing.
func TestThePipelineIsMade(t *testing.T) {
	need(t, "make")
	p := newRefreshRun(t, templated(), "Successful\t100\tNone")
	p.write(p.dir+"/pipeline/ami.txt", "ami-7")
	for _, file := range []string{"Makefile", "refresh", "rolling.json"} {
		p.write(filepath.Join(p.dir, "pipeline", file), p.read(scripts+"/pipeline/"+file))
	}
	p.exits(p.bash("make -C pipeline refresh GROUP=api", nil), 2, "REGION is missing")
	p.exits(p.bash("make -C pipeline refresh REGION=eu-west-1 GROUP=api", nil), 0, "refresh: api is done")
	start := strings.Join(p.called("start-instance-refresh"), " ")
	if !strings.Contains(start, "--auto-scaling-group-name api --strategy Rolling") || !strings.Contains(strings.Join(p.called("create-launch-template-version"), " "), "ami-7") {
		t.Errorf("started with %s", start)
	}
	if text := p.read(p.dir + "/pipeline/preferences.json"); !strings.Contains(text, `"api-errors"`) || strings.Contains(text, `"web-`) {
		t.Errorf("preferences %s", text)
	}
}

// imageWorkflow is scripts/github/image.yml.
func imageWorkflow(t *testing.T) (w workflow) {
	t.Helper()
	parse(t, scripts+"/github/image.yml", &w)
	return w
}

// The AMI is built with the role of one account and rolled out with that of the other, when somebody approves.
func TestTheImageWorkflow(t *testing.T) {
	w := imageWorkflow(t)
	bake, rollout := w.Jobs["bake"], w.Jobs["rollout"]
	if rollout.Needs != "bake" || rollout.Environment != "production" || bake.Environment != "" || w.Concurrency.CancelInProgress {
		t.Errorf("%+v", w)
	}
	roles := map[string]string{}
	for name, job := range w.Jobs {
		for _, step := range job.Steps {
			if role := step.With["role-to-assume"]; role != "" {
				roles[name] = role
			}
			if strings.Contains(step.Run, "${{") {
				t.Errorf("%s: an expression in a script: %s", name, step.Run)
			}
		}
	}
	if want := map[string]string{"bake": "${{ vars.BUILD_ROLE_ARN }}", "rollout": "${{ vars.PRODUCTION_ROLE_ARN }}"}; !maps.Equal(roles, want) {
		t.Errorf("roles %v, want %v", roles, want)
	}
	passes(t, "actionlint", scripts+"/github/image.yml")
}

func TestTheShellOfTheGatePassesShellcheck(t *testing.T) {
	parts := map[string]string{}
	var config struct{ Runcmd []yaml.Node }
	parse(t, scripts+"/user-data/cloud-config.yaml", &config)
	for i, node := range config.Runcmd {
		if node.Kind == yaml.ScalarNode { // cloud-init runs it with sh
			parts[fmt.Sprintf("cloud-config-%d", i)] = "#!/bin/sh\n" + node.Value
		}
	}
	for name, job := range imageWorkflow(t).Jobs {
		for i, step := range job.Steps {
			if step.Run != "" {
				parts[fmt.Sprintf("image-%s-%d", name, i)] = "#!/bin/bash -e\n" + step.Run + "\n"
			}
		}
	}
	if len(parts) != 5 {
		t.Errorf("%d shell parts, want that of cloud-config and the four of the workflow", len(parts))
	}
	for name, text := range parts {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		passes(t, "shellcheck", file)
	}
}

// However `balanced ready` ends, its code is what CloudFormation is told and what the script ends with.
func TestUserDataTellsTheCode(t *testing.T) {
	need(t, "bash")
	var config struct{ Runcmd []yaml.Node }
	parse(t, scripts+"/user-data/cloud-config.yaml", &config)
	snippet := config.Runcmd[len(config.Runcmd)-1].Value
	for name, run := range map[string]func(p *pipelineRun) result{
		"shell":      func(p *pipelineRun) result { return p.bash("scripts/user-data/boot.sh", nil) },
		"cloud-init": func(p *pipelineRun) result { return p.bash(strings.ReplaceAll(snippet, "/opt/aws/bin/", ""), nil) },
	} {
		for _, code := range []int{0, 80, 83} {
			p := newRefreshRun(t, nil)
			p.script("balanced", fmt.Sprintf(`[ "$1" = ready ] && exit %d; exit 98`, code))
			p.script("cfn-signal", `printf '%s\n' "$@" >"$FAKE/cfn-signal"`)
			p.script("systemctl", "true")
			p.script("curl", "echo eu-west-1")
			if r := run(p); r.code != code || p.called("cfn-signal")[1] != fmt.Sprint(code) {
				t.Errorf("%s: ready ended with %d, the script with %d, told %q\n%s", name, code, r.code, p.called("cfn-signal"), r.stderr)
			}
		}
	}
}

func TestTheReadyUnitIsSystemds(t *testing.T) {
	s := &stage{T: t}
	unit := filepath.Join(t.TempDir(), "balanced-ready.service")
	s.write(unit, strings.ReplaceAll(s.read(scripts+"/systemd/balanced-ready.service"), "/usr/bin/balanced", "/bin/true"))
	if err := os.Chmod(unit, 0o644); err != nil {
		t.Fatal(err)
	}
	passes(t, "systemd-analyze", "verify", "--man=no", unit)
}
