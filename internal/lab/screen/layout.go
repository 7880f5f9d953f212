package screen

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"balanced/internal/lab/record"
)

// This table is our own, not text/tabwriter's: when the terminal is too narrow, columns become
// narrower and then disappear by importance, and they keep their widths from one picture to
// the next. tabwriter can do neither.

// column is a column of the table.
type column struct {
	title      string
	short      string // title if the column is too narrow for it
	cell       func(record.InstanceNow) piece
	right      bool
	rank       int // columns with a low rank shrink first; 0 never shrinks
	minWidth   int // shrink to this before a column of a higher rank shrinks; 0: leave the column out
	usualWidth int // wider only if needed, so that columns seldom move
	width      int
}

// gap is the space between two columns.
const gap = 2

// layout returns the head and a line for each shown instance. The widths depend on all
// instances, so that columns do not move when others are shown.
func layout(shown, all []record.InstanceNow, columns int) []line {
	cols := columnsOf(all)
	for n := range cols {
		cols[n].width = max(cols[n].usualWidth, utf8.RuneCountInString(cols[n].title))
		for _, i := range all {
			cols[n].width = max(cols[n].width, utf8.RuneCountInString(cols[n].cell(i).text))
		}
	}
	cols = shrink(cols, columns)
	head := line{}
	for _, c := range cols {
		title := c.title
		if c.short != "" && c.width < utf8.RuneCountInString(title) {
			title = c.short
		}
		head = append(head, c.pad(piece{title, faint}), piece{strings.Repeat(" ", gap), ""})
	}
	table := []line{head}
	for _, i := range shown {
		var l line
		for _, c := range cols {
			l = append(l, c.pad(c.cell(i)), piece{strings.Repeat(" ", gap), ""})
		}
		table = append(table, l)
	}
	return table
}

func (c column) pad(p piece) piece {
	p.text = shorten(p.text, c.width)
	fill := strings.Repeat(" ", c.width-utf8.RuneCountInString(p.text))
	if c.right {
		return piece{fill + p.text, p.color}
	}
	return piece{p.text + fill, p.color}
}

// shrink makes columns narrower until they fit: first each down to its minWidth, in the order
// of their ranks, then it leaves them out.
func shrink(cols []column, columns int) []column {
	for step := range 12 {
		rank, remove := step%6+1, step >= 6
		over := -gap - columns
		for _, c := range cols {
			over += c.width + gap
		}
		if over <= 0 {
			return cols
		}
		for n := range cols {
			if c := &cols[n]; c.rank == rank {
				by := min(over, max(c.width-c.minWidth, 0))
				if remove || c.minWidth == 0 {
					by = c.width
				}
				c.width -= by
				over -= by
			}
		}
		cols = slices.DeleteFunc(cols, func(c column) bool { return c.width == 0 })
	}
	return cols
}

func columnsOf(all []record.InstanceNow) []column {
	cols := []column{
		{title: "INSTANCE", cell: func(i record.InstanceNow) piece { return piece{printable(i.ID), ""} }, rank: 6, minWidth: 10},
		{title: "ZONE", cell: func(i record.InstanceNow) piece { return piece{printable(i.Zone), faint} }, rank: 2},
		{title: "STATE", cell: func(i record.InstanceNow) piece { return piece{printable(i.State), stateColor(i)} }, usualWidth: len("EnteringStandby")},
	}
	for _, source := range sources(all) {
		cols = append(cols, column{title: printable(source), cell: func(i record.InstanceNow) piece {
			state := stateAt(i, source)
			return piece{printable(state), viewColor(state)}
		}, rank: 4, minWidth: len("healthy"), usualWidth: len("unhealthy")})
	}
	return append(
		cols,
		column{title: "VERSION", short: "VER", cell: func(i record.InstanceNow) piece { return piece{printable(i.Version), ""} }, rank: 5, minWidth: 3},
		column{title: "RUNNING", cell: func(i record.InstanceNow) piece { return piece{printable(i.Running), ""} }, rank: 1, minWidth: 12, usualWidth: 20},
		column{title: "REQ/S", cell: func(i record.InstanceNow) piece { return piece{fmt.Sprintf("%.0f", i.Rate), ""} }, right: true, rank: 3},
		column{title: "LOST", cell: lost, right: true},
	)
}

func lost(i record.InstanceNow) piece {
	if i.Lost == 0 {
		return piece{"0", faint}
	}
	return piece{fmt.Sprint(i.Lost), red}
}

// sources returns the names of all load balancers, in order.
func sources(all []record.InstanceNow) []string {
	var names []string
	for _, i := range all {
		for _, v := range i.Targets {
			if !slices.Contains(names, v.Source) {
				names = append(names, v.Source)
			}
		}
	}
	return names
}

func stateAt(i record.InstanceNow, source string) string {
	for _, v := range i.Targets {
		if v.Source == source {
			return v.State
		}
	}
	return "-"
}
