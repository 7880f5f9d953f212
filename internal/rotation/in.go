package rotation

import (
	"context"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
)

// inSteps is what `balanced in` does, in order: the mirror of outSteps, with fewer ways to refuse, since coming back is
// what repairs a group.
func inSteps() []step {
	return []step{
		managedRow(),
		{
			name: "nothing to do", does: "leave an instance alone that waits in a lifecycle hook or in the warm pool", doing: "nothing to do",
			applies: notSent(idleState), check: due, outcome: "nothing to do",
		},
		{
			name: "stay", does: "refuse an instance that is leaving the group, or in an unknown state", doing: "checking the lifecycle state",
			applies: notSent(strangeState), check: strange, within: budgetWait,
		},
		{
			name: "drained", does: "wait until Standby; a move out cannot be cancelled before draining ends", doing: "waiting for Standby",
			applies: notSent(entering), check: draining, within: budgetMove, ends: drainEnds,
		},
		{
			name: "guards", does: "wait for the safety checks to pass", doing: "waiting for safety checks to pass",
			applies: notSent(standby), needs: whole, check: mayReturn, within: budgetWait,
		},
		{
			name: "probe", does: "probe this host as its load balancers will, until it passes", doing: "probing this host as its load balancers will",
			applies: notSent(standby), needs: whole, check: probeDue, act: (*run).probeHost, within: budgetMove,
		},
		{
			name: "exit", does: "exit Standby", doing: "exiting Standby",
			applies: notSent(standby), needs: ownState, check: mayAsk, act: (*run).exitStandby, moves: true, within: budgetWait,
		},
		{
			name: "in service", does: "wait until InService", doing: "waiting for InService",
			applies: not(inService), check: returned, within: budgetMove, ends: registrationEnds,
		},
		{
			name: "healthy", does: "wait until every load balancer says healthy", doing: "waiting until every load balancer says healthy",
			applies: in(inService), needs: ownDrain, check: healthy, within: budgetMove, ends: checksPass,
			rollBack: (*run).rollBackIn, rollsBack: "enter Standby again, if the minimum is healthy without it",
		},
		releaseRow(),
	}
}

// In puts the instance back into service. It returns nil only when it is InService and every load balancer that counts
// calls it healthy, or when there is nothing to do. The report is never nil.
func (a *Agent) In(ctx context.Context, opt InOptions) (*Report, error) {
	r := a.newRun("in", request{
		Options: opt.Options, probes: a.Prober != nil && !opt.Probe.Off, probe: opt.Probe.Check,
		leaveUnhealthy: opt.LeaveUnhealthy, settle: DefaultSettle, min: opt.MinHealthy,
	})
	r.warnings, r.inward = inWarnings, true
	r.resolve = func(o reading) budgets {
		return inBudgets(opt.Options, o.State.Draining(), r.probes, o.Traffic).shrinkTo(opt.Limit, fleet.WayBack(o.Traffic))
	}
	return r.command(ctx, inSteps())
}

func mayReturn(v view) verdict { return ask(inGuards, v) }

// returned waits for InService, which Auto Scaling says as soon as the registrations are done, before any health check.
func returned(v view) verdict {
	switch {
	case v.State.Launching():
		return blockedBy(failure.Unfinished, "run it again to resume", "%s is %s", v.ID, v.State)
	case v.sent.IsZero() && entering(v.State): // a rollback, and a look older than the one that decided on it
		return draining(v)
	case v.State.Leaving():
		return blockedBy(failure.Gone, "nothing is left to repair", "%s is %s", v.ID, v.State)
	case v.young():
		return v.unconfirmed(v.words("ExitStandby", "the registration"))
	}
	return changedByOthers(v)
}

// healthy: as the load balancers see it. An instance that was in service all along and is unhealthy is not this run's
// doing, and nothing was moved.
func healthy(v view) verdict {
	class, hint := failure.Unhealthy, "fix the application, then run balanced in"
	if !v.returning && !v.moved {
		class, hint = failure.NotNow, "fix the application, or take it out with balanced out"
	}
	if t, x, unhealthy := v.UnhealthyAt(); unhealthy {
		return blockedBy(class, hint, "%s is InService but %s at %s", v.ID, healthText(x), t.Name)
	}
	if !v.Healthy && v.Group.ReplacesUnhealthy() {
		return blockedBy(class, hint, "Auto Scaling calls %s Unhealthy", v.ID)
	}
	if !v.returning && v.sent.IsZero() {
		return inServiceAllAlong(v)
	}
	return verdict{}
}

// inServiceAllAlong: an instance that is in service without having returned may have left a moment ago, by a run that
// was killed, and reads may lag.
func inServiceAllAlong(v view) verdict {
	ready := v.settledBy()
	if !v.began.Before(ready) {
		return verdict{}
	}
	return blockedBy(failure.NotNow, "run it again", "%s is read as in service all along, and AWS's reads may lag (%s)",
		v.ID, format.Duration(v.settle)).notBefore(ready)
}
