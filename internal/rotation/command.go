package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/logging"
)

// newRun is one command, not started yet.
func (a *Agent) newRun(command string, req request) *run {
	req.hold, req.locks = a.Hold, a.Lock != nil
	began := cmp.Or(a.Began, time.Now())
	a.Began = time.Time{}
	r := &run{
		Agent: a, request: req, reader: newReader(a, req.Ignore), clock: newClock(a.Throttled),
		report: newReport(command, began, a.Self),
	}
	if req.locks {
		r.entries = func(ctx context.Context, g fleet.Group) ([]fleet.Entry, error) {
			state, err := a.Lock.State(ctx, g)
			return state.Holders, err
		}
	}
	r.setBudgets(budgets{wait: orAuto(req.Wait, turnSlack), still: throttling}.shrinkTo(req.Limit, 0))
	r.startWatches()
	r.turn.used = time.Since(began)
	return r
}

func (r *run) startWatches() {
	r.turn, r.moving = stopwatch{clock: r.clock}, stopwatch{clock: r.clock}
	r.turn.start()
}

// command runs a table on this host, alone, and tells what came of it.
func (r *run) command(ctx context.Context, table []step) (*Report, error) {
	release, err := r.TakeHost()
	if err != nil {
		return r.finish(ctx, err)
	}
	defer release()
	if refusal := heldBy(r.hold); refusal != nil {
		return r.finish(ctx, refusal)
	}
	return r.finish(ctx, r.follow(ctx, table))
}

// finish turns the end of a run into the report and the error that names its class.
func (r *run) finish(ctx context.Context, err error) (*Report, error) {
	switch {
	case err != nil && ctx.Err() != nil:
		err = r.interrupted(ctx)
	case err != nil && r.rolledBack != nil && !r.underWay() && !errors.Is(err, r.rolledBack):
		err = &failure.Refusal{Class: failure.RolledBack, Reason: r.rolledBack.Error() + "; then", Hint: failure.Hint(r.rolledBack), Err: err}
	}
	if err != nil && r.partly && failure.Of(err).MovedNothing() {
		err = r.movedInPart(err)
	}
	r.leaveNoSlot(ctx)
	outcome := r.outcome
	if outcome == "" {
		outcome = r.done()
	}
	r.report.close(r, outcome, err)
	return r.report, err
}

// done names the end of a run whose rows are all settled.
func (r *run) done() string {
	switch {
	case r.proven != "":
		return r.proven
	case r.report.everMoved, r.underWayAtStart: // an earlier run began the move, and this one saw it through
		return r.report.Command
	}
	return "already " + r.report.Command
}

// interrupted says where the instance is now. The run was told to stop, so this last question has a short time of its
// own.
func (r *run) interrupted(ctx context.Context) error {
	cause := context.Cause(ctx)
	if r.lastState == "" {
		return &failure.Refusal{Class: failure.Interrupted, Reason: "nothing was moved", Hint: "run it again", Err: cause}
	}
	last, cancel := context.WithTimeout(awsapi.Hurry(context.WithoutCancel(ctx)), confirmAbsence)
	defer cancel()
	where := fmt.Sprintf("%s was last seen %s", r.id, r.lastState)
	if err := r.readOwnState(last, &r.seen); err != nil {
		r.Log.Warn("the last look failed", logging.Error(err))
	} else {
		r.lastState = r.seen.State
		where = fmt.Sprintf("%s is %s", r.id, r.lastState)
	}
	return &failure.Refusal{Class: failure.Interrupted, Reason: where, Hint: r.resumeHint(), Err: cause}
}

// resumeHint is what to run after an interruption.
func (r *run) resumeHint() string {
	if r.lastState.Out() && r.report.Command == "out" {
		return "run balanced out again to go on, or balanced in to return"
	}
	return "run balanced " + r.report.Command + " again"
}

// IsDryRun says whether an outcome is that of a dry run, and what the run would have done.
func IsDryRun(outcome string) (would string, ok bool) {
	rest, ok := strings.CutPrefix(outcome, "dry run: ")
	return rest, ok
}
