package rotation

import (
	"context"
	"errors"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/logging"
)

// attempt is what a run knows of its own deeds, which no read can tell it: when its move was answered, and what that
// answer said.
type attempt struct {
	jittered    bool           // the start was put off by a random delay
	probePassed bool           // the host passed what it will be asked
	resumed     bool           // found in Standby: may be half upgraded, never rolled back
	returning   bool           // found on its way back, or brought back by this run
	found       time.Time      // since when it was seen on its side of Standby, out or not, on this host's clock; zero: by this run's own move
	sent        time.Time      // when the move was answered, on this host's clock
	answer      fleet.Activity // the move as the answer told it
	doubt       error          // an answer that leaves open whether the move took effect
	refused     error          // the last answer to a move that did not take effect
	before      reading        // the look the move was decided on
	moved       bool           // a move of this run took effect
	partly      bool           // one took effect in part: some load balancers changed their registration, and some did not
	slot        slot           // of its own, in a lock
	groupAlone  bool           // while the group is as it was, nothing but it need be read
	gate        gate           // of a new instance: the launch hook that holds it
}

// retryMove is the time between two tries of a move that was throttled.
const retryMove = time.Second

// enterStandby asks Auto Scaling to take the instance out.
func (r *run) enterStandby(ctx context.Context) error {
	decrement := !r.view().replaces()
	if r.slot.mine = r.slot.held.Valid(); r.locks && !r.isRollback && !r.slot.mine {
		return nil // the time to leave in is over since the slot was taken: another is taken first
	}
	return r.move(ctx, func() (fleet.Activity, error) {
		return r.Mover.EnterStandby(ctx, r.group, r.Self.Instance, decrement)
	})
}

// exitStandby asks Auto Scaling to bring it back.
func (r *run) exitStandby(ctx context.Context) error {
	return r.move(ctx, func() (fleet.Activity, error) {
		return r.Mover.ExitStandby(ctx, r.group, r.Self.Instance)
	})
}

// move sends one of the two calls, once. Its answer is believed only when it is a yes: after any other the next looks
// tell whether it took effect, since neither call is idempotent, and an answer may be lost, or be that to a duplicate.
func (r *run) move(ctx context.Context, call func() (fleet.Activity, error)) error {
	r.before = r.seen
	r.moving.start()
	answer, err := call()
	freshUntil := r.seen.began.Add(r.view().freshFor() - 2*retryMove)
	for turnedAway(err) && r.mayStandStill() && time.Now().Before(freshUntil) {
		if err := r.pauses(ctx); err != nil {
			r.didNotMove()
			return err
		}
		if r.slot.mine && !r.slot.held.Valid() {
			break // others may take the slot for free by now
		}
		answer, err = call()
	}
	r.sent = time.Now()
	r.slot.used = r.slot.used || !turnedAway(err) && !failure.Is(err, failure.Denied)
	r.notePartly(err)
	switch {
	case err == nil:
		r.answer = answer
		r.didMove()
		r.note(r.view().words("Auto Scaling accepted the move", "the load balancers accepted the move"), logging.Detail(answer.Text))
	case failure.Is(err, failure.Denied):
		r.didNotMove()
		return err
	case !awsapi.Doubtful(err):
		r.didNotMove()
		r.refused = err
	default:
		r.doubt = err
		r.note("the answer leaves open whether the instance moved", logging.Error(err))
	}
	return nil
}

// didMove notes that the move took effect.
func (r *run) didMove() { r.moved, r.partly, r.doubt, r.report.everMoved = true, false, nil, true }

// didNotMove is for a move that did not take effect: the run is where it was before.
func (r *run) didNotMove() {
	r.sent, r.doubt, r.slot.mine = time.Time{}, nil, false
	r.moving.cancel()
}

// underWay: a move of this run took effect, or may have.
func (r *run) underWay() bool { return r.moved || r.doubt != nil }

// refusedMove is what a refused move means. The service's text is never the verdict: what was read since then is, by
// the same guards; where they see no obstacle, it is tried again. A weighted group counts units nobody can foretell:
// refused with nobody else out, it always will be.
func refusedMove(v view) verdict {
	refusal := &failure.Refusal{Class: failure.NotNow, Reason: v.words("Auto Scaling refuses the move", "a load balancer refuses the move"), Hint: "run it again", Err: v.refused}
	refused, ok := errors.AsType[*awsapi.RefusedError](v.refused)
	switch {
	case !ok:
		refusal.Class, refusal.Reason, refusal.Hint = failure.Of(v.refused), "asking to move "+v.ID, ""
		return verdict{kind: blocked, refusal: refusal, throttled: turnedAway(v.refused)}
	case v.Group.Weighted() && v.State == fleet.InService && len(v.OtherHolders()) == 0:
		refusal.Class, refusal.Hint = failure.Setup, "lower MinSize, or use --replace"
		refusal.Reason = "Auto Scaling refuses the move although no other instance is out"
	}
	refusal.Err = refused
	return verdict{kind: blocked, refusal: refusal}
}

// learn updates what the run knows of its own deeds from a look: a doubtful move is settled by a state that changed, or
// by a look that is younger than any read lag.
func (r *run) learn() {
	was := r.lastState
	r.lastState = r.seen.State
	switch {
	case was == "":
		r.resumed, r.returning = r.lastState.Settled(), r.lastState.Arriving() && r.cameFromStandby()
		r.partly = !r.inward && r.seen.Group.Held.Registered > 0 && r.seen.Group.Held.Draining > 0 // by an earlier run
		r.underWayAtStart = r.lastState.Draining() || r.returning
	case was != r.lastState:
		r.note("the lifecycle state changed", logging.State(string(r.lastState)))
		r.resumed = r.resumed || r.sent.IsZero() && r.movedByOthers(was)
	}
	r.learnFound(was)
	if r.doubt == nil || r.seen.Torn {
		return
	}
	switch {
	case r.seen.State != r.before.State:
		r.didMove()
	case !r.seen.began.Before(r.sent.Add(r.settle)):
		r.note("the instance did not move", logging.Error(r.doubt))
		r.refused = r.doubt
		if r.seen.Group.Held != r.before.Group.Held { // outside a group: one of several registrations changed
			r.partly, r.report.everMoved = true, true
		}
		r.didNotMove()
	}
}

// movedByOthers: something else put it out meanwhile, or it may have been in Standby before this run began and only have
// been read as entering. Either way work on it may have begun, and it is not this run's to put back.
func (r *run) movedByOthers(was fleet.State) bool {
	late := r.lastState.Settled() && r.lastBegan.Before(r.turn.began.Add(r.settle))
	return r.lastState.Out() && (!was.Out() || late)
}

// learnFound keeps since when this run saw the instance out, or not out, by a move that was not its own. One that turns
// out not to be out after all had only been read too late.
func (r *run) learnFound(was fleet.State) {
	if !r.sent.IsZero() {
		return
	}
	if r.found.IsZero() || r.lastState.Out() != was.Out() {
		r.found = r.seen.looked
	}
	r.resumed = r.resumed && r.lastState.Out()
}

// leftMeanwhile: it is out, which it was not, by a move that was not this run's. What that move has still to go through
// belongs to the budgets.
func (r *run) leftMeanwhile() bool {
	return r.sent.IsZero() && r.seen.State.Out() && !r.lastState.Out()
}

// cameFromStandby: the newest standby move of this instance is a return.
func (r *run) cameFromStandby() bool {
	last, ok := fleet.NewestStandbyMoves(r.seen.Activities)[r.Self.Instance]
	return ok && last.Kind == fleet.FromStandby
}
