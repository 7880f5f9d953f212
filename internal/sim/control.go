package sim

import (
	"fmt"
	"slices"
	"time"
)

// SetAppHealthy sets whether an instance's application passes health checks. Each load balancer
// notices at its own next check.
func (r *Region) SetAppHealthy(instance string, healthy bool) {
	r.lock()
	defer r.unlock()
	in := r.instance(instance)
	in.passesChecks = healthy && in.running
	for _, reg := range in.registrations {
		r.nextCheck(reg)
	}
}

// SetInFlight sets how long requests and connections that are open at deregistration last. A
// Classic Load Balancer drains no longer than that; target groups always take their whole delay.
func (r *Region) SetInFlight(instance string, after time.Duration) {
	r.lock()
	defer r.unlock()
	r.instance(instance).inFlight = after
}

// SetState forces a lifecycle state, for states that are hard to reach. The Region does not move
// the instance until something else does, and counts it towards the desired capacity unless it is
// in Standby or retained.
func (r *Region) SetState(instance, lifecycleState string) {
	r.lock()
	defer r.unlock()
	in := r.instance(instance)
	in.move.deregistration = nil
	r.transition(in, lifecycleState)
	in.move.forced = lifecycleState != stateInService && lifecycleState != stateStandby
	if lifecycleState == stateInService {
		in.inServiceSince = r.now
	}
}

// SetHealthStatus sets the health that Auto Scaling records, "Healthy" or "Unhealthy", as
// SetInstanceHealth does with ShouldRespectGracePeriod=false.
func (r *Region) SetHealthStatus(instance, status string) {
	r.lock()
	defer r.unlock()
	if err := r.declareHealth(r.instance(instance), status); err != nil {
		panic("sim: " + err.Error())
	}
}

// SetProtected sets scale-in protection of an instance.
func (r *Region) SetProtected(instance string, protected bool) {
	r.lock()
	defer r.unlock()
	r.protect(r.instance(instance), protected)
}

// KillInstance terminates an instance in EC2 without telling Auto Scaling.
func (r *Region) KillInstance(instance string) {
	r.lock()
	defer r.unlock()
	r.stopRunning(r.instance(instance))
	r.checkHealth(r.instance(instance))
}

// Detach detaches an instance from its group and lowers the desired capacity.
func (r *Region) Detach(instance string) { r.removeByControl(instance, stateDetaching) }

// Terminate terminates an instance through its group and lowers the desired capacity.
func (r *Region) Terminate(instance string) { r.removeByControl(instance, stateTerminating) }

func (r *Region) removeByControl(instance, via string) {
	r.lock()
	defer r.unlock()
	in := r.instance(instance)
	if in.group() == nil {
		panic(fmt.Sprintf("sim: instance %s is in no group", instance))
	}
	r.removeByRequest(in.group(), in, via, true)
}

// EnterStandby is EnterStandby called by somebody else. It is not recorded in Calls.
func (r *Region) EnterStandby(group, instance string, decrement bool) error {
	r.lock()
	defer r.unlock()
	_, err := r.enterStandby(r.groups.must(group), []string{instance}, decrement)
	return err
}

// ExitStandby is ExitStandby called by somebody else. It is not recorded in Calls.
func (r *Region) ExitStandby(group, instance string) error {
	r.lock()
	defer r.unlock()
	_, err := r.exitStandby(r.groups.must(group), []string{instance})
	return err
}

// SetSizes is UpdateAutoScalingGroup called by somebody else. A desired capacity outside the limits
// is moved inside.
func (r *Region) SetSizes(group string, min, max, desired int) {
	r.lock()
	defer r.unlock()
	r.constrain(r.groups.must(group), min, max, desired)
}

// ScaleByPolicy sets the desired capacity as a scaling policy would: within the limits, and not at
// all while AlarmNotification is suspended.
func (r *Region) ScaleByPolicy(group string, desired int) {
	r.lock()
	defer r.unlock()
	g := r.groups.must(group)
	s := g.sizes.current()
	if g.suspends(processAlarms) {
		return
	}
	to := clamp(desired, s.min, s.max)
	r.resize(g, s.min, s.max, to, fmt.Sprintf(
		"a monitor alarm load in state ALARM triggered policy load changing the desired capacity from %d to %d.", s.desired, to))
}

// FailLaunches makes every launch of a group fail with a message, such as "We currently do not have
// sufficient t3.small capacity"; "" lets launches succeed again.
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

// Resume resumes processes of a group and runs what they held up.
func (r *Region) Resume(group string, processes ...string) {
	r.lock()
	defer r.unlock()
	r.resume(r.groups.must(group), processes)
}

// StartRefresh starts a rolling instance refresh and returns its id. standbyInstances says what
// happens to instances in Standby: Terminate, Ignore or Wait; "" does not say, which means Wait.
func (r *Region) StartRefresh(group, standbyInstances string) string {
	spec := Refresh{}
	if standbyInstances != "" {
		spec.Preferences = map[string]string{"StandbyInstances": standbyInstances}
	}
	return r.StartRefreshWith(group, spec)
}

// StartRefreshWith starts an instance refresh and returns its id.
func (r *Region) StartRefreshWith(group string, spec Refresh) string {
	r.lock()
	defer r.unlock()
	return r.startRefresh(r.groups.must(group), spec).id
}

// CancelRefresh cancels the active refresh once the replacements that have begun are complete.
func (r *Region) CancelRefresh(group string) {
	r.lock()
	defer r.unlock()
	g := r.groups.must(group)
	if f := g.activeRefresh(); f != nil {
		r.cancelRefresh(g, f)
	}
}

// SetRefreshStatus forces the status of the newest refresh, to end it or to one that the Region
// does not reach itself: "Baking", "RollbackInProgress".
func (r *Region) SetRefreshStatus(group, status string) {
	r.lock()
	defer r.unlock()
	g := r.groups.must(group)
	if len(g.refreshes) == 0 {
		panic(fmt.Sprintf("sim: group %s has had no refresh", group))
	}
	r.setRefresh(g.refreshes[len(g.refreshes)-1], status, "")
}

// AddTargets registers instances that are not in the group with a target group, healthy already.
// Unknown ids become new instances.
func (r *Region) AddTargets(targetGroup string, ids ...string) {
	r.lock()
	defer r.unlock()
	p := &r.targetGroups.must(targetGroup).registrar
	for i, id := range ids {
		in := r.instances[id]
		if in == nil {
			zones := r.zones()
			in = r.newInstance(zones[i%len(zones)])
			delete(r.instances, in.id)
			in.id = id
			r.instances[id] = in
		}
		p.addHealthy(r, in, p.port)
	}
}

// RegisterExtraPort registers an instance with a target group on another port, as a person or a
// service mesh might. Auto Scaling does not know of it and never removes it.
func (r *Region) RegisterExtraPort(targetGroup, instance string, port int) {
	r.lock()
	defer r.unlock()
	r.register(&r.targetGroups.must(targetGroup).registrar, r.instance(instance), port)
}

// AddActivities adds n ended activities before the oldest one of a group's feed: launches and
// terminations, ten minutes apart.
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
		old[n-1-i] = r.endedActivity(g, oldest.Add(-10*time.Minute*time.Duration(i)), seq-1-i)
	}
	g.feed = slices.Concat(old, g.feed)
}

func (r *Region) endedActivity(g *group, start time.Time, seq int) *activity {
	gone := &instance{identity: identity{id: "i-0" + hex(r.names.other, 16), zone: g.Zones[0]}}
	verb, cause := "Launching a new EC2 instance: ", launchCause(2, 3)
	if seq%2 == 0 {
		verb = "Terminating EC2 instance: "
		cause = "an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from 3 to 2."
	}
	a := r.newActivity(g, gone, joinCauses(start, []string{cause}))
	a.start, a.seq = start, seq
	a.progress = newHistory(activityProgress{status: statusSuccessful, description: verb + gone.id, percent: 100, end: start.Add(time.Minute)})
	return a
}

// DeleteGroup starts a deletion that never ends, as an instance in Standby can cause: the group's
// Status is "Delete in progress", its sizes are 0, and the Region no longer acts on it.
func (r *Region) DeleteGroup(group string) {
	r.lock()
	defer r.unlock()
	g := r.groups.must(group)
	s := g.sizes.current()
	s.deleting, s.min, s.max, s.desired = true, 0, 0, 0
	setNow(r, &g.sizes, s)
}
