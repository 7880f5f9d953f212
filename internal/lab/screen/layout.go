package screen

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"balanced/internal/lab/record"
)

// column is one of the table. narrow makes it smaller where the terminal is too narrow
// for all, in the order of the columns' ranks; least is how far at first, 0 to leave it
// out at once.
type column struct {
	title string
	cell  func(record.InstanceNow) piece
	right bool
	rank  int // the first to give way has the lowest; 0 never does
	least int
	usual int // not narrower than this while there is room, so that columns seldom move
	width int
}

const gap = 2

// layout is the head and a line for each instance. The columns are as wide as all of
// the fleet wants them, so that they do not move when other instances are shown.
func layout(shown, all []record.InstanceNow, columns int) []line {
	cols := columnsOf(all)
	for n := range cols {
		cols[n].width = max(cols[n].usual, utf8.RuneCountInString(cols[n].title))
		for _, i := range all {
			cols[n].width = max(cols[n].width, utf8.RuneCountInString(cols[n].cell(i).text))
		}
	}
	cols = narrow(cols, columns)
	head := line{}
	for _, c := range cols {
		head = append(head, c.pad(piece{c.title, faint}), piece{strings.Repeat(" ", gap), ""})
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

// narrow lets columns give way until all fit: each as far as it likes, then altogether.
func narrow(cols []column, columns int) []column {
	for step := range 12 {
		rank, gone := step%6+1, step >= 6
		over := -gap - columns
		for _, c := range cols {
			over += c.width + gap
		}
		if over <= 0 {
			return cols
		}
		for n := range cols {
			if c := &cols[n]; c.rank == rank {
				give := min(over, max(c.width-c.least, 0))
				if gone || c.least == 0 {
					give = c.width
				}
				c.width -= give
				over -= give
			}
		}
		cols = slices.DeleteFunc(cols, func(c column) bool { return c.width == 0 })
	}
	return cols
}

func columnsOf(all []record.InstanceNow) []column {
	cols := []column{
		{title: "INSTANCE", cell: func(i record.InstanceNow) piece { return piece{plain(i.ID), ""} }, rank: 6, least: 10},
		{title: "ZONE", cell: func(i record.InstanceNow) piece { return piece{plain(i.Zone), faint} }, rank: 2},
		{title: "STATE", cell: func(i record.InstanceNow) piece { return piece{plain(i.State), stateColor(i)} }, usual: len("EnteringStandby")},
	}
	for _, source := range sources(all) {
		cols = append(cols, column{title: plain(source), cell: func(i record.InstanceNow) piece {
			state := stateAt(i, source)
			return piece{plain(state), viewColor(state)}
		}, rank: 4, least: 4, usual: len("unhealthy")})
	}
	return append(
		cols,
		column{title: "VERSION", cell: func(i record.InstanceNow) piece { return piece{plain(i.Version), ""} }, rank: 5, least: 3},
		column{title: "DOING", cell: func(i record.InstanceNow) piece { return piece{plain(i.Doing), ""} }, rank: 1, least: 12, usual: 20},
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

// sources are the load balancers that say something of any instance, in order.
func sources(all []record.InstanceNow) []string {
	var names []string
	for _, i := range all {
		for _, v := range i.Views {
			if !slices.Contains(names, v.Source) {
				names = append(names, v.Source)
			}
		}
	}
	return names
}

func stateAt(i record.InstanceNow, source string) string {
	for _, v := range i.Views {
		if v.Source == source {
			return v.State
		}
	}
	return "-"
}
