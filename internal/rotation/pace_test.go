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

// What another run, or a person, began is older than this run: its beginning is read
// from the feed, by AWS's clock alone.
func TestAMoveFoundUnderWayHasItsOwnBeginning(t *testing.T) {
	now := time.Now()
	began := now.Add(-time.Hour) // AWS's clock differs
	r := &run{Agent: &Agent{}, reader: &reader{}, clock: newClock(nil)}
	r.moving = stopwatch{clock: r.clock}
	r.moving.start()
	r.Self.Instance = "i-1"
	r.seen.looked = now
	r.seen.Snapshot = fleet.Snapshot{
		State: fleet.EnteringStandby, Now: began.Add(200 * time.Second),
		Activities: []fleet.Activity{{Kind: fleet.ToStandby, Instance: "i-1", Status: "InProgress", Start: began}},
	}
	if got := r.sinceMove().Round(time.Second); got != 200*time.Second {
		t.Errorf("found entering: under way for %s, want 3m20s", got)
	}
	r.seen.State = fleet.InService
	if got := r.sinceMove(); got > time.Second {
		t.Errorf("found in service: under way for %s, want 0: it is an old move", got)
	}
}
