package rotation

import (
	"context"
	"time"

	"balanced/internal/fleet"
)

// launchSlack is what a launch is given, lifecycle hooks included, besides the checks
// of the load balancers. A hook's own timeout is an hour unless it says otherwise;
// nobody who waits for a launch wants to learn of a failure that late.
const launchSlack = 15 * time.Minute

// WaitOptions are the options of Wait.
type WaitOptions struct {
	Timeout time.Duration // how long to wait; Auto: the launch, its hooks and the checks
	Ignore  []string      // load balancers left out of the proof of health
}

// waitSteps is what `balanced wait` does, in order. No row has an act of its own.
func waitSteps() []step {
	return []step{
		{
			name: "nothing to do", says: "leave alone an instance that waits in the warm pool",
			applies: in(fleet.State.Warm), check: due, act: (*run).nothingToDo,
		},
		{
			name: "stay", says: "refuse an instance that is leaving the group",
			applies: goes, check: gone, within: forTurn,
		},
		{
			name: "standby", says: "refuse an instance in Standby: nobody is bringing it back",
			applies: in(fleet.State.Out), check: parked, within: forTurn,
		},
		{
			name: "in service", says: "wait until InService, through lifecycle hooks",
			applies: not(inService), check: launching, within: forTurn,
		},
		{
			name: "healthy", says: "wait until every load balancer says healthy",
			applies: in(inService), needs: ownDrain, check: servesAtLast, within: forTurn,
		},
	}
}

// Wait returns nil only when the instance is InService and every load balancer that
// counts calls it healthy, or when it is in the warm pool. It moves nothing, and does
// not mind other runs on this host. An instance that no group lists yet is waited for
// too. The report is never nil.
func (a *Agent) Wait(ctx context.Context, opt WaitOptions) (*Report, error) {
	r := a.newRun("wait", Options{Wait: orAuto(opt.Timeout, launchSlack), Ignore: opt.Ignore})
	r.joins, r.proven, r.settle = true, "in", DefaultSettle
	r.warnings = []warning{unusedSource, unproven, shortGrace}
	r.resolve = func(o Observed) budgets {
		return budgets{wait: orAuto(opt.Timeout, launchSlack+wayBack(o.Traffic)), throttled: throttling}
	}
	return r.finish(ctx, r.follow(ctx, waitSteps()))
}

// unlisted passes the time while no group lists the instance: a new one is not there
// at once.
func (r *run) unlisted(ctx context.Context) error {
	left := time.Until(r.deadline()) - 2*confirm // a look that finds nobody looks twice
	if left <= 0 {
		return &Stop{Class: Setup, Reason: r.Self.Instance, Hint: "attach it to a group, or wait longer with --timeout", Err: ErrNotMember}
	}
	r.tell("join", r.Self.Instance+" is in no Auto Scaling group yet")
	return sleep(ctx, min(r.jitter(confirm), left))
}

func goes(v view) bool { return v.State.Leaving() || v.takenAway() != "" }

func gone(v view) *Stop {
	const hint = leaveIt
	if v.State.Leaving() {
		return stopf(Leaving, hint, "%s is %s", v.ID, v.State)
	}
	return stopf(Leaving, hint, "%s", v.takenAway())
}

// parked: waiting for an instance in Standby would last for ever. Where Auto Scaling's
// two views differ it may have come back already.
func parked(v view) *Stop {
	stop := stopf(NotNow, "bring it back with balanced in", "%s is %s and does not return by itself", v.ID, v.State)
	if v.Torn {
		return stop
	}
	return stop.atOnce()
}

func launching(v view) *Stop {
	return stopf(NotNow, "wait longer with --timeout, or look with balanced status", "%s is still %s", v.ID, v.State)
}

// servesAtLast: a source that cannot be asked proves nothing.
func servesAtLast(v view) *Stop {
	if stop := knownSources(v); stop != nil {
		return stop
	}
	if t, x, sick := v.unhealthyAt(); sick {
		return stopf(NotNow, "mend the application, then run it again", "%s is InService but %s at %s", v.ID, said(x), t.Name)
	}
	return nil
}
