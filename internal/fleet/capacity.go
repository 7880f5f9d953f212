package fleet

// Numbers is a group counted under a rule: what the minimum and the slots rest on.
type Numbers struct {
	Capacity     int // instances the group has when everyone is back
	Healthy      int // that are healthy now, this instance included
	HealthyPeers int // that are healthy now, without this instance
	Minimum      int // that must stay healthy
	Slots        int // that may be out at once
}

// Impossible: the minimum cannot be kept without this instance, whoever else is back.
func (n Numbers) Impossible() bool { return n.Minimum > n.Capacity-1 && n.Minimum > 0 }

// Count counts the group under a rule.
func (s Snapshot) Count(m MinHealthy) Numbers {
	if s.Group.Declared() {
		n, _ := s.Tightest(m)
		return n
	}
	capacity := s.Capacity()
	minimum := m.Minimum(capacity, s.Group.MinHealthyPercent)
	// Slots are counted on members that are there: a desired capacity that is read older than the holders counts
	// those twice.
	there := min(capacity, s.remaining())
	return Numbers{
		Capacity:     capacity,
		Healthy:      s.HealthyMembers(),
		HealthyPeers: s.HealthyPeers(),
		Minimum:      minimum,
		Slots:        max(1, there-minimum),
	}
}

// Capacity is the larger of the desired capacity plus the members that lowered it by going to Standby, and the members
// not on their way out: a group that shrank does not lower its own minimum. The sizes of a weighted group are units and
// say nothing about instances.
func (s Snapshot) Capacity() int {
	lowered := 0
	for _, h := range s.Holders() {
		// One that the feed alone shows is younger than the list and its desired capacity.
		if h.State.Out() && !h.Kept {
			lowered++
		}
	}
	if s.Group.Weighted() {
		return s.remaining()
	}
	return max(s.Group.Desired+lowered, s.remaining())
}

// remaining counts the members not on their way out. A member that entered without decrement has a replacement, so the
// two count once.
func (s Snapshot) remaining() int {
	n := 0
	for _, m := range s.Group.Members {
		if !m.State.Leaving() {
			n++
		}
	}
	for _, h := range s.Holders() {
		if h.State.Out() && h.Kept {
			n--
		}
	}
	return n
}

// InServiceUnits is what the group has in service, in its own units, and the weight of its heaviest member.
func (s Snapshot) InServiceUnits() (have, heaviest int) {
	for _, m := range s.Group.Members {
		heaviest = max(heaviest, m.Weight)
		if m.State == InService {
			have += max(1, m.Weight)
		}
	}
	return have, heaviest
}
