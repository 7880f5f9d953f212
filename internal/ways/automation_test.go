//go:build unix

package ways

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// runbook is what Automation runs.
type runbook struct {
	SchemaVersion string `yaml:"schemaVersion"`
	Parameters    map[string]struct {
		Type           string
		Default        any
		AllowedPattern string   `yaml:"allowedPattern"`
		AllowedValues  []string `yaml:"allowedValues"`
	}
	MainSteps []runbookStep `yaml:"mainSteps"`
}

type runbookStep struct {
	Name, Action string
	NextStep     string `yaml:"nextStep"`
	OnFailure    string `yaml:"onFailure"`
	IsEnd        bool   `yaml:"isEnd"`
	IsCritical   *bool  `yaml:"isCritical"` // nil: true
	Inputs       map[string]any
	Outputs      []stepOutput
}

type stepOutput struct {
	Name     string `yaml:"Name"`
	Selector string `yaml:"Selector"`
	Type     string `yaml:"Type"`
}

func readRunbook(t *testing.T) runbook {
	t.Helper()
	var book runbook
	parse(t, scripts+"/ssm/balanced-rollout.yaml", &book)
	return book
}

// The statuses of an execution.
const (
	executionSuccess = "Success"
	executionFailed  = "Failed"
	executionWaiting = "Waiting"
)

// execution is one of the runbook.
type execution struct {
	*ssmService
	book   runbook
	values map[string]any // parameters, and outputs of steps as STEP.NAME
	next   string         // the step to go on with
	failed bool           // a critical step has

	status string
	why    string // the message of the step that failed last
}

// automation starts the runbook, and goes on until it ends or waits for somebody.
func (svc *ssmService) automation(parameters map[string]any) *execution {
	svc.Helper()
	if out, err := exec.Command("python3", "-c", "import boto3").CombinedOutput(); err != nil {
		svc.Skipf("no Python with boto3: %v\n%s", err, out)
	}
	e := &execution{ssmService: svc, book: readRunbook(svc.T), values: map[string]any{
		"automation:EXECUTION_ID": fmt.Sprintf("execution-%d", len(svc.commands)), "AutomationAssumeRole": "arn:aws:iam::123456789012:role/rollout",
	}}
	for name, p := range e.book.Parameters {
		if p.Default != nil {
			e.values[name] = p.Default
		}
	}
	maps.Copy(e.values, parameters)
	e.next = e.book.MainSteps[0].Name
	e.goOn()
	return e
}

// goOn runs steps, from the one that is next.
func (e *execution) goOn() {
	e.Helper()
	for e.status = ""; e.status == ""; {
		at := slices.IndexFunc(e.book.MainSteps, func(s runbookStep) bool { return s.Name == e.next })
		if at < 0 {
			e.Fatalf("the runbook has no step %q", e.next)
		}
		step := e.book.MainSteps[at]
		e.next = step.NextStep
		if e.next == "" && at+1 < len(e.book.MainSteps) {
			e.next = e.book.MainSteps[at+1].Name
		}
		e.Logf("step %s", step.Name)
		if why := e.do(step); why != "" {
			e.fail(step, why)
		} else if step.IsEnd && e.status == "" {
			e.end()
		}
	}
	e.Logf("%s %s", e.status, e.why)
}

func (e *execution) end() {
	e.status = executionSuccess
	if e.failed {
		e.status = executionFailed
	}
}

// fail goes where a failed step says, which is nowhere unless it says so.
func (e *execution) fail(step runbookStep, why string) {
	e.why = why
	e.failed = e.failed || step.IsCritical == nil || *step.IsCritical
	next, goesOn := strings.CutPrefix(step.OnFailure, "step:")
	if !goesOn {
		e.status = executionFailed
		return
	}
	e.next = next
}

// do is one step. It returns why it failed.
func (e *execution) do(step runbookStep) (why string) {
	e.Helper()
	in := e.resolve(step.Inputs).(map[string]any)
	switch step.Action {
	case "aws:executeScript":
		return e.script(step, in)
	case "aws:branch":
		e.next = branch(in)
	case "aws:runCommand":
		return e.command(in)
	case "aws:pause":
		e.status = executionWaiting
	case "aws:approve":
		if approvers, ok := in["Approvers"].([]any); !ok || len(approvers) == 0 {
			return "nobody can approve"
		}
		e.status = executionWaiting
	case "aws:sleep":
	default:
		e.Fatalf("%s: Automation's %s is not here", step.Name, step.Action)
	}
	return ""
}

func branch(in map[string]any) (next string) {
	for _, c := range in["Choices"].([]any) {
		choice := c.(map[string]any)
		if choice["Variable"] == choice["StringEquals"] {
			return choice["NextStep"].(string)
		}
	}
	return in["Default"].(string)
}

// script runs the Python of a step, with the real boto3: it asks the group of the lab, and
// the Run Command of this test.
func (e *execution) script(step runbookStep, in map[string]any) (why string) {
	payload, err := json.Marshal(in["InputPayload"])
	if err != nil {
		e.Fatal(err)
	}
	path := e.dir + "/python/" + step.Name + ".py"
	e.write(path, in["Script"].(string)+"\n\nimport json, sys\nprint(json.dumps("+in["Handler"].(string)+"(json.loads(sys.argv[1]), None)))\n")
	env := e.own(map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"})
	for _, v := range e.env[e.hosts[0]] {
		if strings.HasPrefix(v, "AWS_ENDPOINT_URL=") || strings.HasPrefix(v, "AWS_DEFAULT_REGION=") {
			env = append(env, v)
		}
	}
	r := e.run(append(env, "AWS_ENDPOINT_URL_SSM="+e.url), "python3", path, string(payload))
	if r.code != 0 {
		lines := strings.Split(strings.TrimSpace(r.stderr), "\n")
		return lines[len(lines)-1]
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil {
		e.Fatalf("%s answered %q: %v", step.Name, r.stdout, err)
	}
	for _, o := range step.Outputs {
		value, there := answer[strings.TrimPrefix(o.Selector, "$.Payload.")]
		if kind := fmt.Sprintf("%T", value); !there || (o.Type == "String") != (kind == "string") {
			e.Fatalf("%s.%s is %v, want a %s", step.Name, o.Name, value, o.Type)
		}
		e.values[step.Name+"."+o.Name] = value
	}
	return ""
}

// command sends one to the instances that are named, or to all that have the group's tag.
func (e *execution) command(in map[string]any) (why string) {
	var ids []string
	if list, named := in["InstanceIds"]; named {
		ids = texts(list)
	} else {
		target := in["Targets"].([]any)[0].(map[string]any)
		if ids = texts(target["Values"]); target["Key"] != "InstanceIds" {
			if target["Key"] != "tag:aws:autoscaling:groupName" || !slices.Equal(ids, []string{"web"}) {
				e.Fatalf("no instance has %v", target)
			}
			ids = e.hosts
		}
	}
	if len(ids) == 0 || len(ids) > 50 {
		e.Fatalf("a command to %d instances", len(ids))
	}
	parameters := map[string]string{}
	for name, value := range in["Parameters"].(map[string]any) {
		parameters[name] = fmt.Sprint(value)
	}
	document := in["DocumentName"].(string)
	e.admits(document, parameters)
	atOnce := len(ids)
	if n, err := strconv.Atoi(in["MaxConcurrency"].(string)); err == nil {
		atOnce = n
	}
	sent := e.send(document, in["Comment"].(string), ids, atOnce, parameters)
	if sent.failed() {
		return "Step fails when it is verifying the command's result."
	}
	return ""
}

// admits compares the parameters with what the document allows, as SendCommand does.
func (e *execution) admits(document string, parameters map[string]string) {
	e.Helper()
	doc := readCommandDocument(e.T, document)
	for name, value := range parameters {
		p, there := doc.Parameters[name]
		if !there || p.AllowedPattern != "" && !regexp.MustCompile(p.AllowedPattern).MatchString(value) {
			e.Fatalf("%s does not take %s %q", document, name, value)
		}
	}
}

func texts(list any) []string {
	var all []string
	for _, v := range list.([]any) {
		all = append(all, v.(string))
	}
	return all
}

var reference = regexp.MustCompile(`\{\{ ([\w:.]+) \}\}`)

// resolve puts values in place of references. One that is all of a text keeps its type.
func (e *execution) resolve(value any) any {
	e.Helper()
	switch v := value.(type) {
	case map[string]any:
		all := map[string]any{}
		for k, inner := range v {
			all[k] = e.resolve(inner)
		}
		return all
	case []any:
		all := make([]any, 0, len(v))
		for _, inner := range v {
			all = append(all, e.resolve(inner))
		}
		return all
	case string:
		if m := reference.FindStringSubmatch(v); m != nil && m[0] == v {
			return e.value(m[1])
		}
		return reference.ReplaceAllStringFunc(v, func(ref string) string { return fmt.Sprint(e.value(strings.Trim(ref, "{} "))) })
	}
	return value
}

func (e *execution) value(name string) any {
	e.Helper()
	value, there := e.values[name]
	if !there {
		e.Fatalf("the runbook refers to %s, which nothing has set", name)
	}
	return value
}
