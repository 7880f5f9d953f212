package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"balanced/internal/lab/record"
)

// conditions are what the timeline shows of an instance, in the order of the legend. The class
// is that of the style sheet.
var conditions = []struct{ class, name string }{
	{"healthy", "healthy"},
	{"draining", "draining"},
	{"standby", "Standby"},
	{"returning", "coming back"},
	{"unhealthy", "unhealthy"},
	{"idle", "not healthy"},
	{"leaving", "leaving"},
	{"gone", "gone"},
}

// classes returns the condition of each span. An instance that is coming back is first
// "initial" or "unhealthy" at its load balancers while it is InService; if it becomes healthy
// next, its condition is "returning".
func classes(spans []record.Span) []string {
	all := make([]string, len(spans))
	for n, s := range spans {
		all[n] = condition(s)
		if all[n] == "unhealthy" && n > 0 && all[n-1] == "returning" && healthyNext(spans[n:]) {
			all[n] = "returning"
		}
	}
	return all
}

func healthyNext(spans []record.Span) bool {
	n := slices.IndexFunc(spans, func(s record.Span) bool { return s.Healthy || s.State != "InService" })
	return n >= 0 && spans[n].Healthy
}

// condition is the condition of a span, without regard to the spans around it.
func condition(s record.Span) string {
	switch {
	case s.State == "gone":
		return "gone"
	case s.Healthy:
		return "healthy"
	case record.IsDraining(s.State):
		return "draining"
	case record.IsOut(s.State):
		return "standby"
	case strings.HasPrefix(s.State, "Terminat"), strings.HasPrefix(s.State, "Detach"):
		return "leaving"
	case strings.HasPrefix(s.State, "Pending"):
		return "returning"
	case hasTarget(s, "unhealthy"):
		return "unhealthy"
	case hasTarget(s, "initial"):
		return "returning"
	case hasTarget(s, "draining"):
		return "draining"
	}
	return "idle"
}

func hasTarget(s record.Span, state string) bool {
	return slices.ContainsFunc(s.Targets, func(v record.TargetState) bool { return v.State == state })
}

func nameOf(class string) string {
	for _, c := range conditions {
		if c.class == class {
			return c.name
		}
	}
	return class
}

func sameState(a, b record.Span) bool {
	return a.State == b.State && a.Healthy == b.Healthy && a.Version == b.Version && a.Running == b.Running && slices.Equal(a.Targets, b.Targets)
}

// maxSpans is the number of spans that are drawn; beyond it the shortest are left out.
const maxSpans = 4000

// drawableSpans returns the spans of each instance, with equal neighbours merged. If there are
// too many, those shorter than shortest are merged into the span before them.
func drawableSpans(all []record.Instance, whole float64) (spans [][]record.Span, shortest float64) {
	for shortest = 0; ; shortest = max(2*shortest, whole/2000) {
		spans = spans[:0]
		total := 0
		for _, i := range all {
			merged := mergeSpans(i.Spans, shortest)
			total += len(merged)
			spans = append(spans, merged)
		}
		if total <= max(maxSpans, len(all)) || shortest > whole {
			return spans, shortest
		}
	}
}

func mergeSpans(all []record.Span, shortest float64) []record.Span {
	var merged []record.Span
	for _, s := range all {
		last := len(merged) - 1
		if last >= 0 && (sameState(merged[last], s) || s.To-s.From < shortest) {
			merged[last].To = s.To
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// palette numbers the versions in the order in which they appear.
type palette struct{ versions []string }

// colours is the number of colours in the style sheet; all later versions share the last one.
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
		for _, v := range sortedKeys(s.Versions) {
			add(v)
		}
	}
	return p
}

// class is the style sheet's class for the colour of a version.
func (p palette) class(version string) string {
	n := slices.Index(p.versions, version)
	if n < 0 {
		return "none"
	}
	return fmt.Sprintf("v%d", min(n, colours-1))
}

func sortedKeys(counts map[string]int) []string {
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, cmp.Compare[string])
	return names
}
