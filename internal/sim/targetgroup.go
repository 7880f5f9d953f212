package sim

import (
	"cmp"
	"fmt"
	"maps"
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
	arn       string
	created   time.Time
	overrides map[string]string // AdministrativeOverride states by zone
}

// AddLoadBalancer adds a load balancer. Add it before its target groups.
func (r *Region) AddLoadBalancer(spec LoadBalancer) {
	r.lock()
	defer r.unlock()
	spec.Type = cmp.Or(spec.Type, "application")
	spec.CrossZone = spec.CrossZone || spec.Type == "application"
	short := map[string]string{"application": "app", "network": "net", "gateway": "gwy"}[spec.Type]
	arn := r.arn("elasticloadbalancing", fmt.Sprintf("loadbalancer/%s/%s/%s", short, spec.Name, r.names.suffix()))
	r.balancers.add(spec.Name, &balancer{LoadBalancer: spec, arn: arn, created: r.now.Add(-time.Hour), overrides: map[string]string{}})
}

// TargetGroup describes a target group to add to a Region.
type TargetGroup struct {
	Name     string
	Protocol string // HTTP (default), HTTPS, TCP, TLS, UDP, TCP_UDP, GENEVE
	Port     int    // default 80; GENEVE 6081
	// LoadBalancer is the load balancer whose listener forwards to it; "": none, and every
	// target is unused (Target.NotInUse).
	LoadBalancer          string
	Check                 HealthCheck
	IPv6                  bool          // IpAddressType ipv6: targets get health checks and traffic on their IPv6 address
	Drain                 time.Duration // deregistration_delay.timeout_seconds; 0 means no delay, and there is no default
	CrossZone             string        // "true", "false", "use_load_balancer_configuration" (default)
	ConnectionTermination bool          // deregistration_delay.connection_termination.enabled
	SlowStart             time.Duration // slow_start.duration_seconds; shown only, the Region does not ramp traffic
	TargetType            string        // instance (default) or ip; any other holds nothing, and is only shown
	Tags                  map[string]string
	// Attributes are other attributes by key. The Region acts on
	// target_group_health.unhealthy_state_routing.*, and only shows the rest.
	Attributes map[string]string
}

// targetGroup is a target group. A target drains for the whole deregistration delay whether it is
// idle or not: an Application Load Balancer goes on reporting draining (User Guide for Application
// Load Balancers, "Deregistration delay").
type targetGroup struct {
	TargetGroup
	registrar  registrar
	arn        string
	balancer   *balancer // nil: no listener forwards to it
	attributes []attribute
	anomalous  map[string]bool // instances that anomaly detection finds anomalous
}

// AddTargetGroup adds a target group. Add its load balancer first.
func (r *Region) AddTargetGroup(spec TargetGroup) {
	r.lock()
	defer r.unlock()
	t := &targetGroup{TargetGroup: spec.withDefaults(), anomalous: map[string]bool{}}
	t.arn = r.arn("elasticloadbalancing", fmt.Sprintf("targetgroup/%s/%s", spec.Name, r.names.suffix()))
	if spec.LoadBalancer != "" {
		t.balancer = r.balancers.must(spec.LoadBalancer)
	}
	t.setInitialAttributes()
	t.registrar = newRegistrar(spec.Name, t.Port, t.Check, t)
	r.targetGroups.add(spec.Name, t)
}

// setInitialAttributes sets the attributes that the TargetGroup gives. An invalid one is the test's
// mistake.
func (t *targetGroup) setInitialAttributes() {
	t.attributes = t.initialAttributes()
	given := maps.Clone(t.Attributes)
	if given == nil {
		given = map[string]string{}
	}
	if t.balancerType() != "gateway" {
		given[attributeCrossZone] = t.CrossZone
	}
	if t.SlowStart > 0 {
		given[attributeSlowStart] = secondsText(t.SlowStart)
	}
	if t.ConnectionTermination {
		given[attributeTerminates] = "true"
	}
	drain := t.Drain
	given[attributeDrain] = secondsText(drain)
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if err := t.setAttribute(key, given[key]); err != nil {
			panic("sim: " + err.Error())
		}
	}
	t.Drain = drain // which may be a fraction of a second
}

func (t TargetGroup) withDefaults() TargetGroup {
	t.Protocol, t.TargetType = cmp.Or(t.Protocol, "HTTP"), cmp.Or(t.TargetType, "instance")
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
	c.Timeout = cmp.Or(c.Timeout, map[bool]time.Duration{true: 5 * time.Second, false: 10 * time.Second}[c.Protocol == "HTTP"])
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
	if reg.phase == phaseGone {
		return shownHealth{}
	}
	shown := t.targetHealth(reg)
	if reg.instance.running {
		shown.override = t.overrideOf(reg.instance.zone)
	}
	return shown
}

func (t *targetGroup) targetHealth(reg *registration) shownHealth {
	shown := func(state, reason, description string) shownHealth {
		return shownHealth{State: state, Reason: reason, Description: description, listed: true}
	}
	switch {
	case !reg.instance.running:
		return drainingTarget(false)
	case reg.phase == phaseDraining:
		return drainingTarget(true)
	case t.balancer == nil:
		return shown("unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
	case !t.reaches(reg.instance.zone):
		return shown("unused", "Target.NotInUse", "Target is in an Availability Zone that is not enabled for the load balancer")
	case t.Check.Disabled:
		return shown("unavailable", "Target.HealthCheckDisabled", "Health checks are disabled")
	case reg.phase == phaseRegistering:
		return shown("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
	case reg.checks.verdict == verdictHealthy:
		return shown("healthy", "", "")
	case reg.checks.verdict == verdictUnhealthy && t.Check.Path != "":
		return shown("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]")
	case reg.checks.verdict == verdictUnhealthy:
		return shown("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
	}
	return shown("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
}

// drainingTarget is a target that deregisters. A terminated instance is draining when it is named,
// and missing from an answer without filter (recorded answers of 2026).
func drainingTarget(listed bool) shownHealth {
	return shownHealth{State: "draining", Reason: "Target.DeregistrationInProgress", Description: "Target deregistration is in progress", listed: listed}
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
func (t *targetGroup) usesIPv6() bool     { return t.IPv6 }

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
