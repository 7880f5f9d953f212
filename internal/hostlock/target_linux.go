package hostlock

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// target is a process that is watched for its end. It stays that process, and is none
// once that has ended, even when another gets its PID.
type target struct {
	kind byte
	fd   int
}

const (
	byPIDFD byte = 'p' // readable after the end; Linux 5.3
	byProc  byte = 'd' // its folder in /proc, empty after the end: Amazon Linux 2, RHEL 8
)

// openTarget opens a child that has not been waited for.
func openTarget(pid int) (target, error) {
	fd, err := unix.PidfdOpen(pid, 0) // close-on-exec of itself
	if err == nil {
		return target{byPIDFD, fd}, nil
	}
	t, procErr := openProc(pid)
	if procErr != nil {
		return target{}, fmt.Errorf("watch process %d: %w", pid, errors.Join(err, procErr))
	}
	return t, nil
}

func openProc(pid int) (target, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return target{byProc, fd}, err
}

// ended: the process has ended, whether or not its parent has waited for it.
func (t target) ended() bool {
	if t.kind == byProc {
		return endedByProc(t.fd)
	}
	n, err := poll([]unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLIN}}, 0)
	return err == nil && n > 0
}

// endedByProc reads stat, see proc_pid_stat(5): behind the name, which may hold anything,
// the state is the 1st field and the number of threads the 18th. A first thread that ends
// before the others is a zombie, too.
func endedByProc(dir int) bool {
	fd, err := unix.Openat(dir, "stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT)
	}
	defer unix.Close(fd)
	text := make([]byte, 4096)
	n, err := unix.Read(fd, text)
	if err != nil {
		return errors.Is(err, unix.ESRCH)
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text[:n], ')')+1 : n])
	if len(fields) < 18 {
		return false
	}
	state, threads := fields[0][0], string(fields[17])
	return (state == 'Z' || state == 'X') && (threads == "0" || threads == "1")
}

// poll waits for any of the descriptors, milliseconds at most; -1: for ever.
func poll(fds []unix.PollFd, milliseconds int) (n int, err error) {
	err = retried(func() error { n, err = unix.Poll(fds, milliseconds); return err })
	return n, err
}
