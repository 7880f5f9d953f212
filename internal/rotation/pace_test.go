package rotation

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"balanced/internal/fleet"
)

func drainOf(kind fleet.SourceKind, seconds int) fleet.Traffic {
	return fleet.Traffic{Source: fleet.Source{Kind: kind, Drain: time.Duration(seconds) * time.Second}}
}

// afterMove is what a row sees while a move of this run is under way.
func afterMove(traffic ...fleet.Traffic) view {
	return view{
		reading: reading{Snapshot: fleet.Snapshot{Traffic: traffic}},
		attempt: attempt{sent: time.Now()},
		request: request{settle: DefaultSettle},
	}
}

// looks follows a forecast from the beginning until a wait that took so long is over:
// how many looks it costs, the one that finds it over among them, and how late that is.
func looks(f forecast, took time.Duration, draw *rand.Rand) (n int, late time.Duration) {
	return looksOf(1, f, took, draw)
}

// looksOf is the same in a group with so many instances out.
func looksOf(holders int, f forecast, took time.Duration, draw *rand.Rand) (n int, late time.Duration) {
	r := &run{Agent: &Agent{Jitter: draw}}
	for at := time.Duration(0); ; n++ {
		if at >= took {
			return n + 1, at - took
		}
		pause, aimed := f.next(at, dense(holders))
		if aimed {
			at += pause + time.Duration(r.draw()*float64(time.Second))
		} else {
			at += time.Duration(float64(pause) * (0.8 + 0.2*r.draw()))
		}
	}
}

// ends draws how long waits take.
func ends(from, to time.Duration, draw *rand.Rand) time.Duration {
	return from + time.Duration(draw.Int64N(int64(to-from)))
}

// A lone host notices the end of a drain within two seconds in the median and four at most, wherever it comes: at a
// moment that the settings foretell, later, or in the middle of a Classic one.
func TestEndOfADrainIsNoticed(t *testing.T) {
	const s = time.Second
	for name, tc := range map[string]struct {
		traffic  []fleet.Traffic
		from, to time.Duration // the drains that are tried end between these
		most     int           // looks
	}{
		"on time":                     {[]fleet.Traffic{drainOf(fleet.Application, 300)}, 300 * s, 315 * s, 15},
		"Classic, held to the end":    {[]fleet.Traffic{drainOf(fleet.Classic, 300)}, 300 * s, 310 * s, 150},
		"one after another":           {[]fleet.Traffic{drainOf(fleet.Application, 300), drainOf(fleet.Network, 60)}, 360 * s, 375 * s, 50},
		"Classic idle, target group":  {[]fleet.Traffic{drainOf(fleet.Classic, 60), drainOf(fleet.Application, 300)}, 300 * s, 315 * s, 15},
		"half a minute late":          {[]fleet.Traffic{drainOf(fleet.Application, 300)}, 315 * s, 345 * s, 25},
		"short":                       {[]fleet.Traffic{drainOf(fleet.Application, 30)}, 30 * s, 40 * s, 10},
		"an hour":                     {[]fleet.Traffic{drainOf(fleet.Application, 3600)}, 3600 * s, 3610 * s, 50},
		"Classic, ends in the middle": {[]fleet.Traffic{drainOf(fleet.Classic, 300)}, 15 * s, 300 * s, 150},
	} {
		t.Run(name, func(t *testing.T) {
			draw := rand.New(rand.NewPCG(1, 2))
			f := drainEnds(afterMove(tc.traffic...))
			var lates []time.Duration
			most := 0
			for range 500 {
				n, late := looks(f, ends(tc.from, tc.to, draw), draw)
				most, lates = max(most, n), append(lates, late)
			}
			slices.Sort(lates)
			t.Logf("at most %d looks, late by %s in the median, %s at most", most, lates[250], lates[499])
			if most > tc.most || lates[250] > 2*s || lates[499] > 4*s {
				t.Errorf("%d looks, noticed %s late in the median, %s at most; want at most %d, 2s and 4s", most, lates[250], lates[499], tc.most)
			}
		})
	}
}

// Before the proof can be given there is nothing to look for: what ended by then is
// seen by the first look after it.
func TestNoLookBeforeTheProofCanBeGiven(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	for _, traffic := range [][]fleet.Traffic{nil, {drainOf(fleet.Classic, 300)}, {drainOf(fleet.Application, 0)}} {
		f := drainEnds(afterMove(traffic...))
		for range 100 {
			n, late := looks(f, ends(time.Second, 8*time.Second, draw), draw)
			if at := DefaultSettle + 2*time.Second; n != 2 || late > at {
				t.Errorf("%v: over at once, seen by look %d, %s late; want the second", traffic, n, late)
			}
		}
	}
	if pause, _ := drainEnds(view{}).next(0, pollDense); pause > pollDense {
		t.Errorf("a move that was found under way is looked at after %s, want %s", pause, pollDense)
	}
}

// However many are out at once, together they ask about once a second.
func TestAWholeGroupAsksOnceASecond(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	for name, f := range map[string]forecast{
		"drain":  drainEnds(afterMove(drainOf(fleet.Application, 300))),
		"none":   drainEnds(afterMove()),
		"in":     registrationEnds(view{}),
		"passes": checksPass(view{}),
	} {
		for _, holders := range []int{1, 4, 20, 100} {
			n, _ := looksOf(holders, f, 2*time.Hour, draw)
			if rate := float64(n*holders) / (2 * 3600); rate > 1.4 {
				t.Errorf("%s: two hours overdue, %d hosts look %.1f times a second", name, holders, rate)
			}
		}
	}
}

// A return is over within an interval after the passes before the last.
func TestReturnIsForecast(t *testing.T) {
	source := func(kind fleet.SourceKind) fleet.Traffic {
		return fleet.Traffic{
			Source: fleet.Source{Kind: kind, Check: fleet.HealthCheck{Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 4}},
			Mine:   []fleet.Target{{Health: fleet.Initial}},
		}
	}
	ignored := source(fleet.Classic)
	ignored.Ignored = true
	for name, tc := range map[string]struct {
		traffic []fleet.Traffic
		moment  time.Duration
	}{
		"one pass for an ALB":        {[]fleet.Traffic{source(fleet.Application)}, 0},
		"Classic wants four":         {[]fleet.Traffic{source(fleet.Classic)}, 90 * time.Second},
		"the slowest says":           {[]fleet.Traffic{source(fleet.Application), source(fleet.Network)}, 90 * time.Second},
		"what is ignored says not":   {[]fleet.Traffic{source(fleet.Application), ignored}, 0},
		"no load balancer, no check": {nil, 0},
	} {
		f := checksPass(view{reading: reading{Snapshot: fleet.Snapshot{Traffic: tc.traffic}}})
		if len(f.moments) != 1 || f.moments[0] != tc.moment {
			t.Errorf("%s: expected at %v, want %s", name, f.moments, tc.moment)
		}
		draw := rand.New(rand.NewPCG(1, 2))
		for range 100 {
			if n, late := looks(f, ends(tc.moment, tc.moment+30*time.Second, draw), draw); n > 15 || late > 9*time.Second {
				t.Errorf("%s: %d looks, %s late", name, n, late)
			}
		}
	}
}

// When to look next: the cases stand at the boundaries.
func TestNextLook(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	for name, tc := range map[string]struct {
		f       forecast
		elapsed time.Duration
		pause   time.Duration
		aimed   bool
	}{
		"nothing can be decided yet":         {forecast{first: 10 * s, anyTime: true}, 4 * s, 6*s + 500*ms, true},
		"something can, from now on":         {forecast{first: 10 * s, anyTime: true}, 10 * s, 2 * s, false},
		"a nanosecond before":                {forecast{first: 10 * s, anyTime: true}, 10*s - 1, 500*ms + 1, true},
		"it may end at any time":             {forecast{anyTime: true, moments: []time.Duration{300 * s}}, 0, 2 * s, false},
		"nobody can tell":                    {forecast{}, 0, 2 * s, false},
		"at the moment":                      {forecast{moments: []time.Duration{300 * s}}, 300 * s, 2 * s, false},
		"the moment is near":                 {forecast{moments: []time.Duration{300 * s}}, 150*s + 1, 150*s - 1 + 500*ms, true},
		"the moment is far":                  {forecast{moments: []time.Duration{300 * s}}, 150 * s, 100 * s, false},
		"between two moments":                {forecast{moments: []time.Duration{10 * s, 300 * s}}, 50 * s, 2 * s, false},
		"a moment at the very start is over": {forecast{moments: []time.Duration{0}}, 0, 2 * s, false},
		"before the first of two moments":    {forecast{moments: []time.Duration{10 * s, 300 * s}}, 4 * s, 6*s + 500*ms, true},
	} {
		if pause, aimed := tc.f.next(tc.elapsed, 2*s); pause != tc.pause || aimed != tc.aimed {
			t.Errorf("%s: %s, aimed %v; want %s, %v", name, pause, aimed, tc.pause, tc.aimed)
		}
	}
	for holders, want := range map[int]time.Duration{0: 2700 * ms, 1: 2700 * ms, 2: 2700 * ms, 3: 3 * s, 100: 100 * s} {
		if got := dense(holders); got != want {
			t.Errorf("%d out at once: a look each %s, want %s", holders, got, want)
		}
	}
	for waited, want := range map[time.Duration]time.Duration{0: 5 * s, 100 * s: 15 * s, 250 * s: 30 * s, time.Hour: 30 * s} {
		if got := inTurn(waited); got != want {
			t.Errorf("waited for its turn for %s: the next look in %s, want %s", waited, got, want)
		}
	}
}

// How long it is likely to go on, for people.
func TestHowLongIsLeft(t *testing.T) {
	const s = time.Second
	f := forecast{likely: 30 * s, moments: []time.Duration{30 * s, 50 * s}}
	for elapsed, want := range map[time.Duration]time.Duration{0: 30 * s, 29 * s: s, 30 * s: 20 * s, 50 * s: 0, 60 * s: 0} {
		if got := f.left(elapsed); got != want {
			t.Errorf("after %s: %s left, want %s", elapsed, got, want)
		}
	}
	for _, elapsed := range []time.Duration{0, s} {
		if got := (forecast{}).left(elapsed); got != 0 {
			t.Errorf("nobody can tell: %s left", got)
		}
	}
	if f := registrationEnds(view{}); !slices.Equal(f.moments, []time.Duration{0}) || f.anyTime || f.first != 0 {
		t.Errorf("a registration: %+v", f)
	}
}

// A drain is over at a moment that follows from the delays, whether load balancers drain side by side or in turn.
func TestDrainMoments(t *testing.T) {
	const s = time.Second
	for name, tc := range map[string]struct {
		traffic []fleet.Traffic
		any     bool
		likely  time.Duration
		moments []time.Duration
	}{
		"none":                     {nil, true, 0, []time.Duration{0}},
		"without a delay":          {[]fleet.Traffic{drainOf(fleet.Application, 0)}, true, 0, []time.Duration{0}},
		"a target group":           {[]fleet.Traffic{drainOf(fleet.Application, 300)}, false, 300 * s, []time.Duration{300 * s}},
		"a Classic one":            {[]fleet.Traffic{drainOf(fleet.Classic, 300)}, true, 300 * s, []time.Duration{300 * s}},
		"two target groups":        {[]fleet.Traffic{drainOf(fleet.Application, 300), drainOf(fleet.Network, 60)}, false, 300 * s, []time.Duration{300 * s, 360 * s}},
		"a Classic one takes long": {[]fleet.Traffic{drainOf(fleet.Classic, 300), drainOf(fleet.Application, 60)}, false, 300 * s, []time.Duration{60 * s, 300 * s, 360 * s}},
	} {
		f := drainEnds(view{reading: reading{Snapshot: fleet.Snapshot{Traffic: tc.traffic}}, request: request{settle: DefaultSettle}})
		if f.anyTime != tc.any || f.likely != tc.likely || !slices.Equal(f.moments, tc.moments) || f.first != 0 {
			t.Errorf("%s: %+v; want any time %v, likely %s, moments %s", name, f, tc.any, tc.likely, tc.moments)
		}
	}
	v := afterMove(drainOf(fleet.Application, 300))
	if f := drainEnds(v); f.first != DefaultSettle {
		t.Errorf("after a move of its own: nothing to decide for %s, want %s", f.first, DefaultSettle)
	}
	v.slot.mine = true
	if f := drainEnds(v); f.first != 0 {
		t.Errorf("with a slot of its own: nothing to decide for %s, want 0s", f.first)
	}
}
