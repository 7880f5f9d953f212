package cli

import "slices"

// didYouMean is " (did you mean NAME?)" for the known name that is nearest to one that is not known, and "" where none
// is near. The prefix, dashes say, is put before the name.
func didYouMean(name string, known []string, prefix string) string {
	best, least := "", max(1, len(name)/3)+1
	for _, candidate := range known {
		if d := distance(name, candidate); d < least && d < len(name) {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + prefix + best + "?)"
}

// distance is the number of edits between two names: a letter added, left out or exchanged, or two neighbours swapped
// (optimal string alignment). The one in the libraries that are linked does not count a swap as one edit, and always
// finds a best match, however far.
func distance(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, slices.Clone(row)
	}
	return last[len(b)]
}
