package page

import (
	"fmt"
	"strings"

	"balanced/internal/lab/record"
)

// timeline is a row per instance, and what all rows have in common.
type timeline struct {
	Ticks    []tick
	Faults   []mark
	Rows     []row
	Legend   []fact // class and name of each condition that occurs
	Versions []fact // class and name of each version
	Height   int    // of a row's drawing
	Roomy    bool   // few enough rows for text in them
	Spans    int
	Shortest string // what is shorter was left out; "" where all is drawn
}

// row is one instance.
type row struct {
	ID, Zone, Versions string
	Exit, ExitClass    string
	Out                string
	Spans              []bar
	States, Doing      []label
	Strips             []bar
	Lost               []bar
	End                *mark // where the command failed
}

// bar is a stretch of time with its details.
type bar struct {
	Class, Title string
	X, Width     share
	Cells        cells
}

// cells are a span in the table.
type cells struct{ From, To, State, Serves, Version, Views, Doing string }

// label is a text in a drawing, clipped at its end and hidden where it has no room.
type label struct {
	Fits, Class, Text string
	X, Width          share
}

// mark is an instant with its details.
type mark struct {
	X            share
	Text, Title  string
	Anchor, Fits string
	DX           int // of the text, in pixels
}

// roomy is how many instances are drawn with text in their rows.
const roomy = 16

func newTimeline(r record.Rehearsal, s scale, p palette) timeline {
	spans, shortest := drawable(r.Instances, s.whole)
	t := timeline{Ticks: s.ticks(), Faults: faults(r.Events, s), Roomy: len(r.Instances) <= roomy, Height: 16}
	if t.Roomy {
		t.Height = 40
	}
	if shortest > 0 {
		t.Shortest = lasting(shortest)
	}
	notes := notesOf(r)
	seen := map[string]bool{}
	for n, i := range r.Instances {
		t.Rows = append(t.Rows, newRow(i, spans[n], notes[i.ID], s, p, t.Roomy))
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
		t.Versions = append(t.Versions, fact{p.class(v), named(v)})
	}
	t.Versions = t.Versions[:min(len(t.Versions), 12)]
	return t
}

func newRow(i record.Instance, spans []record.Span, notes notes, s scale, p palette, roomy bool) row {
	r := row{ID: cut(i.ID, 60), Zone: cut(i.Zone, 40), Versions: versions(i), Out: lasting(i.Out), Exit: "not run", ExitClass: "unrun"}
	if i.Exit != nil {
		r.Exit, r.ExitClass = fmt.Sprintf("exit %d", *i.Exit), "ok"
	}
	if i.Exit != nil && *i.Exit != 0 {
		r.ExitClass = "failed"
		r.End = &mark{X: s.at(notes.ended), Text: fmt.Sprintf("✕ %d", *i.Exit), Anchor: side(s.at(notes.ended))}
	}
	conditions := classes(spans)
	for n, span := range spans {
		r.Spans = append(r.Spans, newBar(i, span, conditions[n], notes, s))
	}
	for _, v := range runs(spans, func(n int) string { return spans[n].Version }) {
		r.Strips = append(r.Strips, bar{Class: p.class(v.text), X: s.at(v.from), Width: s.width(v)})
	}
	for _, l := range notes.lost {
		r.Lost = append(r.Lost, bar{X: s.at(l.from), Width: s.width(l)})
	}
	if roomy {
		r.States, r.Doing = stateLabels(spans, conditions, s), doingLabels(spans, s)
	}
	return r
}

func versions(i record.Instance) string {
	if i.Before == i.After {
		return named(i.After)
	}
	return named(i.Before) + " → " + named(i.After)
}

// side keeps a text that begins or ends at its mark within the drawing.
func side(at share) string {
	if at > 0.85 {
		return "end"
	}
	return "start"
}

func newBar(i record.Instance, s record.Span, class string, notes notes, axis scale) bar {
	c := cells{
		From: instant(s.From), To: instant(s.To), State: cut(s.State, 60), Serves: "no",
		Version: named(s.Version), Views: views(s.Views), Doing: cut(s.Doing, 120),
	}
	if s.Serves {
		c.Serves = "yes"
	}
	lines := []string{
		fmt.Sprintf("%s  %s – %s (%s)", cut(i.ID, 60), c.From, c.To, lasting(s.To-s.From)),
		fmt.Sprintf("%s: %s, %s", nameOf(class), c.State, c.Version),
		c.Views,
	}
	if c.Doing != "" {
		lines = append(lines, "runs: "+c.Doing)
	}
	return bar{
		Class: class, Title: strings.Join(append(lines, notes.within(s)...), "\n"),
		X: axis.at(s.From), Width: axis.at(s.To) - axis.at(s.From), Cells: c,
	}
}

func views(all []record.View) string {
	var said []string
	for _, v := range all {
		said = append(said, cut(v.Source, 40)+" "+cut(v.State, 20))
	}
	return strings.Join(said, ", ")
}

// stateLabels name the condition, and the version where it serves.
func stateLabels(spans []record.Span, conditions []string, s scale) []label {
	var all []label
	for _, r := range runs(spans, func(n int) string {
		if text := nameOf(conditions[n]); !spans[n].Serves || spans[n].Version == "" {
			return text
		}
		return "serving " + cut(spans[n].Version, 20)
	}) {
		l := label{Class: conditions[r.first], Text: r.text, X: s.at(r.from), Width: s.width(r)}
		l.Fits = fits(l.Text, 6.4, l.Width)
		all = append(all, l)
	}
	return all
}

func doingLabels(spans []record.Span, s scale) []label {
	var all []label
	for _, r := range runs(spans, func(n int) string { return cut(spans[n].Doing, 60) }) {
		all = append(all, label{Text: r.text, X: s.at(r.from), Width: s.width(r), Fits: fits(r.text, 5.6, s.width(r))})
	}
	return all
}
