package rehearsal

import (
	"context"
	"fmt"
	"io"

	"balanced/internal/lab/record"
)

// Lines shows a rehearsal as plain lines.
type Lines struct {
	out  io.Writer
	stop context.CancelCauseFunc
}

// NewLines prints to out. When nobody reads any longer it calls stop.
func NewLines(out io.Writer, stop context.CancelCauseFunc) *Lines { return &Lines{out, stop} }

// Event is one line.
func (l *Lines) Event(e record.Event) {
	mark := map[string]string{record.Began: ">", record.Ended: "<", record.Output: "|", record.Changed: "*", record.Fault: "!", record.Lost: "x"}[e.Kind]
	if _, err := fmt.Fprintf(l.out, "%6.1fs  %-19s %s %s\n", e.At, e.Instance, mark, e.Text); err != nil {
		l.stop(fmt.Errorf("write: %w", err))
	}
}

// Legend explains the marks.
const Legend = `  >  the command begins          <  and ends
  |  what it prints              *  what the Region says: lifecycle state, each load balancer
  !  a fault of the rehearsal    x  a lost request, the first of its kind in a second
`

// Now is nothing that a line has not said.
func (l *Lines) Now(record.Now) {}
