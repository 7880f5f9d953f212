//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A background run of the binary.
type background struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	instance       string
	before         int // moves of that instance when it began
}

// exits CODE COMMAND ARG...: runs it and holds it to what its code promises.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) > 1, "exits CODE COMMAND ARG...")
	s := stageOf(ts)
	before := s.movesOfHost()
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	s.stderr = ts.ReadFile("stderr")
	if want := number(ts, args[0]); code != want {
		ts.Fatalf("%s exited %d, want %d", strings.Join(args[1:], " "), code, want)
	}
	promises(ts, code, s.stderr, s.movesOfHost()-before)
}

// promises checks what every end of the binary has to be like.
func promises(ts *testscript.TestScript, code int, stderr string, moves int) {
	if code == 0 || code == 3 || code == 4 {
		return
	}
	line := lastLineOf(stderr)
	if strings.HasPrefix(line, "{") { // a log of JSON
		line = fromJSON(ts, line, code)
	}
	if !strings.HasPrefix(line, "balanced: ") || !strings.Contains(line, "; ") || strings.Contains(line, "...") {
		ts.Fatalf("exit %d, last line of stderr %q: want balanced: REASON; WHAT TO DO, whole", code, line)
	}
	if code >= 64 && code <= 81 && moves > 0 && !strings.Contains(line, " exited "+fmt.Sprint(code)+",") { // not one of ours
		ts.Fatalf("exit %d promises that nothing was moved, but %d calls took effect", code, moves)
	}
}

// fromJSON is the last event of a failed run as the last line has it.
func fromJSON(ts *testscript.TestScript, line string, code int) string {
	var e struct {
		Level, Msg, Reason, Hint string
		ExitCode                 int `json:"exit_code"`
	}
	ts.Check(json.Unmarshal([]byte(line), &e))
	if e.Level != "error" || e.Msg != "finished" || e.ExitCode != code {
		ts.Fatalf("exit %d, last event %s", code, line)
	}
	return "balanced: " + e.Reason + "; " + e.Hint
}

func lastLineOf(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return lines[len(lines)-1]
}

// last REGEXP: the last line on stderr of the run before.
func cmdLast(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "last REGEXP")
	if line := lastLineOf(stageOf(ts).stderr); !regexp.MustCompile(args[0]).MatchString(line) {
		ts.Fatalf("last line of stderr %q, want %s", line, args[0])
	}
}

// stderr-below N: all that the run before said there is less than so many bytes.
func cmdStderrBelow(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "stderr-below N")
	if got := len(stageOf(ts).stderr); got >= number(ts, args[0]) {
		ts.Fatalf("%d bytes on stderr, want less than %s", got, args[0])
	}
}

// start NAME COMMAND ARG...: runs it in the background, as the instance of the moment.
func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) > 1, "start NAME COMMAND ARG...")
	s := stageOf(ts)
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	b := &background{cmd: exec.Command(path, args[2:]...), instance: s.self, before: s.movesOfHost()}
	b.cmd.Dir, b.cmd.Stdout, b.cmd.Stderr = ts.MkAbs("."), &b.stdout, &b.stderr
	b.cmd.WaitDelay = 5 * time.Second // what it leaves behind when killed holds its pipes
	for _, name := range passedOn() {
		b.cmd.Env = append(b.cmd.Env, name+"="+ts.Getenv(name))
	}
	ts.Check(b.cmd.Start())
	ts.Defer(func() { b.cmd.Process.Kill(); b.cmd.Wait() })
	s.runs[args[0]] = b
}

// passedOn are the variables that runs get from their script.
func passedOn() []string {
	return []string{
		"PATH", "HOME", "WORK", "TMPDIR", "TESTSCRIPT_COMMAND_DIR", "GOCOVERDIR",
		"AWS_ENDPOINT_URL", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_ENDPOINT_URL_DYNAMODB", "BALANCED_SETTLE", "BALANCED_PROBE", "BALANCED_HOLD_FILE",
		"BALANCED_WAIT", "BALANCED_LOCK", "BALANCED_LOCK_GROUP", "BALANCED_TARGETS", "BALANCED_MIN_HEALTHY", "LIFECYCLE_EVENT",
	}
}

// signal NAME HUP|INT|TERM|KILL.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "signal NAME HUP|INT|TERM|KILL")
	sig := map[string]os.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}[args[1]]
	s := stageOf(ts)
	s.marked = len(s.region.Calls())
	ts.Check(s.runs[args[0]].cmd.Process.Signal(sig))
}

// ends NAME CODE: waits for a background run, which leaves its stdout and stderr in
// files NAME.stdout and NAME.stderr. KILLED is a run that a signal ended.
func cmdEnds(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "ends NAME CODE")
	s := stageOf(ts)
	b := s.runs[args[0]]
	hurry := time.AfterFunc(patience, func() { b.cmd.Process.Kill() })
	_ = b.cmd.Wait() // its error is the code, looked at below
	hurry.Stop()
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".stdout"), b.stdout.Bytes(), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".stderr"), b.stderr.Bytes(), 0o644))
	ts.Logf("[%s stdout]\n%s[%s stderr]\n%s", args[0], b.stdout.String(), args[0], b.stderr.String())
	s.stderr = b.stderr.String()
	code := b.cmd.ProcessState.ExitCode()
	if args[1] == "KILLED" {
		if code != -1 {
			ts.Fatalf("%s exited %d, want it killed", args[0], code)
		}
		return
	}
	if want := number(ts, args[1]); code != want {
		ts.Fatalf("%s exited %d, want %d", args[0], code, want)
	}
	promises(ts, code, s.stderr, len(s.moves(b.instance))-b.before)
}
