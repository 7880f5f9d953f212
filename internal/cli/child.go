package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"balanced/internal/format"
	"balanced/internal/procgroup"
)

// A child is the operator's command. It has our streams, our environment and, once it
// runs, our signals, each exactly once.
//
// In the foreground of a terminal it shares our process group: only so may it read the
// terminal, and what is typed there (Ctrl-C, Ctrl-Z) reaches it without us. Everywhere
// else it leads a group of its own, so that a signal to our whole group, as CodeDeploy
// sends it, reaches the command through us and not twice.
type child struct {
	*program
	argv   []string
	keep   func(*exec.Cmd) error // starts it; nil: plainly
	shares bool                  // our process group
	cmd    *exec.Cmd
	passed int // signals so far
}

// childEnd is how a command ended.
type childEnd struct {
	code      int            // as a shell says it: 128+n for signal n, 126 or 127 for one that did not start
	signal    syscall.Signal // that ended it; 0: none
	startErr  error          // why it did not start
	stoppedBy error          // the signal that came meanwhile, or nil
}

// commandName is what people call the command.
func commandName(argv []string) string { return format.OneLine(filepath.Base(argv[0])) }

// startable makes sure, before anything is moved for its sake, that there is such a
// command.
func startable(argv []string) error {
	_, err := exec.LookPath(argv[0])
	return err
}

// run starts the command and waits for its end. It is not started once a signal has
// come; one that has started is never cut short but by the signals it is handed.
func (ch *child) run(ctx context.Context) childEnd {
	signals := signalsOf(ctx)
	ch.shares = foreground()
	err := signals.lend(ch.start, ch.pass)
	if err == nil {
		_ = ch.cmd.Wait() // its error is the state, looked at below
		signals.takeBack()
	}
	end := childEnd{startErr: err, stoppedBy: context.Cause(ctx)}
	if err != nil {
		end.code = startCode(err)
		return end
	}
	end.code = ch.cmd.ProcessState.ExitCode()
	if status, ok := ch.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		end.signal, end.code = status.Signal(), 128+int(status.Signal())
	}
	return end
}

func (ch *child) start() error {
	// Not CommandContext: a signal is the command's own to answer.
	ch.cmd = exec.Command(ch.argv[0], ch.argv[1:]...)
	ch.cmd.Stdin, ch.cmd.Stdout, ch.cmd.Stderr = ch.stdin, ch.stdout, ch.stderr
	ch.cmd.SysProcAttr = procgroup.Attr(!ch.shares)
	if ch.keep == nil {
		return ch.cmd.Start()
	}
	return ch.keep(ch.cmd)
}

// pass hands a signal on: the first as it is to the command alone, which knows best
// how to end; the second as SIGTERM to its whole process group; any later one as
// SIGKILL. A group that is ours too is not signalled as a whole.
func (ch *child) pass(sig os.Signal) {
	typed := ch.shares && (sig == syscall.SIGINT || sig == syscall.SIGHUP)
	ch.passed++
	switch {
	case ch.passed > 2:
		ch.signalAll(syscall.SIGKILL)
	case typed: // the terminal told every process of the group
	case ch.passed == 2:
		ch.signalAll(syscall.SIGTERM)
	default:
		_ = ch.cmd.Process.Signal(sig) // it may just have ended
	}
}

func (ch *child) signalAll(sig syscall.Signal) {
	if ch.shares {
		_ = ch.cmd.Process.Signal(sig)
		return
	}
	_ = procgroup.Signal(ch.cmd.Process, sig) // it may just have ended
}

// startReason says why a command does not start, without the words of the library.
func startReason(argv []string, err error) error {
	if e, ok := errors.AsType[*exec.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("%s: %w", commandName(argv), err)
}
