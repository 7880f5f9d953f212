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
	Start, End                         time.Time // End is zero while the activity runs
	Progress                           int
}

// State is an instance's lifecycle state, or "" if it is in no group.
func (r *Region) State(instance string) string {
	r.lock()
	defer r.unlock()
	return r.instance(instance).state()
}

// Members are a group's members in launch order, without the warm pool.
func (r *Region) Members(group string) []MemberView {
	r.lock()
	defer r.unlock()
	return views(r.groups.must(group).membersNow())
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
	s := r.groups.must(group).sizes.current()
	return s.min, s.max, s.desired
}

// Suspends says whether a process of a group is suspended now.
func (r *Region) Suspends(group, process string) bool {
	r.lock()
	defer r.unlock()
	return r.groups.must(group).suspends(process)
}

// RoutedBy names the load balancers and target groups that send an instance new traffic now: those
// where it is healthy, and those that fail open because no instance is healthy.
func (r *Region) RoutedBy(instance string) []string {
	return r.registeredAt(instance, r.routes)
}

// Draining names the load balancers and target groups that are deregistering an instance.
func (r *Region) Draining(instance string) []string {
	return r.registeredAt(instance, func(reg *registration) bool { return reg.phase == phaseDraining })
}

func (r *Region) registeredAt(instance string, wanted func(*registration) bool) []string {
	r.lock()
	defer r.unlock()
	var names []string
	for _, reg := range r.instance(instance).registrations {
		if wanted(reg) {
			names = append(names, reg.registrar.name)
		}
	}
	return names
}

// HealthyAt counts the load balancers and target groups of an instance's group, and those that
// route to the instance because it is healthy. Outside a group it counts those that have it registered.
func (r *Region) HealthyAt(instance string) (healthy, all int) {
	r.lock()
	defer r.unlock()
	in := r.instance(instance)
	g := in.group()
	if g == nil {
		for _, reg := range in.registrations {
			all++
			if reg.checks.countedHealthy && reg.registrar.traits.reaches(in.zone) {
				healthy++
			}
		}
		return healthy, all
	}
	for _, p := range g.registrars {
		reg := p.find(in.id, p.port)
		if reg != nil && reg.checks.countedHealthy && p.traits.reaches(in.zone) {
			healthy++
		}
	}
	return healthy, len(g.registrars)
}

// Activities is a group's feed in the order of DescribeScalingActivities.
func (r *Region) Activities(group string) []ActivityView {
	r.lock()
	defer r.unlock()
	var all []ActivityView
	for _, a := range feedOrder(r.groups.must(group).feed, r.now) {
		p := a.progress.current()
		all = append(all, ActivityView{a.id, p.description, a.cause, p.status, a.start, p.end, p.percent})
	}
	return all
}
