package sim

import (
	"fmt"
	"time"
)

// contentionWindow is the time within which two moves of a group count as concurrent. AWS publishes
// none; a second covers two requests sent together.
const contentionWindow = time.Second

// maxStandbyIDs is the most instances that one call may name (API reference, EnterStandby).
const maxStandbyIDs = 20

// enterStandby takes instances of a group out of service, all or none (API reference,
// EnterStandby). The desired capacity falls at once. An instance is in Standby when every load
// balancer of the group has deregistered it.
func (r *Region) enterStandby(g *group, ids []string, decrement bool) ([]*activity, error) {
	members, err := r.membersIn(g, ids, stateInService)
	if err != nil {
		return nil, err
	}
	s := g.sizes.current()
	if decrement && s.desired-r.unitsOf(members) < s.min {
		return nil, g.sizeRefusal("place into standby", len(ids), r.config.Behaviour.AlwaysPlural)
	}
	var activities []*activity
	for _, in := range members {
		activities = append(activities, r.startEntering(g, in, decrement))
	}
	return activities, nil
}

func (r *Region) startEntering(g *group, in *instance, decrement bool) *activity {
	cause := fmt.Sprintf("instance %s was moved to standby in response to a user request", in.id)
	if decrement {
		from := g.sizes.current().desired
		to := from - r.unitsOf([]*instance{in})
		cause += fmt.Sprintf(", shrinking the capacity from %d to %d", from, to)
		r.adjustDesired(g, to)
	}
	in.move.undecremented = !decrement
	r.transition(in, stateEnteringStandby)
	a := r.startActivity(g, in, "Moving EC2 instance to Standby: "+in.id, statusInProgress, 50, cause+".")
	in.move.activity = a
	earliest := r.now.Add(r.config.Timing.MoveTime)
	r.deregisterFromAll(in, func() {
		r.continueAfter(in, earliest.Sub(r.now), func() {
			r.setState(in, stateStandby)
			r.setTargetState(in, stateStandby)
			r.endActivity(a, statusSuccessful, "")
			r.reconcileSoon(g)
		})
	})
	r.noteDraining(in, r.config.Behaviour.DrainCode, r.config.Behaviour.DrainSuffix)
	r.reconcileSoon(g)
	return a
}

// exitStandby puts instances back into service, all or none (API reference, ExitStandby). It always
// raises the desired capacity, whether or not EnterStandby lowered it.
func (r *Region) exitStandby(g *group, ids []string) ([]*activity, error) {
	members, err := r.membersIn(g, ids, stateStandby)
	if err != nil {
		return nil, err
	}
	if g.suspends(processLaunch) {
		return nil, validationError("Cannot move instances out of Standby for AutoScalingGroup %s while the Launch process is suspended", g.Name)
	}
	s := g.sizes.current()
	if s.desired+r.unitsOf(members) > s.max {
		return nil, g.sizeRefusal("remove from standby", len(ids), r.config.Behaviour.AlwaysPlural)
	}
	var activities []*activity
	for _, in := range members {
		activities = append(activities, r.startReturning(g, in))
	}
	return activities, nil
}

func (r *Region) startReturning(g *group, in *instance) *activity {
	from := g.sizes.current().desired
	to := from + r.unitsOf([]*instance{in})
	r.adjustDesired(g, to)
	r.transition(in, statePending)
	a := r.startActivity(g, in, "Moving EC2 instance out of Standby: "+in.id, statusPreInService, 30, fmt.Sprintf(
		"instance %s was moved out of standby in response to a user request, increasing the capacity from %d to %d.", in.id, from, to))
	in.move.activity = a
	r.returnToService(g, in)
	return a
}

// returnToService takes an instance from Pending to InService. It is registered first, and need not
// pass health checks.
func (r *Region) returnToService(g *group, in *instance) {
	if !in.running && r.config.Behaviour.DeadFailsAtOnce {
		r.setHealth(in, unhealthy)
		r.endActivity(in.move.activity, statusFailed, "Instance failed to complete user's request to move out of Standby")
		r.terminate(in, ec2FailureCause)
		return
	}
	wait := max(r.config.Timing.ReturnTime, r.registerWithAll(g, in))
	r.continueAfter(in, wait, func() { r.finishReturn(g, in) })
}

// finishReturn is the last step of returnToService.
func (r *Region) finishReturn(g *group, in *instance) {
	r.enterService(g, in)
	if in.move.undecremented && r.config.Behaviour.SurplusTerminated {
		s := g.sizes.current()
		r.adjustDesired(g, max(s.min, s.desired-r.unitsOf([]*instance{in})))
	}
	in.move.undecremented = false
}

// membersIn finds the instances that a Standby call names and checks that all are in this state.
func (r *Region) membersIn(g *group, ids []string, state string) ([]*instance, error) {
	switch {
	case len(ids) > maxStandbyIDs:
		return nil, validationError("1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: Member must have length less than or equal to %d", maxStandbyIDs)
	case len(ids) == 0 && !r.config.Behaviour.EmptyIDsAccepted:
		return nil, validationError("At least one Instance ID is required.")
	case r.config.Behaviour.ContentionOnConcurrentMove && r.now.Sub(g.lastMove) < contentionWindow:
		return nil, contention()
	}
	var members []*instance
	for _, id := range ids {
		in := r.instances[id]
		if in == nil || in.group() != g {
			return nil, notPartOf(g, id)
		}
		if in.state() != state {
			return nil, validationError("The instance %s is not in %s.", id, state)
		}
		members = append(members, in)
	}
	g.lastMove = r.now
	return members, nil
}

// unitsOf is the change of the desired capacity when instances move.
func (r *Region) unitsOf(members []*instance) int {
	units := 0
	for _, in := range members {
		if r.config.Behaviour.DecrementByOne {
			units++
		} else {
			units += in.weight
		}
	}
	return units
}

// sizeRefusal is the error of a move that the group's sizes do not allow.
func (g *group) sizeRefusal(verb string, n int, plural bool) error {
	s := g.sizes.current()
	noun := "instance"
	if n != 1 || plural {
		noun = "instances"
	}
	return validationError("AutoScalingGroup %s has min-size=%d, max-size=%d, and desired-size=%d. To %s %d %s, please update the AutoScalingGroup sizes appropriately.",
		g.Name, s.min, s.max, s.desired, verb, n, noun)
}
