package rehearsal

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"balanced/internal/lab/record"
)

// summary is a rehearsal in one sentence. failed is the instance that failed first, and at
// which it stopped unless it went on.
func summary(r record.Rehearsal, failed string, stopped bool) string {
	lost := fmt.Sprintf("%s of %s requests lost", grouped(r.Traffic.Lost), grouped(r.Traffic.Requests))
	c := standing(r)
	if r.Exit == 0 {
		return fmt.Sprintf("done: %s, %d of %d serve, never fewer than %d, %s", c.words(), c.serving, c.members, r.Group.FewestServing, lost)
	}
	what := "failed"
	if stopped {
		what = "stopped"
	}
	parts := []string{fmt.Sprintf("%s at %s: exit %d", what, failed, r.Exit)}
	if c.standby > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d in Standby", c.standby, c.members))
	}
	return strings.Join(append(parts, c.words(), lost), ", ")
}

// stand is where a fleet stands at the end.
type stand struct {
	members, serving, standby int
	all                       map[string]int // members by version
	versions                  map[string]int // those of them that are not in Standby
}

func standing(r record.Rehearsal) stand {
	s := stand{all: map[string]int{}, versions: map[string]int{}}
	for _, i := range r.Instances {
		last := i.Spans[len(i.Spans)-1]
		if last.State == "gone" {
			continue
		}
		s.members++
		s.all[i.After]++
		if last.Serves {
			s.serving++
		}
		if last.State == "Standby" {
			s.standby++
			continue
		}
		s.versions[i.After]++
	}
	return s
}

// words are "3 on v1 and 1 on v2".
func (s stand) words() string {
	var parts []string
	for _, v := range slices.Sorted(maps.Keys(s.versions)) {
		parts = append(parts, fmt.Sprintf("%d on %s", s.versions[v], cmp.Or(v, "no version")))
	}
	return strings.Join(parts, " and ")
}

// grouped writes 12345 as 12,345.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// Print writes what came of a rehearsal: a line for each instance, the latency, why
// requests were lost, and the sentence.
func Print(w io.Writer, r record.Rehearsal) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "INSTANCE\tZONE\tVERSION\tOUT OF SERVICE\tLOST\tNOW\tEXIT")
	lost := map[string]int{}
	for _, l := range r.Traffic.Losses {
		lost[l.Instance]++
	}
	for _, i := range r.Instances {
		exit := "not run"
		if i.Exit != nil {
			exit = strconv.Itoa(*i.Exit)
		}
		fmt.Fprintf(t, "%s\t%s\t%s -> %s\t%.1fs\t%d\t%s\t%s\n",
			i.ID, i.Zone, i.Before, i.After, i.Out, lost[i.ID], i.Spans[len(i.Spans)-1].State, exit)
	}
	t.Flush()
	l := r.Traffic.Latency
	fmt.Fprintf(&b, "\n%s requests in %.0fs: %s answered, %s lost. Latency in ms: median %.1f, 99%% within %.1f, at most %.1f.\n",
		grouped(r.Traffic.Requests), r.Elapsed, grouped(r.Traffic.OK), grouped(r.Traffic.Lost), l.P50, l.P99, l.Max)
	for _, c := range causes(r.Traffic.Losses) {
		fmt.Fprintf(&b, "lost: %s\n", c)
	}
	fmt.Fprintln(&b, r.Summary)
	_, err := io.WriteString(w, b.String())
	return err
}

// causes counts losses by cause, the most frequent first.
func causes(all []record.Loss) []string {
	counts := map[string]int{}
	for _, l := range all {
		counts[l.Cause]++
	}
	var lines []string
	for _, cause := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	}) {
		lines = append(lines, fmt.Sprintf("%s x %s", grouped(counts[cause]), cause))
	}
	return lines
}

// Compare writes two rehearsals side by side, one with balanced and one without.
func Compare(w io.Writer, with, without record.Rehearsal) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "\tWITH BALANCED\tWITHOUT")
	row := func(what string, of func(record.Rehearsal) string) {
		fmt.Fprintf(t, "%s\t%s\t%s\n", what, of(with), of(without))
	}
	row("requests", func(r record.Rehearsal) string { return grouped(r.Traffic.Requests) })
	row("lost", func(r record.Rehearsal) string { return grouped(r.Traffic.Lost) })
	row("most lost in one second", func(r record.Rehearsal) string { return grouped(worst(r.Traffic.Seconds)) })
	row("99% answered within", func(r record.Rehearsal) string { return fmt.Sprintf("%.1f ms", r.Traffic.Latency.P99) })
	row("time", func(r record.Rehearsal) string { return fmt.Sprintf("%.0fs", r.Elapsed) })
	row("upgraded", func(r record.Rehearsal) string { return standing(r).words() })
	t.Flush()
	_, err := io.WriteString(w, b.String())
	return err
}

func worst(all []record.Second) (most int) {
	for _, s := range all {
		most = max(most, s.Lost)
	}
	return most
}
