package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"balanced/internal/lab/record"
)

// conditions are what an instance can be in, in the order of the legend. The class is
// the style sheet's name of it.
var conditions = []struct{ class, name string }{
	{"serving", "serving"},
	{"draining", "draining"},
	{"standby", "Standby"},
	{"returning", "coming in"},
	{"unhealthy", "unhealthy"},
	{"idle", "not serving"},
	{"leaving", "leaving"},
	{"gone", "gone"},
}

// classes are the conditions of spans in order. Of one that was InService but not yet
// healthy the load balancers say initial or unhealthy; where it came in and served
// next, it was coming in.
func classes(spans []record.Span) []string {
	all := make([]string, len(spans))
	for n, s := range spans {
		all[n] = condition(s)
		if all[n] == "unhealthy" && n > 0 && all[n-1] == "returning" && servesNext(spans[n:]) {
			all[n] = "returning"
		}
	}
	return all
}

func servesNext(spans []record.Span) bool {
	n := slices.IndexFunc(spans, func(s record.Span) bool { return s.Serves || s.State != "InService" })
	return n >= 0 && spans[n].Serves
}

// condition is that of one span by itself.
func condition(s record.Span) string {
	switch {
	case s.State == "gone":
		return "gone"
	case s.Serves:
		return "serving"
	case s.State == "EnteringStandby":
		return "draining"
	case s.State == "Standby":
		return "standby"
	case strings.HasPrefix(s.State, "Terminat"), strings.HasPrefix(s.State, "Detach"):
		return "leaving"
	case strings.HasPrefix(s.State, "Pending"):
		return "returning"
	case viewed(s, "unhealthy"):
		return "unhealthy"
	case viewed(s, "initial"):
		return "returning"
	case viewed(s, "draining"):
		return "draining"
	}
	return "idle"
}

func viewed(s record.Span, state string) bool {
	return slices.ContainsFunc(s.Views, func(v record.View) bool { return v.State == state })
}

func nameOf(class string) string {
	for _, c := range conditions {
		if c.class == class {
			return c.name
		}
	}
	return class
}

func same(a, b record.Span) bool {
	return a.State == b.State && a.Serves == b.Serves && a.Version == b.Version && a.Doing == b.Doing && slices.Equal(a.Views, b.Views)
}

// mostSpans are drawn; beyond that the shortest are left out.
const mostSpans = 4000

// drawable are the spans of each instance, equal neighbours made one. Where they are
// too many, those shorter than the answer's second part go to the span before them.
func drawable(all []record.Instance, whole float64) (spans [][]record.Span, shortest float64) {
	for shortest = 0; ; shortest = max(2*shortest, whole/2000) {
		spans = spans[:0]
		total := 0
		for _, i := range all {
			merged := merge(i.Spans, shortest)
			total += len(merged)
			spans = append(spans, merged)
		}
		if total <= max(mostSpans, len(all)) || shortest > whole {
			return spans, shortest
		}
	}
}

func merge(all []record.Span, shortest float64) []record.Span {
	var merged []record.Span
	for _, s := range all {
		last := len(merged) - 1
		if last >= 0 && (same(merged[last], s) || s.To-s.From < shortest) {
			merged[last].To = s.To
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// palette gives each version a number, in the order in which they appear.
type palette struct{ versions []string }

// colours are those of the style sheet; the last one is for all versions beyond.
const colours = 6

func newPalette(r record.Rehearsal) palette {
	var p palette
	add := func(v string) {
		if v != "" && !slices.Contains(p.versions, v) {
			p.versions = append(p.versions, v)
		}
	}
	for _, i := range r.Instances {
		add(i.Before)
	}
	for _, i := range r.Instances {
		for _, s := range i.Spans {
			add(s.Version)
		}
	}
	for _, s := range r.Traffic.Seconds {
		for _, v := range sorted(s.Versions) {
			add(v)
		}
	}
	return p
}

// class is the style sheet's name of a version's colour.
func (p palette) class(version string) string {
	n := slices.Index(p.versions, version)
	if n < 0 {
		return "none"
	}
	return fmt.Sprintf("v%d", min(n, colours-1))
}

func sorted(counts map[string]int) []string {
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, cmp.Compare[string])
	return names
}
