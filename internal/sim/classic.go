package sim

import (
	"cmp"
	"slices"
	"time"
)

// Classic describes a Classic Load Balancer to add to a Region.
type Classic struct {
	Name      string
	Check     HealthCheck   // Target default "HTTP:80/"
	Draining  bool          // ConnectionDraining.Enabled
	Drain     time.Duration // ConnectionDraining.Timeout; default 300 s, shown even when disabled
	CrossZone bool
	Zones     []string // nil: all zones of the Region
}

// classic is a Classic Load Balancer. It finishes deregistration as soon as no request is in flight
// (User Guide for Classic Load Balancers, "Configure connection draining").
type classic struct {
	Classic
	registrar registrar
	created   time.Time
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
	c.registrar = newRegistrar(spec.Name, 0, spec.Check, c)
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

// shownHealth follows DescribeInstanceHealth: a draining instance is still InService.
func (c *classic) shownHealth(reg *registration) shownHealth {
	switch {
	case reg.phase == phaseGone || !reg.instance.running:
		return shownHealth{}
	case reg.phase == phaseDraining:
		return shownHealth{State: "InService", Reason: "N/A", Description: classicDraining, listed: true}
	case !c.reaches(reg.instance.zone):
		return shownHealth{State: "OutOfService", Reason: "ELB", Description: classicZoneOff, listed: true}
	case reg.phase == phaseRegistering:
		return shownHealth{State: "OutOfService", Reason: "ELB", Description: classicRegistering, listed: true}
	case reg.checks.verdict == verdictHealthy:
		return shownHealth{State: "InService", Reason: "N/A", Description: "N/A", listed: true}
	case reg.checks.verdict == verdictUnhealthy:
		return shownHealth{State: "OutOfService", Reason: "Instance", Description: classicFailing, listed: true}
	}
	return shownHealth{State: "OutOfService", Reason: "Instance", Description: classicBelow, listed: true}
}

// drainTime ends when the last connection does. Without connection draining, connections are closed
// at once.
func (c *classic) drainTime(r *Region, reg *registration) time.Duration {
	switch {
	case !c.Draining:
		return 0
	case r.config.DataPlane: // ReportIdle says when the last connection ends
		return c.Drain
	}
	return min(c.Drain, reg.instance.inFlight)
}

func (c *classic) registerTime(r *Region) time.Duration { return r.config.Timing.RegisterTime }
func (c *classic) firstPasses() int                     { return c.Check.Healthy }
func (c *classic) endsWhenIdle() bool                   { return true }
func (c *classic) minHealthy(int) int                   { return 0 }
func (c *classic) usesIPv6() bool                       { return false }
func (c *classic) shifted(string) bool                  { return false }
func (c *classic) lingerTime(*Region) time.Duration     { return 0 }
func (c *classic) reaches(zone string) bool {
	return c.Zones == nil || slices.Contains(c.Zones, zone)
}
