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
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// call runs the program to its end.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"balanced-lab"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

func TestWhatCannotBeServedAsGivenIsOneLineAnd64(t *testing.T) {
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
		{nil, "a command is missing"},
		{[]string{"down"}, `unknown command "down"`},
		{[]string{"--down"}, "unknown flag --down"},
		{[]string{"up", "--siz", "3"}, "unknown flag --siz"},
		{[]string{"up", "web"}, `stray argument "web"`},
		{[]string{"env", "i-1", "i-2"}, `stray argument "i-2"`},
		{[]string{"up", "--size", "0"}, "--size 0: want 1 to 200"},
		{[]string{"up", "--size", "many"}, "size"},
		{[]string{"up", "--min", "-1"}, "--min -1"},
		{[]string{"up", "--drain", "-5s"}, "--drain -5s"},
		{[]string{"up", "--check-interval", "200ms"}, "--check-interval 200ms"},
		{[]string{"up", "--port", "70000"}, "--port 70000"},
		{[]string{"up", "--port", taken}, "address already in use"},
		{[]string{"demo", "--balanced", "/no/such/balanced"}, "/no/such/balanced"},
		{[]string{"rehearse"}, "a command is missing"},
		{[]string{"rehearse", "--naive", "no-such-command --now && true"}, "there is no command no-such-command"},
		{[]string{"rehearse", "--naive", "true && ("}, "the shell cannot read the command"},
		{[]string{"rehearse", "--balanced", "/no/such/balanced", "true"}, "/no/such/balanced"},
		{[]string{"rehearse", "--concurrency", "0", "true"}, "--concurrency"},
		{[]string{"rehearse", "--speed", "0.5", "true"}, "--speed 0.5"},
		{[]string{"rehearse", "--rate", "1", "true"}, "--rate 1"},
		{[]string{"rehearse", "--fault", "quake 1", "true"}, "no such kind"},
		{[]string{"rehearse", "--fault", "peer-dies 5", "true"}, "there are 4 instances"},
		{[]string{"rehearse", "--scenario", "no-such", "true"}, "none of bad-version"},
		{[]string{"rehearse", "--scenario", broken(t, "flags: {siz: 3}"), "true"}, `flags: unknown "siz"`},
		{[]string{"rehearse", "--scenario", broken(t, "flags: {size: many}"), "true"}, "flags: size many"},
		{[]string{"rehearse", "--scenario", broken(t, "fault: [x]"), "true"}, "field fault not found"},
		{[]string{"rehearse", "--naive", "--json", "/no/such/folder/r.json", "true"}, "/no/such/folder"},
		{[]string{"rehearse", "--naive", "--html", t.TempDir(), "true"}, "is a directory"},
		{[]string{"rehearse", "--naive", "--json", device(t), "true"}, "is not a regular file"},
		{[]string{"rehearse", "--naive", "--json", "r", "--html", "./r", "true"}, "--json and --html are one file, r"},
		{[]string{"deploy"}, "a version is missing"},
		{[]string{"deploy", "v2"}, "BALANCED_LAB_INSTANCE"},
	} {
		code, stdout, stderr := call(t, c.args...)
		if code != 64 || stdout != "" || strings.Count(stderr, "\n") != 1 ||
			!strings.HasPrefix(stderr, "balanced-lab: ") || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: code %d, stdout %q, stderr %q; want 64 and one line with %q", c.args, code, stdout, stderr, c.want)
		}
	}
}

// device stands for no file. It is a link, so that no harm comes to the device itself.
func device(t *testing.T) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), "null")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Fatal(err)
	}
	return link
}

// broken is a scenario file.
func broken(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestEveryFlagOfARehearsalIsInItsPage(t *testing.T) {
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

func TestHelpIsNoError(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"up", "--help"}, {"env", "-h"}, {"demo", "--help"}, {"rehearse", "--help"}, {"deploy", "--help"}} {
		if code, stdout, stderr := call(t, args...); code != 0 || stdout == "" || stderr != "" {
			t.Errorf("%q: code %d, stderr %q", args, code, stderr)
		}
	}
}

func TestWithoutALabEnvIs69(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	code, stdout, stderr := call(t, "env")
	if want := "balanced-lab: no lab is running: start one with balanced-lab up\n"; code != 69 || stdout != "" || stderr != want {
		t.Errorf("code %d, stdout %q, stderr %q; want 69 and %q", code, stdout, stderr, want)
	}
}

// start runs `up` and returns what it prints, line by line. stop ends it as Ctrl-C
// does and returns its exit code.
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
		cancel(stopped{syscall.SIGINT})
		return <-code
	}
}

func TestWhatUpPrintsIsALabOneCanUse(t *testing.T) {
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
	code, stdout, _ := call(t, "env", id)
	if code != 0 || !strings.Contains(stdout, "export AWS_EC2_METADATA_SERVICE_ENDPOINT='"+found[1][2]+"'\n") {
		t.Errorf("env %s: code %d, %q", id, code, stdout)
	}
	if code, stdout, _ := call(t, "env"); code != 0 || !strings.Contains(stdout, id) || !strings.Contains(stdout, "InService") {
		t.Errorf("env: code %d, %q", code, stdout)
	}
	if code, _, stderr := call(t, "env", "i-0"); code != 64 || strings.Count(stderr, "\n") != 1 {
		t.Errorf("env of a stranger: code %d, %q; want 64 and one line", code, stderr)
	}

	if code := stop(); code != 0 {
		t.Errorf("Ctrl-C: code %d, want 0", code)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestADemoStoppedByASignalExitsAsAShellWouldSay(t *testing.T) {
	agent := filepath.Join(t.TempDir(), "balanced")
	if err := os.WriteFile(agent, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped{syscall.SIGTERM})
	var out, errs bytes.Buffer
	code := run(ctx, []string{"balanced-lab", "demo", "--balanced", agent}, &out, &errs)
	if want := "balanced-lab: stopped by SIGTERM\n"; code != 143 || errs.String() != want {
		t.Errorf("code %d, stderr %q; want 143 and %q", code, errs.String(), want)
	}
}
