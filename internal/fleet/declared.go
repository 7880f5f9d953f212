package fleet

import "slices"

// States of an instance outside a group, as its load balancers' registrations tell: what EnteringStandby and Standby are
// in a group. One that is registered is InService there as here.
const (
	Deregistering State = "deregistering" // some load balancer still drains it, and none has it registered
	Deregistered  State = "deregistered"
)

// Held is what the load balancers of --targets hold of an instance, as numbers of registrations. It is the zero value in
// an Auto Scaling group, where nothing is declared.
type Held struct{ Registered, Draining, Missing int }

// Declared: there is no Auto Scaling group. The members are what --targets names, and only the load balancers know them.
func (g Group) Declared() bool { return g.Held != Held{} }

// State is that of the instance. One that is registered in part is in service for a run that takes it out, which has to
// deregister the rest, and out for one that brings it back (inward), which has to register what is missing.
func (h Held) State(inward bool) State {
	switch {
	case h.Registered > 0 && (!inward || h.Draining+h.Missing == 0):
		return InService
	case h.Draining > 0:
		return Deregistering
	}
	return Deregistered
}

// PartlyMovedError: some load balancers took the change of a registration, and Err is what the next one answered.
type PartlyMovedError struct{ Err error }

func (e *PartlyMovedError) Error() string { return e.Err.Error() }
func (e *PartlyMovedError) Unwrap() error { return e.Err }

// OthersAt counts the other instances that a load balancer lists, those that drain among them and those that hold a slot
// and may have left it, and those that get traffic there on each of their ports.
func (s Snapshot) OthersAt(t Traffic) (listed, healthy int) {
	getTraffic := map[string]bool{}
	for _, x := range t.Targets {
		if x.Health == Unregistered {
			continue
		}
		before, known := getTraffic[x.Instance]
		getTraffic[x.Instance] = x.GetsTraffic() && (before || !known)
	}
	for _, e := range s.Group.Entries {
		if _, there := getTraffic[e.ID]; !there {
			getTraffic[e.ID] = false
		}
	}
	for _, m := range s.Group.Members {
		if m.State.Out() {
			getTraffic[m.ID] = false
		}
	}
	delete(getTraffic, s.ID)
	for _, good := range getTraffic {
		if good {
			healthy++
		}
	}
	return len(getTraffic), healthy
}

// OthersDrain: another instance is being deregistered somewhere.
func (s Snapshot) OthersDrain() bool {
	return slices.ContainsFunc(s.Traffic, func(t Traffic) bool {
		return slices.ContainsFunc(t.Targets, func(x Target) bool { return x.Instance != s.ID && x.Health == Draining })
	})
}

// evidence are the declared load balancers that are counted in, at least one. Where none of them is in use there is no
// evidence of health: then all are, and what is registered counts.
func (s Snapshot) evidence() []Traffic {
	switch counted := s.Counted(); {
	case len(counted) > 0:
		return counted
	case len(s.Traffic) > 0:
		return s.Traffic
	}
	return []Traffic{{}}
}

// Tightest counts in each declared load balancer, since the minimum has to hold in all of them, and returns the numbers
// of the one that leaves least room, with that one. The slots are the fewest that any leaves.
func (s Snapshot) Tightest(m MinHealthy) (tightest Numbers, at Traffic) {
	var slots []int
	for _, t := range s.evidence() {
		n := s.countAt(t, m)
		if len(slots) == 0 || n.tighterThan(tightest) {
			tightest, at = n, t
		}
		slots = append(slots, n.Slots)
	}
	tightest.Slots = slices.Min(slots)
	return tightest, at
}

// countAt counts in one load balancer.
func (s Snapshot) countAt(t Traffic, m MinHealthy) Numbers {
	others, healthy := s.OthersAt(t)
	if !t.Counts() {
		healthy = others
	}
	n := Numbers{Capacity: others + 1, HealthyPeers: healthy, Healthy: healthy}
	if me, ok := s.Group.Member(s.ID); ok && s.IsHealthy(me, s.Counted()) {
		n.Healthy++
	}
	n.Minimum = m.Minimum(n.Capacity, s.Group.MinHealthyPercent)
	n.Slots = max(1, n.Capacity-n.Minimum)
	return n
}

// tighterThan: an impossible minimum before any other, then the one with fewer healthy to spare, then the smaller.
func (n Numbers) tighterThan(o Numbers) bool {
	switch {
	case n.Impossible() != o.Impossible():
		return n.Impossible()
	case n.HealthyPeers-n.Minimum != o.HealthyPeers-o.Minimum:
		return n.HealthyPeers-n.Minimum < o.HealthyPeers-o.Minimum
	}
	return n.Capacity < o.Capacity
}

// healthyWhereListed: outside a group an instance need not be registered at each of the load balancers that another names.
func healthyWhereListed(id string, counted []Traffic) bool {
	listed := false
	for _, t := range counted {
		for _, x := range t.Targets {
			if x.Instance == id && x.Health != Unregistered {
				listed = true
				if !x.GetsTraffic() {
					return false
				}
			}
		}
	}
	return listed
}

// unhealthyOther names one other instance that does not get traffic, where the fewest do.
func (s Snapshot) unhealthyOther() (id, why string) {
	_, at := s.Tightest(MinHealthy{kind: ruleCount})
	for _, x := range at.Targets {
		if x.Instance != s.ID && x.Health != Unregistered && !x.GetsTraffic() {
			return x.Instance, x.Standing() + " at " + at.Name
		}
	}
	return "", ""
}
