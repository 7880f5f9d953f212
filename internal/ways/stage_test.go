//go:build unix

package ways

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

var (
	rollouts = flag.Bool("rollouts", false, "do a rollout through each way, over a fleet of balanced-lab")
	deb      = flag.String("deb", "", "the balanced of this package is rolled out with, not that of bin/")
)

const (
	scripts = "../../scripts"
	broken  = 17 // what an upgrade exits with where it is broken
)

// stage is a fleet of balanced-lab, and for each instance what a process on it sees:
// the environment, and a folder of its own in place of the disk.
type stage struct {
	*testing.T
	dir   string
	hosts []string            // instance ids, in the order in which they are upgraded
	env   map[string][]string // NAME=value, by instance
}

// newStage starts the fleet. Its drains are short, and so is what balanced allows
// answers to lag, since they never lag here.
func newStage(t *testing.T, fleet ...string) *stage {
	t.Helper()
	if !*rollouts {
		t.Skip("rollouts are done by make ways")
	}
	s := &stage{T: t, dir: t.TempDir(), env: map[string][]string{}}
	s.startLab(fleet)
	s.install()
	for _, line := range strings.Split(s.lab("env", "--list"), "\n")[1:] {
		if id, _, there := strings.Cut(line, " "); there {
			s.hosts = append(s.hosts, id)
			s.env[id] = s.environ(id)
			s.write(s.file(id, "version"), "v1\n")
		}
	}
	if len(s.hosts) != 3 {
		t.Fatalf("the lab has %d instances, want 3", len(s.hosts))
	}
	return s
}

func (s *stage) startLab(fleet []string) {
	lab := s.program("balanced-lab")
	cmd := exec.Command(lab, append([]string{
		"up", "--size", "3", "--drain", "2s", "--check-interval", "1s", "--move-time", "1s",
	}, fleet...)...)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+s.dir)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			s.Errorf("balanced-lab up: %v", err)
		}
	})
	for in := bufio.NewScanner(stdout); in.Scan(); {
		if strings.HasPrefix(in.Text(), "Ctrl-C") {
			go io.Copy(io.Discard, stdout)
			return
		}
	}
	s.Fatal("balanced-lab up has ended")
}

// program is the path of one that make build has built.
func (s *stage) program(name string) string {
	path, err := filepath.Abs("../../bin/" + name)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		s.Fatalf("%v: make build", err)
	}
	return path
}

// install fills the folder that comes first on every instance's PATH.
func (s *stage) install() {
	if err := os.Symlink(s.balanced(), s.bin("balanced")); err != nil {
		s.Fatal(err)
	}
	for name, script := range map[string]string{
		// Serving while it is upgraded is what everything here is to prevent.
		"upgrade": `balanced status >/dev/null
[ $? -eq 3 ] || { echo "upgraded while in service"; exit 99; }
if [ -e "$HOST/broken" ]; then echo "upgrade: no such package" >&2; exit 17; fi
echo "$1" >"$HOST/version"`,
		"sudo": `exec "$@"`,
	} {
		s.script(name, script)
	}
}

// balanced is the path of the one to roll out with: out of the package where there is
// one.
func (s *stage) balanced() string {
	if *deb == "" {
		return s.program("balanced")
	}
	root := filepath.Join(s.dir, "package")
	if out, err := exec.Command("dpkg", "-x", *deb, root).CombinedOutput(); err != nil {
		s.Fatalf("dpkg -x %s: %v\n%s", *deb, err, out)
	}
	return filepath.Join(root, "usr/bin/balanced")
}

// script puts a program on the PATH of every instance.
func (s *stage) script(name, text string) { s.write(s.bin(name), "#!/bin/sh\n"+text+"\n") }

func (s *stage) bin(name string) string {
	dir := filepath.Join(s.dir, "bin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// file is one of an instance's own.
func (s *stage) file(id, name string) string { return filepath.Join(s.dir, "hosts", id, name) }

func (s *stage) write(path, text string) {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil && strings.HasPrefix(text, "#!") {
		err = writeProgram(path, text)
	} else if err == nil {
		err = os.WriteFile(path, []byte(text), 0o755)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// writeProgram has another process write it. What this one has open for writing, a child
// that starts meanwhile has open too, and the kernel then runs the program for nobody
// ("text file busy").
func writeProgram(path, text string) error {
	cp := exec.Command("sh", "-c", `cat >"$1" && chmod 755 "$1"`, "sh", path)
	cp.Stdin = strings.NewReader(text)
	if out, err := cp.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", path, err, out)
	}
	return nil
}

func (s *stage) lab(args ...string) string {
	cmd := exec.Command(s.program("balanced-lab"), args...)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+s.dir)
	out, err := cmd.Output()
	if err != nil {
		s.Fatalf("balanced-lab %v: %v", args, err)
	}
	return string(out)
}

// environ is what a process on an instance has: nothing of the test's own.
func (s *stage) environ(id string) []string {
	env := []string{
		"PATH=" + filepath.Dir(s.bin("balanced")) + ":/usr/sbin:/usr/bin:/sbin:/bin",
		"HOST=" + s.file(id, ""), "HOME=" + s.file(id, ""), "BALANCED_SETTLE=1s",
		"BALANCED_HOLD_FILE=" + s.file(id, "hold"),
		"BALANCED_WAIT=5s", // a rollout in the wrong order is refused soon
	}
	for _, m := range regexp.MustCompile(`(?m)^export (\w+)='?([^'\n]*)'?$`).FindAllStringSubmatch(s.lab("env", id), -1) {
		env = append(env, m[1]+"="+m[2])
	}
	return env
}

// result is how a program ended.
type result struct {
	code   int // as a shell says it
	stdout string
	stderr string
}

func (r result) output() string { return r.stdout + r.stderr }

// run runs a program to its end.
func (s *stage) run(env []string, name string, args ...string) result {
	s.Helper()
	var stdout, stderr strings.Builder
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, s.dir, &stdout, &stderr
	err := cmd.Run()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		s.Fatalf("%s: %v", name, err)
	}
	r := result{exitCode(cmd.ProcessState), stdout.String(), stderr.String()}
	s.Logf("%s %s\nexit %d\n%s", name, strings.Join(args, " "), r.code, r.output())
	return r
}

func exitCode(state *os.ProcessState) int {
	if w := state.Sys().(syscall.WaitStatus); w.Signaled() {
		return 128 + int(w.Signal())
	}
	return state.ExitCode()
}

// breakUpgrade lets the upgrade of a host fail until the returned function is called.
func (s *stage) breakUpgrade(id string) (fix func()) {
	s.write(s.file(id, "broken"), "")
	return func() {
		if err := os.Remove(s.file(id, "broken")); err != nil {
			s.Fatal(err)
		}
	}
}

// exits compares an exit code, and looks for a text in the output.
func (s *stage) exits(r result, code int, text string) {
	s.Helper()
	if r.code != code || !strings.Contains(r.output(), text) {
		s.Errorf("exit %d, want %d and %q in the output:\n%s", r.code, code, text, r.output())
	}
}

// need skips a test where a program is not there.
func need(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
	}
}

// own is the environment of the operator: the test's, with some of its own.
func (s *stage) own(vars map[string]string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "BALANCED_") || strings.HasPrefix(v, "ANSIBLE_")
	})
	for name, value := range maps.All(vars) {
		env = append(env, fmt.Sprintf("%s=%s", name, value))
	}
	return env
}

func (s *stage) read(path string) string {
	s.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}
