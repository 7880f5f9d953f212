//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"balanced/internal/rotation"
)

// series reads a metrics file as node_exporter does, with Prometheus' own parser.
func series(t *testing.T, path string) map[string]float64 {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	got := map[string]float64{}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue()
		}
	}
	return got
}

func needSh(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("needs sh")
	}
}

func readReport(t *testing.T, path string) rotation.Report {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r rotation.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return r
}

// Whoever looks at one of them must not come to another view than who looks at the others.
func TestAFailedRunTellsTheSameEverywhere(t *testing.T) {
	needSh(t)
	offEC2(t)
	for _, args := range []string{
		"run --report report.json -- no-such-command", // found out before anybody is asked
		"out --report report.json",                    // nobody answers
		"in --report nowhere/report.json",             // another file cannot be written
	} {
		env := map[string]string{
			"BALANCED_METRICS_FILE": "balanced.prom", "BALANCED_LOG_FORMAT": "json", "PATH": os.Getenv("PATH"),
			"BALANCED_NOTIFY": "cat >told.json; echo $BALANCED_EXIT_CODE >code; echo ${BALANCED_NOTIFY-none} >again",
		}
		os.Remove("told.json")
		code, _, stderr := call(env, strings.Fields(args)...)
		command, _, _ := strings.Cut(args, " ")
		all := events(t, stderr)
		last, told := all[len(all)-1], readReport(t, "told.json")
		if told.ExitCode != code || told.Reason != last["reason"] || told.Hint != last["hint"] || told.Outcome != last["outcome"] || last["exit_code"] != float64(code) {
			t.Errorf("balanced %s: %d, notified %+v, last event %v", args, code, told, last)
		}
		if got := series(t, "balanced.prom"); got["balanced_last_run_exit_code "+command] != float64(code) || code == 0 {
			t.Errorf("balanced %s: %d, metrics %v", args, code, got)
		}
		for file, want := range map[string]string{"code": strconv.Itoa(code), "again": "none"} { // none: it must not notify again
			if text, _ := os.ReadFile(file); strings.TrimSpace(string(text)) != want {
				t.Errorf("balanced %s: %s is %q in the notification, want %q", args, file, text, want)
			}
		}
		if strings.HasSuffix(args, "nowhere/report.json") {
			continue
		}
		if report := readReport(t, "report.json"); report.ExitCode != code || report.Reason != told.Reason || report.Hint != told.Hint {
			t.Errorf("balanced %s: %d, report %+v, notified %+v", args, code, report, told)
		}
	}
}

func TestTheMetricsFileIsCheckedAtTheStart(t *testing.T) {
	offEC2(t)
	for _, command := range []string{"out", "in", "run -- true", "wait", "out --dry-run"} {
		name, rest, _ := strings.Cut(command, " ")
		code, _, stderr := call(nil, strings.Fields(name+" --metrics-file nowhere/balanced.prom "+rest)...)
		if code != 73 || !strings.HasPrefix(stderr, "balanced: --metrics-file: ") || !strings.HasSuffix(stderr, "; name a file in a folder that can be written to\n") {
			t.Errorf("balanced %s: %d, %s", command, code, stderr)
		}
	}
	if code, _, stderr := call(nil, "status", "--metrics-file", "balanced.prom"); code != 64 {
		t.Errorf("status, which writes no metrics: %d, %s", code, stderr)
	}
}

func TestWhoIsNotified(t *testing.T) {
	for _, tt := range []struct {
		n    *notification
		code int
		want bool
	}{
		{nil, 78, false},
		{&notification{}, 0, false},
		{&notification{}, 75, false},
		{&notification{}, 1, true},
		{&notification{}, 84, true},
		{&notification{on: []int{0, 84}}, 0, true},
		{&notification{on: []int{0, 84}}, 84, true},
		{&notification{on: []int{0, 84}}, 78, false},
	} {
		if got := tt.n.wanted(tt.code); got != tt.want {
			t.Errorf("%+v after %d: %v, want %v", tt.n, tt.code, got, tt.want)
		}
	}
}

// A notification that fails changes no code; what it said is in the warning.
func TestANotificationThatFailsIsAWarning(t *testing.T) {
	needSh(t)
	offEC2(t)
	env := map[string]string{"PATH": os.Getenv("PATH"), "BALANCED_NOTIFY": "echo no route >&2; exit 3"}
	code, _, stderr := call(env, "run", "--", "no-such-command")
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	if code != 127 || len(lines) != 2 || !strings.Contains(lines[0], "warn the notification failed error=") || !strings.Contains(lines[0], "exit status 3: no route") {
		t.Errorf("%d, stderr %q", code, stderr)
	}
	// One that reads nothing is no failure.
	if code, _, stderr := call(map[string]string{"PATH": os.Getenv("PATH"), "BALANCED_NOTIFY": "true"}, "run", "--", "no-such-command"); code != 127 || strings.Contains(stderr, "warn") {
		t.Errorf("%d, stderr %q", code, stderr)
	}
}

// One that hangs is killed with all that it started.
func TestANotificationThatHangsIsKilled(t *testing.T) {
	needSh(t)
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("held", 0o600); err != nil {
		t.Skipf("needs FIFOs: %v", err)
	}
	n := &notification{command: "trap '' TERM INT; (exec sleep 600) >held & wait", limit: 100 * time.Millisecond}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := n.send(environment{"PATH": os.Getenv("PATH")}, nil, 84); err == nil || !strings.Contains(err.Error(), "killed after") {
			t.Errorf("%v, want it killed", err)
		}
	}()
	// The FIFO ends when the last process that writes to it has ended.
	if _, err := os.ReadFile("held"); err != nil {
		t.Fatal(err)
	}
	<-done
}

func TestADryRunTellsNobody(t *testing.T) {
	offEC2(t)
	env := map[string]string{"PATH": os.Getenv("PATH"), "BALANCED_NOTIFY": "cat >told.json", "BALANCED_METRICS_FILE": "balanced.prom"}
	call(env, "run", "--dry-run", "--", "no-such-command")
	if files, _ := filepath.Glob("*"); len(files) > 0 {
		t.Errorf("a dry run left %v", files)
	}
}

func TestWhatIsKeptOfANotification(t *testing.T) {
	said := &tail{most: 5}
	for _, part := range []string{"abc", "defgh", "", "ij"} {
		if n, err := said.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if said.String() != "fghij" {
		t.Errorf("%q", said)
	}
}

func TestTheMetricsOfARun(t *testing.T) {
	for _, tt := range []struct {
		state, outcome string
		want           string
	}{
		{"InService", "in", "1"}, {"Standby", "out", "0"}, {"EnteringStandby", "unfinished", "0"}, {"", "unreachable", "unknown"}, {"InService", "unknown", "unknown"},
	} {
		got := "unknown"
		if run := lastRun(&rotation.Report{Outcome: tt.outcome, Instance: rotation.InstanceReport{State: tt.state}}, end{}); run.InService != nil {
			got = map[bool]string{true: "1", false: "0"}[*run.InService]
		}
		if got != tt.want {
			t.Errorf("%+v: in service %s", tt, got)
		}
	}
}
