package sim

import (
	"cmp"
	"time"
)

// Behaviour chooses between possible behaviours where AWS's documentation is silent or contradicts
// itself. The zero value is our best guess. Tests of what depends on a field should try both.
type Behaviour struct {
	// SerialDrains: the load balancers of a group deregister an instance one after another (the sum
	// of their delays). Zero: all at the same time (the longest delay).
	SerialDrains bool
	// DrainTimer: how long Auto Scaling waits before the state is Standby, whatever the load balancers
	// report. Zero: until the last of them has deregistered the instance.
	DrainTimer time.Duration
	// DrainSuffix: while a move to Standby drains, its activity's Description ends
	// " - Waiting For ELB Connection Draining.", as it does for terminations. Zero: unchanged.
	DrainSuffix bool
	// DrainCode is the StatusCode of a move's activity while it drains. Zero:
	// WaitingForELBConnectionDraining. Also seen in the model: WaitingForConnectionDraining, InProgress.
	DrainCode string
	// ContentionOnConcurrentMove: a standby move within a second of another one in the same group
	// is refused with ResourceContention. Zero: both are accepted.
	ContentionOnConcurrentMove bool
	// SurplusTerminated: an instance that entered Standby without decrement and returns makes
	// the group too large, and Auto Scaling scales in. Zero: the group stays one larger.
	SurplusTerminated bool
	// DecrementByOne: in a weighted group a standby move changes the desired capacity by one. Zero:
	// by the instance's weight.
	DecrementByOne bool
	// AlwaysPlural: the MinSize refusal says "1 instances". Zero: "1 instance".
	AlwaysPlural bool
	// EmptyIDsAccepted: a Standby call without instance ids answers an empty list. Zero: refused.
	EmptyIDsAccepted bool
	// DeadFailsAtOnce: a terminated instance that leaves Standby goes from Pending straight
	// to Terminating, and its activity fails. Zero: it is InService first, then found unhealthy.
	DeadFailsAtOnce bool
	// TargetStateLags: target-lifecycle-state changes when a move is over rather than when it
	// begins. Zero: it names the state that the instance is moving to.
	TargetStateLags bool
	// UnstableOrder: lists whose order AWS does not keep from one answer to the next (target group
	// attributes, EnabledMetrics, SuspendedProcesses, VPCZoneIdentifier) come in a random order, by
	// Config.Seed. Zero: in a fixed one.
	UnstableOrder bool
	// OperatorCode is the code that refuses changes of a group that an AWS service manages. Zero:
	// AccessDenied, with HTTP status 403; other codes come with 400.
	OperatorCode string
	// ThrottlingExceptionCode: Auto Scaling throttles with ThrottlingException. Zero: Throttling.
	ThrottlingExceptionCode bool
}

// withDefaults resolves what an empty string stands for.
func (b Behaviour) withDefaults() Behaviour {
	b.DrainCode = cmp.Or(b.DrainCode, statusDraining)
	b.OperatorCode = cmp.Or(b.OperatorCode, "AccessDenied")
	return b
}
