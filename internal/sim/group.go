package sim

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Group describes an Auto Scaling group to add to a Region.
type Group struct {
	Name              string
	Min, Max, Desired int      // Max 0 means the same as Desired
	Zones             []string // nil: all zones of the Region
	Classic           []string // names of Classic Load Balancers
	TargetGroups      []string // names of target groups
	Lattice           []string // ARNs of VPC Lattice target groups; they are listed and do nothing
	// TrafficSourcesOnly: attached by AttachTrafficSources, so listed in TrafficSources but
	// not in LoadBalancerNames and TargetGroupARNs.
	TrafficSourcesOnly bool
	HealthCheckType    string        // default "EC2"; load balancer checks count if the list contains "ELB"
	Grace              time.Duration // HealthCheckGracePeriod, counted from InService
	Suspended          []string      // process names

	// MinHealthyPercentage and MaxHealthyPercentage are the InstanceMaintenancePolicy; 0, 0: none.
	// With a minimum of 100 a replacement is launched before the old instance is terminated.
	MinHealthyPercentage, MaxHealthyPercentage int

	Weights     []int // WeightedCapacity of each launch in turn, repeating; nil: no weights
	WarmPool    int   // number of instances in the warm pool
	AZRebalance bool  // whether the group rebalances its zones; off by default
	Hooks       []Hook
	Settings    Settings
}

// sizes is the part of a group that changes and that describe calls show.
type sizes struct {
	min, max, desired int
	suspended         []suspension
	deleting          bool
}

// group is an Auto Scaling group.
type group struct {
	Group
	arn        string
	created    time.Time
	sizes      history[sizes]
	registrars []*registrar // load balancers it registers its instances with, Classic first
	members    []*instance  // including the warm pool and former members that history still shows
	launches   int

	feed            []*activity // oldest first
	refreshes       []*refresh  // oldest first
	lookDue         bool        // reconcile is scheduled
	resizeCause     string      // cause of the last change of the desired capacity, for the next activity
	launchFailure   string      // error of every launch; "": launches succeed
	launchAfter     time.Time   // no launch before, after a failed one
	replacementsDue int         // replacements of unhealthy instances still to launch
	image           string      // that instances are launched from; "" before the first refresh with one
	lastMove        time.Time   // time of the last Standby move, for ResourceContention
}

// AddGroup adds a group whose instances have been InService, registered and healthy for an hour. It
// returns their ids in launch order.
func (r *Region) AddGroup(spec Group) []string {
	r.lock()
	defer r.unlock()
	g := r.newGroup(spec)
	g.sizes = newHistory(sizes{
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
		for _, p := range g.registrars {
			p.addHealthy(r, in, p.port)
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
		g.registrars = append(g.registrars, &r.classics.must(name).registrar)
	}
	for _, name := range spec.TargetGroups {
		g.registrars = append(g.registrars, &r.targetGroups.must(name).registrar)
	}
	return g
}

// settledMember adds a member that has been in its state for an hour.
func (r *Region) settledMember(g *group, state string) *instance {
	in := r.newInstance(g.Zones[len(g.members)%len(g.Zones)])
	in.weight = g.nextWeight()
	in.launched = r.now.Add(-time.Hour)
	in.inServiceSince = in.launched
	in.membership = newHistory(membership{group: g, state: state, health: healthy})
	r.setTargetState(in, state)
	g.members = append(g.members, in)
	return in
}

// nextWeight is the weight of the next launch.
func (g *group) nextWeight() int {
	g.launches++
	if len(g.Weights) == 0 {
		return 1
	}
	return g.Weights[(g.launches-1)%len(g.Weights)]
}

// zoneCounts is the number of members in each zone that count towards the desired capacity.
func (g *group) zoneCounts() map[string]int {
	counts := map[string]int{}
	for _, in := range g.members {
		if in.group() == g && (in.countsTowardsDesired() || in.replacement.of != nil) {
			counts[in.zone]++
		}
	}
	return counts
}

// emptiestZone is the zone with the fewest members, where the next instance is launched.
func (g *group) emptiestZone() string {
	counts := g.zoneCounts()
	return slices.MinFunc(g.Zones, func(a, b string) int { return counts[a] - counts[b] })
}

// units is the group's actual capacity as Auto Scaling counts it: members, or the sum of their
// weights.
func (g *group) units() int {
	units := 0
	for _, in := range g.members {
		if in.group() == g && in.countsTowardsDesired() {
			units += in.weight
		}
	}
	return units
}

// membersNow are the members without the warm pool.
func (g *group) membersNow() []*instance {
	var members []*instance
	for _, in := range g.members {
		if now := in.membership.current(); now.group == g && !warm(now.state) {
			members = append(members, in)
		}
	}
	return members
}

// suspends says whether a process is suspended.
func (g *group) suspends(process string) bool {
	return slices.ContainsFunc(g.sizes.current().suspended, func(s suspension) bool { return s.process == process })
}

// asksLoadBalancers says whether load balancer health checks count for Auto Scaling.
func (g *group) asksLoadBalancers() bool {
	return slices.ContainsFunc(strings.Split(g.HealthCheckType, ","), func(t string) bool {
		return strings.TrimSpace(t) == "ELB"
	})
}

// resize changes the group's sizes and acts on the difference. The desired capacity is moved into
// [min, max], as UpdateAutoScalingGroup does.
func (r *Region) resize(g *group, min, max, desired int, reason string) {
	s := g.sizes.current()
	s.min, s.max, s.desired = min, max, clamp(desired, min, max)
	if before := g.sizes.current().desired; s.desired != before {
		g.resizeCause = reason
	}
	setNow(r, &g.sizes, s)
	r.reconcileSoon(g)
}

// adjustDesired changes the desired capacity as part of a move. The move has checked the limits.
func (r *Region) adjustDesired(g *group, desired int) {
	s := g.sizes.current()
	s.desired = desired
	setNow(r, &g.sizes, s)
	r.reconcileSoon(g)
}

func clamp(n, low, high int) int { return max(low, min(n, high)) }

// leaveGroup takes an instance out of its group. The group forgets it when no stale read can show
// it.
func (r *Region) leaveGroup(in *instance) {
	g := in.group()
	setNow(r, &in.membership, membership{})
	r.scheduleAfter(r.config.MaxLag, func() {
		g.members = slices.DeleteFunc(g.members, func(m *instance) bool { return m == in && in.group() != g })
	})
}
