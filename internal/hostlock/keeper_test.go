//go:build linux

package hostlock

import (
	"errors"
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

// waitForEnd waits for the end of any process, reaped or not.
func waitForEnd(t *testing.T, pid int) {
	t.Helper()
	target, err := openTarget(pid)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(target.fd)
	if target.kind != byPIDFD {
		t.Skip("no pidfd here")
	}
	if _, err := poll([]unix.PollFd{{Fd: int32(target.fd), Events: unix.POLLIN}}, -1); err != nil {
		t.Fatal(err)
	}
}

func TestTheHostIsTakenAsLongAsTheCommandOfAKilledRun(t *testing.T) {
	for _, how := range []string{"run", "run-by-proc"} {
		t.Run(how, func(t *testing.T) {
			p := newPlace(t)
			r := start(t, os.Geteuid(), how, p.path, "wait")
			command, _ := r.pids("started")
			if h := mustBeTaken(t, p); h.PID != r.cmd.Process.Pid || h.Work.PID != command || h.Work.Name != "exe" {
				t.Errorf("holder %+v, want PID %d and COMMAND %d", h, r.cmd.Process.Pid, command)
			}
			r.kill()
			if h := mustBeTaken(t, p); h.Work.PID != command || h.Command != "balanced run" {
				t.Errorf("holder %+v, want COMMAND %d", h, command)
			}
			r.in.Close() // COMMAND ends
			awaitFree(t, p)
			if h, held, err := p.holderOf(instance); held || err != nil {
				t.Errorf("still held by %+v (%v)", h, err)
			}
			mustTake(t, p).Release()
		})
	}
}

// A run that gives up before its COMMAND ends leaves the host to it.
func TestReleaseDoesNotFreeTheHostOfALivingCommand(t *testing.T) {
	p := newPlace(t)
	l := mustTake(t, p)
	k, err := l.Keep()
	if err != nil {
		t.Fatal(err)
	}
	in, ends := pipe(t)
	cmd := exec.Command("/proc/self/exe", "helper", "wait")
	cmd.Stdin = in
	if err := k.Start(cmd); err != nil {
		t.Fatal(err)
	}
	l.Release()
	if h := mustBeTaken(t, p); h.Work.PID != cmd.Process.Pid {
		t.Errorf("holder %+v, want COMMAND %d", h, cmd.Process.Pid)
	}
	ends.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	awaitFree(t, p)
}

// The note says so after the keeper has noticed it.
func TestAKilledRunIsSaidToBeKilled(t *testing.T) {
	p := newPlace(t)
	r := start(t, os.Geteuid(), "run", p.path, "wait")
	r.pids("started")
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		t.Skip("no inotify: ", err)
	}
	defer unix.Close(watch)
	if _, err := unix.InotifyAddWatch(watch, filepath.Join(p.path, instance+".holder"), unix.IN_MODIFY); err != nil {
		t.Fatal(err)
	}
	r.kill()
	if _, err := unix.Read(watch, make([]byte, 4096)); err != nil {
		t.Fatal(err)
	}
	h := mustBeTaken(t, p)
	if h.PID != 0 || h.Work.PID == 0 {
		t.Errorf("holder %+v, want COMMAND alone", h)
	}
	if want := `left by a killed "balanced run"`; !strings.Contains(h.String(), want) {
		t.Errorf("%q, want %s in it", h, want)
	}
}

func TestADaemonThatCommandLeavesDoesNotKeepTheHost(t *testing.T) {
	for _, killed := range []bool{true, false} {
		t.Run(fmt.Sprintf("run killed %v", killed), func(t *testing.T) {
			p := newPlace(t)
			r := start(t, os.Geteuid(), "run", p.path, "leave")
			r.pids("started")
			if killed {
				r.kill()
			}
			mustBeTaken(t, p)
			if _, err := r.in.Write([]byte("\n")); err != nil { // COMMAND starts its daemon and ends
				t.Fatal(err)
			}
			if killed {
				awaitFree(t, p)
			} else {
				r.want("released")
			}
			if _, err := r.in.Write([]byte("\n")); err != nil {
				t.Fatalf("the daemon has ended, so this shows nothing: %v", err)
			}
			mustTake(t, p).Release()
		})
	}
}

func TestAKilledKeeperDoesNotFreeTheHostOfALivingRun(t *testing.T) {
	p := newPlace(t)
	r := start(t, os.Geteuid(), "run", p.path, "wait")
	_, keeper := r.pids("started")
	if err := syscall.Kill(keeper, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitForEnd(t, keeper)
	if h := mustBeTaken(t, p); h.PID != r.cmd.Process.Pid {
		t.Errorf("holder %+v, want the run", h)
	}
	r.in.Close()
	r.want("released")
	mustTake(t, p).Release()
}

func TestTheKeeperIsApartFromItsCaller(t *testing.T) {
	p := newPlace(t)
	r := start(t, os.Geteuid(), "run", p.path, "wait")
	_, keeper := r.pids("started")
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGPIPE} {
		if err := syscall.Kill(keeper, sig); err != nil {
			t.Fatal(err)
		}
	}
	if sid, err := unix.Getsid(keeper); err != nil || sid != keeper {
		t.Errorf("session %d (%v), want its own, %d", sid, err, keeper)
	}
	proc := filepath.Join("/proc", fmt.Sprint(keeper))
	if dir, err := os.Readlink(filepath.Join(proc, "cwd")); err != nil || dir != "/" {
		t.Errorf("works in %q (%v)", dir, err)
	}
	if env, err := os.ReadFile(filepath.Join(proc, "environ")); err != nil || string(env) != "GOMAXPROCS=1\x00" {
		t.Errorf("environment %q (%v)", env, err)
	}
	status, _ := os.ReadFile(filepath.Join(proc, "status"))
	for line := range strings.SplitSeq(string(status), "\n") {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "RssAnon") {
			t.Log(line)
		}
	}
	r.kill()
	mustBeTaken(t, p)
}

// What the caller of run left open, run and COMMAND have; a keeper that had it, too, would
// fail a CodeDeploy hook that waits for its end.
func TestTheKeeperHoldsNothingOfItsCallers(t *testing.T) {
	p := newPlace(t)
	leaked, err := unix.FcntlInt(os.Stderr.Fd(), unix.F_DUPFD, 50) // not close-on-exec
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, os.Geteuid(), "run", p.path, "wait")
	unix.Close(leaked)
	command, keeper := r.pids("started")
	if _, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", command, leaked)); err != nil {
		t.Fatalf("COMMAND did not get it, so this shows nothing: %v", err)
	}
	dir := fmt.Sprintf("/proc/%d/fd", keeper)
	open, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		to, _ := os.Readlink(filepath.Join(dir, fd.Name()))
		own := to == "/dev/null" || strings.HasPrefix(to, p.path) || strings.HasPrefix(to, "socket:") || strings.Contains(to, "pidfd")
		runtime := strings.HasPrefix(to, "/sys/fs/cgroup/") || strings.HasPrefix(to, "anon_inode:") // the Go runtime's
		if !own && !runtime {
			t.Errorf("descriptor %s is %s", fd.Name(), to)
		}
	}
	r.kill()
	if rest, err := io.ReadAll(r.out); err != nil || len(rest) > 0 {
		t.Errorf("read %q (%v), want the end of the output while COMMAND works", rest, err)
	}
	mustBeTaken(t, p)
}

// Killed between fork and the keeper's word, run leaves no COMMAND.
func TestNoCommandBeginsUnwatched(t *testing.T) {
	p := newPlace(t)
	file := filepath.Join(t.TempDir(), "begun")
	r := start(t, os.Geteuid(), "run-killed-before-watch", p.path, "touch", file)
	r.pids("started")
	if rest, err := io.ReadAll(r.out); err != nil || len(rest) > 0 { // its end is that of the last process
		t.Fatalf("read %q (%v)", rest, err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("COMMAND has begun, and nobody watches it")
	}
	awaitFree(t, p)
}

func TestNoCommandBeginsWithoutItsKeeper(t *testing.T) {
	l := mustTake(t, newPlace(t))
	defer l.Release()
	k, err := l.Keep()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(k.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitForEnd(t, k.pid)
	file := filepath.Join(t.TempDir(), "begun")
	if err := k.Start(exec.Command("/proc/self/exe", "helper", "touch", file)); err == nil {
		t.Error("started")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("COMMAND has begun, and nobody watches it")
	}
}

// Start fails as exec.Cmd does, and the host can be freed after it.
func TestACommandThatDoesNotStart(t *testing.T) {
	dir := t.TempDir()
	script, plain := filepath.Join(dir, "script"), filepath.Join(dir, "plain")
	for path, mode := range map[string]os.FileMode{script: 0o755, plain: 0o644} {
		if err := os.WriteFile(path, []byte("#!/none/such\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{script, plain, dir, filepath.Join(dir, "none"), "no-such-command"} {
		p := newPlace(t)
		l := mustTake(t, p)
		k, err := l.Keep()
		if err != nil {
			t.Fatal(err)
		}
		want := exec.Command(path).Start()
		if got := k.Start(exec.Command(path)); got == nil || got.Error() != want.Error() {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
		l.Release()
		mustTake(t, p).Release()
	}
}

// Behind the gate COMMAND is what exec.Cmd would have made it.
func TestACommandIsStartedAsAlways(t *testing.T) {
	show := func(start func(*exec.Cmd) error) string {
		r, w := pipe(t)
		extra, _ := pipe(t)
		cmd := exec.Command("sh", "-c", `echo "$0 $1 $X"; pwd; ls /proc/$$/fd; ps -o pgid= -p $$ | tr -d ' ' | sed "s/^$$\$/leads/"; ulimit -n; umask; exit 3`, "one two", "three")
		cmd.Stdout, cmd.Env, cmd.Dir, cmd.ExtraFiles = w, append(os.Environ(), "X=y z"), "/usr", []*os.File{extra}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		before := cmd.String()
		if err := start(cmd); err != nil {
			t.Fatal(err)
		}
		w.Close()
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if cmd.Wait(); cmd.ProcessState.ExitCode() != 3 || cmd.String() != before {
			t.Errorf("exit code %d of %s, want 3 of %s", cmd.ProcessState.ExitCode(), cmd, before)
		}
		return string(text)
	}
	l := mustTake(t, newPlace(t))
	defer l.Release()
	k, err := l.Keep()
	if err != nil {
		t.Fatal(err)
	}
	want, got := show((*exec.Cmd).Start), show(k.Start)
	if want != got {
		t.Errorf("exec.Cmd:\n%s\nbehind the gate:\n%s", want, got)
	}
}

func TestByHandTheHiddenArgumentsDoNothing(t *testing.T) {
	for _, args := range [][]string{{keeperArg}, {gateArg}, {gateArg, "x", "/bin/true", "true"}, {gateArg, "0", "/bin/true", "true"}} {
		cmd := exec.Command("/proc/self/exe", args...)
		if err := cmd.Run(); cmd.ProcessState.ExitCode() != exitUsage {
			t.Errorf("%q: %v, want exit code %d", args, err, exitUsage)
		}
	}
}

// A child that its parent has not waited for has ended all the same.
func TestTheEndOfAProcessIsSeen(t *testing.T) {
	for name, open := range map[string]func(int) (target, error){"pidfd": openTarget, "proc": openProc} {
		in, ends := pipe(t)
		cmd := exec.Command("/proc/self/exe", "helper", "wait")
		cmd.Stdin = in
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		watched, err := open(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if watched.ended() {
			t.Errorf("%s: ended while it runs", name)
		}
		ends.Close()
		waitForEnd(t, cmd.Process.Pid)
		if !watched.ended() {
			t.Errorf("%s: a zombie has not ended", name)
		}
		if err := cmd.Wait(); err != nil || !watched.ended() {
			t.Errorf("%s: not ended after Wait (%v)", name, err)
		}
		unix.Close(watched.fd)
	}
}
