package sim

import (
	"cmp"
	"time"
)

// Behaviour is the Region's way of being where AWS does not say, or says two things. The zero value
// is our best guess at each point; a careful test runs both ways.
type Behaviour struct {
	// SerialDrains: the load balancers of a group let go of an instance one after another (the sum
	// of their delays). Zero: all at the same time (the longest delay).
	SerialDrains bool
	// DrainTimer: how long Auto Scaling waits before it says Standby, whatever the load balancers
	// say. Zero: until the last of them has let go.
	DrainTimer time.Duration
	// DrainSuffix: while a move to Standby drains, its activity's Description ends
	// " - Waiting For ELB Connection Draining.", as it does for terminations. Zero: unchanged.
	DrainSuffix bool
	// DrainCode is the StatusCode of a move's activity while it drains. Zero:
	// WaitingForELBConnectionDraining. Also seen in the model: WaitingForConnectionDraining, InProgress.
	DrainCode string
	// ContentionOnConcurrentMove: a standby move within a second of another one in the same group
	// is refused with ResourceContention. Zero: moves are served one after the other, silently.
	ContentionOnConcurrentMove bool
	// SurplusTerminated: an instance that had entered Standby without decrement and comes back makes
	// the group one too many, and Auto Scaling scales in. Zero: the group is simply one larger.
	SurplusTerminated bool
	// DecrementByOne: in a weighted group a standby move changes the desired capacity by one. Zero:
	// by the instance's weight.
	DecrementByOne bool
	// AlwaysPlural: the MinSize refusal says "1 instances". Zero: "1 instance".
	AlwaysPlural bool
	// EmptyIDsAccepted: a standby call without instance ids answers an empty list. Zero: refused.
	EmptyIDsAccepted bool
	// DeadFailsAtOnce: an instance found dead on its way out of Standby goes from Pending straight
	// to Terminating and its activity fails. Zero: it is InService first, then found unhealthy.
	DeadFailsAtOnce bool
	// TargetStateLags: target-lifecycle-state changes when a move is over rather than when it
	// begins. Zero: it names the state being moved to.
	TargetStateLags bool
	// ThrottlingExceptionCode: Auto Scaling's own throttling says ThrottlingException. Zero: Throttling.
	ThrottlingExceptionCode bool
}

// withDefaults resolves what an empty string stands for.
func (b Behaviour) withDefaults() Behaviour {
	b.DrainCode = cmp.Or(b.DrainCode, statusDraining)
	return b
}
