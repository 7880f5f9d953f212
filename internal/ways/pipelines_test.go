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

// workflow is scripts/github/rollout.yml.
type workflow struct {
	Permissions map[string]string
	Concurrency struct {
		Group            string
		CancelInProgress bool `yaml:"cancel-in-progress"`
	}
	Jobs map[string]struct {
		Needs, If, Environment string
		Steps                  []struct {
			ID, Uses, Run string
			Env, With     map[string]string
		}
	}
}

func readWorkflow(t *testing.T) workflow {
	t.Helper()
	var w workflow
	parse(t, scripts+"/github/rollout.yml", &w)
	return w
}

// gitlabJob is a job of scripts/gitlab, with that of .rollout, which both extend.
type gitlabJob struct {
	Stage        string
	When         string
	BeforeScript []string `yaml:"before_script"`
	Script       []string
}

func readGitlab(t *testing.T) map[string]gitlabJob {
	t.Helper()
	var document map[string]yaml.Node
	parse(t, scripts+"/gitlab/rollout.gitlab-ci.yml", &document)
	jobs := map[string]gitlabJob{}
	for _, name := range []string{".rollout", "first", "rest"} {
		var job gitlabJob
		node := document[name]
		if err := node.Decode(&job); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		job.BeforeScript = append(jobs[".rollout"].BeforeScript, job.BeforeScript...)
		jobs[name] = job
	}
	return jobs
}

// pipelineRun is a run of a pipeline on a machine of its own, whose AWS CLI answers what it is
// told.
type pipelineRun struct {
	*stage
	env map[string]string
}

// newPipelineRun has the execution go through states, one a look: the status, a tab, the step.
// "!" is a look that AWS does not answer.
func newPipelineRun(t *testing.T, message string, states ...string) *pipelineRun {
	t.Helper()
	need(t, "bash")
	s := &stage{T: t, dir: t.TempDir()}
	s.script("aws", `printf '%s\n' "$@" >>"$FAKE/$2"
case "$2 $*" in
start*) echo 0b4f8e6a-0000-4000-8000-000000000001 ;;
send*) ;;
get*FailureMessage*) cat "$FAKE/message" ;;
get*)
	read -r line <"$FAKE/states"
	sed -i 1d "$FAKE/states"
	[ "$line" != "!" ] || { echo "Could not connect to the endpoint URL" >&2; exit 255; }
	printf '%b\n' "$line" ;;
*) exit 98 ;;
esac`)
	s.write(s.dir+"/message", message)
	s.write(s.dir+"/states", strings.ReplaceAll(strings.Join(states, "\n"), "\t", `\t`)+"\n")
	root, err := filepath.Abs("../..")
	if err == nil {
		err = os.Symlink(filepath.Join(root, "scripts"), s.dir+"/scripts")
	}
	if err != nil {
		t.Fatal(err)
	}
	return &pipelineRun{s, map[string]string{
		"PATH": s.dir + "/bin:/usr/bin:/bin", "FAKE": s.dir, "ROLLOUT_POLL": "0", "GITHUB_OUTPUT": s.dir + "/output",
	}}
}

// bash runs the commands of a step.
func (p *pipelineRun) bash(text string, vars map[string]string) result {
	p.Helper()
	env := maps.Clone(p.env)
	maps.Copy(env, vars)
	return p.run(p.own(env), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text)
}

// called are the arguments that the AWS CLI was given for an operation.
func (p *pipelineRun) called(operation string) []string {
	text, err := os.ReadFile(filepath.Join(p.dir, operation))
	if err != nil {
		p.Fatalf("%s was not called: %v", operation, err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

const (
	execID     = "0b4f8e6a-0000-4000-8000-000000000001"
	rawMessage = `Step fails when it is Executing. Fail to run script: Traceback (most recent call last):
  File "/tmp/look.py", line 9, in finished
    raise ValueError(
ValueError: rollout stopped: i-0c3: upgrade exited 80: balanced: GET :8080/health: 503 after 42s; fix the application, then run balanced in [1 of 3 finished; not: i-0c3]. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.`
	reason = "rollout: " + execID + " Failed: rollout stopped: i-0c3: upgrade exited 80: balanced: GET :8080/health: 503 after 42s; fix the application, then run balanced in [1 of 3 finished; not: i-0c3]."
)

// github runs a job of the workflow. It returns the result of the last step that ran.
func (p *pipelineRun) github(job string) (r result) {
	p.Helper()
	values := strings.NewReplacer("${{ inputs.group }}", "web", "${{ inputs.command }}", `/opt/web/upgrade "v2", \ again`,
		"${{ vars.RUNBOOK_ROLE_ARN }}", "arn:aws:iam::123456789012:role/runbook", "${{ vars.ROLE_ARN }}", "arn",
		"${{ steps.start.outputs.id }}", execID, "${{ needs.first.outputs.id }}", execID)
	for _, step := range readWorkflow(p.T).Jobs[job].Steps {
		if step.Run == "" {
			continue
		}
		vars := map[string]string{"GITHUB_ACTIONS": "true"}
		for name, value := range step.Env {
			if vars[name] = values.Replace(value); strings.Contains(vars[name], "${{") {
				p.Fatalf("%s is %s, of which nothing is known", name, vars[name])
			}
		}
		if r = p.bash(step.Run, vars); r.code != 0 {
			return r
		}
	}
	return r
}

// gitlab runs a job, its commands in one shell.
func (p *pipelineRun) gitlab(job string) result {
	p.Helper()
	j := readGitlab(p.T)[job]
	return p.bash(strings.Join(append(j.BeforeScript, j.Script...), "\n"), map[string]string{
		"GROUP": "web", "COMMAND": `/opt/web/upgrade "v2", \ again`, "RUNBOOK_ROLE_ARN": "arn:aws:iam::123456789012:role/runbook",
		"ROLLOUT": execID, "AWS_TOKEN": "token", "ROLE_ARN": "arn", "CI_PIPELINE_ID": "7",
	})
}

// pipelineKinds run a job of each pipeline that ships.
var pipelineKinds = map[string]func(p *pipelineRun, job string) result{"github": (*pipelineRun).github, "gitlab": (*pipelineRun).gitlab}

// TestPipelinesUpgradeOneInstanceThenTheOthers: the runbook gets what was asked for, whatever
// characters it has, pauses after the first instances, and goes on in the second job.
func TestPipelinesUpgradeOneInstanceThenTheOthers(t *testing.T) {
	for name, job := range pipelineKinds {
		t.Run(name, func(t *testing.T) {
			p := newPipelineRun(t, "", "InProgress\tlook", "!", "InProgress\tfirst", "Waiting\tpause", "InProgress\trest", "Success\trestFinished")
			p.exits(job(p, "first"), 0, "rollout: "+execID+" is paused after the first instances; to go on: rollout resume "+execID)
			p.exits(job(p, "rest"), 0, "rollout: "+execID+" is done")
			start := p.called("start-automation-execution")
			at := slices.Index(start, "--parameters")
			var got map[string][]string
			if err := json.Unmarshal([]byte(start[at+1]), &got); err != nil {
				t.Fatalf("%s: %v", start[at+1], err)
			}
			want := map[string][]string{
				"Group": {"web"}, "Command": {`/opt/web/upgrade "v2", \ again`}, "Canary": {"pause"},
				"AutomationAssumeRole": {"arn:aws:iam::123456789012:role/runbook"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("parameters of the runbook (-want +got):\n%s", diff)
			}
			known := readRunbook(t).Parameters
			for name := range got {
				if _, there := known[name]; !there {
					t.Errorf("the runbook has no parameter %s", name)
				}
			}
			if resumed := p.called("send-automation-signal"); !slices.Contains(resumed, execID) || !slices.Contains(resumed, "Resume") {
				t.Errorf("signalled with %q", resumed)
			}
		})
	}
}

// TestPipelinesFailWithTheReason: the last line of the job is what the instance said.
func TestPipelinesFailWithTheReason(t *testing.T) {
	for name, job := range pipelineKinds {
		t.Run(name, func(t *testing.T) {
			for _, stage := range []string{"first", "rest"} {
				p := newPipelineRun(t, rawMessage, "InProgress\tfirst", "Failed\tfirstFinished")
				r := job(p, stage)
				p.exits(r, 1, reason)
				if lines := strings.Split(strings.TrimSpace(r.stderr), "\n"); lines[len(lines)-1] != reason {
					t.Errorf("%s: the last line is %q, want the reason", stage, lines[len(lines)-1])
				}
				if annotated := strings.Contains(r.stdout, "::error title=Rollout failed::"+execID); annotated != (name == "github") {
					t.Errorf("%s: annotated: %v", stage, annotated)
				}
			}
		})
	}
}

// TestTheRolloutScriptEnds has what else an execution can come to.
func TestTheRolloutScriptEnds(t *testing.T) {
	for name, c := range map[string]struct {
		args    string
		states  []string
		message string
		code    int
		says    string
	}{
		"done":                    {"wait ID", []string{"Pending\tNone", "Success\tend"}, "", 0, "is done"},
		"waiting for an approval": {"wait ID", []string{"Waiting\tapprove", "Success\trest"}, "", 0, "step approve"},
		"not approved":            {"wait ID", []string{"Waiting\tapprove", "Rejected\tapprove"}, "Approval step rejected", 1, "rollout: ID Rejected: Approval step rejected"},
		"cancelled":               {"wait ID", []string{"Cancelling\trest", "Cancelled\trest"}, "", 1, "rollout: ID Cancelled: no reason was given"},
		"timed out":               {"wait ID", []string{"TimedOut\trest"}, "Execution timed out", 1, "rollout: ID TimedOut: Execution timed out"},
		"AWS is away for long":    {"wait ID", slices.Repeat([]string{"!"}, 10), "", 1, "the rollout may go on: rollout wait ID"},
		"AWS is away for a while": {"wait ID", append(slices.Repeat([]string{"!"}, 9), "Success\tend"), "", 0, "is done"},
		"no command":              {"", nil, "", 64, "usage: rollout start"},
		"no ID":                   {"wait", nil, "", 64, "usage: rollout start"},
		"no value":                {"start web true Canary", nil, "", 64, "usage: rollout start"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPipelineRun(t, c.message, c.states...)
			p.exits(p.bash("scripts/ssm/rollout "+c.args, nil), c.code, c.says)
		})
	}
}

// TestPipelinesAreOneAtATime: no newer run cancels one that has an instance half upgraded, and
// a person's text is data in every shell, never part of a script.
func TestPipelinesAreOneAtATime(t *testing.T) {
	w := readWorkflow(t)
	if !strings.Contains(w.Concurrency.Group, "inputs.group") || w.Concurrency.CancelInProgress {
		t.Errorf("concurrency %+v", w.Concurrency)
	}
	if diff := cmp.Diff(map[string]string{"contents": "read", "id-token": "write"}, w.Permissions); diff != "" {
		t.Errorf("permissions (-want +got):\n%s", diff)
	}
	rest := w.Jobs["rest"]
	if rest.Needs != "first" || rest.Environment == "" || !strings.Contains(rest.If, "paused") {
		t.Errorf("the others follow without anybody's word: needs %q, environment %q, if %q", rest.Needs, rest.Environment, rest.If)
	}
	for name, job := range w.Jobs {
		for _, step := range job.Steps {
			if strings.Contains(step.Run, "${{") {
				t.Errorf("%s: an expression in a script: %s", name, step.Run)
			}
		}
	}
	if job := readGitlab(t)["rest"]; job.When != "manual" {
		t.Errorf("the others follow %q", job.When)
	}
	text := (&stage{T: t}).read(scripts + "/gitlab/rollout.gitlab-ci.yml")
	for _, want := range []string{"resource_group: rollout-$GROUP", "interruptible: false"} {
		if !strings.Contains(text, want) {
			t.Errorf("scripts/gitlab has no %q", want)
		}
	}
}

func TestTheWorkflowPassesActionlint(t *testing.T) {
	passes(t, "actionlint", scripts+"/github/rollout.yml")
}

// pipelineShell is what is shell in the pipelines, as each of them runs it.
func pipelineShell(t *testing.T) map[string]string {
	parts := map[string]string{}
	for name, job := range readWorkflow(t).Jobs {
		for i, step := range job.Steps {
			if step.Run != "" {
				parts[fmt.Sprintf("github-%s-%d", name, i)] = "#!/bin/bash -e\n" + step.Run
			}
		}
	}
	for name, job := range readGitlab(t) {
		if !strings.HasPrefix(name, ".") {
			parts["gitlab-"+name] = "#!/bin/bash\nset -eo pipefail\n" + strings.Join(append(job.BeforeScript, job.Script...), "\n") + "\n"
		}
	}
	return parts
}
