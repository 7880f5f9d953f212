package sim

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

func (r *Region) enterStandbyAction(q *query, d *document) error {
	if err := q.required("AutoScalingGroupName", "ShouldDecrementDesiredCapacity"); err != nil {
		return err
	}
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	activities, err := r.enterStandby(g, q.values("InstanceIds"), q.boolean("ShouldDecrementDesiredCapacity", false))
	if err != nil {
		return err
	}
	r.writeActivities(d, activities)
	return nil
}

func (r *Region) exitStandbyAction(q *query, d *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	activities, err := r.exitStandby(g, q.values("InstanceIds"))
	if err != nil {
		return err
	}
	r.writeActivities(d, activities)
	return nil
}

// writeActivities answers a move. AutoScalingGroupARN and AutoScalingGroupState are only in
// DescribeScalingActivities.
func (r *Region) writeActivities(d *document, activities []*activity) {
	list(d, "Activities", activities, func(a *activity) { a.write(d, r.now) })
}

// updateAutoScalingGroup changes sizes and health checks. A limit that passes the desired capacity
// moves it (API reference, UpdateAutoScalingGroup).
func (r *Region) updateAutoScalingGroup(q *query, _ *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	s := g.sizes.current()
	low, err1 := q.number("MinSize", s.min)
	high, err2 := q.number("MaxSize", s.max)
	desired, err3 := q.number("DesiredCapacity", clamp(s.desired, low, high))
	grace, err4 := q.number("HealthCheckGracePeriod", int(g.Grace/time.Second))
	switch err := cmp.Or(err1, err2, err3, err4); {
	case err != nil:
		return err
	case low > high:
		return validationError("Min bound, %d, must be less than or equal to max bound, %d.", low, high)
	case desired < low || desired > high:
		return validationError("Desired capacity:%d must be between the specified min size:%d and max size:%d", desired, low, high)
	}
	g.Grace, g.HealthCheckType = time.Duration(grace)*time.Second, cmp.Or(q.get("HealthCheckType"), g.HealthCheckType)
	r.constrain(g, low, high, desired)
	return nil
}

// constrain changes a group's three sizes at a user's request.
func (r *Region) constrain(g *group, low, high, desired int) {
	from := g.sizes.current().desired
	r.resize(g, low, high, desired, fmt.Sprintf(
		"a user request update of AutoScalingGroup constraints to min: %d, max: %d, desired: %d changing the desired capacity from %d to %d.",
		low, high, clamp(desired, low, high), from, clamp(desired, low, high)))
}

func (r *Region) setDesiredCapacity(q *query, _ *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	if err := q.required("DesiredCapacity"); err != nil {
		return err
	}
	desired, err := q.number("DesiredCapacity", 0)
	s := g.sizes.current()
	switch {
	case err != nil:
		return err
	case desired > s.max:
		return validationError("New SetDesiredCapacity value %d is above max value %d for the AutoScalingGroup.", desired, s.max)
	case desired < s.min:
		return validationError("New SetDesiredCapacity value %d is below min value %d for the AutoScalingGroup.", desired, s.min)
	}
	r.resize(g, s.min, s.max, desired, fmt.Sprintf(
		"a user request explicitly set group desired capacity changing the desired capacity from %d to %d.", s.desired, desired))
	return nil
}

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
	case state == stateEnteringStandby || pending(state) || state == stateTerminating || state == stateDetaching:
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
	verb, description := "taken out of service", "Terminating EC2 instance: "
	if via == stateDetaching {
		verb, description = "detached", "Detaching EC2 instance: "
	}
	cause := fmt.Sprintf("instance %s was %s in response to a user request", in.id, verb)
	if decrement && in.countsTowardsDesired() {
		cause += fmt.Sprintf(", shrinking the capacity from %d to %d", s.desired, s.desired-in.weight)
		r.adjustDesired(g, s.desired-in.weight)
	}
	return r.removeFromGroup(in, via, description+in.id, cause+".")
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
