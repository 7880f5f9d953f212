package fleet

// State is a lifecycle state, spelled as AWS spells it (API reference,
// LifecycleState). AWS adds states over the years: one that is not known here is
// in none of the families below, so nothing is ever done on its word.
type State string

// The states balanced acts on. There is no state for the way out of Standby: it
// reuses Pending.
const (
	Pending           State = "Pending"
	PendingWait       State = "Pending:Wait"
	PendingProceed    State = "Pending:Proceed"
	InService         State = "InService"
	EnteringStandby   State = "EnteringStandby"
	Standby           State = "Standby"
	Terminating       State = "Terminating"
	TerminatingWait   State = "Terminating:Wait"
	TerminatingGo     State = "Terminating:Proceed"
	TerminatingRetain State = "Terminating:Retained"
	Terminated        State = "Terminated"
	Detaching         State = "Detaching"
	Detached          State = "Detached"
	Quarantined       State = "Quarantined"

	ReplacingRootVolume        State = "ReplacingRootVolume"
	ReplacingRootVolumeWait    State = "ReplacingRootVolume:Wait"
	ReplacingRootVolumeProceed State = "ReplacingRootVolume:Proceed"
	RootVolumeReplaced         State = "RootVolumeReplaced"
)

// Arriving: a launch, or a return from Standby, that ends in InService by itself.
func (s State) Arriving() bool { return s == Pending || s == PendingProceed }

// Out: holds a place among those that may be out of service at once.
func (s State) Out() bool { return s == EnteringStandby || s == Standby }

// Leaving: on its way out of the group, never to return.
func (s State) Leaving() bool {
	switch s {
	case Terminating, TerminatingWait, TerminatingGo, TerminatingRetain, Terminated, Detaching, Detached:
		return true
	}
	return false
}

// Stays: nothing is going on, and the state does not end by itself. Retained instances stay until they are terminated by
// hand (API reference, RetentionTriggers).
func (s State) Stays() bool {
	switch s {
	case InService, Standby, TerminatingRetain, Detached, Quarantined, Terminated:
		return true
	}
	return false
}

// Retained: Auto Scaling has taken it out of the group's capacity and keeps it for inspection.
func (s State) Retained() bool { return s == TerminatingRetain }

// ReplacingRoot: an instance refresh with the strategy ReplaceRootVolume is replacing its root volume.
func (s State) ReplacingRoot() bool {
	switch s {
	case ReplacingRootVolume, ReplacingRootVolumeWait, ReplacingRootVolumeProceed, RootVolumeReplaced:
		return true
	}
	return false
}

// Warm: kept in the warm pool; serves nobody and is nobody's peer.
func (s State) Warm() bool { return len(s) > 7 && s[:7] == "Warmed:" }

// Launching: any of the Pending states, hooks included.
func (s State) Launching() bool { return s.Arriving() || s == PendingWait }
