package page

import (
	"fmt"
	"strings"

	"balanced/internal/lab/record"
)

// timeline has a row for each instance.
type timeline struct {
	Ticks    []tick
	Faults   []mark
	Rows     []row
	Legend   []fact // class and name of each condition that occurs
	Versions []fact // class and name of each version
	Height   int    // of a row, in pixels
	Detailed bool   // there is text in the rows
	Spans    int
	Shortest string // spans shorter than this are not drawn; "" if all are
}

// row is one instance.
type row struct {
	Anchor             string // its id
	ID, Zone, Versions string
	Exit, ExitClass    string
	Out                string
	Spans              []bar
	States, Running    []label
	Strips             []bar
	Lost               []bar
	End                *mark // where the command failed
}

// bar is a period with its details.
type bar struct {
	Class, Title string
	X, Width     share
	Cells        cells
}

// cells is a span in the table.
type cells struct{ From, To, State, Healthy, Version, Targets, Running string }

// label is a text in a drawing, which is hidden if it does not fit.
type label struct {
	Fits, Class, Text string
	X, Width          share
}

// mark is a moment with its details.
type mark struct {
	X            share
	Text, Title  string
	Anchor, Fits string
	DX           int // of the text, in pixels
}

// maxDetailedRows is up to how many rows there is text in them. More of them would not fit on a
// screen with the tracks below.
const maxDetailedRows = 16

func newTimeline(r record.Rehearsal, s scale, p palette, to links) timeline {
	spans, shortest := drawableSpans(r.Instances, s.whole)
	t := timeline{Ticks: s.ticks(), Faults: faults(r.Events, s), Detailed: len(r.Instances) <= maxDetailedRows, Height: 16}
	if t.Detailed {
		t.Height = 40
	}
	if shortest > 0 {
		t.Shortest = record.Duration(shortest)
	}
	notes := notesOf(r)
	seen := map[string]bool{}
	for n, i := range r.Instances {
		row := newRow(i, spans[n], notes[i.ID], s, p, t.Detailed)
		row.Anchor = to[i.ID]
		t.Rows = append(t.Rows, row)
		t.Spans += len(spans[n])
		for _, class := range classes(spans[n]) {
			seen[class] = true
		}
	}
	for _, c := range conditions {
		if seen[c.class] {
			t.Legend = append(t.Legend, fact{c.class, c.name})
		}
	}
	for _, v := range p.versions {
		t.Versions = append(t.Versions, fact{p.class(v), versionName(v)})
	}
	t.Versions = t.Versions[:min(len(t.Versions), 12)]
	return t
}

func newRow(i record.Instance, spans []record.Span, notes notes, s scale, p palette, detailed bool) row {
	r := row{ID: truncate(i.ID, 60), Zone: truncate(i.Zone, 40), Versions: versions(i), Out: record.Duration(i.Out), Exit: "not run", ExitClass: "unrun"}
	if i.Exit != nil {
		r.Exit, r.ExitClass = fmt.Sprintf("exit %d", *i.Exit), "ok"
	}
	if i.Exit != nil && *i.Exit != 0 {
		r.ExitClass = "failed"
		r.End = &mark{X: s.at(notes.ended), Text: fmt.Sprintf("✕ %d", *i.Exit), Anchor: textAnchor(s.at(notes.ended))}
	}
	if lost := len(notes.losses); lost > 0 {
		r.Exit, r.ExitClass = r.Exit+", "+record.Grouped(lost)+" lost", "failed"
	}
	conditions := classes(spans)
	for n, span := range spans {
		r.Spans = append(r.Spans, newBar(i, span, conditions[n], notes, s))
	}
	for _, v := range runsOf(spans, func(n int) string { return spans[n].Version }) {
		r.Strips = append(r.Strips, bar{Class: p.class(v.text), X: s.at(v.from), Width: s.width(v)})
	}
	for _, l := range notes.lost {
		r.Lost = append(r.Lost, bar{X: s.at(l.from), Width: s.width(l)})
	}
	if detailed {
		r.States, r.Running = stateLabels(spans, conditions, s), runningLabels(spans, s)
	}
	return r
}

func versions(i record.Instance) string {
	if i.Before == i.After {
		return versionName(i.After)
	}
	return versionName(i.Before) + " → " + versionName(i.After)
}

// textAnchor keeps a text that begins or ends at its mark inside the drawing.
func textAnchor(at share) string {
	if at > 0.85 {
		return "end"
	}
	return "start"
}

func newBar(i record.Instance, s record.Span, class string, notes notes, axis scale) bar {
	c := cells{
		From: clockTime(s.From), To: clockTime(s.To), State: truncate(s.State, 60), Healthy: "no",
		Version: versionName(s.Version), Targets: targetsText(s.Targets), Running: truncate(s.Running, 120),
	}
	if s.Healthy {
		c.Healthy = "yes"
	}
	lines := []string{
		fmt.Sprintf("%s  %s – %s (%s)", truncate(i.ID, 60), c.From, c.To, record.Duration(s.To-s.From)),
		fmt.Sprintf("%s: %s, %s", nameOf(class), c.State, c.Version),
		c.Targets,
	}
	if c.Running != "" {
		lines = append(lines, "running: "+c.Running)
	}
	return bar{
		Class: class, Title: strings.Join(append(lines, notes.within(s)...), "\n"),
		X: axis.at(s.From), Width: axis.at(s.To) - axis.at(s.From), Cells: c,
	}
}

func targetsText(all []record.TargetState) string {
	var parts []string
	for _, v := range all {
		parts = append(parts, truncate(v.Source, 40)+" "+truncate(v.State, 20))
	}
	return strings.Join(parts, ", ")
}

// stateLabels name the condition, and the version of a healthy instance.
func stateLabels(spans []record.Span, conditions []string, s scale) []label {
	var all []label
	for _, r := range runsOf(spans, func(n int) string {
		if text := nameOf(conditions[n]); !spans[n].Healthy || spans[n].Version == "" {
			return text
		}
		return "healthy, " + truncate(spans[n].Version, 20)
	}) {
		l := label{Class: conditions[r.first], Text: r.text, X: s.at(r.from), Width: s.width(r)}
		l.Fits = minWidthClass(l.Text, 6.4, l.Width)
		all = append(all, l)
	}
	return all
}

func runningLabels(spans []record.Span, s scale) []label {
	var all []label
	for _, r := range runsOf(spans, func(n int) string { return truncate(spans[n].Running, 60) }) {
		all = append(all, label{Text: r.text, X: s.at(r.from), Width: s.width(r), Fits: minWidthClass(r.text, 5.6, s.width(r))})
	}
	return all
}
