package sim

import "time"

// Timing is how long things take in the Region.
type Timing struct {
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
func (t Timing) withDefaults() Timing {
	orDefault(&t.RegisterTime, time.Second)
	orDefault(&t.NetworkRegisterTime, t.RegisterTime)
	orDefault(&t.LaunchTime, 90*time.Second)
	orDefault(&t.MoveTime, 2*time.Second)
	orDefault(&t.TerminateTime, 30*time.Second)
	return t
}

// orDefault lets zero stand for the default and a negative duration for none.
func orDefault(d *time.Duration, otherwise time.Duration) {
	switch {
	case *d == 0:
		*d = otherwise
	case *d < 0:
		*d = 0
	}
}
