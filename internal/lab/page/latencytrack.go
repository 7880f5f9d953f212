package page

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// latencyTrack shows the latency over time, on a logarithmic scale.
type latencyTrack struct {
	P50, P99 string     // paths
	Grid     []gridLine // at powers of ten
	Bins     []bin      // for the details
}

// gridLine is a horizontal line with its latency.
type gridLine struct {
	Y    int // pixels
	Text string
}

const (
	latencyHeight = 72 // pixels
	latencyTop    = 16 // pixels above it, for the text of the highest grid line
)

func newLatencyTrack(bins []bin) latencyTrack {
	var all []float64
	for _, b := range bins {
		if b.P99 > 0 {
			all = append(all, b.P50, b.P99)
		}
	}
	if len(all) == 0 {
		return latencyTrack{}
	}
	low, high := powersAround(slices.Min(all), slices.Max(all))
	y := func(ms float64) float64 { return 1 - (math.Log10(ms)-low)/(high-low) }
	t := latencyTrack{
		P50: latencyPath(bins, func(b bin) float64 { return b.P50 }, y), P99: latencyPath(bins, func(b bin) float64 { return b.P99 }, y), Bins: bins,
	}
	for power := low; power <= high; power++ {
		ms := math.Pow(10, power)
		t.Grid = append(t.Grid, gridLine{Y: latencyTop + int(math.Round(y(ms)*latencyHeight)), Text: latencyText(ms)})
	}
	return t
}

// powersAround returns exponents of powers of ten that enclose two latencies, at least 1 apart.
func powersAround(least, most float64) (low, high float64) {
	low, high = math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	if high <= low {
		high = low + 1
	}
	return low, high
}

// latencyPath draws a step for each bin, and a gap for a bin without a latency. y maps a latency
// to a share of the height.
func latencyPath(bins []bin, of func(bin) float64, y func(float64) float64) string {
	var d strings.Builder
	drawing := false
	for _, b := range bins {
		ms := of(b)
		if ms <= 0 {
			drawing = false
			continue
		}
		at, from, to := int(math.Round(y(ms)*pathHeight)), int(math.Round(float64(b.X)*pathWidth)), int(math.Round(float64(b.X+b.Width)*pathWidth))
		if drawing {
			fmt.Fprintf(&d, "V%dH%d", at, to)
		} else {
			fmt.Fprintf(&d, "M%d %dH%d", from, at, to)
		}
		drawing = true
	}
	return d.String()
}
