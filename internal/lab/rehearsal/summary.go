package rehearsal

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"balanced/internal/lab/record"
)

// summary is a rehearsal in one sentence. failed is the instance whose command failed
// first, and stopped says that the rollout ended there.
func summary(r record.Rehearsal, failed string, stopped bool) string {
	s := finalStateOf(r)
	lost := fmt.Sprintf("%s of %s requests lost", record.Grouped(r.Traffic.Lost), record.Grouped(r.Traffic.Requests))
	var parts []string
	switch {
	case r.Exit != 0 && stopped:
		parts = append(parts, fmt.Sprintf("stopped at %s: exit %d", failed, r.Exit))
	case r.Exit != 0:
		parts = append(parts, fmt.Sprintf("failed at %s: exit %d", failed, r.Exit))
	case r.Traffic.Lost > 0:
		parts = append(parts, "finished, but "+lost)
		lost = ""
	default:
		parts = append(parts, "done")
	}
	if r.Exit != 0 && s.standby > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d in Standby", s.standby, s.members))
	}
	parts = append(parts, s.versionsText())
	if r.Exit == 0 {
		parts = append(parts, fmt.Sprintf("%d of %d healthy, never fewer than %d", s.healthy, s.members, r.Group.FewestHealthy))
	}
	if lost != "" {
		parts = append(parts, lost)
	}
	return strings.Join(parts, "; ")
}

// finalState counts the members of the group at the end.
type finalState struct {
	members, healthy, standby int
	all                       map[string]int // members by version
	versions                  map[string]int // the same without those in Standby
}

func finalStateOf(r record.Rehearsal) finalState {
	s := finalState{all: map[string]int{}, versions: map[string]int{}}
	for _, i := range r.Instances {
		last := i.Spans[len(i.Spans)-1]
		if last.State == "gone" {
			continue
		}
		s.members++
		s.all[i.After]++
		if last.Healthy {
			s.healthy++
		}
		if last.State == "Standby" {
			s.standby++
			continue
		}
		s.versions[i.After]++
	}
	return s
}

// versionsText is "3 on v1 and 1 on v2".
func (s finalState) versionsText() string {
	var parts []string
	for _, v := range slices.Sorted(maps.Keys(s.versions)) {
		parts = append(parts, fmt.Sprintf("%d on %s", s.versions[v], cmp.Or(v, "no version")))
	}
	return strings.Join(parts, " and ")
}

// lossCauses counts lost requests by cause, the most frequent cause first.
func lossCauses(all []record.Loss) []string {
	counts := map[string]int{}
	for _, l := range all {
		counts[l.Cause]++
	}
	var lines []string
	for _, cause := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	}) {
		lines = append(lines, fmt.Sprintf("%s x %s", record.Grouped(counts[cause]), cause))
	}
	return lines
}

func mostLostInOneSecond(all []record.Second) (most int) {
	for _, s := range all {
		most = max(most, s.Lost)
	}
	return most
}
