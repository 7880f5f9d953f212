package sim

import (
	"fmt"
	"slices"
)

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

// attachInstances makes running instances members of a group, all or none, and raises the desired
// capacity (API reference, AttachInstances). The texts of its refusals are not recorded, except for the
// sizes.
func (r *Region) attachInstances(q *query, _ *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	if g.suspends(processLaunch) {
		return validationError("Cannot attach instances to AutoScalingGroup %s while the Launch process is suspended", g.Name)
	}
	ids := q.values("InstanceIds")
	for _, id := range ids {
		in := r.instances[id]
		switch {
		case in == nil || !in.running:
			return validationError("Invalid Instance ID(s): [%s] specified", id)
		case in.group() != nil:
			return validationError("Instance %s is already part of AutoScalingGroup: %s", id, in.group().Name)
		}
	}
	s := g.sizes.current()
	if s.desired+len(ids) > s.max {
		return g.sizeRefusal("attach", len(ids), r.config.Behaviour.AlwaysPlural)
	}
	for _, id := range ids {
		r.attach(g, r.instances[id])
	}
	return nil
}

func (r *Region) attach(g *group, in *instance) {
	to := g.sizes.current().desired + 1
	r.adjustDesired(g, to)
	if !slices.Contains(g.members, in) {
		g.members = append(g.members, in)
	}
	setNow(r, &in.membership, membership{group: g, state: statePending, health: healthy})
	r.transition(in, statePending)
	in.move.activity = r.startActivity(g, in, "Attaching an existing EC2 instance: "+in.id, statusPreInService, 30, fmt.Sprintf(
		"an instance was added in response to user request. Keeping the capacity at the new %d.", to))
	wait := max(r.config.Timing.ReturnTime, r.registerWithAll(g, in))
	r.continueAfter(in, wait, func() { r.enterService(g, in) })
}
