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

// processes are all of them, in the order AWS lists them.
func processes() []string {
	return []string{
		processLaunch, processTerminate, processHealthCheck, processReplaceUnhealthy, processAZRebalance,
		processAlarms, "ScheduledActions", processAddToLoadBalancer, processInstanceRefresh,
	}
}

// replan puts a look at the group on the agenda.
func (r *Region) replan(g *group) {
	if g == nil || g.planned {
		return
	}
	g.planned = true
	r.after(r.timing.ReactionTime, func() {
		g.planned = false
		r.plan(g)
	})
}

// plan is Auto Scaling looking at a group and doing what is due. Each completed step looks again.
func (r *Region) plan(g *group) {
	if g.sizes.now().deleting {
		return
	}
	r.replaceUnhealthy(g)
	r.refreshOn(g)
	r.grow(g)
	r.shrink(g)
	r.rebalance(g)
	r.refillWarmPool(g)
}

// grow launches what is missing.
func (r *Region) grow(g *group) {
	if g.suspends(processLaunch) {
		return
	}
	for units, desired := g.units(), g.sizes.now().desired; units < desired; {
		cause := launchCause(units, desired)
		if g.owed > 0 {
			g.owed--
			cause = "an instance was launched in response to an unhealthy instance needing to be replaced."
		}
		units += r.launch(g, g.emptiestZone(), g.reason, cause).weight
		g.reason = ""
	}
}

// shrink terminates what is too many; never an instance in Standby.
func (r *Region) shrink(g *group) {
	if g.suspends(processTerminate) {
		return
	}
	for units, desired := g.units(), g.sizes.now().desired; units > desired; {
		victim := g.victim()
		if victim == nil || units-victim.weight < desired {
			return
		}
		r.terminate(victim, g.reason,
			fmt.Sprintf("an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from %d to %d.", units, units-victim.weight),
			fmt.Sprintf("instance %s was selected for termination.", victim.id))
		units -= victim.weight
		g.reason = ""
	}
}

// victim is whom the default termination policy picks: in the fullest zone the oldest instance.
func (g *group) victim() *instance {
	counts := g.zoneCounts()
	var candidates []*instance
	for _, in := range g.members {
		if in.group() == g && in.capacity() && !in.protected && !in.forced {
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

// launch starts an instance, from the warm pool if there is one there.
func (r *Region) launch(g *group, zone string, causes ...string) *instance {
	in, description := g.fromWarmPool(), "Launching a new EC2 instance from warm pool: "
	if in == nil {
		in, description = r.newInstance(zone), "Launching a new EC2 instance: "
		in.weight = g.nextWeight()
		in.life = past[life]{}
		g.members = append(g.members, in)
	}
	in.launched = r.now
	become(r, &in.life, life{group: g, state: statePending, health: healthy})
	r.transition(in, statePending)
	in.activity = r.begin(g, in, description+in.id, statusPreInService, 30, causes...)
	r.later(in, r.timing.LaunchTime, func() {
		if g.launchFailure != "" {
			r.failLaunch(g, in)
			return
		}
		wait := r.enlist(g, in)
		r.later(in, wait, func() { r.enterService(g, in) })
	})
	return in
}

// failLaunch ends a launch that EC2 could not complete. Auto Scaling tries again a minute later.
func (r *Region) failLaunch(g *group, in *instance) {
	r.end(in.activity, statusFailed, g.launchFailure)
	r.abandonMove(in)
	r.die(in)
	r.leaveGroup(in)
	r.after(time.Minute, func() { r.replan(g) })
}

// enlist registers an instance with its group's load balancers, unless that is suspended, in which
// case it never happens. It returns how long registration takes.
func (r *Region) enlist(g *group, in *instance) time.Duration {
	if g.suspends(processAddToLoadBalancer) {
		return 0
	}
	wait := time.Duration(0)
	for _, p := range g.pools {
		r.register(p, in, p.port)
		wait = max(wait, p.rules.registerTime(r))
	}
	return wait
}

// enterService ends a launch or a return from Standby. It does not wait for health checks to pass.
func (r *Region) enterService(g *group, in *instance) {
	r.transition(in, stateInService)
	in.inService = r.now
	r.end(in.activity, statusSuccessful, "")
	if old := in.replaces; old != nil {
		in.replaces = nil
		if old.group() == g && old.standIn == in {
			r.makeWay(g, old)
		}
	}
	r.after(g.Grace, func() { r.judge(in) })
	r.replan(g)
}

// makeWay ends an instance whose stand-in is in service. While Terminate is suspended it stays, and
// so does one that has gone to Standby meanwhile; the group is larger than desired then.
func (r *Region) makeWay(g *group, old *instance) {
	old.standIn = nil
	if !g.suspends(processTerminate) && old.state() == stateInService {
		r.terminate(old, old.ailment)
	}
}

// terminate takes an instance out of service and then out of existence.
func (r *Region) terminate(in *instance, causes ...string) *activity {
	return r.begone(in, stateTerminating, "Terminating EC2 instance: "+in.id, causes...)
}

// fromWarmPool is the next instance of the warm pool; nil when it is empty.
func (g *group) fromWarmPool() *instance {
	for _, in := range g.members {
		if in.group() == g && in.state() == stateWarmedStopped && !in.forced {
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

// launchWarm starts an instance into the warm pool, where it is stopped when it has come up.
func (r *Region) launchWarm(g *group, waiting int) {
	in := r.newInstance(g.emptiestZone())
	in.weight = g.nextWeight()
	g.members = append(g.members, in)
	become(r, &in.life, life{group: g, state: stateWarmedPending, health: healthy})
	r.transition(in, stateWarmedPending)
	in.activity = r.begin(g, in, "Launching a new EC2 instance into warm pool: "+in.id, statusPreInService, 30, launchCause(waiting, waiting+1))
	r.later(in, r.timing.LaunchTime, func() {
		r.transition(in, stateWarmedStopped)
		r.end(in.activity, statusSuccessful, "")
	})
}
