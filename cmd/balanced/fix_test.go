//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// finding is what doctor's JSON says of one fault.
type finding struct{ Check, Fix string }

// fix CHECK...: runs the commands that doctor printed into FILE doctor.json for these
// checks, as an operator's shell would, and waits until doctor finds none of them any
// more, and nothing new: instances that a command launched are unhealthy at first. The commands need the AWS CLI: a script that uses fix skips without it.
func cmdFix(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) > 0, "fix CHECK...")
	var report struct{ Findings []finding }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("doctor.json")), &report))
	for _, check := range args {
		ran := false
		for _, f := range report.Findings {
			if f.Check == check {
				shell(ts, f.Fix, nil)
				ran = true
			}
		}
		if !ran {
			ts.Fatalf("doctor does not find %s", check)
		}
	}
	var others []string
	for _, f := range report.Findings {
		if !slices.Contains(args, f.Check) {
			others = append(others, f.Check)
		}
	}
	eventually(ts, "doctor to find nothing of "+strings.Join(args, " "), func() bool {
		// Its code is not looked at here: other findings may be left.
		_ = ts.Exec("balanced", "doctor", "--everywhere", "--output", "json")
		report.Findings = nil
		ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &report))
		return !slices.ContainsFunc(report.Findings, func(f finding) bool { return !slices.Contains(others, f.Check) })
	})
}

// shell runs a command as somebody with the AWS CLI would, and returns its stdout.
func shell(ts *testscript.TestScript, command string, env []string) []byte {
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", command)
	cmd.Env = append(env, "HOME="+ts.Getenv("WORK"), "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1", "AWS_MAX_ATTEMPTS=1")
	for _, name := range []string{"PATH", "AWS_ENDPOINT_URL", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "BALANCED_PROBE", "BALANCED_SETTLE", "BALANCED_HOLD_FILE"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		ts.Fatalf("%s: %v\n%s%s", command, err, out, &stderr)
	}
	return out
}

// page NAME [INSTANCE]: runs the commands that a page of docs has under this name, for an
// instance or for the one that commands run as. Their stdout is in the file `said`.
func cmdPage(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1 || len(args) == 2, "page NAME [INSTANCE]")
	var pages []byte
	for _, name := range []string{"fix-a-failed-rollout", "from-other-tools"} {
		text, err := os.ReadFile("../../docs/" + name + ".md")
		ts.Check(err)
		pages = append(pages, text...)
	}
	_, after, found := strings.Cut(string(pages), "<!-- run: "+args[0]+" -->\n")
	if !found {
		ts.Fatalf("no page runs anything under the name %s", args[0])
	}
	commands, _, _ := strings.Cut(after, "\n\n")
	instance := append(args, stageOf(ts).self)[1]
	out := shell(ts, commands, []string{"GROUP=web", "INSTANCE=" + instance})
	ts.Check(os.WriteFile(ts.MkAbs("said"), out, 0o644))
}

// eventually waits until it is so, as long as patience lasts.
func eventually(ts *testscript.TestScript, what string, so func() bool) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !so(); {
		select {
		case <-tick.C:
		case <-late:
			ts.Fatalf("waited in vain for %s", what)
		}
	}
}
