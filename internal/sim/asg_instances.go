package sim

import (
	"fmt"
	"strings"
)

func (r *Region) setInstanceHealth(q *query, _ *document) error {
	if err := q.required("InstanceId", "HealthStatus"); err != nil {
		return err
	}
	in := r.instances[q.get("InstanceId")]
	if in == nil || in.group() == nil {
		return managedNotFound(q.get("InstanceId"))
	}
	if q.boolean("ShouldRespectGracePeriod", true) && r.inGrace(in) {
		return nil
	}
	return r.declareHealth(in, q.get("HealthStatus"))
}

// declareHealth sets an instance's health at a user's request.
func (r *Region) declareHealth(in *instance, status string) error {
	switch {
	case strings.EqualFold(status, healthy):
		r.setHealth(in, healthy)
	case strings.EqualFold(status, unhealthy):
		r.markUnhealthy(in, "an instance was taken out of service in response to a user health-check.")
	default:
		return validationError("1 validation error detected: Value '%s' at 'healthStatus' is not a health status", status)
	}
	return nil
}

func managedNotFound(id string) error {
	return validationError("Instance Id not found - No managed instance found for instance ID %s", id)
}

// setInstanceProtection changes scale-in protection, of all named instances or of none.
func (r *Region) setInstanceProtection(q *query, _ *document) error {
	if err := q.required("AutoScalingGroupName", "ProtectedFromScaleIn"); err != nil {
		return err
	}
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	ids := q.values("InstanceIds")
	for _, id := range ids {
		in := r.instances[id]
		if in == nil || in.group() != g {
			return notPartOf(g, id)
		}
		switch in.state() {
		case stateInService, stateEnteringStandby, stateStandby:
		default:
			return validationError("The instance %s is not in InService or EnteringStandby or Standby.", id)
		}
	}
	for _, id := range ids {
		r.protect(r.instances[id], q.boolean("ProtectedFromScaleIn", false))
	}
	return nil
}

// protect changes scale-in protection of an instance.
func (r *Region) protect(in *instance, protected bool) {
	in.protected = protected
	r.reconcileSoon(in.group())
}

// terminateInstance is TerminateInstanceInAutoScalingGroup.
func (r *Region) terminateInstance(q *query, d *document) error {
	if err := q.required("InstanceId", "ShouldDecrementDesiredCapacity"); err != nil {
		return err
	}
	in := r.instances[q.get("InstanceId")]
	if in == nil || in.group() == nil || warm(in.state()) {
		return managedNotFound(q.get("InstanceId"))
	}
	g := in.group()
	s := g.sizes.current()
	decrement := q.boolean("ShouldDecrementDesiredCapacity", false)
	switch state := in.state(); {
	case state == stateEnteringStandby || pending(state) || terminating(state) || state == stateDetaching:
		return refusef("ScalingActivityInProgress", "Scaling activity %s is in progress and blocks this action", in.activityID(r))
	case decrement && s.desired-in.weight < s.min && in.countsTowardsDesired():
		return validationError("Currently, desiredSize equals minSize (%d). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.", s.min)
	}
	a := r.removeByRequest(g, in, stateTerminating, decrement)
	d.element("Activity", func() { a.write(d, r.now) })
	return nil
}

func (in *instance) activityID(r *Region) string {
	if in.move.activity != nil {
		return in.move.activity.id
	}
	return r.names.uuid()
}

// removeByRequest takes an instance out of its group at a user's request. For one in Standby the
// desired capacity stays: it was lowered when the instance entered.
func (r *Region) removeByRequest(g *group, in *instance, via string, decrement bool) *activity {
	s := g.sizes.current()
	verb, description, percent := "taken out of service", "Terminating EC2 instance: ", 0 // recorded
	if via == stateDetaching {
		verb, description, percent = "detached", "Detaching EC2 instance: ", 50
	}
	cause := fmt.Sprintf("instance %s was %s in response to a user request", in.id, verb)
	if decrement && in.countsTowardsDesired() {
		cause += fmt.Sprintf(", shrinking the capacity from %d to %d", s.desired, s.desired-in.weight)
		r.adjustDesired(g, s.desired-in.weight)
	}
	return r.removeFromGroup(in, via, description+in.id, percent, cause+".")
}

func (r *Region) detachInstances(q *query, d *document) error {
	if err := q.required("AutoScalingGroupName", "ShouldDecrementDesiredCapacity"); err != nil {
		return err
	}
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	decrement := q.boolean("ShouldDecrementDesiredCapacity", false)
	leaving, err := r.detachable(g, q.values("InstanceIds"))
	if err != nil {
		return err
	}
	units := 0
	for _, in := range leaving {
		if in.countsTowardsDesired() { // for the others removeByRequest leaves the desired capacity alone
			units += in.weight
		}
	}
	if s := g.sizes.current(); decrement && units > 0 && s.desired-units < s.min {
		return g.sizeRefusal("detach", len(leaving), r.config.Behaviour.AlwaysPlural)
	}
	var activities []*activity
	for _, in := range leaving {
		activities = append(activities, r.removeByRequest(g, in, stateDetaching, decrement))
	}
	r.writeActivities(d, activities)
	return nil
}

// detachable finds the instances that DetachInstances names and checks that all can be detached.
func (r *Region) detachable(g *group, ids []string) ([]*instance, error) {
	var members []*instance
	for _, id := range ids {
		in := r.instances[id]
		switch {
		case in == nil || in.group() != g:
			return nil, notPartOf(g, id)
		case in.state() != stateInService && in.state() != stateStandby:
			return nil, validationError("The instance %s is not in InService or Standby.", id)
		}
		members = append(members, in)
	}
	return members, nil
}
