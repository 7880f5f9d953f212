package sim

import (
	"strings"
	"time"
)

// Lifecycle states that the Region moves instances through (API reference, Instance.LifecycleState).
// SetState can force any other.
const (
	statePending         = "Pending"
	stateRetained        = "Terminating:Retained"
	stateInService       = "InService"
	stateEnteringStandby = "EnteringStandby"
	stateStandby         = "Standby"
	stateTerminating     = "Terminating"
	stateTerminated      = "Terminated"
	stateDetaching       = "Detaching"
	stateDetached        = "Detached"
	stateReplacing       = "ReplacingRootVolume"
	stateReplaced        = "RootVolumeReplaced"
	stateWarmedPending   = "Warmed:Pending"
	stateWarmedStopped   = "Warmed:Stopped"

	stateWarmedRunning    = "Warmed:Running"
	stateWarmedHibernated = "Warmed:Hibernated"
)

// Health as Auto Scaling records it. DescribeAutoScalingInstances prints it in capitals.
const (
	healthy   = "Healthy"
	unhealthy = "Unhealthy"
)

// membership is what the two describe calls of Auto Scaling show of an instance.
type membership struct {
	group  *group // nil: in no group
	state  string
	health string
}

// identity is what an instance is launched with.
type identity struct {
	id, zone      string
	address, ipv6 string // IPv4 and IPv6 address; "": none
	weight        int    // WeightedCapacity
	launched      time.Time
	image         string // see Region.Image
}

// instance is one EC2 instance. It outlives its membership: the metadata service and the load
// balancers still know it.
type instance struct {
	identity
	protected      bool          // from scale-in
	running        bool          // in EC2
	passesChecks   bool          // its application answers health checks
	inFlight       time.Duration // how long open requests last
	membership     history[membership]
	registrations  []*registration // with load balancers, whether of its group or not
	move           move
	replacement    replacement
	inServiceSince time.Time
	targetState    string // target-lifecycle-state; "" before the first transition
	metadata       Metadata
}

// move is the instance's current lifecycle move, or the last one.
type move struct {
	number         int             // of lifecycle moves so far; events of earlier moves are void
	deregistration *deregistration // set while the group's load balancers deregister the instance
	activity       *activity
	actions        []*hookAction // lifecycle actions in progress
	forced         bool          // its state was set by SetState, and the Region does not move it
	undecremented  bool          // entered Standby without lowering the desired capacity
}

// replacement is the replacement of an instance, seen from either instance.
type replacement struct {
	cause      string    // why it is to be replaced, in the words of an activity's Cause
	of         *instance // the member that it is launched to replace
	by         *instance // the member that is launched to replace it
	rootVolume time.Time // when its root volume was last replaced; zero: never
}

func (in *instance) group() *group  { return in.membership.current().group }
func (in *instance) state() string  { return in.membership.current().state }
func (in *instance) health() string { return in.membership.current().health }

// warm says whether a lifecycle state belongs to the warm pool.
func warm(state string) bool { return strings.HasPrefix(state, "Warmed:") }

// pending says whether an instance was launched or is leaving Standby, and is not in service yet.
func pending(state string) bool {
	return state == statePending || strings.HasPrefix(state, statePending+":")
}

// countsTowardsDesired says whether Auto Scaling counts a member towards the desired capacity.
// Members in Standby, EnteringStandby or on their way out do not count.
func (in *instance) countsTowardsDesired() bool {
	state := in.state()
	switch {
	case in.replacement.of != nil: // counts only once the member that it replaces is gone
		return false
	case in.move.forced:
		return state != stateStandby && state != stateEnteringStandby && state != stateRetained
	}
	return state == stateInService || pending(state) || replacing(state)
}

// transition starts a move to a lifecycle state. Events of the previous move are void.
func (r *Region) transition(in *instance, state string) {
	in.move.number++
	in.move.forced, in.move.actions = false, nil
	r.setState(in, state)
	r.setTargetState(in, state)
}

// setState changes the lifecycle state without starting a move.
func (r *Region) setState(in *instance, state string) {
	now := in.membership.current()
	now.state = state
	setNow(r, &in.membership, now)
}

// setHealth changes the health that Auto Scaling records.
func (r *Region) setHealth(in *instance, health string) {
	now := in.membership.current()
	now.health = health
	setNow(r, &in.membership, now)
}

// continueAfter schedules the next step of the instance's current move. A newer move makes it void.
func (r *Region) continueAfter(in *instance, d time.Duration, do func()) {
	move := in.move.number
	r.scheduleAfter(d, func() {
		if in.move.number == move {
			do()
		}
	})
}

// setTargetState updates target-lifecycle-state, the state an instance is being moved to (EC2 User
// Guide, "Retrieve the target lifecycle state through instance metadata").
func (r *Region) setTargetState(in *instance, state string) {
	moving := state == stateEnteringStandby || state == statePending || state == stateDetaching
	if moving && r.config.Behaviour.TargetStateLags {
		return
	}
	switch state {
	case stateEnteringStandby, stateStandby:
		in.targetState = stateStandby
	case statePending, stateInService:
		in.targetState = stateInService
	case stateTerminating, stateTerminated, stateRetained:
		in.targetState = stateTerminated
	case stateDetaching, stateDetached:
		in.targetState = stateDetached
	case stateWarmedPending, stateWarmedStopped:
		in.targetState = stateWarmedStopped
	case stateWarmedRunning, stateWarmedHibernated:
		in.targetState = state
	}
}

// newInstance makes a running instance in no group.
func (r *Region) newInstance(zone string) *instance {
	in := &instance{
		identity: identity{
			id: r.names.instance(), zone: zone, address: r.config.Address(len(r.instances)),
			ipv6: r.config.IPv6(len(r.instances)), weight: 1, launched: r.now,
		},
		running: true, passesChecks: true,
	}
	r.instances[in.id] = in
	return in
}
