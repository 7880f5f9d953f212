package rotation

import (
	"context"
	"errors"
	"time"

	"balanced/internal/fleet"
)

// Standing is what status comes down to.
type Standing int

// An instance that is InService but not healthy everywhere does not serve: it is out.
const (
	Serving Standing = iota
	OutOfService
	NotMember
)

// String is the standing as the report's outcome names it.
func (s Standing) String() string {
	return [...]string{"serving", "out", "not a member"}[s]
}

// MemberReport is one member of the group as status shows it.
type MemberReport struct {
	ID      string          `json:"id"`
	Zone    string          `json:"zone"`
	State   string          `json:"state"`
	Healthy bool            `json:"healthy"` // for Auto Scaling
	Serves  bool            `json:"serves"`
	Me      bool            `json:"me"`
	Traffic []TrafficReport `json:"traffic"`
	// OutSeconds is how long it has been on its way to Standby or in it.
	OutSeconds float64 `json:"out_seconds,omitempty"`
}

// Status says what this instance and its peers look like, from the group and from
// every load balancer. It changes nothing and waits for nothing.
func (a *Agent) Status(ctx context.Context, min MinHealthy) (*Report, Standing, error) {
	r := a.newRun("status", Options{Wait: 0, Timeout: 0, IfMember: true})
	r.min, r.warnings = min, []warning{unusedSource, softFloor, shortGrace, noHeadroom, rebalanceAdvised, laterEvent, onHold}
	r.resolve = func(o Observed) budgets {
		return outBudgets(Options{Wait: Auto, Timeout: Auto}, DefaultSettle, o.Traffic)
	}
	r.budgets.throttled = 0
	err := r.look(ctx, all)
	for errors.Is(err, errReread) {
		err = r.look(ctx, all)
	}
	if errors.Is(err, ErrNotMember) {
		r.report.close(r, NotMember.String(), nil)
		return r.report, NotMember, nil
	}
	standing := OutOfService
	if me, ok := r.seen.Group.Member(r.Self.Instance); ok && serves(me, r.seen.counting()) {
		standing = Serving
	}
	r.report.close(r, standing.String(), err)
	r.report.Members = members(r.seen)
	return r.report, standing, err
}

func onHold(v view) string {
	if stop := heldBy(v.hold); stop != nil {
		return stop.Error()
	}
	return ""
}

// members lists the group in AWS's order.
func members(o Observed) []MemberReport {
	since := map[string]time.Time{}
	for _, c := range o.claims() {
		since[c.ID] = c.Since
	}
	counting := o.counting()
	list := make([]MemberReport, 0, len(o.Group.Members))
	for _, m := range o.Group.Members {
		row := MemberReport{ID: m.ID, Zone: m.Zone, State: string(m.State), Healthy: m.Healthy, Serves: serves(m, counting), Me: m.ID == o.ID, Traffic: seenBy(o, m)}
		if begun := since[m.ID]; !begun.IsZero() {
			row.OutSeconds = seconds(max(0, o.Now.Sub(begun)))
		}
		list = append(list, row)
	}
	return list
}

// seenBy is what each load balancer says of a member.
func seenBy(o Observed, m fleet.Member) []TrafficReport {
	said := make([]TrafficReport, 0, len(o.Traffic))
	for _, t := range o.Traffic {
		x := t.says(m.ID)
		said = append(said, TrafficReport{Kind: string(t.Kind), Name: t.Name, State: string(x.Health), Reason: x.Reason})
	}
	return said
}
