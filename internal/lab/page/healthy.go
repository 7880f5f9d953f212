package page

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"balanced/internal/lab/record"
)

// step is the number of healthy instances from a time on.
type step struct {
	at    float64
	count int
}

// healthySteps counts the healthy instances over time.
func healthySteps(all []record.Instance, s scale) []step {
	change := map[float64]int{0: 0}
	for _, i := range all {
		for _, span := range i.Spans {
			if span.Healthy {
				change[millisecond(s.within(span.From))]++
				change[millisecond(s.within(span.To))]--
			}
		}
	}
	var times []float64
	for at := range change {
		times = append(times, at)
	}
	slices.Sort(times)
	var steps []step
	count := 0
	for _, at := range times {
		count += change[at]
		last := len(steps) - 1
		if at < millisecond(s.whole) && (last < 0 || steps[last].count != count) {
			steps = append(steps, step{at, count})
		}
	}
	return steps
}

// millisecond rounds a time, so that the end of a span and the beginning of the next are equal.
func millisecond(at float64) float64 { return math.Round(at*1000) / 1000 }

// fewestHealthy is the lowest count between two times.
func fewestHealthy(steps []step, from, to float64) int {
	least := -1
	for n, s := range steps {
		ends := n == len(steps)-1 || steps[n+1].at > from
		if s.at < to && ends && (least < 0 || s.count < least) {
			least = s.count
		}
	}
	return max(least, 0)
}

func mostHealthy(steps []step) int {
	most := 0
	for _, s := range steps {
		most = max(most, s.count)
	}
	return most
}

func healthyPath(steps []step, s scale, members int) path {
	var d strings.Builder
	for n, step := range steps {
		y := pathHeight - step.count*pathHeight/members
		if n == 0 {
			fmt.Fprintf(&d, "M%d %d", s.x(step.at), y)
		} else {
			fmt.Fprintf(&d, "H%dV%d", s.x(step.at), y)
		}
	}
	fmt.Fprintf(&d, "H%d", pathWidth)
	return path{Line: d.String(), Area: d.String() + fmt.Sprintf("V%dH0Z", pathHeight)}
}
