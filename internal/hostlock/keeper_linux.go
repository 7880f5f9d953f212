package hostlock

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Keeper is a small process that shares the lock and keeps it until the end of COMMAND:
// killing this process (kill -9) does not free the host while COMMAND works. It has a
// session of its own and none of the caller's streams, so that nobody who waits for the
// end of those waits for it. When it is killed itself, the host is as taken as without it.
type Keeper struct {
	lock   *Lock
	pid    int
	sock   int // to the keeper; its end is the end of this process
	target target
	open   func(pid int) (target, error)
}

// keeperTimeout is how long a keeper may take to answer, in seconds: it takes milliseconds,
// and a host that swaps may take some more.
const keeperTimeout = 60

// Keep starts the keeper, once for a lock and before COMMAND, so that there is no gap.
func (l *Lock) Keep() (*Keeper, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("start the keeper: %w", err)
	}
	k := &Keeper{lock: l, sock: pair[0], target: target{fd: -1}, open: openTarget}
	err = k.spawn(pair[1])
	unix.Close(pair[1])
	if err == nil {
		err = k.answer()
	}
	if err != nil {
		k.close()
		return nil, fmt.Errorf("start the keeper: %w", err)
	}
	l.keeper = k
	return k, nil
}

// spawn runs this program once more. Descriptors 3, 4 and 5 are the lock, the holder file
// and the socket; no credentials are in its environment.
func (k *Keeper) spawn(sock int) error {
	files, err := inheritable(k.lock.fd, k.lock.note, sock)
	defer closeAll(files)
	if err != nil {
		return err
	}
	program, err := self()
	if err != nil {
		return err
	}
	cmd := &exec.Cmd{
		Path: program, Args: []string{"balanced", keeperArg, k.lock.instance}, Env: []string{"GOMAXPROCS=1"}, Dir: "/",
		ExtraFiles: files, SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	k.pid = cmd.Process.Pid
	go func() { _ = cmd.Wait() }() // its code says nothing: what counts is the lock
	tv := unix.Timeval{Sec: keeperTimeout}
	return unix.SetsockoptTimeval(k.sock, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
}

// self is this program, also after an upgrade has replaced its file.
func self() (string, error) {
	const running = "/proc/self/exe"
	if _, err := os.Stat(running); err == nil {
		return running, nil
	}
	return exec.LookPath(os.Args[0])
}

// inheritable copies descriptors into files that can be closed without closing ours.
func inheritable(fds ...int) ([]*os.File, error) {
	var files []*os.File
	for _, fd := range fds {
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return files, err
		}
		files = append(files, os.NewFile(uintptr(dup), "lock"))
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// answer waits for the keeper's word that it has done what it was told.
func (k *Keeper) answer() error {
	var word [1]byte
	var n int
	err := retried(func() (err error) { n, err = unix.Read(k.sock, word[:]); return err })
	if errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("no answer within %d s", keeperTimeout)
	}
	if err == nil && n == 0 {
		return errors.New("it has ended")
	}
	return err
}

// Start starts cmd as cmd.Start does, with the same errors, under the keeper's eyes: the
// program of cmd begins only once the keeper watches its process, so that a kill of this
// process at any moment leaves either no COMMAND or a host that is taken.
func (k *Keeper) Start(cmd *exec.Cmd) error {
	if cmd.Err != nil {
		return cmd.Err
	}
	g, err := startGated(cmd)
	if err != nil {
		return err
	}
	defer g.close()
	if err := k.watch(cmd); err != nil {
		g.close()
		_ = cmd.Wait() // it has not begun and ends by itself
		return fmt.Errorf("keep the host for %s: %w", filepath.Base(cmd.Path), err)
	}
	if err := g.open(); err != nil {
		_ = cmd.Wait()
		return &os.PathError{Op: "fork/exec", Path: cmd.Path, Err: err}
	}
	return nil
}

// watch hands the process to the keeper, and names it as what the host is taken for. The
// process is our child and not waited for, so the PID is still its own.
func (k *Keeper) watch(cmd *exec.Cmd) error {
	t, err := k.open(cmd.Process.Pid)
	if err != nil {
		return err
	}
	k.target = t
	l := k.lock
	l.holder.Work = Work{PID: cmd.Process.Pid, Name: bounded(filepath.Base(cmd.Path), 128)}
	if err := add(l.note, l.holder); err != nil {
		return err
	}
	if err := unix.Sendmsg(k.sock, []byte{t.kind}, unix.UnixRights(t.fd), nil, unix.MSG_NOSIGNAL); err != nil {
		return err
	}
	return k.answer()
}

// idle: no COMMAND is at work that the keeper has to keep the host for.
func (k *Keeper) idle() bool { return k.target.fd < 0 || k.target.ended() }

func (k *Keeper) close() {
	unix.Close(k.sock)
	if k.target.fd >= 0 {
		unix.Close(k.target.fd)
	}
	k.target.fd = -1
}
