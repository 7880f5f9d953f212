package record

// IsDraining: on its way out of service, in a group or outside of one.
func IsDraining(state string) bool { return state == "EnteringStandby" || state == "deregistering" }

// IsOut: out of service, in a group or outside of one.
func IsOut(state string) bool { return state == "Standby" || state == "deregistered" }
