package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// LoadBalancer describes an Application, Network or Gateway Load Balancer to add to a Region.
type LoadBalancer struct {
	Name      string
	Type      string   // application (default), network or gateway
	Zones     []string // enabled zones; nil: all zones of the Region
	CrossZone bool     // load_balancing.cross_zone.enabled; always true for an application load balancer
}

type balancer struct {
	LoadBalancer
	arn     string
	created time.Time
}

// AddLoadBalancer adds a load balancer. Add it before its target groups.
func (r *Region) AddLoadBalancer(spec LoadBalancer) {
	r.lock()
	defer r.unlock()
	spec.Type = cmp.Or(spec.Type, "application")
	spec.CrossZone = spec.CrossZone || spec.Type == "application"
	short := map[string]string{"application": "app", "network": "net", "gateway": "gwy"}[spec.Type]
	arn := r.arn("elasticloadbalancing", fmt.Sprintf("loadbalancer/%s/%s/%s", short, spec.Name, r.names.suffix()))
	r.balancers.add(spec.Name, &balancer{LoadBalancer: spec, arn: arn, created: r.now.Add(-time.Hour)})
}

// TargetGroup describes a target group of target type instance to add to a Region.
type TargetGroup struct {
	Name     string
	Protocol string // HTTP (default), HTTPS, TCP, TLS, UDP, TCP_UDP, GENEVE
	Port     int    // default 80; GENEVE 6081
	// LoadBalancer is the load balancer whose listener forwards to it; "": none, and every
	// target is unused (Target.NotInUse).
	LoadBalancer          string
	Check                 HealthCheck
	Drain                 time.Duration // deregistration_delay.timeout_seconds; 0 means no delay, and there is no default
	CrossZone             string        // "true", "false", "use_load_balancer_configuration" (default)
	ConnectionTermination bool          // deregistration_delay.connection_termination.enabled
	SlowStart             time.Duration // slow_start.duration_seconds; shown only, the Region does not ramp traffic
}

// targetGroup is a target group. A target drains for the whole deregistration delay whether it is
// idle or not: an Application Load Balancer goes on reporting draining (User Guide for Application
// Load Balancers, "Deregistration delay").
type targetGroup struct {
	TargetGroup
	registrar registrar
	arn       string
	balancer  *balancer // nil: no listener forwards to it
}

// AddTargetGroup adds a target group. Add its load balancer first.
func (r *Region) AddTargetGroup(spec TargetGroup) {
	r.lock()
	defer r.unlock()
	t := &targetGroup{TargetGroup: spec.withDefaults()}
	t.arn = r.arn("elasticloadbalancing", fmt.Sprintf("targetgroup/%s/%s", spec.Name, r.names.suffix()))
	if spec.LoadBalancer != "" {
		t.balancer = r.balancers.must(spec.LoadBalancer)
	}
	t.registrar = registrar{name: spec.Name, port: t.Port, check: t.Check, traits: t, byTarget: map[targetKey]*registration{}}
	r.targetGroups.add(spec.Name, t)
}

func (t TargetGroup) withDefaults() TargetGroup {
	t.Protocol = cmp.Or(t.Protocol, "HTTP")
	t.CrossZone = cmp.Or(t.CrossZone, "use_load_balancer_configuration")
	web := t.Protocol == "HTTP" || t.Protocol == "HTTPS"
	c := &t.Check
	switch {
	case web:
		t.Port = cmp.Or(t.Port, 80)
		c.Protocol, c.Port = cmp.Or(c.Protocol, "HTTP"), cmp.Or(c.Port, "traffic-port")
	case t.Protocol == "GENEVE":
		t.Port = cmp.Or(t.Port, 6081)
		c.Protocol, c.Port = cmp.Or(c.Protocol, "TCP"), cmp.Or(c.Port, "80")
		c.Interval, c.Timeout = cmp.Or(c.Interval, 10*time.Second), cmp.Or(c.Timeout, 5*time.Second)
	default:
		t.Port = cmp.Or(t.Port, 80)
		c.Protocol, c.Port = cmp.Or(c.Protocol, "TCP"), cmp.Or(c.Port, "traffic-port")
	}
	if c.Protocol == "HTTP" || c.Protocol == "HTTPS" {
		c.Path, c.Matcher = cmp.Or(c.Path, "/"), cmp.Or(c.Matcher, "200")
	}
	c.Timeout = cmp.Or(c.Timeout, map[bool]time.Duration{true: 6 * time.Second, false: 10 * time.Second}[c.Protocol == "HTTP"])
	c.Interval = cmp.Or(c.Interval, 30*time.Second)
	c.Healthy, c.Unhealthy = cmp.Or(c.Healthy, 5), cmp.Or(c.Unhealthy, 2)
	return t
}

// balancerType is the load balancer's type. Without a load balancer the protocol decides.
func (t *targetGroup) balancerType() string {
	switch {
	case t.balancer != nil:
		return t.balancer.Type
	case t.Protocol == "HTTP" || t.Protocol == "HTTPS":
		return "application"
	case t.Protocol == "GENEVE":
		return "gateway"
	}
	return "network"
}

// shownHealth follows DescribeTargetHealth; the descriptions are those of the load balancer guides.
func (t *targetGroup) shownHealth(reg *registration) shownHealth {
	switch {
	case reg.phase == phaseGone:
		return shownHealth{}
	case reg.phase == phaseDraining:
		return shownHealth{"draining", "Target.DeregistrationInProgress", "Target deregistration is in progress", true}
	case t.balancer == nil:
		return shownHealth{"unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer", true}
	case !t.reaches(reg.instance.zone):
		return shownHealth{"unused", "Target.NotInUse", "Target is in an Availability Zone that is not enabled for the load balancer", true}
	case !reg.instance.running:
		return shownHealth{"unused", "Target.InvalidState", "Target is in the terminated state", true}
	case t.Check.Disabled:
		return shownHealth{"unavailable", "Target.HealthCheckDisabled", "Health checks are disabled", true}
	case reg.phase == phaseRegistering:
		return shownHealth{"initial", "Elb.RegistrationInProgress", "Target registration is in progress", true}
	case reg.checks.verdict == verdictHealthy:
		return shownHealth{State: "healthy", listed: true}
	case reg.checks.verdict == verdictUnhealthy && t.Check.Path != "":
		return shownHealth{"unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]", true}
	case reg.checks.verdict == verdictUnhealthy:
		return shownHealth{"unhealthy", "Target.FailedHealthChecks", "Health checks failed", true}
	}
	return shownHealth{"initial", "Elb.InitialHealthChecking", "Initial health checks in progress", true}
}

// drainTime is the whole delay, or none for a target that gets no traffic.
func (t *targetGroup) drainTime(_ *Region, reg *registration) time.Duration {
	if !t.reaches(reg.instance.zone) || !reg.instance.running {
		return 0
	}
	return t.Drain
}

func (t *targetGroup) registerTime(r *Region) time.Duration {
	if t.balancerType() == "application" {
		return r.config.Timing.RegisterTime
	}
	return r.config.Timing.NetworkRegisterTime
}

// firstPasses is one for an Application Load Balancer (User Guide, "Health checks for your target
// groups").
func (t *targetGroup) firstPasses() int {
	if t.balancerType() == "application" {
		return 1
	}
	return t.Check.Healthy
}

func (t *targetGroup) endsWhenIdle() bool { return false }
func (t *targetGroup) failsOpen() bool    { return true }

func (t *targetGroup) lingerTime(r *Region) time.Duration {
	if t.balancerType() == "network" {
		return r.config.Timing.NetworkLinger
	}
	return 0
}

func (t *targetGroup) reaches(zone string) bool {
	return t.balancer != nil && (t.balancer.Zones == nil || slices.Contains(t.balancer.Zones, zone))
}

// checkPort is the health check port as DescribeTargetHealth writes it: always a number.
func (t *targetGroup) checkPort(targetPort int) string {
	if t.Check.Port == "traffic-port" {
		return strconv.Itoa(targetPort)
	}
	return t.Check.Port
}
