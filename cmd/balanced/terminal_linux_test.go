package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

func init() { typing = cmdTyping }

// A terminal is a pseudo-terminal with a process in its foreground.
type terminal struct {
	keys *os.File // its keyboard and its screen
	tty  *os.File

	mu     sync.Mutex
	screen strings.Builder
}

func newTerminal(columns uint16) (*terminal, error) {
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, err
	}
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err != nil {
		return nil, err
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	t := &terminal{keys: keys, tty: tty}
	go io.Copy(t, keys)
	return t, unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: 40})
}

// Write is what the screen shows.
func (t *terminal) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.screen.Write(text)
}

func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.screen.String()
}

// mode is how the terminal is set.
func (t *terminal) mode(ts *testscript.TestScript) unix.Termios {
	mode, err := unix.IoctlGetTermios(int(t.tty.Fd()), unix.TCGETS)
	ts.Check(err)
	return *mode
}

// typing KEYS|SIGNAL COLUMNS CODE COMMAND ARG...: runs it in a terminal and, once it reads single keys, types or sends
// the signal. It has to end with the code and leave the terminal as it was; its screen is then in the file screen.
func cmdTyping(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) > 3, "typing KEYS|SIGNAL COLUMNS CODE COMMAND ARG...")
	t, err := newTerminal(uint16(number(ts, args[1])))
	if err != nil {
		ts.Logf("no pseudo-terminal: %v", err)
		return
	}
	defer t.tty.Close()
	path, err := exec.LookPath(args[3])
	ts.Check(err)
	cmd := exec.Command(path, args[4:]...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), t.tty, t.tty, t.tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	for _, name := range append(passedOn(), "TERM") {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	before := t.mode(ts)
	ts.Check(cmd.Start())
	ts.Defer(func() { cmd.Process.Kill() })
	soon(ts, "single keys", func() bool {
		return t.mode(ts).Lflag&unix.ICANON == 0 && strings.Contains(t.text(), "every 5s")
	})
	if sig := unix.SignalNum("SIG" + args[0]); sig != 0 {
		ts.Check(cmd.Process.Signal(sig))
	} else {
		_, err = t.keys.WriteString(args[0])
		ts.Check(err)
	}
	_ = cmd.Wait() // its error is the code, looked at below
	if code := cmd.ProcessState.ExitCode(); code != number(ts, args[2]) {
		ts.Fatalf("exited %d, want %s:\n%s", code, args[2], t.text())
	}
	if after := t.mode(ts); after != before {
		ts.Fatalf("the terminal was %+v and is %+v", before, after)
	}
	shown := t.everything(ts)
	ts.Check(os.WriteFile(ts.MkAbs("screen"), []byte(strings.ReplaceAll(shown, "\r\n", "\n")), 0o644))
}

// everything is the screen with all that the process wrote: the terminal hands it on in order, but in its own time.
func (t *terminal) everything(ts *testscript.TestScript) string {
	const end = "\x1b[end]"
	_, err := t.tty.WriteString(end)
	ts.Check(err)
	soon(ts, "the screen", func() bool { return strings.HasSuffix(t.text(), end) })
	return strings.TrimSuffix(t.text(), end)
}

func soon(ts *testscript.TestScript, what string, so func() bool) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			ts.Fatalf("waited in vain for %s", what)
		}
	}
}
