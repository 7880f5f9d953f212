package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// call runs the program until it ends.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"balanced-lab"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

func TestUsageErrorsAreOneLineAnd64(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "the command is missing"},
		{[]string{"down"}, `unknown command "down"`},
		{[]string{"help", "down"}, `unknown command "down"`},
		{[]string{"--down"}, "unknown flag --down"},
		{[]string{"up", "--siz", "3"}, "unknown flag --siz"},
		{[]string{"up", "web"}, `unexpected argument "web"`},
		{[]string{"up", "--size", "0"}, "--size 0: want 1 to 200"},
		{[]string{"up", "--size", "many"}, "size"},
		{[]string{"up", "--min", "-1"}, "--min -1"},
		{[]string{"up", "--drain", "-5s"}, "--drain -5s"},
		{[]string{"up", "--check-interval", "200ms"}, "--check-interval 200ms"},
		{[]string{"up", "--port", "70000"}, "--port 70000"},
		{[]string{"up", "--port", taken}, "address already in use; give another port"},
		{[]string{"demo", "--balanced", "/no/such/balanced"}, "/no/such/balanced"},
		{[]string{"rehearse"}, "the command line to rehearse is missing"},
		{[]string{"rehearse", "--naive", "no-such-command --now && true"}, "command no-such-command does not exist"},
		{[]string{"rehearse", "--refresh", "--image", "green"}, `--image "green": want good or bad`},
		{[]string{"rehearse", "--image", "bad", "true"}, "--image and --refresh-patience are for --refresh"},
		{[]string{"rehearse", "--refresh", "--refresh-patience", "1s"}, "--refresh-patience 1s"},
		{[]string{"rehearse", "--refresh", "--fault", "peer-dies 1"}, "--fault and --refresh"},
		{[]string{"rehearse", "--naive", "true && ("}, "the shell cannot parse the command"},
		{[]string{"rehearse", "--balanced", "/no/such/balanced", "true"}, "/no/such/balanced"},
		{[]string{"rehearse", "--concurrency", "0", "true"}, "--concurrency"},
		{[]string{"rehearse", "--naive", "--compare", "true"}, "--compare and --naive"},
		{[]string{"rehearse", "--speed", "0.5", "true"}, "--speed 0.5"},
		{[]string{"rehearse", "--rate", "1", "true"}, "--rate 1"},
		{[]string{"rehearse", "--fault", "quake 1", "true"}, "unknown kind"},
		{[]string{"rehearse", "--fault", "peer-dies 5", "true"}, "there are only 4 instances"},
		{[]string{"rehearse", "--scenario", "no-such", "true"}, "balanced-lab has bad-version"},
		{[]string{"rehearse", "--scenario", brokenScenario(t, "flags: {siz: 3}"), "true"}, `flags: unknown flag "siz"`},
		{[]string{"rehearse", "--scenario", brokenScenario(t, "flags: {size: many}"), "true"}, "flags: size many"},
		{[]string{"rehearse", "--scenario", brokenScenario(t, "fault: [x]"), "true"}, "field fault not found"},
		{[]string{"rehearse", "--naive", "--json", "/no/such/folder/r.json", "true"}, "/no/such/folder"},
		{[]string{"rehearse", "--naive", "--html", t.TempDir(), "true"}, "is a directory"},
		{[]string{"rehearse", "--naive", "--json", linkToDevice(t), "true"}, "is not a regular file"},
		{[]string{"rehearse", "--naive", "--json", "r", "--html", "./r", "true"}, "--json and --html name the same file, r"},
		{[]string{"deploy"}, "VERSION is missing"},
		{[]string{"deploy", "v2"}, "BALANCED_LAB_INSTANCE"},
	} {
		code, stdout, stderr := call(t, c.args...)
		if code != 64 || stdout != "" || strings.Count(stderr, "\n") != 1 ||
			!strings.HasPrefix(stderr, "balanced-lab: ") || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: code %d, stdout %q, stderr %q; want 64 and one line with %q", c.args, code, stdout, stderr, c.want)
		}
	}
}

// linkToDevice is a link to a device, so that a fault in the test does not replace the device.
func linkToDevice(t *testing.T) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), "null")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Fatal(err)
	}
	return link
}

// brokenScenario writes a scenario file.
func brokenScenario(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestEveryRehearseFlagIsInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/rehearsal.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(rehearseFlags(), fleetFlags()...) {
		if name := "`--" + f.Names()[0] + "`"; !strings.Contains(string(page), name) {
			t.Errorf("docs/rehearsal.md does not name %s", name)
		}
	}
}

func TestHelpExitsWith0(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"up", "--help"}, {"env", "-h"}, {"demo", "--help"}, {"rehearse", "--help"}, {"deploy", "--help"}, {"help"}, {"help", "rehearse"}} {
		code, stdout, stderr := call(t, args...)
		if code != 0 || !strings.Contains(stdout, "--help") || stderr != "" {
			t.Errorf("%q: code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
		if args[0] == "help" && len(args) > 1 && !strings.Contains(stdout, "--scenario") {
			t.Errorf("%q prints the help of another command: %q", args, stdout)
		}
	}
}

// evalEnv runs eval "$(balanced-lab env ARGS)" as a shell would, after a line that sets
// AWS_PROFILE, and returns what the shell prints after it.
func evalEnv(t *testing.T, shell string, args ...string) string {
	t.Helper()
	_, script, _ := call(t, append([]string{"env"}, args...)...)
	cmd := exec.Command("sh", "-c", shell, "sh", script)
	cmd.Env = []string{"AWS_PROFILE=mine", "PATH=" + os.Getenv("PATH")}
	out, _ := cmd.Output() // its exit code is part of what is tested
	return string(out)
}

func TestFailingEnvMakesEvalFailAndChangesNothing(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	for _, c := range []struct {
		args []string
		code string
	}{
		{[]string{"--wait", "0s"}, "69"},
		{[]string{"--wait", "0s", "i-0"}, "69"},
		{[]string{"--wait", "1ms"}, "69"},
		{[]string{"--wait", "-1s"}, "64"},
		{[]string{"--wait", "soon"}, "64"},
		{[]string{"--no-such-flag"}, "64"},
		{[]string{"i-1", "i-2"}, "64"},
		{[]string{"--list", "i-1"}, "64"},
	} {
		want := c.code + " mine \n"
		if got := evalEnv(t, `eval "$1"; echo "$? $AWS_PROFILE $AWS_ENDPOINT_URL"`, c.args...); got != want {
			t.Errorf("env %q: after eval the shell has %q, want %q", c.args, got, want)
		}
		if got := evalEnv(t, `set -e; eval "$1"; echo goes on`, c.args...); got != "" {
			t.Errorf("env %q: a script with set -e goes on", c.args)
		}
	}
}

func TestEnvWithoutALabIs69(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	code, _, stderr := call(t, "env", "--wait", "1ms")
	want := "balanced-lab: waiting up to 0s for a lab to start\nbalanced-lab: no lab is running; start one with balanced-lab up\n"
	if code != 69 || stderr != want {
		t.Errorf("code %d, stderr %q; want 69 and %q", code, stderr, want)
	}
}

// start runs `up` and returns the lines that it prints. stop ends it as Ctrl-C does, and
// returns the exit code.
func start(t *testing.T, args ...string) (lines []string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	read, write := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"balanced-lab", "up"}, args...), write, write)
		write.Close()
	}()
	for in := bufio.NewScanner(read); in.Scan(); {
		lines = append(lines, in.Text())
		if strings.HasPrefix(in.Text(), "Ctrl-C") {
			break
		}
	}
	return lines, func() int {
		cancel(signalled{syscall.SIGINT})
		return <-code
	}
}

func TestUpPrintsWhatMakesAShellAnInstance(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	lines, stop := start(t, "--size", "2")

	pasted := regexp.MustCompile(`^export AWS_ENDPOINT_URL=(\S+) AWS_EC2_METADATA_SERVICE_ENDPOINT=(\S+) AWS_DEFAULT_REGION=eu-west-1  # (i-\w+), `)
	var found [][]string
	for _, line := range lines {
		if m := pasted.FindStringSubmatch(line); m != nil {
			found = append(found, m)
		}
	}
	if len(found) != 2 {
		t.Fatalf("%d lines to paste, want 2:\n%s", len(found), strings.Join(lines, "\n"))
	}
	for _, url := range found[0][1:3] {
		if resp, err := http.Get(url); err != nil {
			t.Error(err)
		} else {
			resp.Body.Close()
		}
	}
	id := found[1][3]
	code, stdout, stderr := call(t, "env", id)
	if want := id + " in "; !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
		t.Errorf("env %s: stderr %q, want one line with %q", id, stderr, want)
	}
	if code != 0 || !strings.Contains(stdout, "export AWS_EC2_METADATA_SERVICE_ENDPOINT="+found[1][2]+"\n") {
		t.Errorf("env %s: code %d, %q", id, code, stdout)
	}
	if code, stdout, _ := call(t, "env", "--list"); code != 0 || !strings.Contains(stdout, id) || !strings.Contains(stdout, "InService") {
		t.Errorf("env --list: code %d, %q", code, stdout)
	}
	if got, want := evalEnv(t, `eval "$1"; echo "$? $AWS_PROFILE $BALANCED_LAB_INSTANCE $AWS_ENDPOINT_URL"`), "0  "+found[0][3]+" "+found[0][1]+"\n"; got != want {
		t.Errorf("env without an instance: after eval the shell has %q, want %q", got, want)
	}
	if code, _, stderr := call(t, "env", "i-0"); code != 64 || strings.Count(stderr, "\n") != 1 {
		t.Errorf("env of an unknown instance: code %d, %q; want 64 and one line", code, stderr)
	}

	if code := stop(); code != 0 {
		t.Errorf("Ctrl-C: code %d, want 0", code)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestStoppedDemoExitsWith128PlusTheSignal(t *testing.T) {
	agent := filepath.Join(t.TempDir(), "balanced")
	if err := os.WriteFile(agent, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(signalled{syscall.SIGTERM})
	var out, errs bytes.Buffer
	code := run(ctx, []string{"balanced-lab", "demo", "--balanced", agent}, &out, &errs)
	if want := "balanced-lab: stopped by SIGTERM\n"; code != 143 || errs.String() != want {
		t.Errorf("code %d, stderr %q; want 143 and %q", code, errs.String(), want)
	}
}
