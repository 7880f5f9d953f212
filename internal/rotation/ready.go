package rotation

import (
	"context"
	"fmt"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// ReadyOptions are the options of Ready.
type ReadyOptions struct {
	WaitOptions
	Hook    string // the name of the launch hook; empty: the only one that is not CodeDeploy's
	Probe   ProbeOptions
	Abandon bool // have an instance that does not pass in time terminated
	DryRun  bool
}

// launchRequest is the part of a request that is about a new instance.
type launchRequest struct {
	hook    string
	abandon bool
}

// readySteps is what `balanced ready` does, in order.
func readySteps() []step {
	return []step{
		{
			name: "stay", does: "refuse an instance that is leaving the group", doing: "checking the lifecycle state",
			applies: func(v view) bool { return !v.State.Warm() && isLeaving(v) }, check: leavingNew, within: budgetWait,
		},
		{
			name: "standby", does: "refuse an instance in Standby, which does not return by itself", doing: "checking the lifecycle state",
			applies: in(fleet.State.Out), check: inStandbyNew, within: budgetWait,
		},
		{
			name: "hook", does: "find the launch hook of the group", doing: "looking for the launch hook",
			applies: beforePassing(meetsHook), check: hookDue, act: (*run).findHook, within: budgetWait,
		},
		{
			name: "warm pool", does: "let an instance that is being prepared for the warm pool pass the hook, without a probe", doing: "passing the launch hook into the warm pool",
			applies: beforePassing(heldWarm), check: mayComplete, act: (*run).passIntoWarmPool, moves: true, within: budgetWait,
		},
		{
			name: "nothing to do", does: "leave an instance alone that is in the warm pool", doing: "nothing to do",
			applies: inWarmPool, check: due, outcome: "nothing to do",
		},
		{
			name: "arrive", does: "wait until the launch hook holds the instance", doing: "waiting for the launch hook",
			applies: beforePassing(notHeld), check: launching, within: budgetWait,
		},
		{
			name: "probe", does: "probe this host as its load balancers will, until it passes, with heartbeats for the hook", doing: "probing this host as its load balancers will",
			applies: beforePassing(heldNew), needs: whole, check: gateProbeDue, act: (*run).probeAtGate, within: budgetWait,
		},
		{
			name: "abandon", does: "complete the hook with ABANDON, where the host did not pass and `--on-unfit abandon` is given", doing: "abandoning the launch",
			applies: unfitAtGate, check: mayComplete, act: (*run).abandonLaunch, moves: true, within: budgetWait,
		},
		{
			name: "continue", does: "complete the hook with CONTINUE", doing: "completing the launch hook",
			applies: beforePassing(heldNew), check: mayComplete, act: (*run).continueLaunch, moves: true, within: budgetWait,
		},
		{
			name: "in service", does: "wait until InService, through other hooks", doing: "waiting for InService",
			applies: not(inService), check: joining, within: budgetWait, ends: joined(registrationEnds),
		},
		{
			name: "healthy", does: "wait until every load balancer says healthy", doing: "waiting until every load balancer says healthy",
			applies: in(inService), needs: ownDrain, check: healthyNew, within: budgetWait, ends: joined(checksPass),
		},
	}
}

// Ready is the gate of a new instance: it completes the launch hook once the host passes what its load balancers will
// ask, and returns nil when the instance is InService and every load balancer that counts calls it healthy, or when it
// is in the warm pool. An instance that no group lists yet is waited for. It may run beside other runs on this host: a
// hook is completed once. The report is never nil.
func (a *Agent) Ready(ctx context.Context, opt ReadyOptions) (*Report, error) {
	r := a.newRun("ready", request{
		Options: Options{Wait: orAuto(opt.Timeout, launchTime), Ignore: opt.Ignore, DryRun: opt.DryRun}, settle: DefaultSettle,
		awaitsGroup: true, probes: a.Prober != nil && !opt.Probe.Off, probe: opt.Probe.Check,
		launch: launchRequest{hook: opt.Hook, abandon: opt.Abandon},
	})
	r.proven = "in"
	r.warnings = []warning{unusedSource, ignoredSource, shortGrace, slowStart, unreadableEvent}
	r.resolve = func(o reading) budgets {
		return budgets{wait: orAuto(opt.Timeout, launchTime+fleet.WayBack(o.Traffic)), still: throttling}
	}
	return r.finish(ctx, r.launchEnd(r.follow(ctx, readySteps())))
}

// launchEnd tells the end that this run brought about from one that it met: the instance whose launch it abandoned is
// on its way out, or gone.
func (r *run) launchEnd(err error) error {
	if r.gate.unfit != nil && failure.Is(err, failure.Gone) {
		return r.abandoned()
	}
	return err
}

// beforePassing rows have a say while the instance has not passed its hook. One that returns from Standby meets none.
func beforePassing(is func(fleet.State) bool) func(view) bool {
	return func(v view) bool { return !v.passed() && !v.returning && is(v.State) }
}

// passed: the hook was completed.
func (v view) passed() bool { return v.gate.over || v.moved }

func heldNew(s fleet.State) bool  { return s == fleet.PendingWait }
func heldWarm(s fleet.State) bool { return s == fleet.WarmedPendingWait }

// meetsHook: a hook holds the instance, or will.
func meetsHook(s fleet.State) bool {
	return s == fleet.Pending || s == fleet.WarmedPending || heldNew(s) || heldWarm(s)
}

// notHeld: on its way, also through an instance refresh that replaces the root volume.
func notHeld(s fleet.State) bool {
	return s == fleet.WarmedPending || !s.Warm() && !heldNew(s) && !inService(s)
}

func inWarmPool(v view) bool { return v.State.Warm() && (v.passed() || !meetsHook(v.State)) }

func unfitAtGate(v view) bool { return v.gate.unfit != nil && !v.passed() && heldNew(v.State) }

func leavingNew(v view) verdict {
	if v.moved {
		return blockedBy(failure.Gone, "nothing is left to repair", "%s is %s after its launch hook was completed", v.ID, v.State)
	}
	return leaving(v)
}

func inStandbyNew(v view) verdict {
	if v.moved {
		return changedByOthers(v)
	}
	return inStandby(v)
}

func hookDue(v view) verdict {
	if v.gate.hook.Name != "" {
		return verdict{}
	}
	return verdict{kind: act}
}

// gateProbeDue: what `ready` could not prove in the end is refused before the hook is completed.
func gateProbeDue(v view) verdict {
	if v.doubt != nil || v.gate.unfit != nil {
		return verdict{}
	}
	if judged := knownSources(v); judged.kind != settled {
		return judged
	}
	if p := "AddToLoadBalancer"; v.Group.IsSuspended(p) {
		return blockedBy(failure.Setup, resumeProcess(v.Snapshot, p), "%s is suspended: new instances get no traffic", p)
	}
	return probeDue(v)
}

// joining waits for InService once this run, or something else, has completed the hook.
func joining(v view) verdict {
	class, why := failure.NotNow, ""
	if v.gate.unfit != nil && !v.moved && v.doubt == nil { // something else completed the hook that was to be abandoned
		return verdict{kind: blocked, refusal: v.gate.unfit, final: true}
	}
	if v.moved {
		class = failure.Unhealthy
	}
	if heldNew(v.State) && v.gate.others != "" {
		why = fmt.Sprintf(": launch hook %s holds it too", v.gate.others)
	}
	return blockedBy(class, "wait longer with --timeout, or look with balanced status", "%s is still %s%s", v.ID, v.State, why)
}

// unhurried is how often an instance is looked at whose hook this run did not complete: nobody can tell when that was.
const unhurried = 10 * time.Second

// joined forecasts a wait after this run's own CONTINUE.
func joined(ends func(view) forecast) func(view) forecast {
	return func(v view) forecast {
		if v.sent.IsZero() {
			return forecast{first: unhurried}
		}
		return ends(v)
	}
}

// healthyNew is healthyAtLast, and after this run's own CONTINUE the class says so.
func healthyNew(v view) verdict {
	judged := healthyAtLast(v)
	if judged.kind == blocked && v.moved {
		judged.refusal.Class = failure.Unhealthy
	}
	return judged
}
