package sim

import "time"

// MemberView is one member of a group.
type MemberView struct {
	ID, Zone, State, Health string
	Weight                  int
}

// ActivityView is one activity of a group's feed.
type ActivityView struct {
	ID, Description, Cause, StatusCode string
	Start, End                         time.Time // End is zero while it runs
	Progress                           int
}

// State is an instance's lifecycle state, "" when it is in no group (any longer).
func (r *Region) State(instance string) string {
	r.lock()
	defer r.unlock()
	return r.instance(instance).state()
}

// Members are a group's members in launch order, its warm pool left out.
func (r *Region) Members(group string) []MemberView {
	r.lock()
	defer r.unlock()
	return views(r.groups.must(group).present())
}

// WarmMembers are the instances in a group's warm pool.
func (r *Region) WarmMembers(group string) []MemberView {
	r.lock()
	defer r.unlock()
	g := r.groups.must(group)
	var waiting []*instance
	for _, in := range g.members {
		if in.group() == g && warm(in.state()) {
			waiting = append(waiting, in)
		}
	}
	return views(waiting)
}

func views(members []*instance) []MemberView {
	var all []MemberView
	for _, in := range members {
		all = append(all, MemberView{in.id, in.zone, in.state(), in.health(), in.weight})
	}
	return all
}

// Sizes are a group's MinSize, MaxSize and DesiredCapacity.
func (r *Region) Sizes(group string) (min, max, desired int) {
	r.lock()
	defer r.unlock()
	s := r.groups.must(group).sizes.now()
	return s.min, s.max, s.desired
}

// RoutedBy names the load balancers and target groups that would send an instance new traffic now:
// healthy there, or nobody is and the load balancer fails open.
func (r *Region) RoutedBy(instance string) []string {
	return r.registeredAt(instance, r.takes)
}

// Draining names the load balancers and target groups that are letting go of an instance.
func (r *Region) Draining(instance string) []string {
	return r.registeredAt(instance, func(reg *registration) bool { return reg.phase == phaseDraining })
}

func (r *Region) registeredAt(instance string, wanted func(*registration) bool) []string {
	r.lock()
	defer r.unlock()
	var names []string
	for _, reg := range r.instance(instance).registrations {
		if wanted(reg) {
			names = append(names, reg.pool.name)
		}
	}
	return names
}

// HealthyAt counts the load balancers and target groups of an instance's group, and those of them
// that are sending it traffic because it is healthy. Outside a group both are 0.
func (r *Region) HealthyAt(instance string) (healthy, all int) {
	r.lock()
	defer r.unlock()
	in := r.instance(instance)
	g := in.group()
	if g == nil {
		return 0, 0
	}
	for _, p := range g.pools {
		reg := p.find(in.id, p.port)
		if reg != nil && reg.checks.counted && p.rules.reaches(in.zone) {
			healthy++
		}
	}
	return healthy, len(g.pools)
}

// Activities are a group's feed as DescribeScalingActivities orders it.
func (r *Region) Activities(group string) []ActivityView {
	r.lock()
	defer r.unlock()
	var all []ActivityView
	for _, a := range listed(r.groups.must(group).feed, r.now) {
		p := a.progress.now()
		all = append(all, ActivityView{a.id, p.description, a.cause, p.status, a.start, p.end, p.percent})
	}
	return all
}
