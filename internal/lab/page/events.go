package page

import (
	"slices"

	"balanced/internal/lab/record"
)

// events is the log of a rehearsal.
type events struct {
	Total int
	Kinds []kind
	Shown []event
}

type kind struct {
	Kind, Name string
	Count      int
}

// event is one event. Its id has its number in the record, so it stays the same if other events
// are left out.
type event struct {
	ID, At     string
	Instance   link
	Kind, Text string
}

const maxEvents = 2000

// kinds are ordered: if there are too many events, those of the last kind are left out first.
var kinds = []kind{
	{Kind: record.Fault, Name: "faults"},
	{Kind: record.Ended, Name: "command ended"},
	{Kind: record.Began, Name: "command began"},
	{Kind: record.Lost, Name: "lost requests"},
	{Kind: record.Changed, Name: "state changes"},
	{Kind: record.Output, Name: "output"},
}

func newEvents(all []record.Event, to links) events {
	e := events{Total: len(all)}
	for _, k := range kinds {
		for _, one := range all {
			if one.Kind == k.Kind {
				k.Count++
			}
		}
		if k.Count > 0 {
			e.Kinds = append(e.Kinds, k)
		}
	}
	for _, n := range chosenEvents(all) {
		one := all[n]
		e.Shown = append(e.Shown, event{numberedID("event", n), clockTime(one.At), to.row(one.Instance), truncate(one.Kind, 20), truncate(one.Text, 300)})
	}
	return e
}

// chosenEvents returns the indexes of the events that are shown, in order.
func chosenEvents(all []record.Event) []int {
	var order []int
	for n := range all {
		order = append(order, n)
	}
	rank := func(n int) int {
		at := slices.IndexFunc(kinds, func(k kind) bool { return k.Kind == all[n].Kind })
		if at < 0 {
			return len(kinds)
		}
		return at
	}
	slices.SortStableFunc(order, func(a, b int) int { return rank(a) - rank(b) })
	order = order[:min(len(order), maxEvents)]
	slices.Sort(order)
	return order
}
