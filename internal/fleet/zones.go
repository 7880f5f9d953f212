package fleet

// Zonal names a load balancer that keeps each zone's clients in their zone; empty where none does. Outside a group nobody
// knows the zones of the others.
func (s Snapshot) Zonal() string {
	for _, t := range s.Traffic {
		if t.Counts() && !t.CrossZone && !s.Group.Declared() {
			return t.Name
		}
	}
	return ""
}

// ZonePeers counts the peers in this instance's zone that are not on their way out, and those of them that are
// healthy.
func (s Snapshot) ZonePeers() (members, healthy int) {
	counted := s.Counted()
	for _, m := range s.Group.Members {
		if m.ID == s.ID || m.Zone != s.Zone || m.State.Leaving() {
			continue
		}
		members++
		if s.IsHealthy(m, counted) {
			healthy++
		}
	}
	return members, healthy
}

// PerZone counts the members of each zone that are not on their way out.
func (s Snapshot) PerZone() map[string]int {
	counts := map[string]int{}
	for _, m := range s.Group.Members {
		if !m.State.Leaving() {
			counts[m.Zone]++
		}
	}
	return counts
}

// ZonesWithoutMe are the fewest and the most instances in service that a zone has while this instance is out. A
// difference of two or more makes AZRebalance act, which counts only what is not in Standby (Auto Scaling User Guide,
// "Availability Zone rebalancing").
func (s Snapshot) ZonesWithoutMe() (fewest, most int) {
	counts := map[string]int{}
	for _, m := range s.Group.Members {
		counts[m.Zone] += 0
		if m.State == InService && m.ID != s.ID {
			counts[m.Zone]++
		}
	}
	fewest = -1
	for _, n := range counts {
		most = max(most, n)
		if fewest < 0 || n < fewest {
			fewest = n
		}
	}
	return fewest, most
}
