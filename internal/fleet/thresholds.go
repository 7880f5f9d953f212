package fleet

// Crossing is a threshold of a target group that the leave of this instance crosses.
type Crossing struct {
	Source    string
	Zone      string // whose targets are counted; empty: all of them
	Remaining int    // healthy targets without this instance
	Least     int    // that the threshold wants
	DNS       bool   // below it clients are sent elsewhere by DNS; otherwise unhealthy targets get traffic, too
}

// Crossings are the thresholds that are not met while this instance is out, with everything else healthy that is healthy
// now. A threshold of one target, the default, is not among them: below it nobody is healthy anyway. How a draining target
// counts is not published; it is taken not to.
func (s Snapshot) Crossings() []Crossing {
	var all []Crossing
	for _, t := range s.Traffic {
		if !t.Counts() {
			continue
		}
		c := Crossing{Source: t.Name}
		if !t.CrossZone && !s.Group.Declared() {
			c.Zone = s.Zone
		}
		targets := 0
		c.Remaining, targets = s.remainingTargets(t, c.Zone)
		for _, threshold := range []struct {
			Threshold
			dns bool
		}{{t.Thresholds.DNS, true}, {t.Thresholds.Routing, false}} {
			if c.Least = threshold.Least(targets); c.Least > 1 && c.Remaining < c.Least {
				c.DNS = threshold.dns
				all = append(all, c)
			}
		}
	}
	return all
}

// remainingTargets counts the targets of a source without this instance, and those of them that get traffic: in one zone,
// or in all where zone is empty. Instances that the group does not list count where no zone matters.
func (s Snapshot) remainingTargets(t Traffic, zone string) (healthy, targets int) {
	inZone := map[string]bool{}
	for _, m := range s.Group.Members {
		inZone[m.ID] = m.Zone == zone
	}
	for _, x := range t.Targets {
		if x.Instance == s.ID || x.Health == Unregistered || x.Health == Draining || zone != "" && !inZone[x.Instance] {
			continue
		}
		targets++
		if x.GetsTraffic() {
			healthy++
		}
	}
	return healthy, targets
}
