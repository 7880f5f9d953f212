package sim

import (
	"strings"
	"time"
)

// Lifecycle states the Region moves instances through itself (API reference, Instance.LifecycleState).
// SetState can force any other.
const (
	statePending         = "Pending"
	stateInService       = "InService"
	stateEnteringStandby = "EnteringStandby"
	stateStandby         = "Standby"
	stateTerminating     = "Terminating"
	stateTerminated      = "Terminated"
	stateDetaching       = "Detaching"
	stateDetached        = "Detached"
	stateWarmedPending   = "Warmed:Pending"
	stateWarmedStopped   = "Warmed:Stopped"
)

// Health as Auto Scaling keeps it. DescribeAutoScalingInstances prints it in capitals.
const (
	healthy   = "Healthy"
	unhealthy = "Unhealthy"
)

// life is what the two describe calls of Auto Scaling show of an instance.
type life struct {
	group  *group // nil: in none
	state  string
	health string
}

// instance is one EC2 instance. It outlives its group: the metadata service and the load balancers
// still know it.
type instance struct {
	id, zone, address string
	weight            int
	launched          time.Time
	protected         bool // from scale-in
	alive             bool // EC2 runs it
	answers           bool // its application passes health checks
	inFlight          time.Duration
	life              past[life]
	registrations     []*registration // with load balancers, of the group or not

	moves     int        // counts lifecycle moves: an event of an earlier move is void
	departure *departure // set while load balancers are letting go of it
	activity  *activity  // of the move under way
	forced    bool       // its state was set by hand; no actor touches it
	surplus   bool       // entered Standby without decrement
	ailment   string     // why it is Unhealthy, as an activity's cause
	replaces  *instance  // launched ahead to take that one's place
	standIn   *instance  // launched ahead to take this one's place
	inService time.Time  // since when

	target   string // target-lifecycle-state; "" before the first transition
	metadata Metadata
}

func (in *instance) group() *group  { return in.life.now().group }
func (in *instance) state() string  { return in.life.now().state }
func (in *instance) health() string { return in.life.now().health }

// warm says whether it waits in a warm pool rather than in the group proper.
func warm(state string) bool { return strings.HasPrefix(state, "Warmed:") }

// onItsWay says whether it was launched, or called back from Standby, and is not in service yet.
func onItsWay(state string) bool {
	return state == statePending || strings.HasPrefix(state, statePending+":")
}

// capacity says whether Auto Scaling counts it towards the desired capacity. Standby and
// EnteringStandby do not count; hosts on their way out do not either.
func (in *instance) capacity() bool {
	state := in.state()
	if in.replaces != nil {
		return false // ahead of its time: counts when the one it replaces is gone
	}
	return in.forced && state != stateStandby && state != stateEnteringStandby ||
		state == stateInService || onItsWay(state) || strings.HasPrefix(state, "ReplacingRootVolume")
}

// transition moves an instance to a lifecycle state. Events of the move it was in are void.
func (r *Region) transition(in *instance, state string) {
	in.moves++
	in.forced = false
	r.show(in, state)
	r.aim(in, state)
}

// show changes the state that is shown, without the beginning of a new move.
func (r *Region) show(in *instance, state string) {
	now := in.life.now()
	now.state = state
	become(r, &in.life, now)
}

// setHealth changes what Auto Scaling thinks of an instance.
func (r *Region) setHealth(in *instance, health string) {
	now := in.life.now()
	now.health = health
	become(r, &in.life, now)
}

// later puts a step of the instance's present move on the agenda; a newer move makes it void.
func (r *Region) later(in *instance, d time.Duration, do func()) {
	move := in.moves
	r.after(d, func() {
		if in.moves == move {
			do()
		}
	})
}

// aim keeps target-lifecycle-state, the state an instance is being moved to (EC2 User Guide,
// "Retrieve the target lifecycle state through instance metadata").
func (r *Region) aim(in *instance, state string) {
	moving := state == stateEnteringStandby || state == statePending || state == stateDetaching
	if moving && r.behaviour.TargetStateLags {
		return
	}
	switch state {
	case stateEnteringStandby, stateStandby:
		in.target = stateStandby
	case statePending, stateInService:
		in.target = stateInService
	case stateTerminating, stateTerminated:
		in.target = stateTerminated
	case stateDetaching, stateDetached:
		in.target = stateDetached
	case stateWarmedPending, stateWarmedStopped:
		in.target = stateWarmedStopped
	}
}

// newInstance makes a running instance that is in no group yet.
func (r *Region) newInstance(zone string) *instance {
	in := &instance{
		id: r.names.instance(), zone: zone,
		address:  r.address(len(r.instances)),
		weight:   1,
		launched: r.now, alive: true, answers: true,
	}
	r.instances[in.id] = in
	return in
}
