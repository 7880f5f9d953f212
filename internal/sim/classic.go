package sim

import (
	"cmp"
	"slices"
	"time"
)

// Classic is a Classic Load Balancer to be added to a Region.
type Classic struct {
	Name      string
	Check     HealthCheck   // Target default "HTTP:80/"
	Draining  bool          // ConnectionDraining.Enabled
	Drain     time.Duration // ConnectionDraining.Timeout; default 300 s, printed even when disabled
	CrossZone bool
	Zones     []string // nil: all
}

// classic is a Classic Load Balancer. It lets go of an instance as soon as nothing is in flight (User
// Guide for Classic Load Balancers, "Configure connection draining").
type classic struct {
	Classic
	pool    pool
	created time.Time
}

// AddClassic adds a Classic Load Balancer.
func (r *Region) AddClassic(spec Classic) {
	r.lock()
	defer r.unlock()
	spec.Check.Target = cmp.Or(spec.Check.Target, "HTTP:80/")
	spec.Check.Interval = cmp.Or(spec.Check.Interval, 30*time.Second)
	spec.Check.Timeout = cmp.Or(spec.Check.Timeout, 5*time.Second)
	spec.Check.Healthy = cmp.Or(spec.Check.Healthy, 10)
	spec.Check.Unhealthy = cmp.Or(spec.Check.Unhealthy, 2)
	spec.Drain = cmp.Or(spec.Drain, 300*time.Second)
	c := &classic{Classic: spec, created: r.now.Add(-time.Hour)}
	c.pool = pool{name: spec.Name, check: spec.Check, rules: c, byKey: map[regKey]*registration{}}
	r.classics.add(spec.Name, c)
}

const (
	classicRegistering  = "Instance registration is still in progress."
	classicBelow        = "Instance has not passed the configured HealthyThreshold number of health checks consecutively."
	classicFailing      = "Instance has failed at least the UnhealthyThreshold number of health checks consecutively."
	classicDraining     = "Instance deregistration currently in progress."
	classicUnregistered = "Instance is not currently registered with the LoadBalancer."
	classicZoneOff      = "Instance is in the EC2 Availability Zone for which LoadBalancer is not configured to route traffic to."
)

// reading follows DescribeInstanceHealth: an instance that drains still says InService.
func (c *classic) reading(reg *registration) reading {
	switch {
	case reg.phase == phaseGone || !reg.in.alive:
		return reading{}
	case reg.phase == phaseDraining:
		return reading{"InService", "N/A", classicDraining, true}
	case !c.reaches(reg.in.zone):
		return reading{"OutOfService", "ELB", classicZoneOff, true}
	case reg.phase == phaseRegistering:
		return reading{"OutOfService", "ELB", classicRegistering, true}
	case reg.checks.verdict == verdictHealthy:
		return reading{"InService", "N/A", "N/A", true}
	case reg.checks.verdict == verdictUnhealthy:
		return reading{"OutOfService", "Instance", classicFailing, true}
	}
	return reading{"OutOfService", "Instance", classicBelow, true}
}

// drainTime ends early when the last connection does; without draining, connections are cut.
func (c *classic) drainTime(r *Region, reg *registration) time.Duration {
	switch {
	case !c.Draining:
		return 0
	case r.dataPlane: // which says when the last connection ends
		return c.Drain
	}
	return min(c.Drain, reg.in.inFlight)
}

func (c *classic) registerTime(r *Region) time.Duration { return r.timing.RegisterTime }
func (c *classic) firstPasses() int                     { return c.Check.Healthy }
func (c *classic) endsWhenIdle() bool                   { return true }
func (c *classic) failsOpen() bool                      { return false }
func (c *classic) lingers(*Region) time.Duration        { return 0 }
func (c *classic) reaches(zone string) bool {
	return c.Zones == nil || slices.Contains(c.Zones, zone)
}
