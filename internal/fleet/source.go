package fleet

import (
	"errors"
	"time"
)

// SourceKind tells the four sorts of traffic source apart.
type SourceKind string

// A target group takes its kind from its protocol: HTTP and HTTPS belong to an
// Application Load Balancer, TCP, UDP, TLS and TCP_UDP to a Network Load Balancer,
// GENEVE to a Gateway Load Balancer.
const (
	Classic     SourceKind = "classic"
	Application SourceKind = "alb"
	Network     SourceKind = "nlb"
	Gateway     SourceKind = "gwlb"
)

// Source is one Classic load balancer or one target group: its settings, which do
// not change while balanced works.
type Source struct {
	Kind SourceKind
	Name string // load balancer name, or target group name
	ID   string // what the API asks by: the name, or the target group's ARN
	Port int    // target group's own port; 0 for Classic
	// Drain is the deregistration delay, or the connection draining timeout (0 where
	// draining is off). An Application Load Balancer reports draining for the whole
	// of it even when idle; a Classic one is done as soon as it is idle.
	Drain time.Duration
	Check HealthCheck
	// CrossZone false: each zone's clients are served by that zone's instances alone.
	CrossZone bool
	// CutsFlows: established connections are cut when the delay is over. An NLB or a GWLB
	// without it lets flows live on after the target is gone.
	CutsFlows bool

	// What follows is of target groups alone.
	TargetType string // what is registered: instance, ip, alb, lambda
	Protocol   string // of its traffic: HTTP, TCP, QUIC, ...
	Version    string // protocol version of requests: HTTP1, HTTP2, GRPC; empty outside an ALB
	// SlowStart is for how long a target that has just become healthy gets less than its share; 0: off (ALB).
	SlowStart time.Duration
	// AnomalyMitigation: a target that answers worse than the others gets less than its share (ALB).
	AnomalyMitigation bool
	Thresholds        Thresholds
}

// Thresholds are how many targets must be healthy in each zone of a load balancer, or over all with cross-zone load
// balancing (API reference, TargetGroupAttribute, target_group_health.*). Below DNS a zone gets no clients any more, below
// Routing targets that are unhealthy get traffic, too. The zero value is that both are off.
type Thresholds struct{ DNS, Routing Threshold }

// Threshold is a number of targets, a percentage of them, or both: then crossing either counts. 0 is off.
type Threshold struct{ Count, Percent int }

// Least is how many of a number of targets must be healthy.
func (t Threshold) Least(targets int) int {
	return max(t.Count, (targets*t.Percent+99)/100)
}

// HealthCheck is the health check of a source, enough to ask the same question locally
// and to say how long the way back takes.
type HealthCheck struct {
	Disabled           bool
	Protocol           string // HTTP, HTTPS, TCP, SSL, TLS, GENEVE
	Port               string // number, or "traffic-port"
	Path               string
	Matcher            string // HTTP codes ("200-299,301") or gRPC codes
	GRPC               bool   // Matcher holds gRPC codes
	HTTP2              bool   // asked in HTTP/2 (protocol version HTTP2)
	IPv6               bool   // asked at the instance's IPv6 address
	ProxyV2            bool   // begins with a PROXY protocol header, version 2 (NLB)
	Interval, Timeout  time.Duration
	Healthy, Unhealthy int // passes, failures in a row
}

// FirstPass is the longest a newly registered instance that passes its checks takes to be called
// healthy: one passing check behind an Application Load Balancer, HealthyThreshold
// of them elsewhere (ELB user guides, "Health checks").
func (s Source) FirstPass() time.Duration {
	return time.Duration(s.passes()) * (s.Check.Interval + s.Check.Timeout)
}

// Earliest is the least it takes: checks are an interval apart, and the first may come
// at once.
func (s Source) Earliest() time.Duration {
	return time.Duration(s.passes()-1) * s.Check.Interval
}

// passes is how many checks a newly registered instance has to pass.
func (s Source) passes() int {
	if s.Kind == Application {
		return 1
	}
	return max(s.Check.Healthy, 1)
}

// Health is how one source sees one target.
type Health string

// Only Healthy is evidence: a load balancer with no healthy target sends traffic to
// all of them (fail-open), so "it still answers" proves nothing.
const (
	Healthy      Health = "healthy"
	Unhealthy    Health = "unhealthy"
	Initial      Health = "initial"      // registered, not yet checked often enough
	Draining     Health = "draining"     // takes no new connections, old ones finish
	NotInUse     Health = "not in use"   // registered, but its load balancer sends it nothing
	Unavailable  Health = "unavailable"  // health checks are off, or it cannot be told
	Unregistered Health = "unregistered" // deregistered by the load balancer, or never registered
)

// Target is one registration: an instance on one port, as its source sees it.
type Target struct {
	Instance string
	Port     int // 0 for Classic
	Health   Health
	Reason   string // AWS's own words, for people
	// Shifted: a zonal shift keeps new traffic from it, whatever Health says.
	Shifted bool
	// Override is AWS's own words about such a shift, also of one that need not keep traffic away
	// (zonal_shift_delegated_to_dns, unknown); empty where there is none.
	Override string
	// Mitigated: anomaly mitigation gives it less than its share at the moment.
	Mitigated bool
}

// GetsTraffic: the source calls it healthy, and no zonal shift keeps new traffic from it. A shifted target stays healthy
// (ELB user guides, "Zonal shift").
func (t Target) GetsTraffic() bool { return t.Health == Healthy && !t.Shifted }

// Standing is how the source sees it, for people.
func (t Target) Standing() string {
	if t.Health == Healthy && t.Shifted {
		return "healthy but shifted away (zonal shift)"
	}
	return string(t.Health)
}

// Registration is one place at which a load balancer or target group holds an instance.
// Of the source only its kind, name and id are known.
type Registration struct {
	Source
	Target
}

// ErrNoSource: the group names a load balancer or target group that does not exist.
var ErrNoSource = errors.New("does not exist")
