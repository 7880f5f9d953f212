package page

import (
	"cmp"
	"fmt"
	"slices"

	"balanced/internal/lab/record"
)

// losses are the lost requests, counted by cause, and a list of the first of them.
type losses struct {
	Total  int
	Causes []cause
	Others int // lost for less frequent causes
	First  []loss
}

type cause struct {
	Text   string
	Count  int
	Share  share
	Where  string // load balancers
	Within string // times
}

// loss is one lost request.
type loss struct {
	ID, At, Request, Source string
	Instance                link
	Version, Cause          string
}

const (
	maxLosses = 2000 // in the list; with texts of usual length they take 0.6 MB
	maxOpen   = 100  // a longer list is closed at first
	maxCauses = 20
)

// Open says whether the list is shown at first.
func (l losses) Open() bool { return len(l.First) <= maxOpen }

func newLosses(prefix string, r record.Rehearsal, to links) losses {
	all := losses{Total: r.Traffic.Lost}
	all.Causes, all.Others = causes(r.Traffic.Losses)
	for n, l := range r.Traffic.Losses[:min(len(r.Traffic.Losses), maxLosses)] {
		version := ""
		if l.Version != "" {
			version = versionName(l.Version)
		}
		all.First = append(all.First, loss{
			ID: numberedID(prefix+"lost", n), At: clockTime(l.At), Request: truncate(l.Request, 60), Source: truncate(l.Source, 60),
			Instance: to.row(l.Instance), Version: version, Cause: truncate(l.Cause, 200),
		})
	}
	return all
}

// causes counts lost requests by cause, the most frequent cause first.
func causes(all []record.Loss) (counted []cause, others int) {
	by := map[string][]record.Loss{}
	for _, l := range all {
		by[l.Cause] = append(by[l.Cause], l)
	}
	for text, of := range by {
		counted = append(counted, newCause(text, of, len(all)))
	}
	slices.SortFunc(counted, func(a, b cause) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Text, b.Text))
	})
	for _, c := range counted[min(len(counted), maxCauses):] {
		others += c.Count
	}
	return counted[:min(len(counted), maxCauses)], others
}

func newCause(text string, of []record.Loss, total int) cause {
	c := cause{Text: truncate(text, 200), Count: len(of), Share: share(float64(len(of)) / float64(total))}
	at := map[string]int{}
	for _, l := range of {
		at[l.Source]++
	}
	for n, source := range sortedKeys(at) {
		if n > 0 {
			c.Where += ", "
		}
		c.Where += fmt.Sprintf("%s %s", truncate(source, 60), record.Grouped(at[source]))
	}
	c.Where = truncate(c.Where, 300)
	first, last := of[0].At, of[len(of)-1].At
	c.Within = clockTime(first)
	if clockTime(last) != c.Within {
		c.Within += " – " + clockTime(last)
	}
	return c
}
