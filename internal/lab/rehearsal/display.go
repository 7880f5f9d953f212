package rehearsal

import (
	"context"
	"fmt"
	"io"

	"balanced/internal/lab/record"
	"balanced/internal/lab/screen"
)

// Display shows a rehearsal while it runs. Its methods are called by one goroutine at a
// time.
type Display interface {
	Event(record.Event)
	Now(record.Now) // a few times a second
}

// Legend explains the marks of events.
const Legend = `  >  the command begins
  <  the command ends
  |  output of the command
  *  lifecycle state, and health at each load balancer
  !  an injected fault
  x  a lost request; only the first of its kind in a second
`

// eventLine is an event as one line.
func eventLine(e record.Event) string {
	mark := map[string]string{
		record.Began: ">", record.Ended: "<", record.Output: "|", record.Changed: "*", record.Fault: "!", record.Lost: "x",
	}[e.Kind]
	return fmt.Sprintf("%6.1fs  %-19s %s %s", e.At, e.Instance, mark, e.Text)
}

// Lines shows a rehearsal as plain lines.
type Lines struct {
	out  io.Writer
	stop context.CancelCauseFunc
}

// NewLines returns a Display that prints to out. If a write fails, it calls stop.
func NewLines(out io.Writer, stop context.CancelCauseFunc) *Lines { return &Lines{out, stop} }

// Event prints the event as one line.
func (l *Lines) Event(e record.Event) {
	if _, err := fmt.Fprintln(l.out, eventLine(e)); err != nil {
		l.stop(fmt.Errorf("write: %w", err))
	}
}

// Now prints nothing: every change has been printed as an event.
func (l *Lines) Now(record.Now) {}

// Table shows a rehearsal as a table on a terminal, with lines above it.
type Table struct {
	screen *screen.Screen
	stop   context.CancelCauseFunc
}

// NewTable returns a Display that draws on a screen. If a write fails, it calls stop.
func NewTable(s *screen.Screen, stop context.CancelCauseFunc) *Table { return &Table{s, stop} }

// Event prints a line above the table, except for changes that the table itself shows.
func (t *Table) Event(e record.Event) {
	if e.Kind != record.Changed {
		t.check(t.screen.Line(eventLine(e)))
	}
}

// Now draws the table.
func (t *Table) Now(n record.Now) { t.check(t.screen.Show(n)) }

func (t *Table) check(err error) {
	if err != nil {
		t.stop(fmt.Errorf("write: %w", err))
	}
}
