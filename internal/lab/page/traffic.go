package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"balanced/internal/lab/record"
)

// traffic is drawn in three tracks: what was answered, what was lost, who served.
type traffic struct {
	Each    int // seconds of a bin
	Bins    []bin
	Bands   []band // one on top of the other
	Top     string // requests per second at the upper edge
	MostPer string // lost in one bin
	Lost    []column
	Serving path
	Floor   int // its height
	Members int
}

// bin is a second or a few of them.
type bin struct {
	From, To string
	OK, Lost int
	Versions string
	Serving  int
	X, Width share
	Title    string
	counts   map[string]int
	seconds  float64
}

// band is one version's part of the traffic.
type band struct{ Class, Name, D string }

// column is the lost requests of a bin.
type column struct {
	X, Width share
	Y, H     int
	Count    int
	Title    string
}

// path is a line and the area below it.
type path struct{ Line, Area string }

const (
	tall     = 1000 // units of a drawing's height
	mostBins = 600
	lostHigh = 36 // pixels
)

func newTraffic(r record.Rehearsal, s scale, p palette) traffic {
	steps := serving(r.Instances, s)
	t := traffic{Members: len(r.Instances), Each: max(1, int(math.Ceil(s.whole/mostBins)))}
	t.Bins = newBins(r.Traffic.Seconds, s, t.Each, steps)
	top := roundUp(peak(t.Bins))
	t.Top = number(int(top))
	t.Bands = bands(t.Bins, p, top)
	t.Lost, t.MostPer = columns(t.Bins)
	t.Members = max(r.Group.Desired, highest(steps), 1)
	t.Serving = line(steps, s, t.Members)
	t.Floor = tall - r.Group.Floor*tall/t.Members
	return t
}

// newBins sorts the seconds into bins. What lies outside the axis goes to its ends, so
// that nothing is missing from the sum.
func newBins(seconds []record.Second, s scale, each int, steps []step) []bin {
	bins := make([]bin, int(math.Ceil(s.whole/float64(each))))
	for _, sec := range seconds {
		b := &bins[min(max(sec.At/each, 0), len(bins)-1)]
		b.OK += sec.OK
		b.Lost += sec.Lost
		if b.counts == nil {
			b.counts = map[string]int{}
		}
		for v, n := range sec.Versions {
			b.counts[v] += n
		}
	}
	for n := range bins {
		bins[n].describe(n*each, each, s, steps)
	}
	return bins
}

func (b *bin) describe(from, each int, s scale, steps []step) {
	start, end := float64(from), min(float64(from+each), s.whole)
	b.From, b.To, b.seconds = instant(start), instant(end), end-start
	b.X, b.Width = s.at(start), s.at(end)-s.at(start)
	b.Serving = fewest(steps, start, end)
	var said []string
	for _, v := range sorted(b.counts) {
		said = append(said, named(v)+" "+number(b.counts[v]))
	}
	b.Versions = strings.Join(said[:min(len(said), 12)], ", ")
	b.Title = fmt.Sprintf("%s – %s\n%s answered, %s lost", b.From, b.To, number(b.OK), number(b.Lost))
	if b.Versions != "" {
		b.Title += "\n" + b.Versions
	}
	b.Title += fmt.Sprintf("\n%d serving", b.Serving)
}

// rate is per second. A last bin that the end cut short is not taken for less than half
// a second: a few requests would make it a peak.
func (b bin) rate(n int) float64 { return float64(n) / max(b.seconds, 0.5) }

func (b bin) all() int {
	sum := 0
	for _, n := range b.counts {
		sum += n
	}
	return sum
}

func peak(bins []bin) float64 {
	most := 0.0
	for _, b := range bins {
		most = max(most, b.rate(b.all()))
	}
	return most
}

// roundUp is the next number with one digit that is not zero, or a half of it.
func roundUp(v float64) float64 {
	if v <= 10 {
		return 10
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))) / 2
	return math.Ceil(v/unit) * unit
}

// bands stacks the versions, the first at the bottom.
func bands(bins []bin, p palette, top float64) []band {
	below := make([]float64, len(bins))
	var all []band
	for _, v := range append(slices.Clone(p.versions), "") {
		above, some := slices.Clone(below), false
		for n, b := range bins {
			above[n] += b.rate(b.counts[v])
			some = some || b.counts[v] > 0
		}
		if some {
			all = append(all, band{p.class(v), named(v), area(bins, below, above, top)})
		}
		below = above
	}
	return all
}

// area is the path of a band: along its upper edge, and back along the lower.
func area(bins []bin, below, above []float64, top float64) string {
	var d strings.Builder
	y := func(v float64) int { return tall - int(math.Round(min(v/top, 1)*tall)) }
	x := func(s share) int { return int(math.Round(float64(s) * wide)) }
	fmt.Fprintf(&d, "M0 %d", y(below[0]))
	for n, b := range bins {
		fmt.Fprintf(&d, "V%dH%d", y(above[n]), x(b.X+b.Width))
	}
	for n, b := range slices.Backward(bins) {
		fmt.Fprintf(&d, "V%dH%d", y(below[n]), x(b.X))
	}
	return d.String() + "Z"
}

// columns are the bins with losses; the least is still seen.
func columns(bins []bin) (all []column, mostPer string) {
	most := 0
	for _, b := range bins {
		most = max(most, b.Lost)
	}
	for _, b := range bins {
		if b.Lost > 0 {
			h := max(3, b.Lost*lostHigh/most)
			all = append(all, column{b.X, b.Width, lostHigh - h, h, b.Lost, b.Title})
		}
	}
	return all, strconv.Itoa(most)
}
