package rehearsal

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"balanced/internal/lab/record"
)

// Print writes the result of a rehearsal: a line for each instance, the latency, the causes
// of lost requests, and the summary.
func Print(w io.Writer, r record.Rehearsal) error {
	var b strings.Builder
	t := newTabwriter(&b)
	fmt.Fprintln(t, "INSTANCE\tVERSION\tEXIT\tLOST\tNOW\tOUT OF SERVICE\tZONE")
	lost := map[string]int{}
	for _, l := range r.Traffic.Losses {
		lost[l.Instance]++
	}
	for _, i := range r.Instances {
		exit := "not run"
		if i.Exit != nil {
			exit = strconv.Itoa(*i.Exit)
		}
		fmt.Fprintf(t, "%s\t%s -> %s\t%s\t%d\t%s\t%s\t%s\n",
			i.ID, i.Before, i.After, exit, lost[i.ID], i.Spans[len(i.Spans)-1].State, record.Duration(i.Out), i.Zone)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	l := r.Traffic.Latency
	fmt.Fprintf(&b, "\n%s requests in %s: %s answered, %s lost\n",
		record.Grouped(r.Traffic.Requests), record.Duration(r.Elapsed), record.Grouped(r.Traffic.OK), record.Grouped(r.Traffic.Lost))
	fmt.Fprintf(&b, "latency: median %.1f ms, 99%% within %.1f ms, at most %.1f ms\n", l.P50, l.P99, l.Max)
	for _, c := range lossCauses(r.Traffic.Losses) {
		fmt.Fprintf(&b, "lost: %s\n", c)
	}
	if r.Speed > 1 {
		fmt.Fprintf(&b, "in production, with delays %g times as long: about %s\n", r.Speed, record.Duration(r.Estimate))
	}
	fmt.Fprintln(&b, r.Summary)
	_, err := io.WriteString(w, b.String())
	return err
}

func newTabwriter(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 3, ' ', 0) }

// Compare writes a rehearsal with balanced and one without, side by side.
func Compare(w io.Writer, with, without record.Rehearsal) error {
	t := newTabwriter(w)
	fmt.Fprintln(t, "\tWITH BALANCED\tWITHOUT")
	for _, row := range record.Compare(with, without) {
		fmt.Fprintf(t, "%s\t%s\t%s\n", row.Name, row.With, row.Without)
	}
	return t.Flush()
}
