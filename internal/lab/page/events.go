package page

import (
	"slices"

	"balanced/internal/lab/record"
)

// events are the log of a rehearsal.
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

const mostEvents = 2000

// kinds are ranked: where not all events have room, the last kind gives way first.
var kinds = []kind{
	{Kind: record.Fault, Name: "faults"},
	{Kind: record.Ended, Name: "ended"},
	{Kind: record.Began, Name: "began"},
	{Kind: record.Lost, Name: "lost"},
	{Kind: record.Changed, Name: "changed"},
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
	for _, n := range chosen(all) {
		one := all[n]
		e.Shown = append(e.Shown, event{instant(one.At), cut(one.Instance, 60), cut(one.Kind, 20), cut(one.Text, 300)})
	}
	return e
}

// chosen are the places of the events that have room, in order.
func chosen(all []record.Event) []int {
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
	places = places[:min(len(places), mostEvents)]
	slices.Sort(places)
	return places
}
