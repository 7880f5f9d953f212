package page

import (
	"fmt"

	"balanced/internal/lab/record"
)

// histogram shows the latency of answers.
type histogram struct {
	Bars                []histogramBar
	Marks               []fact
	First, Middle, Last string // upper bounds along the axis
	Total               string
}

// histogramBar is one bucket.
type histogramBar struct {
	X, Width share
	Y, H     int
	AtMost   string
	Count    int
	Title    string
}

const (
	maxHistogramBars = 40
	histogramHeight  = 110 // pixels
)

func newHistogram(l record.Latency) histogram {
	h := histogram{Marks: []fact{{"p50", latencyText(l.P50)}, {"p90", latencyText(l.P90)}, {"p99", latencyText(l.P99)}, {"max", latencyText(l.Max)}}}
	buckets := mergeBuckets(trimEmpty(l.Buckets))
	most, total := 0, 0
	for _, b := range buckets {
		most, total = max(most, b.Count), total+b.Count
	}
	h.Total = record.Grouped(total)
	for n, b := range buckets {
		h.Bars = append(h.Bars, newHistogramBar(b, n, len(buckets), most, total))
	}
	if len(h.Bars) > 0 {
		h.First, h.Middle, h.Last = h.Bars[0].AtMost, h.Bars[len(h.Bars)/2].AtMost, h.Bars[len(h.Bars)-1].AtMost
	}
	return h
}

// newHistogramBar draws the n-th bucket; one that is not empty is at least 2 pixels high.
func newHistogramBar(b record.Bucket, n, of, most, total int) histogramBar {
	high := 0
	if b.Count > 0 {
		high = max(2, b.Count*histogramHeight/most)
	}
	p := histogramBar{
		X: share(float64(n) / float64(of)), Width: share(0.86 / float64(of)),
		Y: histogramHeight - high, H: high, AtMost: latencyText(b.AtMost), Count: b.Count,
	}
	p.Title = fmt.Sprintf("at most %s\n%s (%.1f%%)", p.AtMost, plural(b.Count, "answer", "answers"), 100*float64(b.Count)/float64(max(total, 1)))
	return p
}

// trimEmpty leaves out empty buckets at both ends.
func trimEmpty(all []record.Bucket) []record.Bucket {
	for len(all) > 0 && all[0].Count == 0 {
		all = all[1:]
	}
	for len(all) > 0 && all[len(all)-1].Count == 0 {
		all = all[:len(all)-1]
	}
	return all
}

// mergeBuckets merges neighbours until there are at most maxHistogramBars.
func mergeBuckets(all []record.Bucket) []record.Bucket {
	each := (len(all) + maxHistogramBars - 1) / maxHistogramBars
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
