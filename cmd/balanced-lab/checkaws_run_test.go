//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"balanced/internal/conform"
	"balanced/internal/procgroup"
)

const checkScript = "../../scripts/check-aws/run"

// checkRun is scripts/check-aws/run with testdata/aws in place of the AWS CLI.
type checkRun struct {
	*testing.T
	state string
}

func newCheckRun(t *testing.T) *checkRun {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skipf("no bash: %v", err)
	}
	c := &checkRun{t, t.TempDir()}
	for _, dir := range []string{"stacks", "bin", "path", "bucket"} {
		if err := os.Mkdir(filepath.Join(c.state, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	stub, err := filepath.Abs("testdata/aws")
	if err == nil {
		err = os.Symlink(stub, filepath.Join(c.state, "path", "aws"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// command is a run of the script with the programs of this test.
func (c *checkRun) command(args ...string) (*exec.Cmd, *bytes.Buffer) {
	lab := program(c.T, "balanced-lab")
	given := []string{"--out", filepath.Join(c.state, "out"), "--bin", filepath.Dir(lab), "--lab", lab}
	cmd := exec.CommandContext(c.Context(), checkScript, append(given, args...)...)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(c.state, "path")+":"+os.Getenv("PATH"), "STATE="+c.state, "LAB="+lab, "CHECK_AWS_POLL=0.1")
	cmd.SysProcAttr = procgroup.Attr(true)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

// stacks are those that are there.
func (c *checkRun) stacks() []string {
	c.Helper()
	entries, err := os.ReadDir(filepath.Join(c.state, "stacks"))
	if err != nil {
		c.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// waiting starts a run and returns when it waits for its stack.
func (c *checkRun) waiting() (*exec.Cmd, *bytes.Buffer) {
	c.Helper()
	if err := os.WriteFile(filepath.Join(c.state, "block"), nil, 0o644); err != nil {
		c.Fatal(err)
	}
	cmd, out := c.command("--yes")
	if err := cmd.Start(); err != nil {
		c.Fatal(err)
	}
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		if _, err := os.Stat(filepath.Join(c.state, "waiting")); err == nil {
			return cmd, out
		}
		if cmd.ProcessState != nil || c.Context().Err() != nil {
			c.Fatalf("it does not come so far:\n%s", out)
		}
	}
}

func TestTheScriptDeletesItsStackWhenItIsStopped(t *testing.T) {
	t.Parallel()
	for signal, want := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		c := newCheckRun(t)
		cmd, out := c.waiting()
		if len(c.stacks()) != 1 {
			t.Errorf("stacks: %v", c.stacks())
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		err := cmd.Wait()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != want {
			t.Errorf("%s: %v, want exit code %d\n%s", signal, err, want, out)
		}
		if left := c.stacks(); len(left) != 0 {
			t.Errorf("%s: left behind %v\n%s", signal, left, out)
		}
	}
}

func TestCleanupDeletesWhatAKilledRunLeft(t *testing.T) {
	t.Parallel()
	c := newCheckRun(t)
	cmd, _ := c.waiting()
	if err := procgroup.Signal(cmd.Process, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if len(c.stacks()) != 1 {
		t.Fatalf("a run that is killed leaves %v", c.stacks())
	}
	for _, want := range []string{"is deleted", "nothing is left"} {
		cleanup, out := c.command("--cleanup")
		if err := cleanup.Run(); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("--cleanup: %v, no %q in\n%s", err, want, out)
		}
		if left := c.stacks(); len(left) != 0 {
			t.Errorf("left after --cleanup: %v", left)
		}
	}
}

func TestTheScriptAsksFirst(t *testing.T) {
	t.Parallel()
	c := newCheckRun(t)
	cmd, out := c.command()
	cmd.Stdin = strings.NewReader("no\n")
	err := cmd.Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 64 {
		t.Errorf("%v, want exit code 64\n%s", err, out)
	}
	for _, want := range []string{"45 minutes", "USD", "nothing was created"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if _, err := os.Stat(filepath.Join(c.state, "log")); err == nil {
		t.Error("AWS was called")
	}
}

// TestTheScriptChecksALab runs the whole script against balanced-lab up. It takes minutes.
func TestTheScriptChecksALab(t *testing.T) {
	if !*allScenarios {
		t.Skip("minutes; run it with -args -rehearse")
	}
	c := newCheckRun(t)
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	lab := exec.CommandContext(t.Context(), program(t, "balanced-lab"), "up", "--size", "2", "--max", "2", "--drain", "15s", "--check-interval", "2s")
	stdout, err := lab.StdoutPipe()
	if err == nil {
		err = lab.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		lab.Process.Signal(syscall.SIGINT)
		lab.Wait()
	}()
	var ids []string
	for lines := bufio.NewScanner(stdout); lines.Scan() && !strings.HasPrefix(lines.Text(), "Ctrl-C"); {
		if _, after, found := strings.Cut(lines.Text(), "  # i-"); found {
			id, _, _ := strings.Cut(after, ",")
			ids = append(ids, "i-"+id)
		}
	}
	write := os.WriteFile(filepath.Join(c.state, "instances"), []byte(strings.Join(ids, "\n")+"\n"), 0o644)
	if write != nil || len(ids) != 2 {
		t.Fatalf("instances %v, %v", ids, write)
	}
	// As the operator: the settings of a shell on any instance lead to the lab.
	environ, err := exec.Command("bash", "-c", `eval "$("$0" env `+ids[0]+`)" && env`, program(t, "balanced-lab")).Output()
	if err != nil {
		t.Fatal(err)
	}
	cmd, out := c.command("--yes", "--", "--settle", "2s", "--samples", "1")
	for _, v := range strings.Split(string(environ), "\n") {
		if strings.HasPrefix(v, "AWS_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	if err := cmd.Run(); err != nil {
		t.Errorf("the script: %v\n%s", err, out)
	}
	wantReports(c)
	if t.Failed() {
		log, _ := os.ReadFile(filepath.Join(c.state, "log"))
		t.Logf("the script:\n%s\ncalls of AWS:\n%s", out, log)
	}
	if left := c.stacks(); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// wantReports checks what the script has collected.
func wantReports(c *checkRun) {
	c.Helper()
	for file, fact := range map[string]string{"aws.json": "enter-cause", "instance.json": "imds-token", "moving.json": "imds-target-state-moving"} {
		var report conform.Report
		text, err := os.ReadFile(filepath.Join(c.state, "out", file))
		if err == nil {
			err = json.Unmarshal(text, &report)
		}
		if err != nil {
			c.Errorf("%s: %v", file, err)
		}
		tried := false
		for _, f := range report.Facts {
			tried = tried || f.ID == fact && f.Verdict == conform.AsModelled
		}
		if !tried || report.Count(conform.Different) != 0 {
			c.Errorf("%s: %s is not as modelled, or %d differ", file, fact, report.Count(conform.Different))
		}
	}
	rolled, err := filepath.Glob(filepath.Join(c.state, "out", "i-*-in.json"))
	if err != nil || len(rolled) != 2 {
		c.Errorf("reports of balanced in: %v, %v", rolled, err)
	}
}

func TestTheStackPassesCfnLint(t *testing.T) {
	if _, err := exec.LookPath("cfn-lint"); err != nil {
		t.Skipf("no cfn-lint: %v", err)
	}
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "cfn-lint", "--include-checks", "I", "--template", "../../scripts/check-aws/stack.yaml").CombinedOutput()
	if err != nil {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}

// TestTheStackAllowsWhatThePolicyAllows: the instances roll with the policy that operators get.
func TestTheStackAllowsWhatThePolicyAllows(t *testing.T) {
	var stack struct {
		Resources map[string]struct {
			Properties struct {
				Policies []struct {
					PolicyName     string
					PolicyDocument struct {
						Statement []struct {
							Action any
						}
					}
				}
			}
		}
	}
	var document any // a short form such as !Ref X is then its text, X
	text, err := os.ReadFile("../../scripts/check-aws/stack.yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &document)
	}
	if err == nil {
		text, err = json.Marshal(document)
	}
	if err == nil {
		err = json.Unmarshal(text, &stack)
	}
	if err != nil {
		t.Fatal(err)
	}
	var got []any
	for _, p := range stack.Resources["Role"].Properties.Policies {
		for _, s := range p.PolicyDocument.Statement {
			if p.PolicyName == "balanced" {
				got = append(got, s.Action)
			}
		}
	}
	page, err := os.ReadFile("../../docs/iam.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "```json\n")
	documented, _, _ := strings.Cut(after, "```")
	var policy struct{ Statement []struct{ Action any } }
	if err := json.Unmarshal([]byte(documented), &policy); err != nil {
		t.Fatal(err)
	}
	var want []any
	for _, s := range policy.Statement {
		want = append(want, s.Action)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("actions of docs/iam.md (-) and of the stack (+):\n%s", diff)
	}
}
