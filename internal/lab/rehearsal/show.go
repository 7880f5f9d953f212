package rehearsal

import (
	"context"
	"fmt"
	"io"

	"balanced/internal/lab/record"
	"balanced/internal/lab/screen"
)

// Show is told of a rehearsal while it goes on, from one goroutine at a time.
type Show interface {
	Event(record.Event)
	Now(record.Now) // a few times a second
}

// Legend explains the marks of events.
const Legend = `  >  the command begins          <  and ends
  |  what it prints              *  what the Region says: lifecycle state, each load balancer
  !  a fault of the rehearsal    x  a lost request, the first of its kind in a second
`

// text is an event as a line.
func text(e record.Event) string {
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

// NewLines prints to out. When nobody reads any longer it calls stop.
func NewLines(out io.Writer, stop context.CancelCauseFunc) *Lines { return &Lines{out, stop} }

// Event is one line.
func (l *Lines) Event(e record.Event) {
	if _, err := fmt.Fprintln(l.out, text(e)); err != nil {
		l.stop(fmt.Errorf("write: %w", err))
	}
}

// Now is nothing that a line has not said.
func (l *Lines) Now(record.Now) {}

// Table shows a rehearsal as a table on a terminal, with lines above it.
type Table struct {
	screen *screen.Screen
	stop   context.CancelCauseFunc
}

// NewTable draws on a screen. When that fails it calls stop.
func NewTable(s *screen.Screen, stop context.CancelCauseFunc) *Table { return &Table{s, stop} }

// Event is a line above the table, unless the table itself says so.
func (t *Table) Event(e record.Event) {
	if e.Kind != record.Changed {
		t.check(t.screen.Line(text(e)))
	}
}

// Now draws the table.
func (t *Table) Now(n record.Now) { t.check(t.screen.Show(n)) }

func (t *Table) check(err error) {
	if err != nil {
		t.stop(fmt.Errorf("write: %w", err))
	}
}
