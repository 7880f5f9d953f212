//go:build unix

package ways

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// commandDocument is what SSM's agent runs.
type commandDocument struct {
	SchemaVersion string `yaml:"schemaVersion"`
	Parameters    map[string]struct {
		Type, Default  string
		AllowedPattern string   `yaml:"allowedPattern"`
		AllowedValues  []string `yaml:"allowedValues"`
	}
	MainSteps []commandStep `yaml:"mainSteps"`
}

type commandStep struct {
	Action, Name string
	Inputs       struct {
		TimeoutSeconds     string   `yaml:"timeoutSeconds"`
		OnFailure          string   `yaml:"onFailure"`
		RunCommand         []string `yaml:"runCommand"`
		DocumentPath       string   `yaml:"documentPath"`
		DocumentParameters string   `yaml:"documentParameters"`
	}
}

func readCommandDocument(t *testing.T, name string) commandDocument {
	t.Helper()
	var doc commandDocument
	parse(t, scripts+"/ssm/"+name+".yaml", &doc)
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

// fill puts the parameters in place.
func (d commandDocument) fill(text string, parameters map[string]string) string {
	for name, p := range d.Parameters {
		value, given := parameters[name]
		if !given {
			value = p.Default
		}
		text = strings.ReplaceAll(text, "{{ "+name+" }}", value)
	}
	return text
}

// script is the file that the agent writes of a step: the commands, a line each.
func (d commandDocument) script(step int, parameters map[string]string) string {
	return d.fill(strings.Join(d.MainSteps[step].Inputs.RunCommand, "\n")+"\n", parameters)
}

// The statuses of a step, as the agent has them (agent/contracts of aws/amazon-ssm-agent
// at 1c217c8).
const (
	stepSuccess  = "Success"
	stepFailed   = "Failed"
	stepTimedOut = "TimedOut"
	stepSkipped  = "Skipped"
)

// The exit codes of a script that mean something to the agent: killed by it, end the
// document as a success, end it as a failure, reboot and run the step again
// (CommandStoppedPreemptivelyExitCode, ExitWithSuccess, ExitWithFailure, RebootExitCode).
const (
	agentKilled      = 137
	agentEndsWell    = 168
	agentEndsFailed  = 169
	agentWantsReboot = 194
)

// stepResult is what SSM shows of a step on an instance.
type stepResult struct {
	name   string
	status string
	result
}

// document runs a Command document on an instance as the agent does
// (agent/framework/runpluginutil): every step, unless one before it failed and has
// onFailure exit, or ended the document. A step that timed out has not failed.
func (s *stage) document(id, name string, parameters map[string]string) []stepResult {
	s.Helper()
	doc := readCommandDocument(s.T, name)
	parameters = withLog(parameters, s.file(id, "ssm.log"))
	var steps []stepResult
	over := false
	for i, step := range doc.MainSteps {
		r := stepResult{name: step.Name, status: stepSkipped}
		if !over {
			r.result = s.step(id, doc, i, parameters)
			r.status = statusOf(r.code)
			over = r.code == agentEndsWell || r.code == agentEndsFailed || r.status == stepFailed && step.Inputs.OnFailure == "exit"
			r.stderr = agentsLines(r, step.Inputs.OnFailure)
		}
		steps = append(steps, r)
	}
	return steps
}

func withLog(parameters map[string]string, log string) map[string]string {
	all := map[string]string{"LogFile": log, "Pause": "0"}
	for name, value := range parameters {
		all[name] = value
	}
	return all
}

func statusOf(code int) string {
	switch code {
	case 0, agentEndsWell:
		return stepSuccess
	case agentKilled:
		return stepTimedOut
	}
	return stepFailed
}

// agentsLines are the outputs on stderr, with what the agent adds to them: the last line
// is its own.
func agentsLines(r stepResult, onFailure string) string {
	if r.status != stepFailed {
		return r.stderr
	}
	said := r.stderr + fmt.Sprintf("failed to run commands: exit status %d", r.code)
	if onFailure == "exit" {
		said += "\nStep was found to have onFailure property. Further document steps will be skipped."
	}
	return said
}

// step runs one, and again after a reboot that it asks for. The agent runs `sh -c` of the
// file and keeps the beginning of each output (agent/plugins/runscript).
func (s *stage) step(id string, doc commandDocument, i int, parameters map[string]string) result {
	s.Helper()
	step := doc.MainSteps[i]
	env := append(slices.Clone(s.env[id]), "AWS_SSM_INSTANCE_ID="+id, "AWS_SSM_REGION_NAME=eu-west-1")
	for {
		var r result
		switch step.Action {
		case "aws:runShellScript":
			path := s.file(id, "document/"+step.Name+"/_script.sh")
			s.write(path, doc.script(i, parameters))
			r = s.run(env, "sh", "-c", path, "")
		case "aws:runDocument":
			var given map[string]string
			if err := json.Unmarshal([]byte(doc.fill(step.Inputs.DocumentParameters, parameters)), &given); err != nil {
				s.Fatalf("%s: documentParameters: %v", step.Name, err)
			}
			r = s.run(env, s.bin(step.Inputs.DocumentPath), given["Operation"], given["RebootOption"])
		default:
			s.Fatalf("%s: the agent's %s is not here", step.Name, step.Action)
		}
		if r.code != agentWantsReboot {
			r.stdout, r.stderr = r.stdout[:min(len(r.stdout), 24000)], r.stderr[:min(len(r.stderr), 8000)]
			return r
		}
		s.write(s.file(id, "boots"), s.boots(id)+"reboot\n")
	}
}

// boots has a line for each time that an instance was rebooted.
func (s *stage) boots(id string) string {
	text, err := os.ReadFile(s.file(id, "boots"))
	if err != nil && !os.IsNotExist(err) {
		s.Fatal(err)
	}
	return string(text)
}

// ended is the status of all steps together.
func ended(steps []stepResult) string {
	for _, r := range steps {
		if r.status == stepFailed || r.status == stepTimedOut {
			return r.status
		}
	}
	return stepSuccess
}

// runCommand sends balanced-upgrade to one instance, and returns what its only step did.
func (s *stage) runCommand(id, command string) result {
	s.Helper()
	return s.document(id, "balanced-upgrade", map[string]string{"Command": command})[0].result
}
