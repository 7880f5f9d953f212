package fleet

// Traffic is one load balancer or target group and what it says about its targets.
type Traffic struct {
	Source
	Targets []Target // every registration, at the last look that read all
	Mine    []Target // this instance's registrations
	Ignored bool     // by --ignore

	// byID are the Targets on the group's port, by instance; nil: not indexed yet.
	byID map[string]Target
}

// Indexed is the source with its targets at hand by their instances: a group may have thousands.
func (t Traffic) Indexed() Traffic {
	t.byID = make(map[string]Target, len(t.Targets))
	for _, x := range t.Targets {
		if _, known := t.byID[x.Instance]; !known && t.onPort(x) {
			t.byID[x.Instance] = x
		}
	}
	return t
}

// onPort: a registration on the group's port, or of a Classic load balancer.
func (t Traffic) onPort(x Target) bool { return x.Port == t.Port || x.Port == 0 }

// Idle: every target is registered and gets no traffic, since no listener uses the target group. It gives no evidence
// of health, and nothing is lost without it.
func (t Traffic) Idle() bool {
	idle := false
	for _, targets := range [][]Target{t.Targets, t.Mine} {
		for _, x := range targets {
			switch x.Health {
			case Unregistered:
			case NotInUse:
				idle = true
			default:
				return false
			}
		}
	}
	return idle
}

// Counts: what it says about health is evidence.
func (t Traffic) Counts() bool { return !t.Ignored && !t.Idle() }

// Probes: it asks its targets a question, whose answer is evidence.
func (t Traffic) Probes() bool { return t.Counts() && !t.Check.Disabled }

// Of is how the source sees one instance on the port of the group, at the last look that read all.
func (t Traffic) Of(id string) Target {
	if t.byID == nil {
		return t.among(t.Targets, id)
	}
	if x, listed := t.byID[id]; listed {
		return x
	}
	return Target{Instance: id, Health: Unregistered}
}

// Own is how the source sees this instance, at the last look that asked it.
func (t Traffic) Own(id string) Target { return t.among(t.Mine, id) }

func (t Traffic) among(targets []Target, id string) Target {
	for _, x := range targets {
		if x.Instance == id && t.onPort(x) {
			return x
		}
	}
	return Target{Instance: id, Health: Unregistered}
}

// StillListed finds a registration of this instance that the source still holds, on any port.
func (t Traffic) StillListed() (Target, bool) {
	for _, x := range t.Mine {
		if x.Health != Unregistered {
			return x, true
		}
	}
	return Target{}, false
}

// OtherPorts are the registrations of an instance on ports that are not the group's.
func (t Traffic) OtherPorts(id string) []Target {
	var others []Target
	for _, x := range t.Targets {
		if x.Instance == id && x.Port != t.Port && x.Port != 0 && x.Health != Unregistered {
			others = append(others, x)
		}
	}
	return others
}

// KeepsFlows: established connections live on after the instance is deregistered.
func (t Traffic) KeepsFlows() bool { return (t.Kind == Network || t.Kind == Gateway) && !t.CutsFlows }
