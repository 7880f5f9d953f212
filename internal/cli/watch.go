package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/term"

	"balanced/internal/failure"
	"balanced/internal/format"
	"balanced/internal/logging"
)

// showEvery is the time between two tables of status --watch.
const showEvery = 5 * time.Second

// errQuit ends a watch: somebody typed q.
var errQuit = errors.New("ended by a key")

// watch shows the state again and again, until q or Ctrl-C, which are a good end, another signal, or something wrong
// that does not pass.
func (s *statusView) watch(ctx context.Context) error {
	ctx, quit := context.WithCancelCause(ctx)
	defer quit(nil)
	signals, restore := signalsOf(ctx), func() {}
	// A second signal must not end the process before the terminal is as it was.
	if err := signals.lend(func() error { restore = s.takeKeys(quit); return nil }, func(os.Signal) {}); err == nil {
		defer func() { restore(); signals.takeBack() }()
	}
	err := s.again(ctx)
	if ended := context.Cause(ctx); errors.Is(ended, errQuit) || errors.Is(ended, Signalled{syscall.SIGINT}) {
		return nil
	}
	return err
}

// again returns what is wrong and does not pass, or why ctx ended.
func (s *statusView) again(ctx context.Context) error {
	tick := time.NewTicker(showEvery)
	defer tick.Stop()
	for {
		s.above = fmt.Sprintf("every %s, %s%s", format.Duration(showEvery), time.Now().Format("2006-01-02 15:04:05 MST"), s.ends)
		report, err := s.connectAndDo(ctx, s.look)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err = s.finish(ctx, report, err); err != nil && !endOf(err).answer {
			if !failure.Is(err, failure.Unreachable) {
				return err
			}
			s.log.Error("no answer this time", logging.Error(err))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// takeKeys lets single keys end the watch where there is a terminal that is ours, until restore, which gives the
// terminal back as it was.
func (s *statusView) takeKeys(quit context.CancelCauseFunc) (restore func()) {
	keyboard, ok := s.stdin.(interface {
		io.Reader
		Fd() uintptr
	})
	// In the background the terminal is somebody else's: reading from it would stop the process.
	if !ok || !term.IsTerminal(int(keyboard.Fd())) || !foreground() {
		return func() {}
	}
	before, err := term.MakeRaw(int(keyboard.Fd()))
	if err != nil {
		return func() {}
	}
	raw := *s.program
	raw.stdout = rawTerminal{s.stdout}
	s.ends = "; q ends it"
	s.program, s.screen.w = &raw, rawTerminal{s.stderr}
	go readKeys(keyboard, quit)
	return func() { _ = term.Restore(int(keyboard.Fd()), before) } // nothing is left to do about it
}

// readKeys ends the watch at q and at what Ctrl-C and Ctrl-D send to a raw terminal.
func readKeys(keyboard io.Reader, quit context.CancelCauseFunc) {
	key := make([]byte, 1)
	for {
		if _, err := keyboard.Read(key); err != nil {
			return
		}
		if bytes.ContainsAny(key, "qQ\x03\x04") {
			quit(errQuit)
			return
		}
	}
}

// rawTerminal writes to a terminal that does not return to the line's beginning by itself.
type rawTerminal struct{ io.Writer }

// Fd makes it known as a terminal.
func (r rawTerminal) Fd() uintptr {
	if f, ok := r.Writer.(interface{ Fd() uintptr }); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}

func (r rawTerminal) Write(text []byte) (int, error) {
	_, err := r.Writer.Write(bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")))
	return len(text), err
}
