package rotation

// zoneProven is the claim rule within a zone, where a load balancer keeps each zone's
// clients there: two of one zone that left in the same instant saw each other serve,
// and neither MinSize nor the floor in total holds them. The earliest keeps its place
// and waits until another serves the zone; the later ones go back in.
func zoneProven(v view) *Stop {
	lb := v.zonal()
	if lb == "" || v.emptyZone || v.zoneServed() {
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

// zoneServed: someone of this instance's zone serves; itself it is out.
func (o Observed) zoneServed() bool {
	for _, m := range o.Group.Members {
		if m.Zone == o.Zone && o.serves(m) {
			return true
		}
	}
	return false
}
