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
	moved, err := r.enterStandby(g, q.items("InstanceIds"), q.isSet("ShouldDecrementDesiredCapacity", false))
	if err != nil {
		return err
	}
	r.writeActivities(d, moved)
	return nil
}

func (r *Region) exitStandbyAction(q *query, d *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	moved, err := r.exitStandby(g, q.items("InstanceIds"))
	if err != nil {
		return err
	}
	r.writeActivities(d, moved)
	return nil
}

// writeActivities answers a move. AutoScalingGroupARN and AutoScalingGroupState are in the feed only.
func (r *Region) writeActivities(d *document, moved []*activity) {
	list(d, "Activities", moved, func(a *activity) { a.write(d, r.now) })
}

// updateAutoScalingGroup changes sizes and health checks; a bound that passes the desired capacity
// pushes it (API reference, UpdateAutoScalingGroup).
func (r *Region) updateAutoScalingGroup(q *query, _ *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	s := g.sizes.now()
	low, err1 := q.number("MinSize", s.min)
	high, err2 := q.number("MaxSize", s.max)
	desired, err3 := q.number("DesiredCapacity", clamp(s.desired, low, high))
	grace, err4 := q.number("HealthCheckGracePeriod", int(g.Grace/time.Second))
	switch err := cmp.Or(err1, err2, err3, err4); {
	case err != nil:
		return err
	case low > high:
		return invalid("Min bound, %d, must be less than or equal to max bound, %d.", low, high)
	case desired < low || desired > high:
		return invalid("Desired capacity:%d must be between the specified min size:%d and max size:%d", desired, low, high)
	}
	g.Grace, g.HealthCheckType = time.Duration(grace)*time.Second, cmp.Or(q.get("HealthCheckType"), g.HealthCheckType)
	r.constrain(g, low, high, desired)
	return nil
}

// constrain is a user's change of a group's three numbers.
func (r *Region) constrain(g *group, low, high, desired int) {
	from := g.sizes.now().desired
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
	s := g.sizes.now()
	switch {
	case err != nil:
		return err
	case desired > s.max:
		return invalid("New SetDesiredCapacity value %d is above max value %d for the AutoScalingGroup.", desired, s.max)
	case desired < s.min:
		return invalid("New SetDesiredCapacity value %d is below min value %d for the AutoScalingGroup.", desired, s.min)
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
	if q.isSet("ShouldRespectGracePeriod", true) && r.inGrace(in) {
		return nil
	}
	return r.declare(in, q.get("HealthStatus"))
}

// declare sets an instance's health by hand.
func (r *Region) declare(in *instance, status string) error {
	switch {
	case strings.EqualFold(status, healthy):
		r.setHealth(in, healthy)
	case strings.EqualFold(status, unhealthy):
		r.fallIll(in, "an instance was taken out of service in response to a user health-check.")
	default:
		return invalid("1 validation error detected: Value '%s' at 'healthStatus' is not a health status", status)
	}
	return nil
}

func managedNotFound(id string) error {
	return invalid("Instance Id not found - No managed instance found for instance ID %s", id)
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
	s := g.sizes.now()
	decrement := q.isSet("ShouldDecrementDesiredCapacity", false)
	switch state := in.state(); {
	case state == stateEnteringStandby || onItsWay(state) || state == stateTerminating || state == stateDetaching:
		return refuse("ScalingActivityInProgress", "Scaling activity %s is in progress and blocks this action", in.activityID(r))
	case decrement && s.desired-in.weight < s.min && in.capacity():
		return invalid("Currently, desiredSize equals minSize (%d). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.", s.min)
	}
	a := r.dismiss(g, in, stateTerminating, decrement)
	d.within("Activity", func() { a.write(d, r.now) })
	return nil
}

func (in *instance) activityID(r *Region) string {
	if in.activity != nil {
		return in.activity.id
	}
	return r.names.uuid()
}

// dismiss takes an instance out because a user said so. One in Standby does not change the desired
// capacity: that has been lowered when it entered.
func (r *Region) dismiss(g *group, in *instance, via string, decrement bool) *activity {
	s := g.sizes.now()
	verb, description := "taken out of service", "Terminating EC2 instance: "
	if via == stateDetaching {
		verb, description = "detached", "Detaching EC2 instance: "
	}
	cause := fmt.Sprintf("instance %s was %s in response to a user request", in.id, verb)
	if decrement && in.capacity() {
		cause += fmt.Sprintf(", shrinking the capacity from %d to %d", s.desired, s.desired-in.weight)
		r.setDesired(g, s.desired-in.weight)
	}
	return r.begone(in, via, description+in.id, cause+".")
}

func (r *Region) detachInstances(q *query, d *document) error {
	if err := q.required("AutoScalingGroupName", "ShouldDecrementDesiredCapacity"); err != nil {
		return err
	}
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	decrement := q.isSet("ShouldDecrementDesiredCapacity", false)
	var leaving []*instance
	for _, id := range q.items("InstanceIds") {
		in := r.instances[id]
		switch {
		case in == nil || in.group() != g:
			return invalid("The instance %s is not part of Auto Scaling group %s.", id, g.Name)
		case in.state() != stateInService && in.state() != stateStandby:
			return invalid("The instance %s is not in InService or Standby.", id)
		}
		leaving = append(leaving, in)
	}
	units := 0
	for _, in := range leaving {
		if in.capacity() { // otherwise dismiss does not lower the desired capacity
			units += in.weight
		}
	}
	if s := g.sizes.now(); decrement && units > 0 && s.desired-units < s.min {
		return g.sizeRefusal("detach", len(leaving), r.behaviour.AlwaysPlural)
	}
	var moved []*activity
	for _, in := range leaving {
		moved = append(moved, r.dismiss(g, in, stateDetaching, decrement))
	}
	r.writeActivities(d, moved)
	return nil
}
