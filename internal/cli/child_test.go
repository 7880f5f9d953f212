package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
)

// playing makes this test binary play the operator's command instead of testing.
const playing = "BALANCED_TEST_CHILD"

func TestMain(m *testing.M) {
	if part := os.Getenv(playing); part != "" {
		os.Exit(play(part))
	}
	os.Exit(m.Run())
}

// play answers signals in words, after it has said that it is up.
func play(part string) int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	fmt.Println("up")
	switch part {
	case "one":
		fmt.Println(<-signals)
		return 7
	case "for ever":
		for sig := range signals {
			fmt.Println(sig)
		}
	}
	return 0
}

// troupe is a child of this test binary, and how to hear and tell it.
type troupe struct {
	*Signals
	ctx   context.Context
	calm  int
	lines *bufio.Scanner
	child *child
}

func play1(t *testing.T, part string) *troupe {
	t.Helper()
	t.Setenv(playing, part)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	tr := &troupe{lines: bufio.NewScanner(r)}
	tr.Signals = NewSignals(func() { tr.calm++ })
	tr.ctx = tr.Context(t.Context())
	tr.child = &child{program: &program{stdout: w, stderr: os.Stderr}, argv: []string{os.Args[0]}}
	t.Cleanup(func() {
		if cmd := tr.child.cmd; cmd != nil && cmd.Process != nil {
			_ = cmd.Process.Kill() // it has ended, but in a test that failed
		}
	})
	return tr
}

func (tr *troupe) hears(t *testing.T, want string) {
	t.Helper()
	if !tr.lines.Scan() || tr.lines.Text() != want {
		t.Fatalf("the command said %q, want %q", tr.lines.Text(), want)
	}
}

func TestASignalReachesTheCommand(t *testing.T) {
	tr := play1(t, "one")
	ended := make(chan childEnd)
	go func() { ended <- tr.child.run(tr.ctx) }()
	tr.hears(t, "up")
	tr.Arrive(syscall.SIGTERM)
	tr.hears(t, "terminated")
	end := <-ended
	if end.code != 7 || end.signal != 0 || !errors.Is(end.stoppedBy, Signalled{syscall.SIGTERM}) {
		t.Errorf("ended with %+v, want its own 7 and what it was told", end)
	}
	if tr.calm != 1 {
		t.Errorf("the next signal does not kill as ever: calmed %d times", tr.calm)
	}
}

func TestMoreSignalsAreMoreUrgent(t *testing.T) {
	tr := play1(t, "for ever")
	ended := make(chan childEnd)
	go func() { ended <- tr.child.run(tr.ctx) }()
	tr.hears(t, "up")
	tr.Arrive(syscall.SIGHUP)
	tr.hears(t, "hangup")
	tr.Arrive(syscall.SIGINT)
	tr.hears(t, "terminated")
	tr.Arrive(syscall.SIGINT)
	if end := <-ended; end.code != 137 || end.signal != syscall.SIGKILL {
		t.Errorf("ended with %+v, want killed by the third", end)
	}
}

func TestNothingStartsOnceASignalHasCome(t *testing.T) {
	tr := play1(t, "nothing")
	tr.Arrive(syscall.SIGTERM)
	end := tr.child.run(tr.ctx)
	if !errors.Is(end.startErr, errStopped) || end.stoppedBy == nil || tr.child.cmd != nil {
		t.Errorf("ended with %+v", end)
	}
}

// What is typed at a terminal reaches a command of our group without us.
func TestWhatIsTypedIsNotToldTwice(t *testing.T) {
	tr := play1(t, "for ever")
	tr.child.shares = true
	if err := tr.child.start(); err != nil {
		t.Fatal(err)
	}
	tr.hears(t, "up")
	tr.child.pass(syscall.SIGINT)
	tr.child.pass(syscall.SIGTERM)
	tr.hears(t, "terminated") // and no "interrupt" before
	tr.child.pass(syscall.SIGINT)
	if err := tr.child.cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the third did not kill: %v", err)
	}
}

func TestCommandsThatDoNotStart(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct {
		command   string
		code      int
		startable bool
		why       string
	}{
		{"no-such-command", 127, false, "no-such-command: executable file not found in $PATH"},
		{filepath.Join(dir, "absent"), 127, false, "absent: no such file or directory"},
		{write("plain", "words", 0o644), 126, false, "plain: permission denied"},
		{dir, 126, false, filepath.Base(dir) + ": permission denied"},
		{write("words", "words", 0o755), 126, true, "words: exec format error"},
		{write("orphan", "#!/no/such/interpreter\n", 0o755), 127, true, "orphan: no such file or directory"},
	} {
		argv := []string{tt.command}
		err := startable(argv)
		if (err == nil) != tt.startable {
			t.Errorf("%s: startable: %v", tt.command, err)
		}
		end := (&child{program: &program{}, argv: argv}).run(t.Context())
		if end.code != tt.code || end.startErr == nil {
			t.Errorf("%s: %+v, want %d", tt.command, end, tt.code)
		}
		if got := startReason(argv, end.startErr).Error(); got != tt.why {
			t.Errorf("%q, want %q", got, tt.why)
		}
	}
}

// Signals without a command: the first ends the run, then they mean what they always do.
func TestSignalsWithoutACommand(t *testing.T) {
	calm := 0
	s := NewSignals(func() { calm++ })
	ctx := s.Context(t.Context())
	s.Arrive(syscall.SIGHUP)
	if !errors.Is(context.Cause(ctx), Signalled{syscall.SIGHUP}) || calm != 1 {
		t.Errorf("cause %v, calmed %d times", context.Cause(ctx), calm)
	}
}
