package sim

import "time"

// Timing is how long things take in the Region.
type Timing struct {
	// CallTime is the time before any request is served; default none. Over real connections a few
	// milliseconds keep Go's SDK from breaking off fast answers (see Client).
	CallTime time.Duration
	// RegisterTime is the time between a registration and its first health check; default 1 s, negative: none.
	RegisterTime time.Duration
	// NetworkRegisterTime is the same behind Network and Gateway Load Balancers; default RegisterTime.
	// The User Guides say "a few minutes".
	NetworkRegisterTime time.Duration
	// NetworkLinger: a Network Load Balancer goes on sending new connections to a target this long
	// after its deregistration; default none.
	NetworkLinger time.Duration
	// LaunchTime is the time between the launch of an instance and InService; default 90 s, negative: none.
	LaunchTime time.Duration
	// MoveTime is the shortest time from EnteringStandby to Standby; default 400 ms, negative: none.
	// Recorded answers of 2026, without a load balancer, had 200 to 400 ms.
	MoveTime time.Duration
	// ReturnTime is the shortest time from Pending to InService on the way out of Standby; default
	// MoveTime if that is set, otherwise 6.4 s as recorded; negative: none.
	ReturnTime time.Duration
	// TerminateTime is the time between the end of the drain and the end of the membership; default
	// 30 s, negative: none.
	TerminateTime time.Duration
	// RootVolumeTime is the time that the replacement of a root volume takes; default 60 s, negative:
	// none.
	RootVolumeTime time.Duration
	// RefreshPatience is how long a refresh goes on without a replacement that comes into service; default 1 h, as the
	// User Guide has it.
	RefreshPatience time.Duration
	// ReactionTime is the time before Auto Scaling acts on a difference between actual and desired
	// capacity; default none.
	ReactionTime time.Duration
}

// withDefaults resolves zero and negative durations.
func (t Timing) withDefaults() Timing {
	orDefault(&t.RegisterTime, time.Second)
	orDefault(&t.NetworkRegisterTime, t.RegisterTime)
	orDefault(&t.LaunchTime, 90*time.Second)
	if t.ReturnTime == 0 {
		t.ReturnTime = t.MoveTime
	}
	orDefault(&t.ReturnTime, 6400*time.Millisecond)
	orDefault(&t.MoveTime, 400*time.Millisecond)
	orDefault(&t.TerminateTime, 30*time.Second)
	orDefault(&t.RootVolumeTime, time.Minute)
	orDefault(&t.RefreshPatience, time.Hour)
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
