package hostlock

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// The hidden first arguments of this program.
const (
	keeperArg = "__keep-host"
	watchArg  = "__watch-command"
	gateArg   = "__start-command"
)

// Exit codes that only people meet who type those.
const (
	exitUsage      = 64
	exitNotStarted = 127
)

// KeeperMain has to be the first thing that main calls: where this process is a keeper or
// about to become COMMAND, it does that work and returns true and the exit code.
func KeeperMain(argv []string) (handled bool, code int) {
	if len(argv) < 2 {
		return false, 0
	}
	switch argv[1] {
	case keeperArg:
		return true, shed()
	case watchArg:
		return true, keep()
	case gateArg:
		return true, passGate(argv[2:])
	}
	return false, 0
}

func notByHand() int {
	fmt.Fprintln(os.Stderr, "balanced: internal command; balanced run starts it")
	return exitUsage
}

// The descriptors of a keeper.
const (
	noteFD      = 4
	sockFD      = 5
	firstAbroad = 6
)

// shed becomes the keeper without what the caller of run left open in every process that it starts. The Go runtime may
// have opened descriptors of its own by now, so they are not closed here: exec does it, and starts the runtime anew.
func shed() int {
	if unix.CloseRange(firstAbroad, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) != nil { // Linux 5.11
		for fd := firstAbroad; fd < 4096; fd++ {
			unix.CloseOnExec(fd)
		}
	}
	program, err := self()
	if err != nil {
		return exitNotStarted
	}
	_ = syscall.Exec(program, append([]string{os.Args[0], watchArg}, os.Args[2:]...), os.Environ())
	return exitNotStarted
}

// keep is the keeper. It ends with COMMAND, or when its run ends before COMMAND begins.
func keep() int {
	// A signal to all of a service, as systemd sends it, must not free the host before
	// COMMAND has heard it, too.
	signal.Ignore()
	if t, err := unix.GetsockoptInt(sockFD, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || t != unix.SOCK_SEQPACKET {
		return notByHand()
	}
	for _, fd := range []int{3, noteFD, sockFD} {
		unix.CloseOnExec(fd)
	}
	if unix.Send(sockFD, []byte{'r'}, unix.MSG_NOSIGNAL) != nil {
		return 0
	}
	t, err := receiveTarget()
	if err != nil {
		return 0
	}
	_ = unix.Send(sockFD, []byte{'w'}, unix.MSG_NOSIGNAL) // a run that was killed just here is noticed below
	await(t)
	return 0
}

func receiveTarget() (target, error) {
	kind, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	var n, nr int
	err := retried(func() (err error) {
		n, nr, _, _, err = unix.Recvmsg(sockFD, kind, rights, unix.MSG_CMSG_CLOEXEC)
		return err
	})
	if err != nil || n == 0 {
		return target{}, errors.Join(err, errors.New("the run has ended"))
	}
	messages, err := unix.ParseSocketControlMessage(rights[:nr])
	if err != nil || len(messages) != 1 {
		return target{}, errors.New("no descriptor")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return target{}, errors.New("no descriptor")
	}
	return target{kind[0], fds[0]}, nil
}

// procPause is how often, in milliseconds, /proc is looked at where a process cannot be
// waited for.
const procPause = 500

// await waits for the end of COMMAND, and notes when only COMMAND is left.
func await(t target) {
	fds := []unix.PollFd{{Fd: sockFD, Events: unix.POLLIN}, {Fd: int32(t.fd), Events: unix.POLLIN}}
	pause := -1
	if t.kind == byProc {
		fds[1].Fd, pause = -1, procPause
	}
	for !t.ended() {
		if _, err := poll(fds, pause); err != nil {
			return
		}
		if fds[0].Revents != 0 && !t.ended() {
			fds[0].Fd = -1
			noteKilled()
		}
	}
}

// noteKilled says that the balanced that took the host is gone.
func noteKilled() {
	text := make([]byte, maxNote)
	n, err := unix.Pread(noteFD, text, 0)
	if err != nil {
		return // the note of before stays: it says who took the host
	}
	h := lastNote(text[:n]).holder(0)
	h.PID = 0
	_ = add(noteFD, h)
}
