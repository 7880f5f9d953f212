package rotation

import (
	"context"
	"time"

	"balanced/internal/fleet"
)

// proven: the place is ours and the floor holds, on reads that are younger than our
// claim by more than reads are assumed to lag.
//
// Of all who claim a place the earliest keep theirs and the others go back in. A host
// found in Standby at the start may be half upgraded, so it never goes back in by
// itself; it serves nobody, so sick peers do not hold it up.
func proven(v view) *Stop {
	if why := v.takenAway(); why != "" {
		if v.moved {
			return stopf(Gone, "nothing is left to repair", "%s", why)
		}
		return stopf(Leaving, leaveIt, "%s", why)
	}
	if stop := settled(v); stop != nil {
		return stop
	}
	if stop := drained(v); stop != nil {
		return stop
	}
	n := v.numbers(v.min)
	switch rule := v.rule(n); {
	case rule == yield && v.resumed:
		return stopf(Unfinished, "bring "+ids(v.ahead())+" back, then run it again",
			"%s is out, but the %d places were taken before by %s", v.ID, n.Places, ids(v.ahead()))
	case rule == yield:
		return stopf(GaveBack, "run it again", "%s left first and took the %d places", ids(v.ahead()), n.Places)
	case v.resumed:
		return nil
	case hidden(v):
		return yielding(stopf(Unfinished, "run it again", "desired was %d when this instance left and not %d as read: someone else moved, and no read shows who",
			v.answer.From, v.before.Group.Desired))
	case rule == await:
		return yielding(stopf(Unfinished, "heal the peers, then run it again", "out, but only %d others serve and floor '%s' is %d%s",
			n.Peers, v.min, n.Floor, v.sickness()))
	}
	return zoneProven(v)
}

// settled: the look is young enough to judge by, and shows our own move.
func settled(v view) *Stop {
	waiting := stopf(Unfinished, "run it again to resume", "letting reads catch up with the move of %s", v.ID)
	if v.Torn {
		return waiting
	}
	if ready := v.settledBy(); v.Began.Before(ready) {
		waiting.again = ready
		return waiting
	}
	if v.answer.ID != "" && !v.feedShows(v.answer.ID) {
		return waiting
	}
	return nil
}

// settledBy is when looks begin to be young enough. Of a move that was not this run's
// nothing is known but that it is older than the first look that showed it: what the feed
// says of it may be about an earlier one.
func (v view) settledBy() time.Time {
	if v.sent.IsZero() {
		return v.found.Add(v.settle)
	}
	return v.sent.Add(v.settle)
}

func (o Observed) feedShows(id string) bool {
	for _, a := range o.Activities {
		if a.ID == id {
			return true
		}
	}
	return false
}

// hidden: the answer to our move counted from a lower number than we had read, so
// someone lowered it in between, and no activity since then says who. The numbers of
// the answer do not lag.
func hidden(v view) bool {
	if !v.answer.Moved {
		return false
	}
	missing, known := v.before.Group.Desired-v.answer.From, newestMoves(v.before.Activities)
	for _, a := range v.Activities {
		if a.ID != v.answer.ID && a.Moved && a.Stands() && !v.before.reckons(a, known[a.Instance]) {
			missing -= max(0, a.From-a.To)
		}
	}
	return missing > 0
}

// reckons: the group's numbers as read held this change of them already. An instance's
// newest move, which the feed showed, may not have come to them yet: then the group
// still had it in service.
func (o Observed) reckons(a, newest fleet.Activity) bool {
	if !o.feedShows(a.ID) {
		return false
	}
	m, _ := o.Group.Member(a.Instance)
	return m.State != fleet.InService || newest.ID != a.ID
}

// yielding: when the budget is over, the place is given back.
func yielding(s *Stop) *Stop {
	s.yields = true
	return s
}

// giveBack puts the instance back in service and proves it: nothing was done to it
// yet. Until --wait has passed the run then starts again.
func (r *run) giveBack(ctx context.Context, stop *Stop) error {
	if stop.Class != GaveBack && !stop.yields {
		return stop
	}
	r.note("giving the place back", reasonField(stop))
	err := r.takeBack(ctx, inSteps()[inExit:], wayBack(r.seen.Traffic)+slack)
	if err != nil {
		return r.stuck(ctx, err, stop)
	}
	r.facts = facts{sure: r.sure}
	r.gave = stopf(GaveBack, stop.Hint, "%s; gave the place back, in service again", stop.Reason)
	if time.Now().After(r.turnEnds()) {
		return r.gave
	}
	return sleep(ctx, r.jitter(5*time.Second))
}

// takeBack goes through rows that take a move back, on a budget of their own. What it
// moved and saw, and how long it was held back, is this run's too.
func (r *run) takeBack(ctx context.Context, table []step, limit time.Duration) error {
	back := *r
	back.facts = facts{sure: r.sure, returning: true}
	back.start, back.began = time.Now(), r.stood()
	back.undoes, back.warnings, back.resolve = true, nil, nil
	back.budgets = budgets{wait: limit, timeout: limit, throttled: r.budgets.throttled}
	err := back.follow(ctx, table)
	r.ever, r.paused, r.seen, r.sure = back.ever, back.paused, back.seen, back.sure
	return err
}

// stuck is the end of an undo that did not get through.
func (r *run) stuck(ctx context.Context, err error, why *Stop) error {
	if ctx.Err() != nil {
		return err
	}
	return &Stop{
		Class: Stuck, Err: err,
		Reason: why.Reason + "; taking it back failed with " + r.Self.Instance + " last seen " + string(r.sure),
		Hint:   "look with balanced status, then run balanced in",
	}
}

// unhealthyAt names a load balancer that counts and does not call this instance healthy.
func (o Observed) unhealthyAt() (Traffic, fleet.Target, bool) {
	for _, t := range o.Traffic {
		if !t.Counts() {
			continue
		}
		if x := t.saysOfMe(o.ID); x.Health != fleet.Healthy {
			return t, x, true
		}
	}
	return Traffic{}, fleet.Target{}, false
}
