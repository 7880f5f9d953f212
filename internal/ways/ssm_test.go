//go:build unix

package ways

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// commandDocument is what SSM's agent runs.
type commandDocument struct {
	SchemaVersion string `yaml:"schemaVersion"`
	Parameters    map[string]struct{ Type, Default, AllowedPattern string }
	MainSteps     []struct {
		Action, Name string
		Inputs       struct {
			TimeoutSeconds string   `yaml:"timeoutSeconds"`
			RunCommand     []string `yaml:"runCommand"`
		}
	} `yaml:"mainSteps"`
}

func readCommandDocument(t *testing.T) commandDocument {
	t.Helper()
	var doc commandDocument
	parse(t, scripts+"/ssm/balanced-upgrade.yaml", &doc)
	return doc
}

func parse(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// script is the file that the agent writes: the commands, a line each, with the
// parameters put in place.
func (d commandDocument) script(parameters map[string]string) string {
	text := strings.Join(d.MainSteps[0].Inputs.RunCommand, "\n") + "\n"
	for name, p := range d.Parameters {
		value, given := parameters[name]
		if !given {
			value = p.Default
		}
		text = strings.ReplaceAll(text, "{{ "+name+" }}", value)
	}
	return text
}

// runCommand sends the document to one instance. The agent runs `sh -c` of the file and
// keeps the beginning of each output (agent/plugins/runscript of aws/amazon-ssm-agent).
func (s *stage) runCommand(id, command string) result {
	s.Helper()
	path := s.file(id, "document/_script.sh")
	s.write(path, readCommandDocument(s.T).script(map[string]string{"Command": command, "LogFile": s.file(id, "ssm.log")}))
	r := s.run(append(slices.Clone(s.env[id]), "AWS_SSM_INSTANCE_ID="+id, "AWS_SSM_REGION_NAME=eu-west-1"), "sh", "-c", path, "")
	r.stdout, r.stderr = r.stdout[:min(len(r.stdout), 24000)], r.stderr[:min(len(r.stderr), 8000)]
	return r
}

// automation is the runbook: those that it finds out of service, then all that have the
// group's tag, one at a time, until the first error.
func (s *stage) automation(command string) result {
	s.Helper()
	var r result
	for _, id := range append(s.look(), s.hosts...) {
		if r = s.runCommand(id, command); r.code != 0 {
			return r
		}
	}
	return r
}

// look runs the runbook's own script, with the group as the Region has it.
func (s *stage) look() (out []string) {
	s.Helper()
	need(s.T, "python3")
	var runbook struct {
		MainSteps []struct {
			Name   string
			Inputs struct {
				Script  string `yaml:"Script"`
				Handler string `yaml:"Handler"`
			}
		} `yaml:"mainSteps"`
	}
	parse(s.T, scripts+"/ssm/balanced-rollout.yaml", &runbook)
	look := runbook.MainSteps[0].Inputs
	type instance struct{ InstanceId, LifecycleState string }
	var group []instance
	for id, m := range s.members() {
		group = append(group, instance{id, m.State})
	}
	answer, err := json.Marshal(map[string]any{"AutoScalingGroups": []any{map[string]any{"Instances": group}}})
	if err != nil {
		s.Fatal(err)
	}
	s.write(s.dir+"/python/boto3.py", "import json\nclass client:\n    def __init__(self, name): assert name == 'autoscaling'\n"+
		"    def describe_auto_scaling_groups(self, AutoScalingGroupNames):\n        assert AutoScalingGroupNames == ['web']\n        return json.loads('''"+string(answer)+"''')\n")
	s.write(s.dir+"/python/look.py", look.Script+"\n\nimport json\nprint(json.dumps("+look.Handler+"({'Group': 'web'}, None)))\n")
	said, err := exec.Command("python3", filepath.Join(s.dir, "python/look.py")).Output()
	var answered struct {
		Out  []string
		Next string
	}
	if err == nil {
		err = json.Unmarshal(said, &answered)
	}
	if err != nil {
		s.Fatalf("%s: %v", said, err)
	}
	if want := map[bool]string{true: "rollout", false: "finish"}[len(answered.Out) == 0]; answered.Next != want {
		s.Errorf("%d out, next is %s, want %s", len(answered.Out), answered.Next, want)
	}
	return answered.Out
}

func TestSSM(t *testing.T) {
	t.Parallel()
	s := newStage(t)

	mend := s.breakUpgrade(s.hosts[1])
	s.exits(s.automation("upgrade v2"), broken, "upgrade: no such package")
	s.expect("v2 InService", "v1 Standby", "v1 InService")
	s.moved(1, 2)

	mend()
	s.exits(s.automation("upgrade v3"), 0, s.hosts[2]+" in service")
	s.expect("v3 InService", "v3 InService", "v3 InService")
	s.moved(1, 2, 1, 2, 3) // by the tag, the one that was finished first goes once more
}

// TestSSMSaysWhyHoweverMuchIsSaid: of each output SSM keeps the beginning, and the
// reason is at the end.
func TestSSMSaysWhyHoweverMuchIsSaid(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.hosts[0]
	r := s.runCommand(id, `i=0; while [ $i -lt 9999 ]; do echo "line $i"; echo "worse $i" >&2; i=$((i+1)); done; exit 17`)
	const why = "Command exited 17, instance left out; mend it, then send it again or run balanced in\n"
	if r.code != broken || !strings.HasSuffix(r.stdout, why) || r.stderr != why {
		t.Errorf("exit %d, stdout ends with %q, stderr %q; want 17 and both to end with %q", r.code, r.stdout[max(0, len(r.stdout)-200):], r.stderr, why)
	}
	if log := s.read(s.file(id, "ssm.log")); !strings.Contains(log, "line 0\n") || !strings.Contains(log, "worse 9998\n") {
		t.Error("the log on the instance is not whole")
	}
	s.expect("v1 Standby", "v1 InService", "v1 InService")

	// What balanced refuses has its own code and line.
	s.write(s.file(s.hosts[1], "hold"), "a look at the disk\n")
	r = s.runCommand(s.hosts[1], "upgrade v2")
	s.exits(r, 75, "a look at the disk")
	if !strings.HasPrefix(r.stderr, "balanced: ") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("stderr %q, want balanced's last line", r.stderr)
	}
	s.expect("v1 Standby", "v1 InService", "v1 InService")
}

// TestSSMNeverAsksForAReboot: 194 would, and the document would run again after it.
func TestSSMNeverAsksForAReboot(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.runCommand(s.hosts[0], "exit 194")
	s.exits(r, 1, "Command exited 194")
	s.expect("v1 Standby", "v1 InService", "v1 InService")
	s.moved(1)
}

// TestSSMFindsOutBeforeAnythingIsMoved what the shell would find out half way: a line
// that is no sh, and a log that cannot be written.
func TestSSMFindsOutBeforeAnythingIsMoved(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, command := range []string{"upgrade 'v2", "upgrade v2 )", "if upgrade v2"} {
		s.exits(s.runCommand(s.hosts[0], command), 2, "yntax error")
	}
	s.write(s.file(s.hosts[1], "ssm.log/in-the-way"), "")
	s.exits(s.runCommand(s.hosts[1], "upgrade v2"), 73, "ssm.log")
	s.moved()
}
