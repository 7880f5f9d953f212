package rotation

import (
	"context"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// launchTime is what a launch is given, lifecycle hooks included, besides the checks of the load balancers. A hook's own
// timeout is an hour unless it says otherwise; whoever waits for a launch does not want to learn of a failure that late.
const launchTime = 15 * time.Minute

// WaitOptions are the options of Wait.
type WaitOptions struct {
	Timeout time.Duration // how long to wait; Auto: the launch, its hooks and the checks
	Ignore  []string      // load balancers left out of the proof of health
}

// waitSteps is what `balanced wait` does, in order. No row has an act of its own.
func waitSteps() []step {
	return []step{
		{
			name: "nothing to do", does: "leave an instance alone that waits in the warm pool", doing: "nothing to do",
			applies: in(fleet.State.Warm), check: due, outcome: "nothing to do",
		},
		{
			name: "stay", does: "refuse an instance that is leaving the group", doing: "checking the lifecycle state",
			applies: isLeaving, check: leaving, within: budgetWait,
		},
		{
			name: "standby", does: "refuse an instance in Standby, which does not return by itself", doing: "checking the lifecycle state",
			applies: in(fleet.State.Out), check: inStandby, within: budgetWait,
		},
		{
			name: "in service", does: "wait until InService, through lifecycle hooks", doing: "waiting for InService",
			applies: not(inService), check: launching, within: budgetWait,
		},
		{
			name: "healthy", does: "wait until every load balancer says healthy", doing: "waiting until every load balancer says healthy",
			applies: in(inService), needs: ownDrain, check: healthyAtLast, within: budgetWait,
		},
	}
}

// Wait returns nil only when the instance is InService and every load balancer that counts calls it healthy, or when it
// is in the warm pool. It moves nothing, and may run beside other runs on this host. An instance that no group lists yet
// is waited for too. The report is never nil.
func (a *Agent) Wait(ctx context.Context, opt WaitOptions) (*Report, error) {
	r := a.newRun("wait", request{
		Options: Options{Wait: orAuto(opt.Timeout, launchTime), Ignore: opt.Ignore}, settle: DefaultSettle, awaitsGroup: true,
	})
	r.proven = "in"
	r.warnings = []warning{unusedSource, ignoredSource, shortGrace}
	r.resolve = func(o reading) budgets {
		return budgets{wait: orAuto(opt.Timeout, launchTime+fleet.WayBack(o.Traffic)), still: throttling}
	}
	return r.finish(ctx, r.follow(ctx, waitSteps()))
}

// awaitGroup passes the time while no group lists the instance: a new one is not there at once.
func (r *run) awaitGroup(ctx context.Context) error {
	left := time.Until(r.deadline()) - 2*confirmAbsence // a look that finds no group looks twice
	if left <= 0 {
		return &failure.Refusal{Class: failure.Setup, Reason: r.id, Hint: "attach it to a group, or wait longer with --timeout", Err: ErrNotMember}
	}
	r.reportProgress("join", Progress{Waiting: r.id + " is in no Auto Scaling group yet"})
	return sleep(ctx, min(r.jitter(confirmAbsence), left))
}

func isLeaving(v view) bool { return v.State.Leaving() || v.takenAway() != "" }

func leaving(v view) verdict {
	if v.State.Leaving() {
		return leavingState(v)
	}
	return blockedBy(failure.Leaving, leaveIt, "%s", v.takenAway())
}

// inStandby: waiting for an instance in Standby would last for ever. Where Auto Scaling's two views differ it may have
// come back already.
func inStandby(v view) verdict {
	judged := blockedBy(failure.NotNow, "bring it back with balanced in", "%s is %s and does not return by itself", v.ID, v.State)
	if v.Torn || v.Group.Declared() { // whatever starts the instance may register it yet
		return judged
	}
	return judged.atOnce()
}

func launching(v view) verdict {
	return blockedBy(failure.NotNow, "wait longer with --timeout, or look with balanced status", "%s is still %s", v.ID, v.State)
}

// healthyAtLast: an unsupported traffic source proves nothing.
func healthyAtLast(v view) verdict {
	if judged := knownSources(v); judged.kind != settled {
		return judged
	}
	if t, x, unhealthy := v.UnhealthyAt(); unhealthy {
		return blockedBy(failure.NotNow, "fix the application, then run it again", "%s is InService but %s at %s", v.ID, healthText(x), t.Name)
	}
	return verdict{}
}
