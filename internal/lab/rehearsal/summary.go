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
	s := r.Final()
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
	if r.Exit != 0 && s.Standby > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d in Standby", s.Standby, s.Members))
	}
	parts = append(parts, s.Text())
	if r.Exit == 0 {
		parts = append(parts, fmt.Sprintf("%d of %d healthy, never fewer than %d", s.Healthy, s.Members, r.Group.FewestHealthy))
	}
	if lost != "" {
		parts = append(parts, lost)
	}
	return strings.Join(parts, "; ")
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
