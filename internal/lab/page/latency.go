package page

import (
	"fmt"

	"balanced/internal/lab/record"
)

// histogram is how long answers took.
type histogram struct {
	Bars                []pillar
	Marks               []fact
	First, Middle, Last string // upper bounds along the axis
	Total               string
}

// pillar is one bucket.
type pillar struct {
	X, Width share
	Y, H     int
	AtMost   string
	Count    int
	Title    string
}

const (
	mostPillars = 40
	pillarHigh  = 110 // pixels
)

func newHistogram(l record.Latency) histogram {
	h := histogram{Marks: []fact{{"p50", millis(l.P50)}, {"p90", millis(l.P90)}, {"p99", millis(l.P99)}, {"max", millis(l.Max)}}}
	buckets := coarser(trim(l.Buckets))
	most, total := 0, 0
	for _, b := range buckets {
		most, total = max(most, b.Count), total+b.Count
	}
	h.Total = number(total)
	for n, b := range buckets {
		h.Bars = append(h.Bars, newPillar(b, n, len(buckets), most, total))
	}
	if len(h.Bars) > 0 {
		h.First, h.Middle, h.Last = h.Bars[0].AtMost, h.Bars[len(h.Bars)/2].AtMost, h.Bars[len(h.Bars)-1].AtMost
	}
	return h
}

// newPillar draws the nth of so many buckets; one that is not empty is seen.
func newPillar(b record.Bucket, n, of, most, total int) pillar {
	high := 0
	if b.Count > 0 {
		high = max(2, b.Count*pillarHigh/most)
	}
	p := pillar{
		X: share(float64(n) / float64(of)), Width: share(0.86 / float64(of)),
		Y: pillarHigh - high, H: high, AtMost: millis(b.AtMost), Count: b.Count,
	}
	p.Title = fmt.Sprintf("at most %s\n%s (%.1f%%)", p.AtMost, plural(b.Count, "answer", "answers"), 100*float64(b.Count)/float64(max(total, 1)))
	return p
}

// trim leaves out the empty buckets at both ends.
func trim(all []record.Bucket) []record.Bucket {
	for len(all) > 0 && all[0].Count == 0 {
		all = all[1:]
	}
	for len(all) > 0 && all[len(all)-1].Count == 0 {
		all = all[:len(all)-1]
	}
	return all
}

// coarser joins neighbours until there are few enough.
func coarser(all []record.Bucket) []record.Bucket {
	each := (len(all) + mostPillars - 1) / mostPillars
	if each <= 1 {
		return all
	}
	var joined []record.Bucket
	for n, b := range all {
		if n%each == 0 {
			joined = append(joined, record.Bucket{})
		}
		last := &joined[len(joined)-1]
		last.AtMost, last.Count = b.AtMost, last.Count+b.Count
	}
	return joined
}
