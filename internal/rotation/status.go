package rotation

import (
	"context"
	"errors"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// Standing is what status comes down to.
type Standing int

// An instance that is InService but not healthy everywhere is out of service.
const (
	InService Standing = iota
	OutOfService
	NotMember
)

// String is the standing as the report's outcome names it.
func (s Standing) String() string {
	return [...]string{"healthy", "out", "not a member"}[s]
}

// MemberReport is one member of the group as status shows it.
type MemberReport struct {
	ID            string          `json:"id"`
	Zone          string          `json:"zone"`
	State         string          `json:"state"`
	HealthyForASG bool            `json:"healthy_for_auto_scaling"`
	Healthy       bool            `json:"healthy"` // everywhere
	ThisInstance  bool            `json:"this_instance"`
	Traffic       []TrafficReport `json:"traffic"`
	OutSeconds    float64         `json:"out_seconds,omitempty"` // how long it has been on its way to Standby or in it
}

// Status says what this instance and its peers look like, from the group and from every load balancer. It changes
// nothing and waits for nothing.
func (a *Agent) Status(ctx context.Context, min fleet.MinHealthy) (*Report, Standing, error) {
	r := a.newExamination("status", min)
	r.warnings = []warning{unusedSource, unfencedMinimum, shortGrace, noHeadroom, rebalanceAdvised, laterEvent, unreadableEvent, onHold, inPart}
	err := r.look(ctx, whole)
	if errors.Is(err, ErrNotMember) {
		if err = r.wrongPlace(ctx); err == nil {
			r.report.close(r, NotMember.String(), nil)
			return r.report, NotMember, nil
		}
	}
	standing := OutOfService
	if me, ok := r.seen.Group.Member(r.id); ok && r.seen.IsHealthy(me, r.seen.Counted()) {
		standing = InService
	}
	if err == nil && a.Lock != nil {
		r.seeLock(ctx)
	}
	r.report.close(r, standing.String(), err)
	r.report.Members = members(r.seen.Snapshot)
	return r.report, standing, err
}

// newExamination is a run that only looks: once, without time for throttling.
func (a *Agent) newExamination(command string, min fleet.MinHealthy) *run {
	r := a.newRun(command, request{min: min, settle: DefaultSettle, refreshes: true})
	if ask := r.entries; ask != nil { // a lock that does not answer is told apart from the rest
		r.entries = func(ctx context.Context, g fleet.Group) ([]fleet.Entry, error) {
			within, cancel := context.WithTimeout(ctx, lastRelease)
			defer cancel()
			if known, err := ask(within, g); err == nil || ctx.Err() != nil {
				return known, err
			}
			return nil, nil
		}
	}
	r.setBudgets(budgets{})
	r.resolve = func(o reading) budgets {
		b := outBudgets(Options{Wait: Auto, Timeout: Auto}, DefaultSettle, o.Traffic)
		b.still = 0
		return b
	}
	return r
}

// An Examination is one look at everything that there is to judge an instance by.
type Examination struct {
	fleet.Snapshot
	Report   *Report
	Warnings map[string]string           // what may hurt later, by the name of the warning
	Guards   map[string]*failure.Refusal // what `out` would refuse now, by the name of the guard
	// Refused are the names of those guards, in the order in which out asks them.
	Refused []string
	// Fenced: MinSize itself holds the minimum.
	Fenced bool
	// Limits are what out and in take at most with their default budgets, all waiting included; zero where the settings of
	// the load balancers are not known.
	OutLimit, InLimit, ThrottlingLimit time.Duration
}

// Examine looks once at everything and asks the guards of `out` and every warning, without moving anything. The
// examination holds a report even where there is an error.
func (a *Agent) Examine(ctx context.Context, command string, min fleet.MinHealthy) (Examination, error) {
	r := a.newExamination(command, min)
	err := r.look(ctx, whole)
	if errors.Is(err, ErrNotMember) {
		if wrong := r.wrongPlace(ctx); wrong != nil {
			err = wrong
		}
	}
	r.report.close(r, "", err)
	e := Examination{Report: r.report, Warnings: map[string]string{}, Guards: map[string]*failure.Refusal{}}
	e.ID = r.id // also where no look succeeded
	if r.seen.Group.Name == "" {
		return e, err
	}
	e = judge(r.view())
	e.Report = r.report
	return e, err
}

// Judge is the examination of a snapshot that was already read: it asks nobody, and has no report.
func Judge(s fleet.Snapshot, min fleet.MinHealthy, hold []string) Examination {
	v := view{reading: reading{Snapshot: s, scope: whole}, request: request{min: min, hold: hold, settle: DefaultSettle}}
	v.budgets = outBudgets(Options{Wait: Auto, Timeout: Auto}, DefaultSettle, s.Traffic)
	return judge(v)
}

func judge(v view) Examination {
	e := Examination{Snapshot: v.Snapshot, Fenced: v.fenced(), Warnings: map[string]string{}, Guards: map[string]*failure.Refusal{}}
	for _, w := range []warning{unusedSource, unfencedMinimum, unevenZones, shortGrace, noHeadroom, longFlows, staleMarks, weightedGroup, shiftedPeers, unreadableEvent, unknownZones, inPart} {
		if text := w.text(v); text != "" {
			e.Warnings[w.name] = text
		}
	}
	for _, g := range outGuards {
		if judged := g.ask(v); judged.kind == blocked {
			e.Guards[g.name] = judged.refusal
			e.Refused = append(e.Refused, g.name)
		}
	}
	if len(v.Traffic) == len(v.Group.Classic)+len(v.Group.TargetGroups) {
		auto := Options{Wait: Auto, Timeout: Auto}
		e.OutLimit = outBudgets(auto, DefaultSettle, v.Traffic).unthrottled()
		// A hook may come in while a drain that was cut short still runs.
		e.InLimit, e.ThrottlingLimit = inBudgets(auto, true, true, v.Traffic).unthrottled(), throttling
	}
	return e
}

// members lists the group in AWS's order.
func members(s fleet.Snapshot) []MemberReport {
	since := map[string]time.Time{}
	for _, h := range s.Holders() {
		since[h.ID] = h.Since
	}
	counted := s.Counted()
	list := make([]MemberReport, 0, len(s.Group.Members))
	for _, m := range s.Group.Members {
		row := MemberReport{
			ID: m.ID, Zone: m.Zone, State: string(m.State), HealthyForASG: m.Healthy,
			Healthy: s.IsHealthy(m, counted), ThisInstance: m.ID == s.ID, Traffic: []TrafficReport{},
		}
		for _, t := range s.Traffic {
			row.Traffic = append(row.Traffic, trafficReport(t, t.Of(m.ID)))
		}
		if begun := since[m.ID]; !begun.IsZero() {
			row.OutSeconds = seconds(max(0, s.Now.Sub(begun)))
		}
		list = append(list, row)
	}
	return list
}
