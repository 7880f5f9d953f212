package page

import (
	"slices"

	"balanced/internal/lab/record"
)

// run is a period with one text, and the index of its first span.
type run struct {
	from, to float64
	text     string
	first    int
}

func (s scale) width(r run) share { return s.at(r.to) - s.at(r.from) }

// runsOf joins neighbouring spans with the same text, and leaves out those without one.
func runsOf(spans []record.Span, text func(int) string) []run {
	var all []run
	for n, s := range spans {
		t := text(n)
		last := len(all) - 1
		if last >= 0 && all[last].text == t {
			all[last].to = s.To
			continue
		}
		all = append(all, run{s.From, s.To, t, n})
	}
	return slices.DeleteFunc(all, func(r run) bool { return r.text == "" })
}

const maxFaultMarks = 200

// faults returns the marks above the rows. A mark has its text beside it if the next mark is
// far enough away.
func faults(all []record.Event, s scale) []mark {
	var marks []mark
	for _, e := range all {
		if e.Kind != record.Fault || len(marks) == maxFaultMarks {
			continue
		}
		text := truncate(e.Text, 200)
		if e.Instance != "" {
			text = truncate(e.Instance, 60) + ": " + text
		}
		m := mark{X: s.at(e.At), Text: text, Title: "Fault at " + clockTime(e.At) + "\n" + text, Anchor: "start", DX: 10}
		if m.X > 0.5 {
			m.Anchor, m.DX = "end", -10
		}
		marks = append(marks, m)
	}
	for n := range marks {
		marks[n].Fits = minWidthClass(marks[n].Text, 6, room(marks, n))
	}
	return marks
}

// room is how far the text of a mark may extend. Texts of marks in the left half extend to the
// right and the others to the left, so two texts may share the space between their marks.
func room(marks []mark, n int) share {
	if marks[n].Anchor == "start" {
		if n+1 == len(marks) {
			return 1 - marks[n].X
		}
		if marks[n+1].Anchor == "end" {
			return (marks[n+1].X - marks[n].X) / 2
		}
		return marks[n+1].X - marks[n].X
	}
	if n == 0 {
		return marks[n].X
	}
	if marks[n-1].Anchor == "start" {
		return (marks[n].X - marks[n-1].X) / 2
	}
	return marks[n].X - marks[n-1].X
}
