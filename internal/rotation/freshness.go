package rotation

import (
	"errors"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
)

// freshEnough is how old what was read may be when a move is asked for, where MinSize holds the minimum.
const freshEnough = time.Minute

// turnedAway: AWS throttled a call before it could take effect.
func turnedAway(err error) bool {
	away, ok := errors.AsType[*awsapi.UnreachableError](err)
	return ok && away.Why == awsapi.Throttled && !away.Landed
}

// freshFor is how old what was read may be when a move is asked for. Where neither MinSize nor a lock holds the minimum,
// agents that read the same must ask within the read lag, or more of them leave than there are slots.
func (v view) freshFor() time.Duration {
	if inService(v.State) && !v.fenced() && !v.locks {
		return max(v.settle, DefaultSettle) // a look takes its time however little reads lag
	}
	return max(freshEnough, v.settle)
}

// stale: reading took so long that what was read first is too old to decide by.
func stale(v view) verdict {
	took := v.looked.Sub(v.began)
	if took <= v.freshFor() {
		return verdict{}
	}
	judged := blockedBy(failure.NotNow, "run it again", "reading took %s, too long to decide by", format.Duration(took))
	judged.throttled = v.held > 0
	return judged
}

// young: the look may be older than the move, by what reads are assumed to lag.
func (v view) young() bool { return v.Torn || v.began.Before(v.sent.Add(v.settle)) }

// settledReads: the look is young enough to judge by, and shows this run's own move. Where MinSize holds the minimum no
// other can have taken the slot, however old the look is: the first after the move is enough.
func settledReads(v view) verdict {
	if v.Torn {
		return catchingUp(v)
	}
	if v.fenceHolds() && !v.began.Before(v.sent) {
		return verdict{}
	}
	if ready := v.settledBy(); v.began.Before(ready) {
		return catchingUp(v).notBefore(ready)
	}
	if v.answer.ID != "" && !v.FeedShows(v.answer.ID) {
		return catchingUp(v)
	}
	return verdict{}
}

func catchingUp(v view) verdict {
	return blockedBy(failure.Unfinished, "run it again to resume", "AWS's reads may lag behind the move of %s (%s)", v.ID, format.Duration(v.settle))
}

// fenceHolds: Auto Scaling itself held the minimum when this instance left: MinSize did as read before the move, and the
// answer's own numbers, which do not lag, agree. For a move that this run found, MinSize does as read now. A slot in a
// lock does as well: nobody else was given it.
func (v view) fenceHolds() bool {
	if v.slot.mine {
		return true
	}
	if v.sent.IsZero() {
		move, known := fleet.NewestMove(v.Activities, v.ID, fleet.ToStandby)
		return known && move.Moved && v.fenced()
	}
	before := view{reading: v.before, request: v.request}
	return before.fenced() && v.answer.Moved && v.answer.To >= v.before.Group.Min
}

// settledBy is when looks begin to be young enough. Of a move that was not this run's nothing is known but that it is
// older than the first look that showed it: what the feed says of it may be about an earlier one.
func (v view) settledBy() time.Time {
	if v.sent.IsZero() {
		return v.found.Add(v.settle)
	}
	return v.sent.Add(v.settle)
}

// wholeReads: two views of this instance that differ are not a base for a decision.
func wholeReads(v view) verdict {
	if v.Torn {
		return blockedBy(failure.NotNow, "run it again", "Auto Scaling's two views of %s differ at the moment", v.ID)
	}
	return verdict{}
}

// moveStart is when this instance's move to Standby began, on AWS's clock.
func (v view) moveStart() time.Time {
	if !v.answer.Start.IsZero() {
		return v.answer.Start
	}
	mine, _ := fleet.NewestMove(v.Activities, v.ID, fleet.ToStandby)
	return mine.Start
}
