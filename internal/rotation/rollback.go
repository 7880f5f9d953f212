package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/logging"
)

// rollBackOut puts the instance back in service and proves it: nothing was done to it yet. Until --wait has passed the
// run then starts again.
func (r *run) rollBackOut(ctx context.Context, why verdict) error {
	if why.refusal.Class != failure.RolledBack && !why.rollsBack {
		return why.refusal
	}
	if err := r.bringBack(ctx, why, fleet.WayBack(r.seen.Traffic)+fleet.MoveTime); err != nil {
		return err
	}
	if err := r.releaseAfterRollback(ctx); err != nil {
		return err
	}
	r.attempt = attempt{}
	r.moving = stopwatch{clock: r.clock}
	if time.Now().After(r.turnEnds()) {
		return r.rolledBack
	}
	return sleep(ctx, r.jitter(5*time.Second))
}

// bringBack takes the way out back and proves it, within a limit; why it did is then r.rolledBack.
func (r *run) bringBack(ctx context.Context, why verdict, limit time.Duration) error {
	r.note("rolling back", logging.Reason(why.reason()))
	if err := r.rollBack(ctx, rowsFrom(inSteps(), "exit"), limit); err != nil {
		return r.rollbackFailed(ctx, err, why.refusal)
	}
	r.rolledBack = failure.New(failure.RolledBack, why.refusal.Hint, "%s; rolled back, in service again", why.reason())
	return nil
}

// rollBackIn is the end of a return that did not get healthy in time: back to Standby when enough peers are healthy, so
// that the instance neither gets traffic when all else fails nor is replaced; otherwise it is left in service.
func (r *run) rollBackIn(ctx context.Context, why verdict) error {
	if why.refusal.Class != failure.Unhealthy || r.isRollback {
		return why.refusal
	}
	if r.leaveUnhealthy {
		return leftInService(why.refusal, "--on-unhealthy leave")
	}
	if r.seen.Group.Declared() && !r.min.Absolute() {
		return leftInService(why.refusal, "no --min-healthy given")
	}
	if err := r.look(ctx, whole); err != nil {
		return leftInService(why.refusal, err.Error())
	}
	if n := r.seen.Count(r.min); n.HealthyPeers < n.Minimum {
		return leftInService(why.refusal, fmt.Sprintf("%s, minimum %d", r.view().peersHealthy(n), n.Minimum))
	}
	r.note(r.view().words("rolling back to Standby", "deregistering again"), logging.Reason(why.reason()))
	err := r.rollBack(ctx, rowsOnly(outSteps(), "enter", "standby"), fleet.WayOut(r.seen.Traffic)+DefaultSettle)
	return r.wentBack(ctx, err, why.refusal)
}

// wentBack says what came of the way back to Standby, which ended with err.
func (r *run) wentBack(ctx context.Context, err error, why *failure.Refusal) error {
	switch {
	case err == nil:
		return alsoSay(why, r.view().words("back in Standby", "deregistered again"))
	case ctx.Err() != nil:
		return r.rollbackFailed(ctx, err, why)
	case r.lastState.Draining():
		return alsoSay(why, r.view().words("on its way back to Standby", "being deregistered again"))
	case r.lastState == fleet.InService && failure.Of(err).MovedNothing():
		return leftInService(why, err.Error())
	}
	return r.rollbackFailed(ctx, err, why)
}

// leftInService: it gets traffic as soon as its load balancers call it healthy.
func leftInService(why *failure.Refusal, because string) error {
	left := *why
	left.Hint = "fix the application: load balancers send traffic once it is healthy; or take it out with balanced out"
	return alsoSay(&left, "left in service ("+because+")")
}

// alsoSay adds to a refusal what became of the instance.
func alsoSay(why *failure.Refusal, what string) error {
	return failure.New(why.Class, why.Hint, "%s; %s", why.Reason, what)
}

// rollBack goes through rows that take this run's move back, as a run of its own on a budget of its own. It shares the
// reader, the clock and the report.
func (r *run) rollBack(ctx context.Context, rows []step, limit time.Duration) error {
	back := &run{
		Agent: r.Agent, request: r.request, reader: r.reader, clock: r.clock, report: r.report,
		budgets: budgets{wait: limit, timeout: limit, still: r.budgets.still},
		attempt: attempt{returning: true},
	}
	back.isRollback = true
	r.inward = !r.inward
	defer func() { r.inward = !r.inward }()
	back.startWatches()
	return back.follow(ctx, rows)
}

// rollbackFailed is the end of a rollback that did not get through.
func (r *run) rollbackFailed(ctx context.Context, err error, why *failure.Refusal) error {
	if ctx.Err() != nil {
		return err
	}
	if failure.Is(err, failure.Gone) { // Auto Scaling took it away meanwhile
		return failure.New(failure.Gone, failure.Hint(err), "%s; rolling back, %v", why.Reason, err)
	}
	if _, silent := errors.AsType[*awsapi.UnreachableError](err); silent { // a rerun sees what there is to do
		return &failure.Refusal{
			Class: failure.Unfinished, Hint: "run it again to resume", Err: err,
			Reason: fmt.Sprintf("%s; rolling back, %s was last seen %s", why.Reason, r.id, r.lastState),
		}
	}
	return &failure.Refusal{
		Class: failure.Unknown, Err: err,
		Reason: fmt.Sprintf("%s; rolling back failed with %s last seen %s", why.Reason, r.id, r.lastState),
		Hint:   "look with balanced status before anything else: the state of " + r.id + " is not known",
	}
}
