package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"balanced/internal/lab/record"
)

// traffic has the tracks below the timeline: healthy instances, answers, lost requests.
type traffic struct {
	Each    int // seconds of a bin
	Bins    []bin
	Bands   []band // one on top of the other
	Top     string // answers per second at the upper edge
	MostPer string // most lost in one bin
	Lost    []column
	Healthy path
	Minimum int // its y
	Members int
}

// bin is one second, or several.
type bin struct {
	From, To string
	OK, Lost int
	Versions string
	Healthy  int
	P50, P99 float64 // the highest of its seconds, in milliseconds
	Latency  string  // the same in words
	X, Width share
	Title    string
	counts   map[string]int
	seconds  float64
}

// band is the answers of one version.
type band struct{ Class, Name, D string }

// column shows the lost requests of a bin.
type column struct {
	X, Width share
	Y, H     int
	Count    int
	Title    string
	First    string // id of its first lost request in the list, "" if it is not in the list
}

// path is a line, and the area below it.
type path struct{ Line, Area string }

const (
	pathHeight = 1000 // of a drawing, in units
	maxBins    = 600
	lostHeight = 36 // pixels
)

func newTraffic(prefix string, r record.Rehearsal, s scale, p palette) traffic {
	steps := healthySteps(r.Instances, s)
	t := traffic{Members: len(r.Instances), Each: max(1, int(math.Ceil(s.whole/maxBins)))}
	t.Bins = newBins(r.Traffic.Seconds, s, t.Each, steps)
	top := roundUp(peak(t.Bins))
	t.Top = record.Grouped(int(top))
	t.Bands = bands(t.Bins, p, top)
	t.Lost, t.MostPer = columns(t.Bins, t.Each, r.Traffic.Losses, prefix)
	t.Members = max(r.Group.Desired, mostHealthy(steps), 1)
	t.Healthy = healthyPath(steps, s, t.Members)
	t.Minimum = pathHeight - r.Group.Minimum*pathHeight/t.Members
	return t
}

// newBins sorts the seconds into bins. Seconds outside the axis go to its ends, so that no
// request is missing from the sum.
func newBins(seconds []record.Second, s scale, each int, steps []step) []bin {
	bins := make([]bin, int(math.Ceil(s.whole/float64(each))))
	for _, sec := range seconds {
		b := &bins[min(max(sec.At/each, 0), len(bins)-1)]
		b.OK += sec.OK
		b.Lost += sec.Lost
		b.P50, b.P99 = max(b.P50, finite(sec.P50)), max(b.P99, finite(sec.P99))
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
	b.From, b.To, b.seconds = clockTime(start), clockTime(end), end-start
	b.X, b.Width = s.at(start), s.at(end)-s.at(start)
	b.Healthy = fewestHealthy(steps, start, end)
	var parts []string
	for _, v := range sortedKeys(b.counts) {
		parts = append(parts, versionName(v)+" "+record.Grouped(b.counts[v]))
	}
	b.Versions = strings.Join(parts[:min(len(parts), 12)], ", ")
	b.Title = fmt.Sprintf("%s – %s\n%s answered, %s lost", b.From, b.To, record.Grouped(b.OK), record.Grouped(b.Lost))
	if b.Versions != "" {
		b.Title += "\n" + b.Versions
	}
	b.Title += fmt.Sprintf("\n%d healthy", b.Healthy)
	b.Latency = fmt.Sprintf("%s – %s\n", b.From, b.To)
	if b.P99 > 0 {
		b.Latency += fmt.Sprintf("p50 %s, p99 %s", latencyText(b.P50), latencyText(b.P99))
	} else {
		b.Latency += "no successful request"
	}
}

// P50Text and P99Text are for the table; "" without a successful request.
func (b bin) P50Text() string { return latencyOrNone(b.P50) }

// P99Text is like P50Text.
func (b bin) P99Text() string { return latencyOrNone(b.P99) }

func latencyOrNone(ms float64) string {
	if ms <= 0 {
		return ""
	}
	return latencyText(ms)
}

// rate is per second. The last bin may be short; it counts as half a second at least, since
// otherwise a few requests in it would look like a peak.
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

// roundUp rounds up to a multiple of half the power of ten below, at least 10.
func roundUp(v float64) float64 {
	if v <= 10 {
		return 10
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))) / 2
	return math.Ceil(v/unit) * unit
}

// bands stacks the versions, the first one at the bottom.
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
			all = append(all, band{p.class(v), versionName(v), area(bins, below, above, top)})
		}
		below = above
	}
	return all
}

// area is the path of a band: along its upper edge and back along the lower one.
func area(bins []bin, below, above []float64, top float64) string {
	var d strings.Builder
	y := func(v float64) int { return pathHeight - int(math.Round(min(v/top, 1)*pathHeight)) }
	x := func(s share) int { return int(math.Round(float64(s) * pathWidth)) }
	fmt.Fprintf(&d, "M0 %d", y(below[0]))
	for n, b := range bins {
		fmt.Fprintf(&d, "V%dH%d", y(above[n]), x(b.X+b.Width))
	}
	for n, b := range slices.Backward(bins) {
		fmt.Fprintf(&d, "V%dH%d", y(below[n]), x(b.X))
	}
	return d.String() + "Z"
}

// columns draws the bins with lost requests, each at least 3 pixels high.
func columns(bins []bin, each int, losses []record.Loss, prefix string) (all []column, mostPer string) {
	most := 0
	for _, b := range bins {
		most = max(most, b.Lost)
	}
	for n, b := range bins {
		if b.Lost > 0 {
			h := max(3, b.Lost*lostHeight/most)
			all = append(all, column{b.X, b.Width, lostHeight - h, h, b.Lost, b.Title, firstLoss(losses, float64(n*each), prefix)})
		}
	}
	return all, strconv.Itoa(most)
}

// firstLoss is the id of the first lost request from a time on.
func firstLoss(losses []record.Loss, from float64, prefix string) string {
	n := slices.IndexFunc(losses, func(l record.Loss) bool { return l.At >= from })
	if n < 0 || n >= maxLosses {
		return ""
	}
	return numberedID(prefix+"lost", n)
}
