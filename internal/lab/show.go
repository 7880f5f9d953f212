package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"text/tabwriter"
	"time"
)

// show prints a rollout as it goes on. The command's output and the Region's changes
// come from different goroutines.
type show struct {
	start time.Time
	stop  context.CancelCauseFunc

	mu   sync.Mutex // guards all below
	out  io.Writer
	on   string // the instance whose turn it is
	told string // the last question in this turn
	part []byte // a line of output that is not finished
}

// newShow prints to out. When nobody reads any longer it calls stop.
func newShow(out io.Writer, stop context.CancelCauseFunc) *show {
	return &show{start: time.Now(), stop: stop, out: out}
}

func (s *show) printf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.print(format, args...)
}

// print is printf, s.mu held.
func (s *show) print(format string, args ...any) {
	if _, err := fmt.Fprintf(s.out, format, args...); err != nil {
		s.stop(fmt.Errorf("write: %w", err))
	}
}

// turn opens the part of one instance.
func (s *show) turn(id, title string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on, s.told = id, ""
	s.print("\n%s\n", title)
}

// line prints what happened just now.
func (s *show) line(mark, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stamped(mark, text)
}

// stamped is line, s.mu held.
func (s *show) stamped(mark, text string) {
	s.print("  %5.1fs  %s %s\n", time.Since(s.start).Seconds(), mark, text)
}

// Write takes a command's output and prints it line by line.
func (s *show) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.part = append(s.part, p...)
	for {
		line, rest, whole := bytes.Cut(s.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		s.stamped("|", string(line))
		s.part = bytes.Clone(rest)
	}
}

// event prints a change in the Region. Whose it is is said where it is another's turn.
func (s *show) event(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stamped("*", s.of(e.Member.ID, e.String()))
}

// question prints what an application was asked and said; the same again only in
// another turn.
func (s *show) question(id, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text = s.of(id, text); text != s.told {
		s.told = text
		s.stamped("?", text)
	}
}

// of says whose a text is where it is another's turn, s.mu held.
func (s *show) of(id, text string) string {
	if id != s.on {
		return id + " " + text
	}
	return text
}

// summary is the table at the end of the rollout.
func (s *stage) summary(w *Watcher, results []Result) {
	s.show.printf("\n")
	p := s.fleet.Picture()
	t := tabwriter.NewWriter(s.Out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "INSTANCE\tVERSION\tOUT OF SERVICE\tNOW\tEXIT")
	for n, i := range s.instances {
		exit := "not run"
		if n < len(results) {
			exit = fmt.Sprint(results[n].Exit)
		}
		m, _ := p.Member(i.ID)
		fmt.Fprintf(t, "%s\tv1 -> %s\t%.1fs\t%s\t%s\n", i.ID, s.version(i.ID), w.Out(i.ID).Seconds(), m.State, exit)
	}
	t.Flush()
	s.show.printf("\n%d of %d serve now. The fewest that served at any moment: %d, floor %d. It took %.0fs.\n",
		p.Serving, len(p.Members), w.LeastServing(), p.Floor, time.Since(s.show.start).Seconds())
}
