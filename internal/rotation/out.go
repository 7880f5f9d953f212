package rotation

import (
	"context"
	"strings"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
	"balanced/internal/logging"
)

// outSteps is what `balanced out` does, in order. A run is at the first row that applies and is not settled.
func outSteps() []step {
	return []step{
		managedRow(),
		{
			name: "nothing to do", does: "leave an instance alone that waits in a lifecycle hook or in the warm pool", doing: "nothing to do",
			applies: notSent(idleState), check: due, outcome: "nothing to do",
		},
		{
			name: "arrive", does: "wait for a launch or a return that is under way", doing: "waiting for InService",
			applies: notSent(fleet.State.Arriving), check: arriving, within: budgetWait,
		},
		{
			name: "stay", does: "refuse an instance that is leaving the group, or in an unknown state", doing: "checking the lifecycle state",
			applies: notSent(strangeState), check: strange, within: budgetWait,
		},
		{
			name: "guards", does: "wait for the safety checks to pass", doing: "waiting for safety checks to pass",
			applies: notSent(inService), needs: whole, check: mayLeave, within: budgetWait,
		},
		{
			name: "jitter", does: "where neither MinSize nor a lock holds the minimum, wait a random delay, then look again", doing: "waiting a random delay before starting",
			applies: notSent(inService), needs: whole, check: jitterDue, act: (*run).jitterStart, within: budgetWait,
		},
		lockRow(),
		{
			name: "enter", does: "enter Standby", doing: "entering Standby",
			applies: notSent(inService), needs: whole, check: mayAsk, act: (*run).enterStandby, moves: true, within: budgetWait,
		},
		{
			name: "standby", does: "wait until Standby; this cannot be cancelled before draining ends", doing: "waiting for Standby",
			applies: not(standby), check: entered, within: budgetMove, ends: drainEnds,
		},
		{
			name: "drain", does: "wait until every load balancer has deregistered the instance", doing: "waiting for the instance to drain",
			applies: in(standby), needs: ownDrain, check: drained, within: budgetMove, ends: drainEnds,
		},
		{
			name: "prove", does: "check the slot and the minimum again on fresh reads", doing: "checking the minimum again on fresh reads",
			applies: in(standby), needs: whole, check: proven, within: budgetMove,
			rollBack: (*run).rollBackOut, rollsBack: "exit Standby, wait until healthy everywhere",
		},
	}
}

// managedRow refuses a group that another AWS service manages, whatever the instance is about to do.
func managedRow() step {
	return step{
		name: "managed", does: "refuse a group that another AWS service manages", doing: "checking the group",
		applies: func(v view) bool { return v.sent.IsZero() && v.Group.Operator != "" }, check: managed, within: budgetWait,
	}
}

// managed: only the principal of the operator may make mutating calls (API reference, AutoScalingGroup, Operator).
func managed(v view) verdict {
	return blockedBy(failure.Setup, "use that service's own way to update its instances",
		"%s is managed by %s, which alone may move its instances", v.Group.Name, v.Group.Operator)
}

// Out takes the instance out of service. It returns nil only when it is in Standby, no load balancer lists it, its slot
// is its own, and the minimum is healthy without it, or when there is nothing to do. The report is never nil.
func (a *Agent) Out(ctx context.Context, opt OutOptions) (*Report, error) {
	r := a.newRun("out", request{
		Options: opt.Options, min: opt.MinHealthy, replace: opt.Replace, emptyZone: opt.AllowEmptyZone,
		settle: opt.Settle, refreshes: true, foresees: !opt.Return.Off, probe: opt.Return.Check,
	})
	r.warnings = outWarnings
	r.resolve = func(o reading) budgets {
		return outBudgets(opt.Options, opt.Settle, o.Traffic).shrinkTo(opt.Limit, fleet.WayOut(o.Traffic)+opt.Settle)
	}
	return r.command(ctx, outSteps())
}

// notSent rows have a say before this run has moved anything.
func notSent(is func(fleet.State) bool) func(view) bool {
	return func(v view) bool { return v.sent.IsZero() && is(v.State) }
}

func in(is func(fleet.State) bool) func(view) bool { return func(v view) bool { return is(v.State) } }

func not(is func(fleet.State) bool) func(view) bool {
	return func(v view) bool { return !is(v.State) }
}

func inService(s fleet.State) bool { return s == fleet.InService }
func standby(s fleet.State) bool   { return s.Settled() }
func entering(s fleet.State) bool  { return s.Draining() }

// idleState: Standby is out of reach and the instance gets no traffic; CodeDeploy's launch deployments run in
// Pending:Wait.
func idleState(s fleet.State) bool { return s == fleet.PendingWait || s.Warm() }

func strangeState(s fleet.State) bool {
	return !s.Arriving() && !s.Out() && !inService(s) && !idleState(s)
}

func due(view) verdict { return verdict{kind: act} }

func arriving(v view) verdict {
	return blockedBy(failure.NotNow, "run it again when it is InService", "%s is %s: a launch or a return is under way", v.ID, v.State)
}

func strange(v view) verdict {
	switch {
	case v.State.Leaving():
		return leavingState(v)
	case v.State.ReplacingRootVolume():
		return blockedBy(failure.NotNow, "run it again when the instance is InService", "%s is %s: an instance refresh is replacing its root volume", v.ID, v.State).atOnce()
	case !v.State.Passing():
		return blockedBy(failure.NotNow, "look with balanced status", "%s is %s, which does not end by itself", v.ID, v.State).atOnce()
	}
	return blockedBy(failure.NotNow, "look with balanced status", "%s is %s", v.ID, v.State)
}

// leavingState says what to do with an instance on its way out.
func leavingState(v view) verdict {
	hint := leaveIt
	switch {
	case v.State.Retained():
		hint = "inspect it, then terminate it: " + Terminate(v.ID)
	case v.State == fleet.Detaching, v.State == fleet.Detached:
		hint = "attach it to a group again to use it"
	}
	return blockedBy(failure.Leaving, hint, "%s is %s", v.ID, v.State)
}

// Terminate is the command that ends a retained instance.
func Terminate(id string) string {
	return "aws autoscaling terminate-instance-in-auto-scaling-group --no-should-decrement-desired-capacity --instance-id " + id
}

func mayLeave(v view) verdict { return ask(outGuards, v) }

// jitterDue: starts need no spreading where Auto Scaling itself, or a lock, refuses the move that is one too many.
func jitterDue(v view) verdict {
	if v.jittered || v.DryRun || v.locks || v.fenced() || longestJitter(v.Snapshot) == 0 {
		return verdict{}
	}
	return verdict{kind: act}
}

// longestJitter is the longest a start is put off where MinSize does not hold the minimum: agents started in the same
// second then see one another before they leave.
func longestJitter(s fleet.Snapshot) time.Duration {
	return min(30*time.Second, time.Duration(len(s.Group.Members))*4*time.Second, fleet.LongestDrain(s.Traffic)/5)
}

func (r *run) jitterStart(ctx context.Context) error {
	pause := time.Duration(r.draw() * float64(longestJitter(r.seen.Snapshot)))
	r.Log.Debug("waiting a random delay", logging.Wait(pause))
	r.jittered = true
	return sleep(ctx, pause)
}

// mayAsk: ask, but not again at once after a refusal, and not by what is too old.
func mayAsk(v view) verdict {
	if v.refused != nil {
		return refusedMove(v)
	}
	if old := stale(v); old.kind != settled {
		return old
	}
	return verdict{kind: act}
}

// entered waits for Standby. A look that is younger than the move and shows the instance elsewhere means that something
// else moved it: that is not fought.
func entered(v view) verdict {
	switch {
	case v.State.Draining():
		return draining(v)
	case v.sent.IsZero() && v.State.Arriving(): // a rollback, and a look older than the one that decided on it
		return blockedBy(failure.Unfinished, "run it again to resume", "%s is %s", v.ID, v.State)
	case v.State.Leaving():
		return blockedBy(failure.Gone, "nothing is left to repair", "%s is %s", v.ID, v.State)
	case v.young():
		return v.unconfirmed(v.words("EnterStandby", "the deregistration"))
	}
	return changedByOthers(v)
}

// changedByOthers: a state that this run did not bring about.
func changedByOthers(v view) verdict {
	return blockedBy(failure.Unfinished, "find out what changed it, then run it again", "%s is %s: something else changed its state", v.ID, v.State).atOnce()
}

// unconfirmed: the move was asked for, and no look shows it yet. A doubtful answer is settled by the first look that is
// young enough, so there is no use in looking later than that.
func (v view) unconfirmed(call string) verdict {
	judged := blockedBy(failure.Unfinished, "run it again to resume", "%s was sent, and %s is still read as %s", call, v.ID, v.State)
	if v.doubt != nil {
		judged.nextLook = v.sent.Add(v.settle)
	}
	return judged
}

// draining says that the instance is still on its way to Standby, and how long that may take.
func draining(v view) verdict {
	times := drainTimes(v.Traffic)
	if times != "" {
		times = " (" + times + ")"
	}
	return blockedBy(failure.Unfinished, "run it again to resume", "%s is still %s%s", v.ID, v.State, times)
}

// drainTimes names the load balancers that drain, and for how long each may: "app drains for 5m, legacy for 1m".
func drainTimes(traffic []fleet.Traffic) string {
	var parts []string
	for _, t := range traffic {
		switch {
		case t.Drain == 0:
		case len(parts) == 3:
			parts = append(parts, "and others")
		case len(parts) == 0:
			parts = append(parts, t.Name+" drains for "+format.Duration(t.Drain))
		case len(parts) < 3:
			parts = append(parts, t.Name+" for "+format.Duration(t.Drain))
		}
	}
	return strings.Join(parts, ", ")
}

// drained: no load balancer lists this instance as anything but deregistered. A Network Load Balancer sends new
// connections for a while after it says so.
func drained(v view) verdict {
	for _, t := range v.Traffic {
		if x, listed := t.StillListed(); listed {
			return blockedBy(failure.Unfinished, "run it again to resume", "%s is still %s at %s", v.ID, healthText(x), t.Name)
		}
	}
	for _, t := range v.Traffic {
		since := v.drainingSince(t)
		if t.Kind == fleet.Network && since < fleet.NetworkOut {
			return blockedBy(failure.Unfinished, "run it again to resume", "%s may send new connections until %s after the move",
				t.Name, format.Duration(fleet.NetworkOut)).notBefore(v.looked.Add(fleet.NetworkOut - since))
		}
	}
	return verdict{}
}

// healthText is what a load balancer says of a target, for people.
func healthText(t fleet.Target) string {
	if t.Reason == "" {
		return string(t.Health)
	}
	return string(t.Health) + " (" + t.Reason + ")"
}
