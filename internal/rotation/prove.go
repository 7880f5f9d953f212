package rotation

import (
	"fmt"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
)

// proven: the slot is this instance's and the minimum is healthy, on reads that are younger than its move by more than
// reads are assumed to lag.
//
// Of all that hold a slot the earliest keep theirs and the others go back in. An instance found in Standby at the start
// may be half upgraded, so it never goes back in by itself; it gets no traffic, so unhealthy peers do not hold it up.
func proven(v view) verdict {
	if why := v.takenAway(); why != "" {
		if v.moved {
			return blockedBy(failure.Gone, "nothing is left to repair", "%s", why)
		}
		return blockedBy(failure.Leaving, leaveIt, "%s", why)
	}
	for _, check := range []func(view) verdict{settledReads, drained} {
		if judged := check(v); judged.kind != settled {
			return judged
		}
	}
	judged := slotProven(v)
	if ready := v.settledBy(); judged.kind == blocked && v.began.Before(ready) {
		// Behind a fence a look may be this young; only one that has caught up tells against the instance.
		judged = catchingUp(v).notBefore(ready)
	}
	return judged
}

// slotProven applies the slot rule, in total and then within the zone.
func slotProven(v view) verdict {
	n := v.Count(v.min)
	switch rule := v.Rule(n); {
	case rule == fleet.Yield && v.resumed:
		return blockedBy(failure.Unfinished, "bring "+fleet.HolderIDs(v.HoldersAhead())+" back, then run it again",
			"%s is out, but all slots (%d) were taken before by %s", v.ID, n.Slots, fleet.HolderIDs(v.HoldersAhead()))
	case rule == fleet.Yield:
		return blockedBy(failure.RolledBack, "run it again", "all slots (%d) were taken before by %s", n.Slots, fleet.HolderIDs(v.HoldersAhead()))
	case v.resumed:
		return verdict{}
	case fleet.UnexplainedDecrement(v.before.Snapshot, v.Snapshot, v.answer):
		return blockedBy(failure.Unfinished, "run it again", "desired capacity was %d when this instance left and %d as read: another instance left, and no read shows which",
			v.answer.From, v.before.Group.Desired).elseRollBack()
	case rule == fleet.Await:
		return blockedBy(failure.Unfinished, "fix the peers, then run it again", "out, but %s, minimum %d (%s)%s",
			v.peersHealthy(n), n.Minimum, v.min, v.unhealthyExample()).elseRollBack()
	}
	return zoneProven(v)
}

// zoneHolds: where a load balancer keeps each zone's clients in their zone, another instance of this zone must be
// healthy.
func zoneHolds(v view) verdict {
	lb := v.Zonal()
	if lb == "" || v.emptyZone {
		return verdict{}
	}
	members, healthy := v.ZonePeers()
	switch {
	case healthy > 0:
		return verdict{}
	case members == 0:
		return blockedBy(failure.Setup, "turn cross-zone on, add an instance there, or use --allow-empty-zone",
			"no other member in %s, and %s has cross-zone off", v.Zone, lb)
	}
	return blockedBy(failure.NotNow, "wait for its peers, or use --allow-empty-zone",
		"no other instance is healthy in %s, and %s has cross-zone off", v.Zone, lb)
}

// zoneProven is the slot rule within a zone, where a load balancer keeps each zone's clients there: two of one zone that
// left at the same moment each saw the other healthy, and neither MinSize nor the minimum in total holds them. The
// earliest keeps its slot and waits until another is healthy in the zone; the later ones go back in.
func zoneProven(v view) verdict {
	lb := v.Zonal()
	if _, healthy := v.ZonePeers(); lb == "" || v.emptyZone || healthy > 0 {
		return verdict{}
	}
	for _, h := range v.HoldersAhead() {
		if m, ok := v.Group.Member(h.ID); ok && m.Zone == v.Zone {
			return blockedBy(failure.RolledBack, "run it again", "%s left %s first, no other instance is healthy there, and %s has cross-zone off", h.ID, v.Zone, lb)
		}
	}
	return blockedBy(failure.Unfinished, "fix its peers, or use --allow-empty-zone, then run it again",
		"out, but no other instance is healthy in %s, and %s has cross-zone off", v.Zone, lb).elseRollBack()
}

// peersHealthy says how many peers are healthy.
func (v view) peersHealthy(n fleet.Numbers) string {
	at := ""
	if v.Group.Declared() {
		_, tightest := v.Tightest(v.min)
		at = " at " + tightest.Name
	}
	switch n.HealthyPeers {
	case 0:
		return "no peer is healthy" + at
	case 1:
		return "only 1 peer is healthy" + at
	}
	return fmt.Sprintf("only %d peers are healthy%s", n.HealthyPeers, at)
}

// unhealthyExample names one reason why too few are healthy.
func (v view) unhealthyExample() string {
	if id, why := v.UnhealthyPeer(); id != "" {
		return "; " + id + " is " + why
	}
	return ""
}

// holderAge is for how long a holder has been out, for people.
func (v view) holderAge(h fleet.Holder) string {
	if h.Since.IsZero() {
		return ""
	}
	return " for " + format.Duration(v.Age(h))
}
