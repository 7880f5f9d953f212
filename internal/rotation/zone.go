package rotation

// zoneHolds: where a load balancer keeps each zone's clients in their zone, another
// instance of this zone must serve them.
func zoneHolds(v view) *Stop {
	lb := v.zonal()
	if lb == "" || v.emptyZone {
		return nil
	}
	members, serving := v.zonePeers()
	switch {
	case serving > 0:
		return nil
	case members == 0:
		return stopf(Setup, "turn cross-zone on, add an instance there, or use --allow-empty-zone",
			"no other member in %s, and %s has cross-zone off", v.Zone, lb)
	}
	return stopf(NotNow, "wait for its peers, or use --allow-empty-zone",
		"no other instance serves in %s, and %s has cross-zone off", v.Zone, lb)
}

// zonal names a load balancer that keeps traffic within zones.
func (o Observed) zonal() string {
	for _, t := range o.Traffic {
		if t.Counts() && !t.CrossZone {
			return t.Name
		}
	}
	return ""
}

// zoneProven is the claim rule within a zone, where a load balancer keeps each zone's
// clients there: two of one zone that left in the same instant saw each other serve,
// and neither MinSize nor the floor in total holds them. The earliest keeps its place
// and waits until another serves the zone; the later ones go back in.
func zoneProven(v view) *Stop {
	lb := v.zonal()
	if _, serving := v.zonePeers(); lb == "" || v.emptyZone || serving > 0 {
		return nil
	}
	for _, c := range v.ahead() {
		if m, ok := v.Group.Member(c.ID); ok && m.Zone == v.Zone {
			return stopf(GaveBack, "run it again", "%s left %s first, nobody else serves there, and %s has cross-zone off", c.ID, v.Zone, lb)
		}
	}
	return yielding(stopf(Unfinished, "heal its peers, or use --allow-empty-zone, then run it again",
		"out, but nobody serves in %s, and %s has cross-zone off", v.Zone, lb))
}

// zonePeers counts the others of this instance's zone that are not on their way out, and
// those of them that serve.
func (o Observed) zonePeers() (members, serving int) {
	counting := o.counting()
	for _, m := range o.Group.Members {
		if m.ID == o.ID || m.Zone != o.Zone || m.State.Leaving() {
			continue
		}
		members++
		if serves(m, counting) {
			serving++
		}
	}
	return members, serving
}
