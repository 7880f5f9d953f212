//go:build linux

package hostlock

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	instance = "i-0c3"
	nobody   = 65534
)

// TestMain makes the test binary keeper, gate and all the other processes of the tests.
func TestMain(m *testing.M) {
	if handled, code := KeeperMain(os.Args); handled {
		syscall.Exit(code) // not os.Exit, with which the race detector takes a second
	}
	if len(os.Args) > 2 && os.Args[1] == "helper" {
		syscall.Exit(helper(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

// placeAt is a folder of this process's user.
func placeAt(path string) place { return place{path: path, uid: os.Geteuid(), mode: 0o755} }

// newPlace is a folder that is not there yet and that other users can reach.
func newPlace(t *testing.T) place {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return placeAt(filepath.Join(dir, "balanced"))
}

func mustTake(t *testing.T, p place) *Lock {
	t.Helper()
	l, err := p.take(instance, "balanced out")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustBeTaken(t *testing.T, p place) Holder {
	t.Helper()
	l, err := p.take(instance, "balanced in")
	if err == nil {
		l.Release()
		t.Fatal("the host is free, want it taken")
	}
	busy, ok := err.(*BusyError)
	if !ok {
		t.Fatalf("%v, want a BusyError", err)
	}
	return busy.Holder
}

// awaitFree waits until nobody holds the lock. If that never comes, the test times out.
func awaitFree(t *testing.T, p place) {
	t.Helper()
	fd, err := unix.Open(filepath.Join(p.path, instance+".lock"), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := retried(func() error { return unix.Flock(fd, unix.LOCK_EX) }); err != nil {
		t.Fatal(err)
	}
}

// process is one of the helpers below. What it says comes line by line; closing its input
// ends it, or its COMMAND.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  *os.File
	out *bufio.Reader
}

// start runs a helper, with uid's rights unless that is ours.
func start(t *testing.T, uid int, args ...string) *process {
	t.Helper()
	return startWith(t, uid, nil, args...)
}

func startWith(t *testing.T, uid int, env []string, args ...string) *process {
	t.Helper()
	in, theirIn := pipe(t)
	theirOut, out := pipe(t)
	p := &process{t: t, in: theirIn, out: bufio.NewReader(theirOut)}
	p.cmd = exec.Command("/proc/self/exe", append([]string{"helper"}, args...)...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir, p.cmd.Env = in, out, os.Stderr, "/usr", env
	if uid != os.Geteuid() {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	out.Close()
	t.Cleanup(func() { p.kill(); p.in.Close() })
	return p
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// says reads the next line.
func (p *process) says() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("helper ended after %q: %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

func (p *process) want(line string) {
	p.t.Helper()
	if got := p.says(); got != line {
		p.t.Fatalf("helper says %q, want %q", got, line)
	}
}

// pids reads a line of numbers behind a word.
func (p *process) pids(word string) (command, keeper int) {
	p.t.Helper()
	line := p.says()
	if _, err := fmt.Sscanf(line, word+" %d %d", &command, &keeper); err != nil {
		p.t.Fatalf("helper says %q, want %s and two PIDs", line, word)
	}
	return command, keeper
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func helper(name string, args []string) int {
	switch name {
	case "hold": // DIR [SENIOR]: takes the host until its input ends
		p := placeAt(args[0])
		if len(args) > 1 {
			p.senior = &place{path: args[1]}
		}
		return hold(p)
	case "run", "run-by-proc", "run-killed-before-watch": // DIR ARG...: takes it and starts a helper as COMMAND
		return run(name, placeAt(args[0]), args[1:])
	case "wait": // until its input ends
		_, _ = io.Copy(io.Discard, os.Stdin)
		return 0
	case "leave": // a daemon, after one byte, which lives until the input ends
		return leave()
	case "touch": // FILE
		_ = os.WriteFile(args[0], nil, 0o644)
		return 0
	case "attack": // DIR
		return attack(args[0])
	case "place":
		p, err := ownPlace()
		fmt.Printf("%s %v\n", p.path, err)
		return 0
	}
	return 2
}

func hold(p place) int {
	l, err := p.take(instance, "balanced out --timeout 5m")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("taken")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = l // not released: the kernel frees it
	return 0
}

// run is what balanced run does. Without a word on its output COMMAND has none of it.
func run(how string, p place, args []string) int {
	l, err := p.take(instance, "balanced run")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	k, err := l.Keep()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	switch how {
	case "run-by-proc":
		k.open = openProc
	case "run-killed-before-watch":
		k.open = func(pid int) (target, error) {
			fmt.Println("started", pid, k.pid)
			return target{}, syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
	cmd := exec.Command("/proc/self/exe", append([]string{"helper"}, args...)...)
	cmd.Stdin = os.Stdin
	if how == "run-killed-before-watch" {
		cmd.Stdout = os.Stdout
	}
	if err := k.Start(cmd); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("started", cmd.Process.Pid, k.pid)
	_ = cmd.Wait()
	l.Release()
	fmt.Println("released")
	return 0
}

func leave() int {
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return 1
	}
	cmd := exec.Command("/proc/self/exe", "helper", "wait")
	cmd.Stdin, cmd.SysProcAttr = os.Stdin, &syscall.SysProcAttr{Setsid: true}
	if cmd.Start() != nil {
		return 1
	}
	return 0
}
