package doctor

import (
	"slices"
	"time"
)

// Facts is what doctor knows and nobody has to change. Its JSON keys are a promise: keys are added, never changed. What
// could not be read is left out, or empty.
type Facts struct {
	// OutSeconds and InSeconds are the most a run takes with its default budgets, all waiting included: what a hook's
	// timeout has to allow for.
	OutSeconds float64 `json:"out_seconds,omitzero"`
	InSeconds  float64 `json:"in_seconds,omitzero"`
	// ThrottlingLimitSeconds is the most that either takes longer where AWS throttles. A hook's timeout need not allow
	// for it: within one, this gives way first.
	ThrottlingLimitSeconds float64     `json:"throttling_limit_seconds,omitzero"`
	MayBeOut               *MayBeOut   `json:"may_be_out,omitempty"`
	Drains                 []DrainFact `json:"drains"`
	// Zones counts the members of each, those in Standby among them.
	Zones           map[string]int `json:"zones"`
	HealthCheckType string         `json:"health_check_type"`
	// ReplacesUnhealthy: Auto Scaling replaces an instance that a load balancer calls unhealthy. That it does not is its
	// default, and no fault: an instance that returns slowly is then not terminated either.
	ReplacesUnhealthy bool    `json:"replaces_unhealthy"`
	GraceSeconds      float64 `json:"grace_seconds"`
	// ClockAheadSeconds is this host's clock against AWS's, below zero when behind.
	ClockAheadSeconds float64         `json:"clock_ahead_seconds"`
	Metadata          MetadataFact    `json:"metadata"`
	Permissions       PermissionsFact `json:"permissions"`
	Everywhere        bool            `json:"everywhere"` // all of the account's load balancers were asked
}

// MayBeOut is how many may be out of service at once.
type MayBeOut struct {
	ByMinSize    int `json:"by_min_size"`
	ByMinHealthy int `json:"by_min_healthy"`
}

// DrainFact is how long one load balancer takes to deregister an instance, and to take it back.
type DrainFact struct {
	Kind         string  `json:"kind"`
	Name         string  `json:"name"`
	DrainSeconds float64 `json:"drain_seconds"`
	CheckSeconds float64 `json:"check_seconds"` // until an instance that passes its checks is called healthy
	CrossZone    bool    `json:"cross_zone"`
}

// MetadataFact is the instance metadata service as it looks from inside.
type MetadataFact struct {
	V1 bool `json:"v1"`
	// HopLimit in full can be read only with ec2:DescribeInstances, which balanced does not have. That a token arrived
	// says that it is enough for this process.
	HopLimit string `json:"hop_limit"`
}

// PermissionsFact is what was tried, by IAM's names.
type PermissionsFact struct {
	Allowed  []string `json:"allowed"`
	Denied   []string `json:"denied"`
	NotTried []string `json:"not_tried"`
}

// facts gathers them.
func (s subject) facts(everywhere bool) *Facts {
	f := &Facts{
		Drains: []DrainFact{}, Zones: s.PerZone(),
		HealthCheckType: s.Group.HealthCheckType, ReplacesUnhealthy: s.Group.ELBHealth(), GraceSeconds: s.Group.Grace.Seconds(),
		ClockAheadSeconds: s.clockAhead.Seconds(),
		Metadata:          MetadataFact{V1: s.answersV1, HopLimit: "enough for this process"},
		Permissions:       s.permissionFacts(),
		Everywhere:        everywhere,
	}
	if !s.knows() {
		return f
	}
	f.MayBeOut = s.mayBeOut()
	for _, t := range s.Traffic {
		f.Drains = append(f.Drains, DrainFact{string(t.Kind), t.Name, t.Drain.Seconds(), t.FirstPass().Seconds(), t.CrossZone})
	}
	f.OutSeconds, f.InSeconds, f.ThrottlingLimitSeconds = wholeMillis(s.OutLimit), wholeMillis(s.InLimit), wholeMillis(s.ThrottlingLimit)
	return f
}

func wholeMillis(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

// mayBeOut: of a weighted group sizes say nothing about instances.
func (s subject) mayBeOut() *MayBeOut {
	if s.Group.Weighted() {
		return nil
	}
	n := s.Count(s.min)
	room := MayBeOut{ByMinSize: max(n.Capacity-s.Group.Min, 0), ByMinHealthy: n.Slots}
	if n.Impossible() {
		room.ByMinHealthy = 0
	}
	return &room
}

func (s subject) permissionFacts() PermissionsFact {
	p := PermissionsFact{Allowed: []string{}, Denied: append([]string{}, s.reads.denied...), NotTried: []string{}}
	for _, action := range s.reads.tried {
		switch {
		case s.reads.noCredentials:
			p.NotTried = append(p.NotTried, action)
		case !slices.Contains(s.reads.denied, action):
			p.Allowed = append(p.Allowed, action)
		}
	}
	for _, action := range s.moves() {
		switch {
		case action != s.permissions.action:
			p.NotTried = append(p.NotTried, action)
		case s.permissions.denied:
			p.Denied = append(p.Denied, action)
		default:
			p.Allowed = append(p.Allowed, action)
		}
	}
	return p
}
