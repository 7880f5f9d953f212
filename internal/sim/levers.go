package sim

import (
	"fmt"
	"slices"
	"time"
)

// SetAppHealthy decides what health checks of an instance's application see from now on, on every
// load balancer, each at its own next check.
func (r *Region) SetAppHealthy(instance string, healthy bool) {
	r.lock()
	defer r.unlock()
	in := r.instance(instance)
	in.answers = healthy && in.alive
	for _, reg := range in.registrations {
		r.nextCheck(reg)
	}
}

// SetInFlight says how long requests and connections that are open when an instance is deregistered
// go on. A Classic Load Balancer drains no longer than that; others take their whole delay anyway.
func (r *Region) SetInFlight(instance string, after time.Duration) {
	r.lock()
	defer r.unlock()
	r.instance(instance).inFlight = after
}

// SetState forces a lifecycle state, for states that are hard to reach. No actor touches the instance
// until a move of its own begins, and it counts as capacity meanwhile unless it is in Standby.
func (r *Region) SetState(instance, lifecycleState string) {
	r.lock()
	defer r.unlock()
	in := r.instance(instance)
	in.departure = nil
	r.transition(in, lifecycleState)
	in.forced = lifecycleState != stateInService && lifecycleState != stateStandby
	if lifecycleState == stateInService {
		in.inService = r.now
	}
}

// SetHealthStatus sets what Auto Scaling thinks of an instance: "Healthy" or "Unhealthy", as
// SetInstanceHealth does without respect for the grace period.
func (r *Region) SetHealthStatus(instance, status string) {
	r.lock()
	defer r.unlock()
	if err := r.declare(r.instance(instance), status); err != nil {
		panic("sim: " + err.Error())
	}
}

// SetProtected sets scale-in protection of an instance.
func (r *Region) SetProtected(instance string, protected bool) {
	r.lock()
	defer r.unlock()
	in := r.instance(instance)
	in.protected = protected
	become(r, &in.life, in.life.now())
}

// KillInstance terminates an instance in EC2, behind Auto Scaling's back.
func (r *Region) KillInstance(instance string) {
	r.lock()
	defer r.unlock()
	r.die(r.instance(instance))
	r.judge(r.instance(instance))
}

// Detach takes an instance out of its group through Detaching and lowers the desired capacity.
func (r *Region) Detach(instance string) { r.dismissByHand(instance, stateDetaching) }

// Terminate terminates an instance through its group and lowers the desired capacity.
func (r *Region) Terminate(instance string) { r.dismissByHand(instance, stateTerminating) }

func (r *Region) dismissByHand(instance, via string) {
	r.lock()
	defer r.unlock()
	in := r.instance(instance)
	if in.group() == nil {
		panic(fmt.Sprintf("sim: instance %s is in no group", instance))
	}
	r.dismiss(in.group(), in, via, true)
}

// EnterStandby is the same call made by a person elsewhere. It is not recorded.
func (r *Region) EnterStandby(group, instance string, decrement bool) error {
	r.lock()
	defer r.unlock()
	_, err := r.enterStandby(r.groups.must(group), []string{instance}, decrement)
	return err
}

// ExitStandby is the same call made by a person elsewhere. It is not recorded.
func (r *Region) ExitStandby(group, instance string) error {
	r.lock()
	defer r.unlock()
	_, err := r.exitStandby(r.groups.must(group), []string{instance})
	return err
}

// SetSizes is UpdateAutoScalingGroup by a person: a desired capacity outside the bounds is pushed in.
func (r *Region) SetSizes(group string, min, max, desired int) {
	r.lock()
	defer r.unlock()
	r.constrain(r.groups.must(group), min, max, desired)
}

// ScaleByPolicy is a scaling policy whose alarm asks for a desired capacity. It keeps within the
// bounds, and does nothing while AlarmNotification is suspended.
func (r *Region) ScaleByPolicy(group string, desired int) {
	r.lock()
	defer r.unlock()
	g := r.groups.must(group)
	s := g.sizes.now()
	if g.suspends(processAlarms) {
		return
	}
	to := clamp(desired, s.min, s.max)
	r.resize(g, s.min, s.max, to, fmt.Sprintf(
		"a monitor alarm load in state ALARM triggered policy load changing the desired capacity from %d to %d.", s.desired, to))
}

// FailLaunches makes every launch of a group end Failed with a message, such as "We currently do not
// have sufficient t3.small capacity"; "" lets launches succeed again.
func (r *Region) FailLaunches(group, message string) {
	r.lock()
	defer r.unlock()
	r.groups.must(group).launchFailure = message
}

// Suspend suspends processes of a group.
func (r *Region) Suspend(group string, processes ...string) {
	r.lock()
	defer r.unlock()
	r.suspend(r.groups.must(group), processes)
}

// Resume resumes processes of a group; what they held up happens.
func (r *Region) Resume(group string, processes ...string) {
	r.lock()
	defer r.unlock()
	r.resume(r.groups.must(group), processes)
}

// StartRefresh starts an instance refresh and returns its id. What becomes of instances in Standby:
// Terminate, Ignore or Wait.
func (r *Region) StartRefresh(group, standbyInstances string) string {
	r.lock()
	defer r.unlock()
	return r.startRefresh(r.groups.must(group), standbyInstances).id
}

// CancelRefresh asks the refresh under way to stop after what it has begun.
func (r *Region) CancelRefresh(group string) {
	r.lock()
	defer r.unlock()
	g := r.groups.must(group)
	if f := g.activeRefresh(); f != nil {
		r.cancelRefresh(g, f)
	}
}

// SetRefreshStatus forces a status on the newest refresh: one that ends it, or "Baking", "RollbackInProgress".
func (r *Region) SetRefreshStatus(group, status string) {
	r.lock()
	defer r.unlock()
	g := r.groups.must(group)
	if len(g.refreshes) == 0 {
		panic(fmt.Sprintf("sim: group %s has had no refresh", group))
	}
	r.setRefresh(g.refreshes[len(g.refreshes)-1], status, "")
}

// AddTargets registers targets from outside the group with a target group, healthy for long already.
// Ids the Region does not know become instances.
func (r *Region) AddTargets(targetGroup string, ids ...string) {
	r.lock()
	defer r.unlock()
	p := &r.targetGroups.must(targetGroup).pool
	for i, id := range ids {
		in := r.instances[id]
		if in == nil {
			zones := r.zones()
			in = r.newInstance(zones[i%len(zones)])
			delete(r.instances, in.id)
			in.id = id
			r.instances[id] = in
		}
		p.addHealthy(r, in)
	}
}

// RegisterExtraPort registers an instance with a target group on one more port, as a person or a
// service mesh might. Auto Scaling neither knows nor removes it.
func (r *Region) RegisterExtraPort(targetGroup, instance string, port int) {
	r.lock()
	defer r.unlock()
	r.register(&r.targetGroups.must(targetGroup).pool, r.instance(instance), port)
}

// AddActivities puts n finished activities at the old end of a group's feed: scaling out and in, ten
// minutes apart, before the group's own.
func (r *Region) AddActivities(group string, n int) {
	r.lock()
	defer r.unlock()
	g := r.groups.must(group)
	oldest, seq := g.created.Add(-time.Hour), 0
	if len(g.feed) > 0 {
		oldest, seq = g.feed[0].start.Add(-time.Hour), g.feed[0].seq
	}
	old := make([]*activity, n)
	for i := range old {
		old[n-1-i] = r.oldActivity(g, oldest.Add(-10*time.Minute*time.Duration(i)), seq-1-i)
	}
	g.feed = slices.Concat(old, g.feed)
}

func (r *Region) oldActivity(g *group, start time.Time, seq int) *activity {
	gone := &instance{id: "i-0" + hex(r.names.others, 16), zone: g.Zones[0]}
	verb, cause := "Launching a new EC2 instance: ", launchCause(2, 3)
	if seq%2 == 0 {
		verb = "Terminating EC2 instance: "
		cause = "an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from 3 to 2."
	}
	a := r.newActivity(g, gone, joinCauses(start, []string{cause}))
	a.start, a.seq = start, seq
	a.progress = always(progress{status: statusSuccessful, description: verb + gone.id, percent: 100, end: start.Add(time.Minute)})
	return a
}

// DeleteGroup begins a deletion that never ends: the group's Status is "Delete in progress", and its
// actors rest.
func (r *Region) DeleteGroup(group string) {
	r.lock()
	defer r.unlock()
	g := r.groups.must(group)
	s := g.sizes.now()
	s.deleting = true
	become(r, &g.sizes, s)
}
