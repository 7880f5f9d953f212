package record

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Final counts the members of the group at the end of a rehearsal.
type Final struct {
	Members, Healthy, Standby int
	Versions                  map[string]int // members by version
	InService                 map[string]int // the same without those in Standby
}

// Final returns the state at the end.
func (r Rehearsal) Final() Final {
	f := Final{Versions: map[string]int{}, InService: map[string]int{}}
	for _, i := range r.Instances {
		if len(i.Spans) == 0 || i.Spans[len(i.Spans)-1].State == "gone" {
			continue
		}
		last := i.Spans[len(i.Spans)-1]
		f.Members++
		f.Versions[i.After]++
		if last.Healthy {
			f.Healthy++
		}
		if IsOut(last.State) {
			f.Standby++
			continue
		}
		f.InService[i.After]++
	}
	return f
}

// Text is "3 on v1 and 1 on v2", without the members in Standby.
func (f Final) Text() string {
	var parts []string
	for _, v := range slices.Sorted(maps.Keys(f.InService)) {
		parts = append(parts, fmt.Sprintf("%d on %s", f.InService[v], cmp.Or(v, "no version")))
	}
	return strings.Join(parts, " and ")
}

// Compared is one value of two rehearsals. Worse says that without balanced clients or the
// fleet are worse off.
type Compared struct {
	Name, With, Without string
	Worse               bool
}

// Compare compares a rehearsal with balanced and one without.
func Compare(with, without Rehearsal) []Compared {
	row := func(name string, value func(Rehearsal) string) Compared {
		return Compared{Name: name, With: value(with), Without: value(without)}
	}
	rows := []Compared{
		row("requests", func(r Rehearsal) string { return Grouped(r.Traffic.Requests) }),
		row("lost", func(r Rehearsal) string { return Grouped(r.Traffic.Lost) }),
		row("most lost in one second", func(r Rehearsal) string { return Grouped(r.Traffic.mostLost()) }),
		row("99% answered within", func(r Rehearsal) string { return fmt.Sprintf("%.1f ms", r.Traffic.Latency.P99) }),
		row("fewest healthy", func(r Rehearsal) string { return fmt.Sprintf("%d of %d", r.Group.FewestHealthy, r.Group.Desired) }),
		row("time", func(r Rehearsal) string { return Duration(r.Elapsed) }),
		row("at the end", func(r Rehearsal) string { return r.Final().Text() }),
		row("exit code", func(r Rehearsal) string { return fmt.Sprint(r.Exit) }),
	}
	if with.Speed > 1 {
		estimate := row("in production, about", func(r Rehearsal) string { return Duration(r.Estimate) })
		rows = slices.Insert(rows, 6, estimate)
	}
	rows[1].Worse = without.Traffic.Lost > with.Traffic.Lost
	rows[2].Worse = without.Traffic.mostLost() > with.Traffic.mostLost()
	rows[4].Worse = without.Group.FewestHealthy < with.Group.FewestHealthy
	return rows
}

// mostLost is the most requests lost in one second.
func (t Traffic) mostLost() (most int) {
	for _, s := range t.Seconds {
		most = max(most, s.Lost)
	}
	return most
}
