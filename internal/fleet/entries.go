package fleet

import (
	"slices"
	"time"
)

// Entry is what a lock holds of an instance that has taken a slot.
type Entry struct {
	ID string `json:"id"`
	// Since is when it took the slot by its own clock; zero where the entry does not tell.
	Since time.Time `json:"since,omitzero"`
	// Addresses are what target groups of addresses list it by, outside a group.
	Addresses []string `json:"-"`
}

// WithEntries is a declared group with those that hold a slot in a lock. What is registered by one of their addresses is
// theirs, and one that no load balancer has registered is a member that is out.
func (g Group) WithEntries(entries []Entry) Group {
	g.Entries = entries
	members := make([]Member, 0, len(g.Members)+len(entries))
	known := map[string]bool{}
	add := func(m Member) {
		if !known[m.ID] {
			known[m.ID] = true
			members = append(members, m)
		}
	}
	for _, m := range g.Members {
		m.ID = g.nameOf(m.ID)
		add(m)
	}
	for _, e := range entries {
		add(Member{ID: e.ID, State: Deregistered, Healthy: true})
	}
	g.Members = members
	return g
}

// Named are the targets with the ID of a holder in place of its address.
func (g Group) Named(targets []Target) []Target {
	if len(g.Entries) == 0 {
		return targets
	}
	targets = slices.Clone(targets)
	for i := range targets {
		targets[i].Instance = g.nameOf(targets[i].Instance)
	}
	return targets
}

// nameOf is the ID of the holder that is listed by an address; anything else stays as it is.
func (g Group) nameOf(listed string) string {
	for _, e := range g.Entries {
		if slices.Contains(e.Addresses, listed) {
			return e.ID
		}
	}
	return listed
}

// entryHolders are the holders outside a group: what was read as out, ordered by what the lock tells. Without a lock that
// is this instance at most.
func (s Snapshot) entryHolders() []Holder {
	var holders []Holder
	for _, m := range s.Group.Members {
		if !m.State.Out() {
			continue
		}
		h := Holder{ID: m.ID, State: m.State}
		for _, e := range s.Group.Entries {
			if e.ID == m.ID {
				h.Since = e.Since
			}
		}
		holders = append(holders, h)
	}
	slices.SortFunc(holders, earliestFirst)
	return holders
}

// ServesEverywhere: every load balancer has the instance registered, and those whose word is evidence call it healthy.
func (s Snapshot) ServesEverywhere(id string) bool {
	for _, t := range s.Traffic {
		x := t.Of(id)
		if x.Health == Unregistered || x.Health == Draining || t.Counts() && !x.GetsTraffic() {
			return false
		}
	}
	return len(s.Traffic) > 0
}
