package page

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"balanced/internal/lab/record"
)

// step is how many instances serve from an instant on.
type step struct {
	at    float64
	count int
}

// serving counts the instances that serve, from the first instant to the end.
func serving(all []record.Instance, s scale) []step {
	change := map[float64]int{0: 0}
	for _, i := range all {
		for _, span := range i.Spans {
			if span.Serves {
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

// millisecond drops what is finer: the end of a span and the beginning of the next are
// one instant.
func millisecond(at float64) float64 { return math.Round(at*1000) / 1000 }

// fewest is the smallest count between two instants.
func fewest(steps []step, from, to float64) int {
	least := -1
	for n, s := range steps {
		ends := n == len(steps)-1 || steps[n+1].at > from
		if s.at < to && ends && (least < 0 || s.count < least) {
			least = s.count
		}
	}
	return max(least, 0)
}

func highest(steps []step) int {
	most := 0
	for _, s := range steps {
		most = max(most, s.count)
	}
	return most
}

func line(steps []step, s scale, members int) path {
	var d strings.Builder
	for n, step := range steps {
		y := tall - step.count*tall/members
		if n == 0 {
			fmt.Fprintf(&d, "M%d %d", s.x(step.at), y)
		} else {
			fmt.Fprintf(&d, "H%dV%d", s.x(step.at), y)
		}
	}
	fmt.Fprintf(&d, "H%d", wide)
	return path{Line: d.String(), Area: d.String() + fmt.Sprintf("V%dH0Z", tall)}
}
