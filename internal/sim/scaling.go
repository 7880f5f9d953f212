package sim

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Processes of a group that can be suspended (User Guide, "Suspend and resume a process").
const (
	processLaunch            = "Launch"
	processTerminate         = "Terminate"
	processAddToLoadBalancer = "AddToLoadBalancer"
	processAZRebalance       = "AZRebalance"
	processHealthCheck       = "HealthCheck"
	processInstanceRefresh   = "InstanceRefresh"
	processReplaceUnhealthy  = "ReplaceUnhealthy"
	processAlarms            = "AlarmNotification"
)

// processes are all processes, in AWS's order.
func processes() []string {
	return []string{
		processLaunch, processTerminate, processHealthCheck, processReplaceUnhealthy, processAZRebalance,
		processAlarms, "ScheduledActions", processAddToLoadBalancer, processInstanceRefresh,
	}
}

// reconcileSoon schedules reconcile.
func (r *Region) reconcileSoon(g *group) {
	if g == nil || g.lookDue {
		return
	}
	g.lookDue = true
	r.scheduleAfter(r.config.Timing.ReactionTime, func() {
		g.lookDue = false
		r.reconcile(g)
	})
}

// reconcile starts what Auto Scaling has to do in a group. It runs again after each completed step.
func (r *Region) reconcile(g *group) {
	if g.sizes.current().deleting {
		return
	}
	r.replaceUnhealthy(g)
	r.continueRefresh(g)
	r.grow(g)
	r.shrink(g)
	r.rebalance(g)
	r.refillWarmPool(g)
}

// grow launches missing capacity.
func (r *Region) grow(g *group) {
	if g.suspends(processLaunch) || r.now.Before(g.launchAfter) {
		return
	}
	for units, desired := g.units(), g.sizes.current().desired; units < desired; {
		cause := launchCause(units, desired)
		if g.replacementsDue > 0 {
			g.replacementsDue--
			cause = "an instance was launched in response to an unhealthy instance needing to be replaced."
		}
		if g.launchFailure != "" {
			r.failLaunch(g, g.resizeCause, cause)
			return
		}
		units += r.launch(g, g.emptiestZone(), g.resizeCause, cause).weight
		g.resizeCause = ""
	}
}

// shrink terminates surplus capacity, but no instance in Standby.
func (r *Region) shrink(g *group) {
	if g.suspends(processTerminate) {
		return
	}
	for units, desired := g.units(), g.sizes.current().desired; units > desired; {
		surplus := g.terminationCandidate()
		if surplus == nil || units-surplus.weight < desired {
			return
		}
		if g.Settings.ReuseOnScaleIn {
			r.returnToWarmPool(surplus)
			units -= surplus.weight
			continue
		}
		r.terminate(surplus, g.resizeCause,
			fmt.Sprintf("an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from %d to %d.", units, units-surplus.weight),
			fmt.Sprintf("instance %s was selected for termination.", surplus.id))
		units -= surplus.weight
		g.resizeCause = ""
	}
}

// terminationCandidate is the instance that the default termination policy picks: the oldest in the
// fullest zone.
func (g *group) terminationCandidate() *instance {
	counts := g.zoneCounts()
	var candidates []*instance
	for _, in := range g.members {
		if in.group() == g && in.countsTowardsDesired() && !in.protected && !in.move.forced {
			candidates = append(candidates, in)
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	return slices.MinFunc(candidates, func(a, b *instance) int {
		return cmp.Or(counts[b.zone]-counts[a.zone], a.launched.Compare(b.launched))
	})
}

// launch launches an instance, from the warm pool if it has one.
func (r *Region) launch(g *group, zone string, causes ...string) *instance {
	in, description := g.fromWarmPool(), "Launching a new EC2 instance from warm pool: "
	if in == nil {
		in, description = r.newInstance(zone), "Launching a new EC2 instance: "
		in.weight = g.nextWeight()
		in.membership = history[membership]{}
		g.members = append(g.members, in)
	}
	in.launched, in.image = r.now, g.imageNow()
	setNow(r, &in.membership, membership{group: g, state: statePending, health: healthy})
	r.transition(in, statePending)
	in.move.activity = r.startActivity(g, in, description+in.id, statusPreInService, 30, causes...)
	r.continueAfter(in, r.config.Timing.LaunchTime, func() {
		r.runHooks(in, g.hooksOf(false), func(abandoned string) {
			if abandoned != "" {
				r.abandonLaunch(g, in, abandoned)
				return
			}
			wait := r.registerWithAll(g, in)
			r.continueAfter(in, wait, func() { r.enterService(g, in) })
		})
	})
	return in
}

// abandonLaunch terminates an instance whose launch hook was abandoned. Auto Scaling then launches
// another one.
func (r *Region) abandonLaunch(g *group, in *instance, message string) {
	r.endActivity(in.move.activity, statusCancelled, message)
	r.cancelMove(in)
	r.setTargetState(in, stateTerminated)
	r.stopRunning(in)
	r.leaveGroup(in)
	if old := in.replacement.of; old != nil && old.replacement.by == in {
		in.replacement.of, old.replacement.by = nil, nil
	}
	r.launchFailed(g)
	r.reconcileSoon(g)
}

// launchRetry is the time until Auto Scaling repeats a failed launch. AWS publishes no figure.
const launchRetry = time.Minute

// failLaunch records a launch that EC2 refuses: it ends before there is an instance.
func (r *Region) failLaunch(g *group, causes ...string) {
	none := &instance{identity: identity{zone: g.emptiestZone()}}
	a := r.startActivity(g, none, "Launching a new EC2 instance", statusPreInService, 30, causes...)
	r.endActivity(a, statusFailed, g.launchFailure)
	r.launchFailed(g)
	g.launchAfter = r.now.Add(launchRetry)
	r.schedule(g.launchAfter, func() { r.reconcileSoon(g) })
}

// registerWithAll registers an instance with its group's load balancers and returns how long that
// takes. While AddToLoadBalancer is suspended it does not, and resuming does not make up for it.
func (r *Region) registerWithAll(g *group, in *instance) time.Duration {
	if g.suspends(processAddToLoadBalancer) {
		return 0
	}
	wait := time.Duration(0)
	for _, p := range g.registrars {
		r.register(p, in, p.port)
		wait = max(wait, p.traits.registerTime(r))
	}
	return wait
}

// enterService ends a launch or a return from Standby, whether health checks pass or not.
func (r *Region) enterService(g *group, in *instance) {
	r.transition(in, stateInService)
	in.inServiceSince = r.now
	r.endActivity(in.move.activity, statusSuccessful, "")
	r.launchSucceeded(g, in)
	if old := in.replacement.of; old != nil {
		in.replacement.of = nil
		if old.group() == g && old.replacement.by == in {
			r.terminateReplaced(g, old)
		}
	}
	r.scheduleAfter(g.Grace, func() { r.checkHealth(in) })
	r.reconcileSoon(g)
}

// terminateReplaced terminates an instance whose replacement is in service. If Terminate is
// suspended, or the instance has entered Standby, it stays, and the group is too large.
func (r *Region) terminateReplaced(g *group, old *instance) {
	old.replacement.by = nil
	if !g.suspends(processTerminate) && old.state() == stateInService {
		r.terminate(old, old.replacement.cause)
	}
}

// terminate terminates an instance and removes it from its group.
func (r *Region) terminate(in *instance, causes ...string) *activity {
	return r.removeFromGroup(in, stateTerminating, "Terminating EC2 instance: "+in.id, 50, causes...)
}

// fromWarmPool is the next instance of the warm pool, or nil.
func (g *group) fromWarmPool() *instance {
	for _, in := range g.members {
		if in.group() == g && in.state() == stateWarmedStopped && !in.move.forced {
			return in
		}
	}
	return nil
}

// refillWarmPool keeps the warm pool at its size.
func (r *Region) refillWarmPool(g *group) {
	if g.WarmPool == 0 || g.suspends(processLaunch) {
		return
	}
	waiting := 0
	for _, in := range g.members {
		if in.group() == g && warm(in.state()) {
			waiting++
		}
	}
	for ; waiting < g.WarmPool; waiting++ {
		r.launchWarm(g, waiting)
	}
}

// launchWarm launches an instance into the warm pool, where it is stopped once it has started.
func (r *Region) launchWarm(g *group, waiting int) {
	in := r.newInstance(g.emptiestZone())
	in.weight = g.nextWeight()
	g.members = append(g.members, in)
	setNow(r, &in.membership, membership{group: g, state: stateWarmedPending, health: healthy})
	r.transition(in, stateWarmedPending)
	in.move.activity = r.startActivity(g, in, "Launching a new EC2 instance into warm pool: "+in.id, statusPreInService, 30, launchCause(waiting, waiting+1))
	r.continueAfter(in, r.config.Timing.LaunchTime, func() {
		r.runHooks(in, g.hooksOf(false), func(abandoned string) {
			if abandoned != "" {
				r.abandonLaunch(g, in, abandoned)
				return
			}
			r.transition(in, stateWarmedStopped)
			r.endActivity(in.move.activity, statusSuccessful, "")
		})
	})
}
