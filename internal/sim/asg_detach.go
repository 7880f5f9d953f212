package sim

import "slices"

// detachTrafficSources takes load balancers from a group, whichever call attached them. The instances
// are deregistered; the group's own record of the source goes at once, where AWS takes a while.
func (r *Region) detachTrafficSources(q *query, _ *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	for _, id := range q.fields("TrafficSources", "Identifier") {
		if !slices.ContainsFunc(r.trafficSources(g), func(s trafficSource) bool { return s.identifier == id }) {
			return invalid("Trying to remove Traffic Sources that are not part of the group: [%s]", id)
		}
		r.detachSource(g, id)
	}
	return nil
}

func (r *Region) detachSource(g *group, id string) {
	named := func(t string) bool { return r.targetGroups.must(t).arn == id }
	if i := slices.IndexFunc(g.TargetGroups, named); i >= 0 {
		r.withdraw(g, &r.targetGroups.must(g.TargetGroups[i]).pool)
	}
	if slices.Contains(g.Classic, id) {
		r.withdraw(g, &r.classics.must(id).pool)
	}
	same := func(s string) bool { return s == id }
	g.Classic = slices.DeleteFunc(slices.Clone(g.Classic), same)
	g.Lattice = slices.DeleteFunc(slices.Clone(g.Lattice), same)
	g.TargetGroups = slices.DeleteFunc(slices.Clone(g.TargetGroups), named)
}

// withdraw deregisters a group's instances from one of its pools.
func (r *Region) withdraw(g *group, p *pool) {
	g.pools = slices.DeleteFunc(slices.Clone(g.pools), func(other *pool) bool { return other == p })
	for _, in := range g.present() {
		if reg := p.find(in.id, p.port); reg != nil {
			r.deregister(reg)
		}
	}
}
