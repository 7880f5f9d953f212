package sim

import "time"

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
	// SuspendedLaunchHangs: ExitStandby while Launch is suspended leaves the instance Pending until
	// the process is resumed. Zero: the call is refused.
	SuspendedLaunchHangs bool
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
	// EmptyMaintenanceIs404: events/maintenance/scheduled is absent when nothing is planned. Zero:
	// 200 with an empty array.
	EmptyMaintenanceIs404 bool
	// TargetStateLags: target-lifecycle-state changes when a move is over rather than when it
	// begins. Zero: it names the state being moved to.
	TargetStateLags bool
	// ThrottlingExceptionCode: Auto Scaling's own throttling says ThrottlingException. Zero: Throttling.
	ThrottlingExceptionCode bool

	// CallTime passes before any request is served; default none. Over real connections a few
	// milliseconds keep Go's SDK from breaking off fast answers (see Client).
	CallTime time.Duration
	// RegisterTime passes between a registration and its first health check; default 1 s, negative: none.
	RegisterTime time.Duration
	// NetworkRegisterTime is the same behind Network and Gateway Load Balancers; default RegisterTime.
	// The User Guides say "a few minutes".
	NetworkRegisterTime time.Duration
	// NetworkLinger: a Network Load Balancer goes on sending new connections to a target this long
	// after its deregistration; default none.
	NetworkLinger time.Duration
	// LaunchTime passes between the launch of an instance and InService; default 90 s, negative: none.
	LaunchTime time.Duration
	// MoveTime is the least a standby move takes, either way; default 2 s, negative: none.
	MoveTime time.Duration
	// TerminateTime passes between the end of the drain and the instance leaving its group; default
	// 30 s, negative: none.
	TerminateTime time.Duration
	// ReactionTime passes before Auto Scaling acts on a difference between what is and what is
	// desired; default none.
	ReactionTime time.Duration
}

// withDefaults resolves the durations.
func (b Behaviour) withDefaults() Behaviour {
	orDefault(&b.RegisterTime, time.Second)
	orDefault(&b.NetworkRegisterTime, b.RegisterTime)
	orDefault(&b.LaunchTime, 90*time.Second)
	orDefault(&b.MoveTime, 2*time.Second)
	orDefault(&b.TerminateTime, 30*time.Second)
	if b.DrainCode == "" {
		b.DrainCode = "WaitingForELBConnectionDraining"
	}
	return b
}

func orDefault(d *time.Duration, otherwise time.Duration) {
	switch {
	case *d == 0:
		*d = otherwise
	case *d < 0:
		*d = 0
	}
}
