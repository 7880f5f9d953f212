package page

import (
	"fmt"

	"balanced/internal/lab/record"
)

// notes is what is known about an instance besides its spans.
type notes struct {
	events []record.Event // began, ended and faults
	losses []float64      // times
	lost   []run          // the same, with neighbours joined
	ended  float64        // when its last command ended
}

func notesOf(r record.Rehearsal) map[string]notes {
	of := map[string]notes{}
	for _, e := range r.Events {
		n := of[e.Instance]
		switch e.Kind {
		case record.Ended:
			n.ended = e.At
			n.events = append(n.events, e)
		case record.Began, record.Fault:
			n.events = append(n.events, e)
		}
		of[e.Instance] = n
	}
	for _, l := range r.Traffic.Losses {
		n := of[l.Instance]
		n.losses = append(n.losses, l.At)
		n.lost = joinLosses(n.lost, l.At)
		of[l.Instance] = n
	}
	return of
}

// joinLosses adds a time to runs; runs that are less than a second apart become one.
func joinLosses(all []run, at float64) []run {
	const width = 0.25
	if last := len(all) - 1; last >= 0 && at-all[last].to < 1 {
		all[last].to = max(all[last].to, at+width)
		return all
	}
	return append(all, run{from: at, to: at + width})
}

// within describes what happened in a span: the first few events and the number of lost
// requests.
func (n notes) within(s record.Span) []string {
	const most = 4
	var parts []string
	for _, e := range n.events {
		if e.At >= s.From && e.At < s.To && len(parts) < most {
			parts = append(parts, clockTime(e.At)+" "+e.Kind+": "+truncate(e.Text, 120))
		}
	}
	lost := 0
	for _, at := range n.losses {
		if at >= s.From && at < s.To {
			lost++
		}
	}
	if lost > 0 {
		parts = append(parts, fmt.Sprintf("%s here", plural(lost, "request lost", "requests lost")))
	}
	return parts
}
