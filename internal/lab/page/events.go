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

type event struct{ At, Instance, Kind, Text string }

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

func newEvents(all []record.Event) events {
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
		e.Shown = append(e.Shown, event{clockTime(one.At), truncate(one.Instance, 60), truncate(one.Kind, 20), truncate(one.Text, 300)})
	}
	return e
}

// chosenEvents returns the indexes of the events that are shown, in order.
func chosenEvents(all []record.Event) []int {
	var places []int
	for n := range all {
		places = append(places, n)
	}
	rank := func(n int) int {
		at := slices.IndexFunc(kinds, func(k kind) bool { return k.Kind == all[n].Kind })
		if at < 0 {
			return len(kinds)
		}
		return at
	}
	slices.SortStableFunc(places, func(a, b int) int { return rank(a) - rank(b) })
	places = places[:min(len(places), maxEvents)]
	slices.Sort(places)
	return places
}
