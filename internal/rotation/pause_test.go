package rotation

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
)

// What another run, or a person, began is older than this run: its beginning is read from the feed, by AWS's clock alone.
func TestAMoveFoundUnderWayHasItsOwnBeginning(t *testing.T) {
	const s = time.Second
	left, back := sample.ToStandby("i-1", 0, "InProgress"), sample.FromStandby("i-1", 50)
	for name, tc := range map[string]struct {
		state     fleet.State
		feed      []fleet.Activity
		returning bool
		sent      bool
		now       time.Duration // AWS's clock at the look, after the move began
		want      time.Duration // seven seconds after the look
	}{
		"found entering":              {fleet.EnteringStandby, []fleet.Activity{left}, false, false, 200 * s, 207 * s},
		"found returning":             {fleet.Pending, []fleet.Activity{left, back}, true, false, 200 * s, 157 * s},
		"found returning, in service": {fleet.InService, []fleet.Activity{left, back}, true, false, 200 * s, 157 * s},
		"by this run":                 {fleet.EnteringStandby, []fleet.Activity{left}, false, true, 200 * s, 3 * s},
		"an old move":                 {fleet.InService, []fleet.Activity{left}, false, false, 200 * s, 9 * s},
		"nobody knows since when":     {fleet.Standby, nil, false, false, 200 * s, 9 * s},
		"a clock that lags":           {fleet.EnteringStandby, []fleet.Activity{left}, false, false, -8 * s, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := atWork()
			r.moving.start()
			pass(2 * s)
			r.seen.looked, r.seen.Now = time.Now(), sample.Noon.Add(tc.now)
			r.seen.State, r.seen.Activities, r.returning = tc.state, tc.feed, tc.returning
			pass(4 * s)
			if tc.sent {
				r.sent = time.Now()
			}
			pass(3 * s)
			if got := r.sinceMove(); got != tc.want {
				t.Errorf("%s: under way for %s, want %s", name, got, tc.want)
			}
		})
	}
}

// The pause until the next look at a row.
func TestPause(t *testing.T) {
	const s = time.Second
	moments := func(m ...time.Duration) func(view) forecast {
		return func(view) forecast { return forecast{moments: m} }
	}
	for name, tc := range map[string]struct {
		row      step
		next     time.Duration // the verdict's own next look, from now; 0: none
		waited   time.Duration // for its turn; at the row for half as long
		held     time.Duration // AWS throttled the last look for so long
		since    time.Duration // the move
		from, to time.Duration
	}{
		"the verdict says when":              {step{ends: moments(0)}, 100 * s, 0, 0, 0, 80 * s, 120 * s},
		"the verdict says now":               {step{ends: moments(0)}, -100 * s, 0, 0, 0, 0, 0},
		"in turn":                            {step{within: budgetWait}, 0, 100 * s, 0, 0, 12 * s, 18 * s},
		"within the move":                    {step{within: budgetMove}, 0, 100 * s, 0, 0, 8 * s, 12 * s},
		"a forecast goes before the turn":    {step{within: budgetWait, ends: moments(0)}, 0, 100 * s, 0, 0, 2160 * time.Millisecond, 2700 * time.Millisecond},
		"aimed at the moment":                {step{within: budgetMove, ends: moments(100 * s)}, 0, 0, 0, 10 * s, 90*s + 500*time.Millisecond, 91*s + 500*time.Millisecond},
		"throttled: one look, at the end":    {step{within: budgetMove, ends: moments(10*s, 100*s)}, 0, 0, 1, 20 * s, 80*s + 500*time.Millisecond, 81*s + 500*time.Millisecond},
		"not throttled: between the moments": {step{within: budgetMove, ends: moments(10*s, 100*s)}, 0, 0, 0, 20 * s, 2160 * time.Millisecond, 2700 * time.Millisecond},
		"throttled, at the end as ever":      {step{within: budgetMove, ends: moments(10*s, 22700*time.Millisecond)}, 0, 0, 1, 20 * s, 2160 * time.Millisecond, 2700 * time.Millisecond},
		"throttled and overdue":              {step{within: budgetMove, ends: moments(10 * s)}, 0, 0, 1, 20 * s, 2160 * time.Millisecond, 2700 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := atWork()
			draw := rand.New(rand.NewPCG(3, 4))
			r.Jitter = draw
			now := time.Now()
			r.turn.began, r.arrived = now.Add(-tc.waited), now.Add(-tc.waited/2)
			r.seen.held, r.sent = tc.held, now.Add(-tc.since)
			judged := verdict{kind: blocked}
			if tc.next != 0 {
				judged.nextLook = now.Add(tc.next)
			}
			least, most := time.Hour, time.Duration(0)
			for range 200 {
				pause := r.pause(&tc.row, judged)
				least, most = min(least, pause), max(most, pause)
			}
			near := (tc.to - tc.from) / 10
			if least < tc.from || most > tc.to || least > tc.from+near || most < tc.to-near {
				t.Errorf("%s: from %s to %s, want from %s to %s", name, least, most, tc.from, tc.to)
			}
		})
	}
}

// All that are out or coming back share the looks; of a launch those that are launched beside this one.
func TestWhoSharesTheLooks(t *testing.T) {
	for name, tc := range map[string]struct {
		awaits bool
		change func(*view)
		want   int
	}{
		"alone":                    {false, func(v *view) {}, 1},
		"a peer is out":            {false, func(v *view) { sample.TakeOut(&v.Snapshot, 2, time.Minute) }, 2},
		"a peer is launched":       {false, func(v *view) { v.Group.Members[1].State = fleet.Pending }, 1},
		"launched, and a peer too": {true, func(v *view) { v.Group.Members[0].State, v.Group.Members[1].State = fleet.Pending, fleet.PendingWait }, 2},
		"launched alone":           {true, func(v *view) { v.Group.Members[0].State = fleet.Pending }, 1},
	} {
		r, _ := atWork()
		v := sound()
		tc.change(&v)
		r.seen.Snapshot, r.awaitsGroup = v.Snapshot, tc.awaits
		if got := r.holders(); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}
