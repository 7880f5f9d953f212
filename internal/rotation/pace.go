package rotation

import (
	"slices"
	"time"

	"balanced/internal/fleet"
)

// A forecast says when a wait is likely to be over, counted from the beginning of the
// move, as the settings of the load balancers tell it.
type forecast struct {
	// first: nothing can be decided before.
	first time.Duration
	// anyTime: it may be over at any time. Otherwise not before the first moment.
	anyTime bool
	// likely is when people should expect it to be over, the longest delay; 0: at the last of the moments.
	likely time.Duration
	// moments at or soon after which it is likely to be over, earliest first.
	moments []time.Duration
}

const (
	// pollDense is the longest pause between looks while the end is due: a lone host notices half of the ends within two
	// seconds, with the calls of a look, and every end within four.
	pollDense = 2700 * time.Millisecond
	// pollEach is what every holder of the group adds to the pause, so that a whole group together asks about once a
	// second: AWS's buckets are the account's.
	pollEach = time.Second
	// pollSparse is the pause while nothing is due and nothing can end.
	pollSparse = 100 * time.Second
	// firstPollDelay is how much later than a moment the first look for it comes: a drain does not begin with the call
	// that asks for it, but a moment later.
	firstPollDelay = 500 * time.Millisecond
)

// dense is the pause while the end is due, with so many instances out at once.
func dense(holders int) time.Duration { return max(pollDense, time.Duration(holders)*pollEach) }

// next says how long to wait for the next look, elapsed after the beginning, and whether that look is aimed at a moment.
//
// Looks are a dense pause apart where the end may come at any time, and from the first moment on. Before it they are
// few, and one is aimed at it.
func (f forecast) next(elapsed, dense time.Duration) (pause time.Duration, aimed bool) {
	if left := f.first - elapsed; left > 0 {
		return left + firstPollDelay, true
	}
	due, coming := f.anyTime || len(f.moments) == 0, time.Duration(-1)
	for _, m := range f.moments {
		if m > elapsed {
			coming = m
			break
		}
		due = true
	}
	if due {
		return dense, false
	}
	pause = pollSparse
	if left := coming - elapsed; coming >= 0 && left < pause+pause/2 {
		return left + firstPollDelay, true
	}
	return pause, false
}

// last is the last moment at which it may be over.
func (f forecast) last() time.Duration {
	if len(f.moments) == 0 {
		return 0
	}
	return f.moments[len(f.moments)-1]
}

// left is for how long the wait is likely to go on; 0: it is overdue.
func (f forecast) left(elapsed time.Duration) time.Duration {
	if f.likely > elapsed {
		return f.likely - elapsed
	}
	return max(f.last()-elapsed, 0)
}

// drainEnds forecasts a move to Standby. It is over when the last load balancer has deregistered the instance. A target
// group holds its target for the whole delay; a Classic Load Balancer deregisters it when it is idle, or at the end of
// its own. Whether they drain at once or one after another is not established, so the end of either is a moment.
func drainEnds(v view) forecast {
	var longest, sum, heldLongest, heldSum time.Duration
	for _, t := range v.Traffic {
		longest, sum = max(longest, t.Drain), sum+t.Drain
		if t.Kind != fleet.Classic {
			heldLongest, heldSum = max(heldLongest, t.Drain), heldSum+t.Drain
		}
	}
	f := forecast{anyTime: heldLongest == 0, likely: longest, moments: []time.Duration{heldLongest, longest, heldSum, sum}}
	if !v.sent.IsZero() && !v.fenceHolds() {
		f.first = v.settle // the proof wants reads that are younger
	}
	slices.Sort(f.moments)
	f.moments = slices.Compact(f.moments)
	if longest > 0 && f.moments[0] == 0 {
		f.moments = f.moments[1:]
	}
	return f
}

// registrationEnds forecasts a return until InService, which follows the registrations at once.
func registrationEnds(view) forecast { return forecast{moments: []time.Duration{0}} }

// checksPass forecasts when every load balancer calls an instance that passes its checks healthy: not before the last of
// the passes they want, of which the first comes within an interval.
func checksPass(v view) forecast {
	earliest := time.Duration(0)
	for _, t := range v.Traffic {
		if t.Counts() {
			earliest = max(earliest, t.Earliest())
		}
	}
	return forecast{moments: []time.Duration{earliest}}
}

// pause is the time until the next look.
func (r *run) pause(row *step, judged verdict) time.Duration {
	switch {
	case !judged.nextLook.IsZero():
		return r.jitter(max(time.Until(judged.nextLook), 0))
	case row.ends == nil && row.within == budgetWait:
		return r.jitter(inTurn(time.Since(r.turn.began)))
	case row.ends == nil:
		return r.jitter(inTurn(time.Since(r.arrived)))
	}
	likely := row.ends(r.view())
	pause, aimed := likely.next(r.sinceMove(), dense(r.holders()))
	if last := likely.last() - r.sinceMove(); r.seen.held > 0 && last > pause {
		pause, aimed = last+firstPollDelay, true // AWS throttles: one look, when it is most likely over
	}
	if aimed { // later than the moment, never before it
		return pause + time.Duration(r.draw()*float64(time.Second))
	}
	return time.Duration(float64(pause) * (0.8 + 0.2*r.draw())) // shorter only, so that no end is noticed later
}

// holders is how many instances of the group are out or returning, as last seen, this one included. For a run that waits
// for a launch those count that are launched with it.
func (r *run) holders() int {
	n := len(r.seen.OtherHolders()) + 1
	for _, m := range r.seen.Group.Members {
		if r.awaitsGroup && m.ID != r.id && m.State.Launching() {
			n++
		}
	}
	return n
}

// inTurn paces the looks at a whole group whose next change nobody can foretell.
func inTurn(waited time.Duration) time.Duration {
	return min(5*time.Second+waited/10, slowestTurn)
}

// slowestTurn is the longest pause of a run that waits for its turn.
const slowestTurn = 30 * time.Second

// sinceMove is how long the move has been under way: by this host's clock since it was answered or begun; by AWS's clock
// for one that this run found under way.
func (r *run) sinceMove() time.Duration {
	if !r.sent.IsZero() {
		return time.Since(r.sent)
	}
	kind := fleet.ToStandby
	if r.returning {
		kind = fleet.FromStandby
	}
	found, ok := fleet.NewestMove(r.seen.Activities, r.Self.Instance, kind)
	if ok && (r.returning || r.seen.State.Out()) {
		return max(0, r.seen.Now.Sub(found.Start)+time.Since(r.seen.looked))
	}
	return r.moving.elapsed()
}
