package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/term"

	"balanced/internal/format"
	"balanced/internal/logging"
	"balanced/internal/rotation"
)

// screen is stderr: log lines and, on a terminal, one status line below them that is
// drawn again and again. It is safe for concurrent use.
type screen struct {
	terminal bool
	width    int
	mu       sync.Mutex
	w        io.Writer
	drawn    bool
}

// newScreen writes to a terminal of so many columns; 0: to none.
func newScreen(w io.Writer, columns int) *screen {
	return &screen{w: w, terminal: columns > 0, width: columns}
}

// columns are those of the terminal a stream goes to, 0 where it goes to none, or to
// one that can only print.
func (p *program) columns(stream any) int {
	f, ok := stream.(interface{ Fd() uintptr })
	if !ok || !term.IsTerminal(int(f.Fd())) || p.getenv("TERM") == "dumb" {
		return 0
	}
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		return columns
	}
	return 80
}

// eraseLine goes to the line's beginning and clears it.
const eraseLine = "\r\x1b[K"

// Write lets a log line take the place of the status line.
func (s *screen) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	return s.w.Write(line)
}

func (s *screen) draw(status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// One column less: a full line makes some terminals scroll.
	io.WriteString(s.w, eraseLine+cutEnd(format.OneLine(status), s.width-1))
	s.drawn = true
}

func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

func (s *screen) erase() {
	if s.drawn {
		io.WriteString(s.w, eraseLine)
		s.drawn = false
	}
}

// A terminal's clock runs; elsewhere a sign of life a minute keeps an idle ssh
// session from being forgotten on the way.
const (
	redrawEvery = time.Second
	speakEvery  = time.Minute
)

// follow shows what a run waits for, also between its looks, until stop is called,
// which takes the status line away.
func (s *screen) follow(ctx context.Context, log *zap.Logger) (progress func(rotation.Progress), stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	looks, done := make(chan rotation.Progress), make(chan struct{})
	go func() {
		defer close(done)
		s.tell(ctx, log, looks)
	}()
	progress = func(p rotation.Progress) {
		select {
		case looks <- p:
		case <-ctx.Done():
		}
	}
	return progress, func() { cancel(); <-done; s.clear() }
}

// tell speaks at the first look and then at every tick, of what was heard last.
func (s *screen) tell(ctx context.Context, log *zap.Logger, looks <-chan rotation.Progress) {
	say, every := func(p rotation.Progress) { logProgress(log, p) }, speakEvery
	if s.terminal {
		say, every = func(p rotation.Progress) { s.draw(status(p)) }, redrawEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	var last rotation.Progress
	var heard time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-looks:
			first := heard.IsZero()
			last, heard = p, time.Now()
			if first {
				if s.terminal || !p.Logged {
					say(last)
				}
				tick.Reset(every)
			}
		case now := <-tick.C:
			if !heard.IsZero() {
				p := last
				p.Elapsed += now.Sub(heard)
				p.Left = max(0, p.Left-now.Sub(heard))
				say(p)
			}
		}
	}
}

func logProgress(log *zap.Logger, p rotation.Progress) {
	log.Info(progressText(p.Waiting), logging.Step(p.Step), logging.Elapsed(p.Elapsed.Round(time.Second)), logging.Left(p.Left), logging.Limit(p.Limit))
}

// progressText says that the run waits, once.
func progressText(what string) string {
	what = format.OneLine(what)
	if strings.HasPrefix(what, "waiting ") {
		return what
	}
	return "waiting: " + what
}

// status is the live line: how long it takes comes first, since the rest may be cut off at the right.
func status(p rotation.Progress) string {
	left := ""
	if seconds := p.Left.Round(time.Second); seconds > 0 {
		left = ", about " + format.Duration(seconds) + " left"
	}
	return fmt.Sprintf("%s of at most %s%s: %s", format.Duration(p.Elapsed), format.Duration(p.Limit), left, format.OneLine(cmp.Or(p.Balancers, p.Waiting)))
}
