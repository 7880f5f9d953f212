package sim

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Group is an Auto Scaling group to be added to a Region.
type Group struct {
	Name              string
	Min, Max, Desired int      // Max 0: Desired
	Zones             []string // nil: all of the Region's
	Classic           []string // names of Classic Load Balancers
	TargetGroups      []string // names of target groups
	Lattice           []string // ARNs of VPC Lattice target groups; listed, nothing else
	// TrafficSourcesOnly: attached through AttachTrafficSources, shown in TrafficSources alone and
	// not in LoadBalancerNames and TargetGroupARNs.
	TrafficSourcesOnly bool
	HealthCheckType    string        // default "EC2"; a comma list with "ELB" lets load balancers judge
	Grace              time.Duration // HealthCheckGracePeriod, counted from InService
	Suspended          []string      // process names

	// MinHealthyPercentage and MaxHealthyPercentage are the InstanceMaintenancePolicy; 0, 0: none.
	// A minimum of 100 makes replacements launch before they terminate.
	MinHealthyPercentage, MaxHealthyPercentage int

	Weights     []int // of the i-th launched instance, cycled; nil: not a weighted group
	WarmPool    int   // instances waiting in the warm pool
	AZRebalance bool  // the rebalancing actor; off by default
}

// sizes is what changes about a group and is shown.
type sizes struct {
	min, max, desired int
	suspended         []suspension
	deleting          bool
}

// group is an Auto Scaling group.
type group struct {
	Group
	arn      string
	created  time.Time
	sizes    past[sizes]
	pools    []*pool     // what it registers its instances with, Classic first
	members  []*instance // with the warm pool, and those who left while history still shows them
	launches int

	feed          []*activity // oldest first
	refreshes     []*refresh  // oldest first
	planned       bool        // a look at the difference between actual and desired is on the agenda
	reason        string      // why the desired capacity changed last, for the next activity's cause
	launchFailure string      // why EC2 cannot launch; "": it can
	owed          int         // replacements of unhealthy instances not launched yet
	lastMove      time.Time   // the last standby move, for contention
}

// AddGroup adds a group whose instances are InService, registered and healthy, and have been for an
// hour. It returns their ids in launch order.
func (r *Region) AddGroup(spec Group) []string {
	r.lock()
	defer r.unlock()
	g := r.newGroup(spec)
	g.sizes = always(sizes{
		min: spec.Min, max: cmp.Or(spec.Max, spec.Desired), desired: spec.Desired,
		suspended: suspendedAt(r.now, spec.Suspended...),
	})
	r.groups.add(spec.Name, g)
	var ids []string
	for units := 0; units < spec.Desired; {
		in := r.settledMember(g, stateInService)
		units += in.weight
		ids = append(ids, in.id)
		r.recordPastLaunch(g, in, units-in.weight, units)
		for _, p := range g.pools {
			p.addHealthy(r, in)
		}
	}
	for range spec.WarmPool {
		r.settledMember(g, stateWarmedStopped)
	}
	return ids
}

func (r *Region) newGroup(spec Group) *group {
	if spec.Zones == nil {
		spec.Zones = r.zones()
	}
	spec.HealthCheckType = cmp.Or(spec.HealthCheckType, "EC2")
	g := &group{Group: spec, created: r.now.Add(-time.Hour)}
	g.arn = r.arn("autoscaling", "autoScalingGroup:"+r.names.uuid()+":autoScalingGroupName/"+spec.Name)
	for _, name := range spec.Classic {
		g.pools = append(g.pools, &r.classics.must(name).pool)
	}
	for _, name := range spec.TargetGroups {
		g.pools = append(g.pools, &r.targetGroups.must(name).pool)
	}
	return g
}

// settledMember is a member that has been in its state for an hour.
func (r *Region) settledMember(g *group, state string) *instance {
	in := r.newInstance(g.Zones[len(g.members)%len(g.Zones)])
	in.weight = g.nextWeight()
	in.launched = r.now.Add(-time.Hour)
	in.inService = in.launched
	in.life = always(life{group: g, state: state, health: healthy})
	r.aim(in, state)
	g.members = append(g.members, in)
	return in
}

// nextWeight is the weight of the next instance to be launched.
func (g *group) nextWeight() int {
	g.launches++
	if len(g.Weights) == 0 {
		return 1
	}
	return g.Weights[(g.launches-1)%len(g.Weights)]
}

// zoneCounts counts the capacity of each zone.
func (g *group) zoneCounts() map[string]int {
	counts := map[string]int{}
	for _, in := range g.members {
		if in.group() == g && (in.capacity() || in.replaces != nil) {
			counts[in.zone]++
		}
	}
	return counts
}

// emptiestZone is where the next instance belongs.
func (g *group) emptiestZone() string {
	counts := g.zoneCounts()
	return slices.MinFunc(g.Zones, func(a, b string) int { return counts[a] - counts[b] })
}

// units is the group's capacity as Auto Scaling counts it: instances, or the sum of their weights.
func (g *group) units() int {
	units := 0
	for _, in := range g.members {
		if in.group() == g && in.capacity() {
			units += in.weight
		}
	}
	return units
}

// present are the members now, without the warm pool.
func (g *group) present() []*instance {
	var members []*instance
	for _, in := range g.members {
		if now := in.life.now(); now.group == g && !warm(now.state) {
			members = append(members, in)
		}
	}
	return members
}

// suspends says whether a process is suspended now.
func (g *group) suspends(process string) bool {
	return slices.ContainsFunc(g.sizes.now().suspended, func(s suspension) bool { return s.process == process })
}

// asksLoadBalancers says whether their health checks count for Auto Scaling.
func (g *group) asksLoadBalancers() bool {
	return slices.ContainsFunc(strings.Split(g.HealthCheckType, ","), func(t string) bool {
		return strings.TrimSpace(t) == "ELB"
	})
}

// resize changes a group's numbers and lets the difference be acted on. The desired capacity is
// pushed into [min, max], as UpdateAutoScalingGroup does.
func (r *Region) resize(g *group, min, max, desired int, reason string) {
	s := g.sizes.now()
	s.min, s.max, s.desired = min, max, clamp(desired, min, max)
	if before := g.sizes.now().desired; s.desired != before {
		g.reason = reason
	}
	become(r, &g.sizes, s)
	r.replan(g)
}

// setDesired changes the desired capacity as part of a move, without a second thought about it.
func (r *Region) setDesired(g *group, desired int) {
	s := g.sizes.now()
	s.desired = desired
	become(r, &g.sizes, s)
	r.replan(g)
}

func clamp(n, low, high int) int { return max(low, min(n, high)) }

// leave takes an instance out of its group; once history shows it no more it is forgotten.
func (r *Region) leaveGroup(in *instance) {
	g := in.group()
	become(r, &in.life, life{})
	r.after(r.maxLag, func() {
		g.members = slices.DeleteFunc(g.members, func(m *instance) bool { return m == in && in.group() != g })
	})
}
