package sim

import "slices"

// detachTrafficSources detaches load balancers from a group, whichever call attached them, and
// deregisters its instances. The attachment disappears at once, which takes a while at AWS.
func (r *Region) detachTrafficSources(q *query, _ *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	for _, id := range q.fields("TrafficSources", "Identifier") {
		if !slices.ContainsFunc(r.trafficSources(g), func(s trafficSource) bool { return s.identifier == id }) {
			return validationError("Trying to remove Traffic Sources that are not part of the group: [%s]", id)
		}
		r.detachSource(g, id)
	}
	return nil
}

func (r *Region) detachSource(g *group, id string) {
	named := func(t string) bool { return r.targetGroups.must(t).arn == id }
	if i := slices.IndexFunc(g.TargetGroups, named); i >= 0 {
		r.deregisterAllFrom(g, &r.targetGroups.must(g.TargetGroups[i]).registrar)
	}
	if slices.Contains(g.Classic, id) {
		r.deregisterAllFrom(g, &r.classics.must(id).registrar)
	}
	same := func(s string) bool { return s == id }
	g.Classic = slices.DeleteFunc(slices.Clone(g.Classic), same)
	g.Lattice = slices.DeleteFunc(slices.Clone(g.Lattice), same)
	g.TargetGroups = slices.DeleteFunc(slices.Clone(g.TargetGroups), named)
}

// deregisterAllFrom deregisters a group's instances from one load balancer.
func (r *Region) deregisterAllFrom(g *group, p *registrar) {
	g.registrars = slices.DeleteFunc(slices.Clone(g.registrars), func(other *registrar) bool { return other == p })
	for _, in := range g.membersNow() {
		if reg := p.find(in.id, p.port); reg != nil {
			r.deregister(reg)
		}
	}
}
