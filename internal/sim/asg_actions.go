package sim

import (
	"cmp"
	"fmt"
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
