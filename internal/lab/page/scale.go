package page

import (
	"fmt"
	"math"
	"strconv"

	"balanced/internal/lab/record"
)

// share is a part of a width, written as a percentage. Drawings use shares, so that they fit
// any window without a style of their own.
type share float64

func (s share) String() string {
	return strconv.FormatFloat(math.Round(float64(s)*1e5)/1e3, 'f', -1, 64) + "%"
}

// scale is the time axis of all tracks.
type scale struct{ whole float64 }

func newScale(r record.Rehearsal) scale {
	whole := finite(r.Elapsed)
	for _, i := range r.Instances {
		for _, s := range i.Spans {
			whole = max(whole, finite(s.To))
		}
	}
	if whole <= 0 {
		whole = 1
	}
	return scale{whole}
}

func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// within limits a time to the axis.
func (s scale) within(at float64) float64 { return min(max(finite(at), 0), s.whole) }

// at is where a time is drawn.
func (s scale) at(at float64) share { return share(s.within(at) / s.whole) }

// pathWidth is the width, in units, of drawings with paths, which cannot use percentages.
const pathWidth = 10000

func (s scale) x(at float64) int { return int(math.Round(s.within(at) / s.whole * pathWidth)) }

// tick is a mark on the axis.
type tick struct {
	X      share
	Text   string
	Anchor string
	Odd    bool // not shown in a narrow window
}

// ticks returns at most nine ticks, at round times.
func (s scale) ticks() []tick {
	step := 0.5
	for _, step = range []float64{0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200} {
		if s.whole/step <= 8 {
			break
		}
	}
	var all []tick
	for at := 0.0; at <= s.whole && len(all) < 100; at += step {
		anchor := "middle"
		switch {
		case at == 0:
			anchor = "start"
		case at/s.whole > 0.96:
			anchor = "end"
		}
		all = append(all, tick{s.at(at), clock(at), anchor, len(all)%2 == 1})
	}
	return all
}

func clock(at float64) string {
	whole := int(at)
	if at != math.Trunc(at) {
		return fmt.Sprintf("%d:%04.1f", whole/60, at-float64(whole/60*60))
	}
	return fmt.Sprintf("%d:%02d", whole/60, whole%60)
}

// minWidthClass is the style sheet's class for the narrowest drawing in which a text fits into
// a share of the width, at a number of pixels per character; "" if it never fits.
func minWidthClass(text string, each float64, of share) string {
	if of <= 0 {
		return ""
	}
	need := (float64(len([]rune(text)))*each + 10) / float64(of)
	for _, step := range []int{320, 480, 640, 800, 1000, 1300, 1800, 2600, 5000} {
		if need <= float64(step) {
			return fmt.Sprintf("n%d", step)
		}
	}
	return ""
}
