package rotation

import (
	"slices"

	"balanced/internal/asg"
)

// Facts is what doctor knows and nobody has to mend. Its JSON keys are a promise: keys
// are added, never changed. What could not be read is left out, or empty.
type Facts struct {
	// OutSeconds and InSeconds are the most a run takes with its default budgets, all
	// waiting included: what a hook's timeout has to allow for.
	OutSeconds float64 `json:"out_seconds,omitzero"`
	InSeconds  float64 `json:"in_seconds,omitzero"`
	// ThrottledSeconds is the most that either takes longer where AWS throttles. A hook's
	// timeout need not allow for it: within one, this gives way first.
	ThrottledSeconds float64     `json:"throttled_seconds,omitzero"`
	MayBeOut         *MayBeOut   `json:"may_be_out,omitempty"`
	Drains           []DrainFact `json:"drains"`
	// Zones counts the members of each, those in Standby among them.
	Zones           map[string]int `json:"zones"`
	HealthCheckType string         `json:"health_check_type"`
	// ReplacesSick: Auto Scaling replaces a host that a load balancer calls unhealthy.
	// That it does not is its default, and no fault: a host that returns slowly is then
	// not terminated either.
	ReplacesSick bool    `json:"replaces_sick"`
	GraceSeconds float64 `json:"grace_seconds"`
	// ClockAheadSeconds is this host's clock against AWS's, below zero when behind.
	ClockAheadSeconds float64         `json:"clock_ahead_seconds"`
	Metadata          MetadataFact    `json:"metadata"`
	Permissions       PermissionsFact `json:"permissions"`
	Everywhere        bool            `json:"everywhere"` // all of the account's load balancers were asked
}

// MayBeOut is how many may be out of service at once.
type MayBeOut struct {
	ByMinSize int `json:"by_min_size"`
	ByFloor   int `json:"by_floor"`
}

// DrainFact is how long one load balancer takes to let go, and to take back.
type DrainFact struct {
	Kind         string  `json:"kind"`
	Name         string  `json:"name"`
	DrainSeconds float64 `json:"drain_seconds"`
	CheckSeconds float64 `json:"check_seconds"` // until a sound host is called healthy
	CrossZone    bool    `json:"cross_zone"`
}

// MetadataFact is the instance metadata service as it looks from inside.
type MetadataFact struct {
	V1 bool `json:"v1"`
	// HopLimit in full can be read only with ec2:DescribeInstances, which balanced does
	// not have. That a token arrived says that it is enough for this process.
	HopLimit string `json:"hop_limit"`
}

// PermissionsFact is what was tried, by IAM's names.
type PermissionsFact struct {
	Allowed  []string `json:"allowed"`
	Denied   []string `json:"denied"`
	NotTried []string `json:"not_tried"`
}

// factsheet gathers the facts. tried are the reads that were tried by themselves.
func (c checkup) factsheet(opt DoctorOptions, tried []string) *Facts {
	f := &Facts{
		Drains: []DrainFact{}, Zones: c.perZone(),
		HealthCheckType: c.Group.HealthCheckType, ReplacesSick: c.Group.ELBHealth(), GraceSeconds: c.Group.Grace.Seconds(),
		ClockAheadSeconds: c.ahead.Seconds(),
		Metadata:          MetadataFact{V1: c.v1, HopLimit: "enough for this process"},
		Permissions:       c.permissions(tried),
		Everywhere:        opt.Everywhere,
	}
	if !c.knows() {
		return f
	}
	f.MayBeOut = c.mayBeOut()
	for _, t := range c.Traffic {
		f.Drains = append(f.Drains, DrainFact{string(t.Kind), t.Name, t.Drain.Seconds(), t.FirstPass().Seconds(), t.CrossZone})
	}
	if len(c.Traffic) == len(c.Group.Classic)+len(c.Group.TargetGroups) {
		auto := Options{Wait: Auto, Timeout: Auto}
		f.OutSeconds = seconds(outBudgets(auto, DefaultSettle, c.Traffic).unthrottled())
		// A hook may come in while a drain that was cut short still runs.
		f.InSeconds = seconds(inBudgets(auto, true, true, c.Traffic).unthrottled())
		f.ThrottledSeconds = seconds(throttling)
	}
	return f
}

// mayBeOut: of a weighted group sizes say nothing about instances.
func (c checkup) mayBeOut() *MayBeOut {
	if c.Group.Weighted() {
		return nil
	}
	n := c.numbers(c.min)
	room := MayBeOut{ByMinSize: max(n.Strength-c.Group.Min, 0), ByFloor: n.Places}
	if outOfReach(c) {
		room.ByFloor = 0
	}
	return &room
}

func (c checkup) permissions(tried []string) PermissionsFact {
	p := PermissionsFact{Allowed: []string{}, Denied: append([]string{}, c.denied...), NotTried: []string{}}
	for _, action := range tried {
		switch {
		case c.nobody:
			p.NotTried = append(p.NotTried, action)
		case !slices.Contains(c.denied, action):
			p.Allowed = append(p.Allowed, action)
		}
	}
	for _, action := range asg.Moves() {
		switch {
		case action != c.moves.action:
			p.NotTried = append(p.NotTried, action)
		case c.moves.denied:
			p.Denied = append(p.Denied, action)
		default:
			p.Allowed = append(p.Allowed, action)
		}
	}
	return p
}
