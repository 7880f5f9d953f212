package sim

import (
	"fmt"
	"time"
)

// contentionWindow is how close two moves in one group have to be to count as concurrent.
const contentionWindow = time.Second

// maxStandbyIDs is the most ids one standby call may name.
const maxStandbyIDs = 20

// enterStandby takes instances of a group out of service, all of them or none (API reference,
// EnterStandby). The desired capacity is lower at once; Standby comes when every load balancer of the
// group has let go.
func (r *Region) enterStandby(g *group, ids []string, decrement bool) ([]*activity, error) {
	members, err := r.movable(g, ids, stateInService)
	if err != nil {
		return nil, err
	}
	s := g.sizes.now()
	if decrement && s.desired-r.moveUnits(members) < s.min {
		return nil, g.sizeRefusal("place into standby", len(ids), r.behaviour.AlwaysPlural)
	}
	var moved []*activity
	for _, in := range members {
		moved = append(moved, r.beginStandby(g, in, decrement))
	}
	return moved, nil
}

func (r *Region) beginStandby(g *group, in *instance, decrement bool) *activity {
	cause := fmt.Sprintf("instance %s was moved to standby in response to a user request", in.id)
	if decrement {
		from := g.sizes.now().desired
		to := from - r.moveUnits([]*instance{in})
		cause += fmt.Sprintf(", shrinking the capacity from %d to %d", from, to)
		r.setDesired(g, to)
	}
	in.surplus = !decrement
	r.transition(in, stateEnteringStandby)
	a := r.begin(g, in, "Moving EC2 instance to Standby: "+in.id, statusInProgress, 50, cause+".")
	in.activity = a
	earliest := r.now.Add(r.timing.MoveTime)
	r.depart(in, func() {
		r.later(in, earliest.Sub(r.now), func() {
			r.show(in, stateStandby)
			r.aim(in, stateStandby)
			r.end(a, statusSuccessful, "")
			r.replan(g)
		})
	})
	r.sayDraining(in, r.behaviour.DrainCode, r.behaviour.DrainSuffix)
	r.replan(g)
	return a
}

// exitStandby puts instances back into service, all of them or none (API reference, ExitStandby). It
// always raises the desired capacity, however they left.
func (r *Region) exitStandby(g *group, ids []string) ([]*activity, error) {
	members, err := r.movable(g, ids, stateStandby)
	if err != nil {
		return nil, err
	}
	if g.suspends(processLaunch) {
		return nil, invalid("Cannot move instances out of Standby for AutoScalingGroup %s while the Launch process is suspended", g.Name)
	}
	s := g.sizes.now()
	if s.desired+r.moveUnits(members) > s.max {
		return nil, g.sizeRefusal("remove from standby", len(ids), r.behaviour.AlwaysPlural)
	}
	var moved []*activity
	for _, in := range members {
		moved = append(moved, r.beginReturn(g, in))
	}
	return moved, nil
}

func (r *Region) beginReturn(g *group, in *instance) *activity {
	from := g.sizes.now().desired
	to := from + r.moveUnits([]*instance{in})
	r.setDesired(g, to)
	r.transition(in, statePending)
	a := r.begin(g, in, "Moving EC2 instance out of Standby: "+in.id, statusPreInService, 30, fmt.Sprintf(
		"instance %s was moved out of standby in response to a user request, increasing the capacity from %d to %d.", in.id, from, to))
	in.activity = a
	r.comeBack(g, in)
	return a
}

// comeBack takes an instance from Pending to InService: registered first, passing checks or not.
func (r *Region) comeBack(g *group, in *instance) {
	if !in.alive && r.behaviour.DeadFailsAtOnce {
		r.setHealth(in, unhealthy)
		r.end(in.activity, statusFailed, "Instance failed to complete user's request to move out of Standby")
		r.terminate(in, ec2Ailment)
		return
	}
	wait := max(r.timing.MoveTime, r.enlist(g, in))
	r.later(in, wait, func() { r.serveAgain(g, in) })
}

// serveAgain is the end of comeBack.
func (r *Region) serveAgain(g *group, in *instance) {
	r.enterService(g, in)
	if in.surplus && r.behaviour.SurplusTerminated {
		s := g.sizes.now()
		r.setDesired(g, max(s.min, s.desired-r.moveUnits([]*instance{in})))
	}
	in.surplus = false
}

// movable finds the instances a standby call names and makes sure that all are in the wanted state.
func (r *Region) movable(g *group, ids []string, state string) ([]*instance, error) {
	switch {
	case len(ids) > maxStandbyIDs:
		return nil, invalid("1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: Member must have length less than or equal to %d", maxStandbyIDs)
	case len(ids) == 0 && !r.behaviour.EmptyIDsAccepted:
		return nil, invalid("At least one Instance ID is required.")
	case r.behaviour.ContentionOnConcurrentMove && r.now.Sub(g.lastMove) < contentionWindow:
		return nil, contention()
	}
	var members []*instance
	for _, id := range ids {
		in := r.instances[id]
		if in == nil || in.group() != g {
			return nil, invalid("The instance %s is not part of Auto Scaling group %s.", id, g.Name)
		}
		if in.state() != state {
			return nil, invalid("The instance %s is not in %s.", id, state)
		}
		members = append(members, in)
	}
	g.lastMove = r.now
	return members, nil
}

// moveUnits is what moving instances does to the desired capacity.
func (r *Region) moveUnits(members []*instance) int {
	units := 0
	for _, in := range members {
		if r.behaviour.DecrementByOne {
			units++
		} else {
			units += in.weight
		}
	}
	return units
}

// sizeRefusal is the refusal of a move that the group's sizes leave no room for.
func (g *group) sizeRefusal(verb string, n int, plural bool) error {
	s := g.sizes.now()
	noun := "instance"
	if n != 1 || plural {
		noun = "instances"
	}
	return invalid("AutoScalingGroup %s has min-size=%d, max-size=%d, and desired-size=%d. To %s %d %s, please update the AutoScalingGroup sizes appropriately.",
		g.Name, s.min, s.max, s.desired, verb, n, noun)
}
