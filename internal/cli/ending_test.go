package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"balanced/internal/rotation"
)

// events are the lines of stderr, each of which has to be JSON.
func events(t *testing.T, stderr string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(stderr) {
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for key := range event {
			if key == "elapsed" || key == "limit" || key == "wait" || strings.HasSuffix(key, "_limit") {
				t.Errorf("%q has %s without a unit", line, key)
			}
		}
		all = append(all, event)
	}
	return all
}

// With a log of JSON there is no line on stderr that is not JSON, and the last one says how the run ended.
func TestEveryLineOfAJSONLogIsJSONAndTheLastSaysHowItEnded(t *testing.T) {
	offEC2(t)
	for _, tt := range []struct {
		env  environment
		args string
		want map[string]any
	}{
		{nil, "--log-format json run -- no-such-command", map[string]any{
			"level": "error", "command": "run", "exit_code": 127., "moved": false, "reason": "not started: no-such-command: executable file not found in $PATH",
		}},
		{environment{"BALANCED_MIN_HELTHY": "2"}, "run --log-format=json --report report.json -- no-such-command", map[string]any{"exit_code": 127.}},
		{environment{"BALANCED_LOG_FORMAT": "json"}, "out", map[string]any{"command": "out", "exit_code": 78., "outcome": "needs a change", "class": "needs a change"}},
		{environment{"JOURNAL_STREAM": "8:1"}, "out --wait soon", map[string]any{"command": "out", "exit_code": 64., "class": "usage", "hint": "see balanced out --help"}},
		{nil, "out --log-format json --sideways", map[string]any{"command": "out", "exit_code": 64., "reason": "unknown flag --sideways"}},
		{nil, "--log-format json statsu", map[string]any{"exit_code": 64.}},
		{nil, "out --log-format json --log-level error", map[string]any{"exit_code": 78., "level": "error"}},
		{environment{"LIFECYCLE_EVENT": "BeforeInstall"}, "hook --log-format json", map[string]any{"command": "hook", "exit_code": 78.}},
		{nil, "in --log-format json --report nowhere/report.json", map[string]any{"exit_code": 73., "class": "report file"}},
	} {
		code, _, stderr := call(tt.env, strings.Fields(tt.args)...)
		all := events(t, stderr)
		if len(all) == 0 {
			t.Errorf("balanced %s: nothing on stderr", tt.args)
			continue
		}
		last := all[len(all)-1]
		if last["msg"] != "finished" || last["exit_code"] != float64(code) || last["time"] == nil {
			t.Errorf("balanced %s: %d, last event %v", tt.args, code, last)
		}
		for _, key := range []string{"elapsed_seconds", "time_limit_seconds", "hint", "reason", "outcome"} {
			if _, ok := last[key]; !ok {
				t.Errorf("balanced %s: no %s in %v", tt.args, key, last)
			}
		}
		for key, want := range tt.want {
			if last[key] != want {
				t.Errorf("balanced %s: %s is %v, want %v", tt.args, key, last[key], want)
			}
		}
	}
}

func TestAGoodEndIsAnEventToo(t *testing.T) {
	var stderr strings.Builder
	p := &program{stderr: &stderr, end: &ending{format: "json", level: "info", report: &rotation.Report{
		Command: "out", Outcome: "out", Moved: true, ElapsedSeconds: 312.4, Limits: rotation.Limits{TimeLimitSeconds: 720},
		Instance: rotation.InstanceReport{ID: "i-0abc"}, Group: rotation.GroupReport{Name: "web"},
	}}}
	p.sayHowItEnded(nil)
	last := events(t, stderr.String())[0]
	for key, want := range map[string]any{
		"level": "info", "msg": "finished", "command": "out", "exit_code": 0., "outcome": "out", "moved": true,
		"instance_id": "i-0abc", "asg": "web", "elapsed_seconds": 312.4, "time_limit_seconds": 720.,
	} {
		if last[key] != want {
			t.Errorf("%s is %v, want %v", key, last[key], want)
		}
	}
	if last["class"] != nil || last["reason"] != nil {
		t.Errorf("a good end has a class or a reason: %v", last)
	}
	stderr.Reset()
	p.end.level = "warn"
	if p.sayHowItEnded(nil); stderr.String() != "" {
		t.Errorf("a good end at level warn: %s", stderr.String())
	}
}

// Commands that have no log and end well say nothing.
func TestNoEventWithoutARun(t *testing.T) {
	for _, args := range []string{"version", "help out", "exit-codes", "explain 75", "completion bash"} {
		if code, _, stderr := call(environment{"BALANCED_LOG_FORMAT": "json"}, strings.Fields(args)...); code != 0 || stderr != "" {
			t.Errorf("balanced %s: %d, stderr %q", args, code, stderr)
		}
	}
}

func TestConsoleIsAskedForBeforeTheJournal(t *testing.T) {
	offEC2(t)
	if _, _, stderr := call(environment{"JOURNAL_STREAM": "8:1"}, "out", "--log-format", "console"); !strings.HasPrefix(stderr[strings.LastIndex(strings.TrimSpace(stderr), "\n")+1:], "balanced: ") {
		t.Errorf("stderr %q", stderr)
	}
}

func TestTheNoteOfAPolicyIsJSONToo(t *testing.T) {
	offEC2(t)
	_, stdout, stderr := call(environment{"BALANCED_LOG_FORMAT": "json"}, "policy")
	if all := events(t, stderr); len(all) != 1 || all[0]["level"] != "warn" || !strings.Contains(stdout, "autoScalingGroupName/NAME") {
		t.Errorf("stderr %q", stderr)
	}
}
