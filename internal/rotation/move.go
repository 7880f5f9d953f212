package rotation

import (
	"context"
	"errors"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// enterStandby asks Auto Scaling to take the instance out.
func (r *run) enterStandby(ctx context.Context) error {
	decrement := !r.view().replaces()
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

// move sends one of the two calls, once. Its answer is believed only when it is a
// yes: after any other the next looks tell whether it took effect, since neither call
// is idempotent and an answer may be lost, or be that to a duplicate.
func (r *run) move(ctx context.Context, call func() (fleet.Activity, error)) error {
	r.before = r.seen
	r.begin()
	answer, err := call()
	freshUntil := r.seen.Began.Add(r.view().freshFor() - 2*tryAgain)
	for throttledOff(err) && r.patient() && time.Now().Before(freshUntil) {
		if err := r.pauses(ctx); err != nil {
			r.forget()
			return err
		}
		answer, err = call()
	}
	r.sent = time.Now()
	switch {
	case err == nil:
		r.moved, r.ever, r.answer = true, true, answer
		r.note("asked to move", detailField(answer.Text))
	case forbidden(err):
		r.forget()
		return err
	case !awsapi.Doubtful(err):
		r.forget()
		r.refused = err
	default:
		r.doubt = err
		r.note("the answer leaves open whether it moved", errorField(err))
	}
	return nil
}

// forbidden: no retry can help.
func forbidden(err error) bool {
	var denied *awsapi.DeniedError
	var nobody *awsapi.NoCredentialsError
	return errors.As(err, &denied) || errors.As(err, &nobody)
}

// forget is for a move that did not take effect: the run is where it was before.
func (r *run) forget() { r.sent, r.since, r.doubt = time.Time{}, time.Time{}, nil }

// refusal is what a refused move means. The service's text is never the verdict: what
// was read since then is, by the same guards; where they see no obstacle, it is tried
// again. A weighted group counts units nobody can foretell: refused with nobody out,
// it always will be.
func refusal(v view) *Stop {
	var refused *awsapi.RefusedError
	switch {
	case !errors.As(v.refused, &refused):
		return &Stop{Reason: "asking to move " + v.ID, Err: v.refused, throttled: throttledOff(v.refused)}
	case v.Group.Weighted() && v.State == fleet.InService && len(v.others()) == 0:
		return &Stop{Class: Setup, Reason: "Auto Scaling refuses with nobody out", Hint: "lower MinSize, or use --replace", Err: v.refused}
	}
	return &Stop{Class: NotNow, Reason: "Auto Scaling refuses", Hint: "run it again", Err: v.refused}
}

// learn updates what the run knows of its own deeds from a look: a doubtful move is
// settled by a state that changed, or by a look that is younger than any lag.
func (r *run) learn() {
	was := r.sure
	r.sure = r.seen.State
	switch {
	case was == "":
		r.resumed, r.returning = r.sure == fleet.Standby, r.sure.Arriving() && r.cameFromStandby()
	case was != r.sure:
		r.note("lifecycle state changed", stateField(r.sure))
		r.resumed = r.resumed || r.sent.IsZero() && r.otherHands(was)
	}
	r.notice(was)
	if r.doubt == nil || r.seen.Torn {
		return
	}
	switch {
	case r.seen.State != r.before.State:
		r.moved, r.ever, r.doubt = true, true, nil
	case !r.seen.Began.Before(r.sent.Add(r.settle)):
		r.note("it did not move", errorField(r.doubt))
		r.refused = r.doubt
		r.forget()
	}
}

// otherHands: it was put out by somebody else meanwhile, or it may have been in Standby
// before this run began and only have been read as entering. Either way work on it may
// have begun, and it is not this run's to put back.
func (r *run) otherHands(was fleet.State) bool {
	late := r.sure == fleet.Standby && r.last.Before(r.start.Add(r.settle))
	return r.sure.Out() && (!was.Out() || late)
}

// notice keeps since when this run saw the instance out, or not out, by a move that was
// not its own. One that turns out not to be out after all had only been read too late.
func (r *run) notice(was fleet.State) {
	if !r.sent.IsZero() {
		return
	}
	if r.found.IsZero() || r.sure.Out() != was.Out() {
		r.found = r.looked
	}
	r.resumed = r.resumed && r.sure.Out()
}

// leftMeanwhile: it is out, which it was not, by a move that was not this run's. What that
// move has still to go through belongs to the budgets.
func (r *run) leftMeanwhile() bool {
	return r.sent.IsZero() && r.seen.State.Out() && !r.sure.Out()
}

// cameFromStandby: the newest standby move of this instance is a return.
func (r *run) cameFromStandby() bool {
	last, ok := newestMoves(r.seen.Activities)[r.Self.Instance]
	return ok && last.Kind == fleet.FromStandby
}
