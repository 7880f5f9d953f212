package lock

import (
	"slices"
	"time"

	"balanced/internal/fleet"
)

// Look is what one look at the instances says about those who may hold a slot.
type Look struct {
	Group fleet.Group
	// Began is this host's clock before the first request of the look went out.
	Began time.Time
	// At is AWS's clock at the look, for ages that people read. No decision rests on it.
	At time.Time
	// Out are the other instances that hold a slot by their state.
	Out []fleet.Holder
	// Presence says what is known of an instance that has an entry.
	Presence func(id string) Presence
	// KeepUnlisted: an instance that is not listed keeps its slot until it returns, or a person removes its entry. Outside
	// a group nothing tells the instances that are gone from those that are out.
	KeepUnlisted bool
	// Object, if not nil, is asked before the slot is taken, with the IDs of the others that hold one. Those among them
	// that the look still shows in service are about to leave. An error ends the acquisition.
	Object func(holders []string) error
}

// Presence is what a look knows of an instance that has an entry.
type Presence int

const (
	// Elsewhere: it is out, moving, unhealthy, or in a state that says nothing. Its entry counts.
	Elsewhere Presence = iota
	// Serving: in service, healthy, and not known to be about to leave. Its entry counts, unless it stays so for deadAfter.
	Serving
	// NotListed: like Serving, unless KeepUnlisted.
	NotListed
	// Leaving: on its way out for good, or retained until somebody terminates it. It cannot enter Standby any more, so its entry does not count.
	Leaving
)

// AtGroup is the look of a whole snapshot of a group, begun at began on this host's clock. Outside a group one that some
// load balancer does not have registered may be about to leave the others.
func AtGroup(s fleet.Snapshot, began time.Time) Look {
	out := s.OtherHolders()
	counted := s.Counted()
	return Look{
		Group: s.Group, Began: began, At: s.Now, Out: out, KeepUnlisted: s.Group.Declared(),
		Presence: func(id string) Presence {
			m, listed := s.Group.Member(id)
			switch {
			case !listed:
				return NotListed
			case m.State.Leaving() || m.State.Retained():
				return Leaving
			case slices.ContainsFunc(out, func(h fleet.Holder) bool { return h.ID == id }):
				return Elsewhere
			case s.Group.Declared() && !s.ServesEverywhere(id):
				return Elsewhere
			case s.IsHealthy(m, counted):
				return Serving
			}
			return Elsewhere
		},
	}
}
