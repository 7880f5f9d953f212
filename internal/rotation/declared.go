package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// What is different outside an Auto Scaling group (fleet.Group.Declared), where load balancers register and deregister
// the instance and nothing stands behind them.

// outside are the words of rows for an instance outside a group: what the row does, and the log line.
var outside = map[string][2]string{
	"enter":   {"deregister from every named load balancer", "deregistering"},
	"standby": {"wait until deregistered", "waiting until every load balancer has drained the instance"},
	"drained": {"wait until deregistered", "waiting until every load balancer has drained the instance"},
	"exit":    {"register with every named load balancer", "registering"},
	"jitter":  {"wait a random delay, then look again", "waiting a random delay before starting"},
}

// says are the words of a row: what it does, and the log line.
func (s *step) says(v view) (does, doing string) {
	if words, other := outside[s.name]; other && v.Group.Declared() {
		return words[0], words[1]
	}
	return s.does, s.doing
}

// words picks the words for an instance in a group, or outside of one.
func (v view) words(group, declared string) string {
	if v.Group.Declared() {
		return declared
	}
	return group
}

// nobody begins a sentence about an instance that no list has.
func (r *run) nobody() string { return r.view().words("no group", "no load balancer") }

// ask asks a guard, unless it is about a group and there is none.
func (g guard) ask(v view) verdict {
	if g.group && v.Group.Declared() {
		return verdict{}
	}
	return g.check(v)
}

// readDeclared takes the state from the registrations, which have one view only. On the way out it asks the lock who else
// is out: nothing else tells.
func (r *reader) readDeclared(ctx context.Context, to *reading) error {
	if r.entries != nil && !r.inward {
		entries, err := r.entries(ctx, to.Group)
		if err != nil {
			return err
		}
		to.Group = to.Group.WithEntries(entries)
	}
	to.State, to.Healthy = to.Group.Held.State(r.inward), true
	for i := range to.Group.Members {
		if m := &to.Group.Members[i]; m.ID == r.id {
			m.State, to.Zone = to.State, m.Zone
		}
	}
	return nil
}

// undeclaredPort: this run would leave it in place.
func undeclaredPort(id string, t fleet.Traffic, x fleet.Target) verdict {
	return blockedBy(failure.Setup, fmt.Sprintf("name that port too in --targets, or deregister %s:%d", id, x.Port),
		"%s is also registered on port %d in %s, which --targets does not name", id, x.Port, t.Name)
}

// tooFewRegistered: the minimum is higher than there are others in one of the load balancers. Who is out is listed
// nowhere, so it is waited for, as long as --wait says.
func tooFewRegistered(v view, n fleet.Numbers) verdict {
	if v.OthersDrain() { // too few are healthy, for now
		return verdict{}
	}
	at := ""
	for _, t := range v.Counted() {
		if others, _ := v.OthersAt(t); at == "" && others == n.Capacity-1 {
			at = t.Name
		}
	}
	judged := blockedBy(failure.Setup, "bring back who is out, or choose a lower --min-healthy",
		"minimum %d is impossible: %s lists only %d besides %s", n.Minimum, at, n.Capacity-1, v.ID)
	judged.patient = true
	return judged
}

// notePartly notes a move that took effect in part.
func (r *run) notePartly(err error) {
	if _, partly := errors.AsType[*fleet.PartlyMovedError](err); partly {
		r.partly, r.report.everMoved = true, true
	}
}

// partOut: some load balancers have deregistered the instance, and the others are not to: it is neither in service nor out.
// Two that stay like this would keep each other from going on.
func (r *run) partOut(why verdict) bool {
	return r.partly && !r.inward && !r.isRollback && !r.DryRun && (why.refusal.Class == failure.NotNow || why.refusal.Class == failure.Setup)
}

// rollBackPart registers the instance again where it was deregistered, and proves it. A drain has to end first.
func (r *run) rollBackPart(ctx context.Context, why verdict) error {
	if err := r.bringBack(ctx, why, fleet.WayOut(r.seen.Traffic)+fleet.WayBack(r.seen.Traffic)+fleet.MoveTime); err != nil {
		return err
	}
	r.attempt = attempt{}
	return r.rolledBack
}

// movedInPart is the end of a run some of whose changes took effect: what was begun is not finished.
func (r *run) movedInPart(err error) error {
	hint := failure.Hint(err)
	if hint == "" {
		hint = "run it again to resume"
	}
	return &failure.Refusal{Class: failure.Unfinished, Reason: r.id + " moved in part", Hint: hint, Err: err}
}

// drainingSince is for how long a load balancer has drained this instance at least. Of a move that was not this run's
// there is no record outside a group; but where the registration is gone, its delay has passed.
func (v view) drainingSince(t fleet.Traffic) time.Duration {
	if !v.Group.Declared() || !v.answer.Start.IsZero() {
		return v.Now.Sub(v.moveStart())
	}
	since := v.looked.Sub(v.found)
	if v.Traffic != nil && t.Own(v.ID).Health == fleet.Unregistered {
		since += t.Drain
	}
	return since
}

var inPart = warning{"registered in part", inPartText}

// inPartText: an earlier run may have been killed half way.
func inPartText(v view) string {
	h := v.Group.Held
	if all := h.Registered + h.Draining + h.Missing; v.State == fleet.InService && h.Registered < all {
		return fmt.Sprintf("only %d of the %d named load balancers have %s registered: balanced in registers it with all", h.Registered, all, v.ID)
	}
	return ""
}

var unknownZones = warning{"unknown zones", unknownZonesText}

// unknownZonesText: what the zone rule of a group rests on is not known outside of one.
func unknownZonesText(v view) string {
	for _, t := range v.Counted() {
		if v.Group.Declared() && !t.CrossZone {
			return fmt.Sprintf("%s has cross-zone off: whether another instance is healthy in %s is not known", t.Name, v.Zone)
		}
	}
	return ""
}
