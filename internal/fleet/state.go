package fleet

// State is a lifecycle state, spelled as AWS spells it (API reference,
// LifecycleState). AWS adds states over the years: one that is not known here is
// in none of the families below, so nothing is ever done on its word.
type State string

// The states balanced acts on. There is no state for the way out of Standby: it
// reuses Pending.
const (
	Pending             State = "Pending"
	PendingWait         State = "Pending:Wait"
	PendingProceed      State = "Pending:Proceed"
	InService           State = "InService"
	EnteringStandby     State = "EnteringStandby"
	Standby             State = "Standby"
	Terminating         State = "Terminating"
	TerminatingWait     State = "Terminating:Wait"
	TerminatingGo       State = "Terminating:Proceed"
	TerminatingRetain   State = "Terminating:Retained"
	Terminated          State = "Terminated"
	Detaching           State = "Detaching"
	Detached            State = "Detached"
	Quarantined         State = "Quarantined" // documented as not used
	ReplacingRoot       State = "ReplacingRootVolume"
	ReplacingRootWait   State = "ReplacingRootVolume:Wait" // held by a termination hook
	ReplacingRootGo     State = "ReplacingRootVolume:Proceed"
	RootVolumeReplaced  State = "RootVolumeReplaced" // becomes Pending
	WarmedPending       State = "Warmed:Pending"
	WarmedPendingWait   State = "Warmed:Pending:Wait" // held by a launch hook
	WarmedPendingRetain State = "Warmed:Pending:Retained"
	WarmedTermRetain    State = "Warmed:Terminating:Retained"
)

// Arriving: a launch, or a return from Standby, that ends in InService by itself.
func (s State) Arriving() bool { return s == Pending || s == PendingProceed }

// Out: holds a slot, one of those that may be out of service at once.
func (s State) Out() bool { return s.Draining() || s.Settled() }

// Draining: on its way out, which cannot be cancelled before draining ends.
func (s State) Draining() bool { return s == EnteringStandby || s == Deregistering }

// Settled: out of service, with nothing under way.
func (s State) Settled() bool { return s == Standby || s == Deregistered }

// Leaving: on its way out of the group or retained outside its capacity, never to return.
func (s State) Leaving() bool {
	switch s {
	case Terminating, TerminatingWait, TerminatingGo, TerminatingRetain, Terminated, Detaching, Detached:
		return true
	}
	return false
}

// Retained: its termination hook was abandoned and the group keeps it until somebody terminates it. It does not count in
// the desired capacity and never changes by itself.
func (s State) Retained() bool {
	return s == TerminatingRetain || s == WarmedPendingRetain || s == WarmedTermRetain
}

// ReplacingRootVolume: an instance refresh replaces its root volume in place. It comes back as Pending.
func (s State) ReplacingRootVolume() bool {
	switch s {
	case ReplacingRoot, ReplacingRootWait, ReplacingRootGo, RootVolumeReplaced:
		return true
	}
	return false
}

// Passing: it changes by itself. A state that is not known here may.
func (s State) Passing() bool {
	switch s {
	case InService, Standby, Deregistered, Terminated, Detached, Quarantined, "Warmed:Stopped", "Warmed:Running", "Warmed:Hibernated", "Warmed:Terminated":
		return false
	}
	return !s.Retained()
}

// Warm: kept in the warm pool; serves nobody and is nobody's peer.
func (s State) Warm() bool { return len(s) > 7 && s[:7] == "Warmed:" }

// Launching: any of the Pending states, hooks included.
func (s State) Launching() bool { return s.Arriving() || s == PendingWait }
