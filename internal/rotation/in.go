package rotation

import (
	"context"
	"fmt"

	"balanced/internal/fleet"
)

// inSteps is what `balanced in` does, in order: the mirror of outSteps, with fewer
// ways to refuse, since coming back is what repairs a group.
func inSteps() []step {
	return []step{
		{
			name: "nothing to do", says: "leave alone an instance that waits in a lifecycle hook or in the warm pool",
			applies: fresh(idleState), check: due, act: (*run).nothingToDo,
		},
		{
			name: "stay", says: "refuse an instance that is leaving the group, or in a state not known",
			applies: fresh(strangeState), check: strange, within: forTurn,
		},
		{
			name: "drained", says: "wait until Standby; a move out has no way back before",
			applies: fresh(entering), check: stillEntering, within: forMove, ends: lettingGo,
		},
		{
			name: "guards", says: "wait until nothing speaks against returning",
			applies: fresh(standby), needs: all, check: mayReturn, within: forTurn,
		},
		{
			name: "probe", says: "ask this host what its load balancers will ask, until it answers well",
			applies: fresh(standby), needs: all, check: mayBeAsked, act: (*run).askHost, within: forMove,
		},
		{
			name: "exit", says: "exit Standby, asked once",
			applies: fresh(standby), needs: own, check: mayAsk, act: (*run).exitStandby, moves: true, within: forTurn,
		},
		{
			name: "in service", says: "wait until InService",
			applies: not(inService), check: returned, within: forMove, ends: registering,
		},
		{
			name: "healthy", says: "wait until every load balancer says healthy",
			applies: in(inService), needs: ownDrain, check: healthy, within: forMove, ends: passing,
			undo: (*run).sendBack, undone: "enter Standby again, if the floor holds without it",
		},
	}
}

// inExit is the row an undo of out begins with.
const inExit = 5

// In puts the instance back into service. It returns nil only when it is InService
// and every load balancer that counts calls it healthy, or when there is nothing to
// do. The report is never nil.
func (a *Agent) In(ctx context.Context, opt InOptions) (*Report, error) {
	r := a.newRun("in", opt.Options)
	r.probes, r.instead = a.Prober != nil && !opt.NoProbe, opt.Probe
	r.leaveSick, r.settle, r.warnings = opt.LeaveUnhealthy, DefaultSettle, inWarnings
	r.resolve = func(o Observed) budgets {
		return inBudgets(opt.Options, o.State == fleet.EnteringStandby, r.probes, o.Traffic).fit(opt.Limit, wayBack(o.Traffic))
	}
	return r.command(ctx, inSteps())
}

func entering(s fleet.State) bool { return s == fleet.EnteringStandby }

func stillEntering(v view) *Stop {
	return stopf(Unfinished, "run it again to resume", "%s is still EnteringStandby%s", v.ID, v.drainers())
}

func mayReturn(v view) *Stop { return ask(inGuards, v) }

// returned waits for InService, which Auto Scaling says as soon as the registrations
// are done, before any health check.
func returned(v view) *Stop {
	switch {
	case v.State.Launching():
		return stopf(Unfinished, "run it again to resume", "%s is %s", v.ID, v.State)
	case v.sent.IsZero() && entering(v.State): // an undo, and a look older than the one that decided on it
		return stillEntering(v)
	case v.State.Leaving():
		return stopf(Gone, "nothing is left to repair", "%s is %s", v.ID, v.State)
	case v.young():
		return v.unshown("ExitStandby")
	}
	return stopf(Unfinished, "find out who moved it, then run it again", "%s is %s: other hands moved it", v.ID, v.State).atOnce()
}

// healthy: in the balancers' own eyes. A host that was in service all along and is
// sick is not this run's doing, and nothing was moved.
func healthy(v view) *Stop {
	class, hint := Sick, "mend the application, then run balanced in"
	if !v.returning && !v.moved {
		class, hint = NotNow, "mend the application, or take it out with balanced out"
	}
	if t, x, sick := v.unhealthyAt(); sick {
		return stopf(class, hint, "%s is InService but %s at %s", v.ID, said(x), t.Name)
	}
	if !v.Healthy {
		return stopf(class, hint, "Auto Scaling calls %s Unhealthy", v.ID)
	}
	if !v.returning && v.sent.IsZero() {
		return allAlong(v)
	}
	return nil
}

// allAlong: an instance that is in service without having returned may have left a moment
// ago, by a run that was killed, and reads may lag.
func allAlong(v view) *Stop {
	ready := v.settledBy()
	if !v.Began.Before(ready) {
		return nil
	}
	stop := stopf(NotNow, "run it again", "letting reads catch up: %s looks as if it had been in service all along", v.ID)
	stop.again = ready
	return stop
}

// sendBack is the end of a return that did not get healthy in time: back to Standby
// when the others hold the floor, so that the host neither takes traffic when all else
// fails nor is replaced; otherwise it is left in service.
func (r *run) sendBack(ctx context.Context, stop *Stop) error {
	if stop.Class != Sick {
		return stop
	}
	if r.undoes {
		return stop
	}
	if r.leaveSick {
		return r.left(stop, "as asked")
	}
	if err := r.look(ctx, all); err != nil {
		return r.left(stop, err.Error())
	}
	n := r.seen.numbers(r.min)
	if n.Peers < n.Floor {
		return r.left(stop, fmt.Sprintf("only %d others serve, floor is %d", n.Peers, n.Floor))
	}
	r.note("sending it back to Standby", reasonField(stop))
	err := r.takeBack(ctx, outSteps()[outEnter:outEnter+2], wayOut(r.seen.Traffic)+DefaultSettle)
	if err != nil && r.sure == fleet.EnteringStandby && ctx.Err() == nil {
		return stopf(Sick, stop.Hint, "%s; on its way back to Standby", stop.Reason)
	}
	if err != nil {
		return r.stuck(ctx, err, stop)
	}
	return stopf(Sick, stop.Hint, "%s; back in Standby", stop.Reason)
}

// outEnter is the row an undo of in begins with: enter, then wait for Standby.
const outEnter = 5

func (r *run) left(stop *Stop, why string) error {
	return stopf(Sick, stop.Hint, "%s; left in service: %s", stop.Reason, why)
}
