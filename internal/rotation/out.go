package rotation

import (
	"context"
	"fmt"
	"time"

	"balanced/internal/fleet"
)

// outSteps is what `balanced out` does, in order. A run is at the first row that
// applies and is not settled.
func outSteps() []step {
	return []step{
		{
			name: "nothing to do", says: "leave alone an instance that waits in a lifecycle hook or in the warm pool",
			applies: fresh(idleState), check: due, act: (*run).nothingToDo,
		},
		{
			name: "arrive", says: "wait for a launch or a return that is under way",
			applies: fresh(fleet.State.Arriving), check: arriving, within: forTurn,
		},
		{
			name: "stay", says: "refuse an instance that is leaving the group, or in a state not known",
			applies: fresh(strangeState), check: strange, within: forTurn,
		},
		{
			name: "guards", says: "wait until nothing speaks against leaving",
			applies: fresh(inService), needs: all, check: mayLeave, within: forTurn,
		},
		{
			name: "spread", says: "where MinSize does not fence the floor, put the start off by a random time, then look again",
			applies: fresh(inService), needs: all, check: apart, act: (*run).standApart, within: forTurn,
		},
		{
			name: "enter", says: "enter Standby, asked once",
			applies: fresh(inService), needs: all, check: mayAsk, act: (*run).enterStandby, moves: true, within: forTurn,
		},
		{
			name: "standby", says: "wait until Standby; there is no way back before",
			applies: not(standby), check: entered, within: forMove, ends: lettingGo,
		},
		{
			name: "drain", says: "wait until every load balancer has let go",
			applies: in(standby), needs: ownDrain, check: drained, within: forMove, ends: lettingGo,
		},
		{
			name: "prove", says: "prove the place and the floor on reads younger than the move",
			applies: in(standby), needs: all, check: proven, within: forMove,
			undo: (*run).giveBack, undone: "exit Standby, wait until healthy everywhere",
		},
	}
}

// Out takes the instance out of service. It returns nil only when it is in Standby,
// no load balancer lists it, its place is its own, and the floor holds without it, or
// when there is nothing to do. The report is never nil.
func (a *Agent) Out(ctx context.Context, opt OutOptions) (*Report, error) {
	r := a.newRun("out", opt.Options)
	r.min, r.replace, r.emptyZone = opt.MinHealthy, opt.Replace, opt.AllowEmptyZone
	r.settle, r.warnings, r.refreshes = opt.Settle, outWarnings, true
	r.resolve = func(o Observed) budgets {
		return outBudgets(opt.Options, opt.Settle, o.Traffic).fit(opt.Limit, wayOut(o.Traffic)+opt.Settle)
	}
	return r.command(ctx, outSteps())
}

// fresh rows have a say before this run has moved anything.
func fresh(is func(fleet.State) bool) func(view) bool {
	return func(v view) bool { return v.sent.IsZero() && is(v.State) }
}

func in(is func(fleet.State) bool) func(view) bool { return func(v view) bool { return is(v.State) } }

func not(is func(fleet.State) bool) func(view) bool { return func(v view) bool { return !is(v.State) } }

func inService(s fleet.State) bool { return s == fleet.InService }
func standby(s fleet.State) bool   { return s == fleet.Standby }

// idleState: Standby is out of reach and nothing is served; CodeDeploy's launch
// deployments run in Pending:Wait.
func idleState(s fleet.State) bool { return s == fleet.PendingWait || s.Warm() }

func strangeState(s fleet.State) bool {
	return !s.Arriving() && !s.Out() && !inService(s) && !idleState(s)
}

func due(view) *Stop { return act }

func arriving(v view) *Stop {
	return stopf(NotNow, "run it again when it is InService", "%s is %s: a launch or a return is under way", v.ID, v.State)
}

func strange(v view) *Stop {
	if v.State.Leaving() {
		return stopf(Leaving, leaveIt, "%s is %s", v.ID, v.State)
	}
	return stopf(NotNow, "look at it with balanced status", "%s is %s", v.ID, v.State)
}

func mayLeave(v view) *Stop { return ask(outGuards, v) }

// apart: starts need no spreading where the service itself refuses the surplus.
func apart(v view) *Stop {
	if v.spread || v.dryRun || v.fenced() || spread(v.Observed) == 0 {
		return nil
	}
	return act
}

func (r *run) standApart(ctx context.Context) error {
	pause := time.Duration(r.draw() * float64(spread(r.seen)))
	r.note("putting the start off", waitField(pause))
	r.spread = true
	return sleep(ctx, pause)
}

// mayAsk: ask, but not again at once after a refusal, and not by what is too old.
func mayAsk(v view) *Stop {
	if v.refused != nil {
		return refusal(v)
	}
	if stop := stale(v); stop != nil {
		return stop
	}
	return act
}

// entered waits for Standby. A look that is younger than the move and shows the
// instance elsewhere means that other hands moved it: they are not fought.
func entered(v view) *Stop {
	switch {
	case v.State == fleet.EnteringStandby:
		return stopf(Unfinished, "run it again to resume", "%s is EnteringStandby%s", v.ID, v.drainers())
	case v.sent.IsZero() && v.State.Arriving(): // an undo, and a look older than the one that decided on it
		return stopf(Unfinished, "run it again to resume", "%s is %s", v.ID, v.State)
	case v.State.Leaving():
		return stopf(Gone, "nothing is left to repair", "%s is %s", v.ID, v.State)
	case v.young():
		return v.unshown("EnterStandby")
	}
	return stopf(Unfinished, "find out who moved it, then run it again", "%s is %s: other hands moved it", v.ID, v.State).atOnce()
}

// young: the look may be older than the move, by what reads are assumed to lag.
func (v view) young() bool { return v.Torn || v.Began.Before(v.sent.Add(v.settle)) }

// unshown: the move was asked for, and no look shows it yet. A doubtful answer is settled
// by the first look that is young enough, so there is no use in looking later than that.
func (v view) unshown(call string) *Stop {
	stop := stopf(Unfinished, "run it again to resume", "%s was answered, %s still shows %s", call, v.ID, v.State)
	if v.doubt != nil {
		stop.again = v.sent.Add(v.settle)
	}
	return stop
}

// drainers says which load balancers still drain, for people.
func (v view) drainers() string {
	if len(v.Traffic) == 0 {
		return ""
	}
	return fmt.Sprintf(" (drains take up to %s)", brief(longestDrain(v.Traffic)))
}

// drained: no load balancer lists this instance as anything but unregistered. A Network
// Load Balancer sends new connections for a while after it says so.
func drained(v view) *Stop {
	for _, t := range v.Traffic {
		if x, listed := t.listsMe(); listed {
			return stopf(Unfinished, "run it again to resume", "%s still lists %s: %s", t.Name, v.ID, said(x))
		}
	}
	since := v.Now.Sub(v.claimStart())
	for _, t := range v.Traffic {
		if t.Kind == fleet.Network && since < networkOut {
			stop := stopf(Unfinished, "run it again to resume", "%s may send new connections until %s after the move", t.Name, brief(networkOut))
			stop.again = v.looked.Add(networkOut - since)
			return stop
		}
	}
	return nil
}

// claimStart is when this instance's move to Standby began, on AWS's clock.
func (v view) claimStart() time.Time {
	if !v.answer.Start.IsZero() {
		return v.answer.Start
	}
	mine, _ := newest(v.Activities, v.ID, fleet.ToStandby)
	return mine.Start
}

func said(t fleet.Target) string {
	if t.Reason == "" {
		return string(t.Health)
	}
	return string(t.Health) + " (" + t.Reason + ")"
}
