package fleet

import (
	"slices"
	"time"
)

// Snapshot is one moment of a group as one instance of it saw it. Ages are differences between times on AWS's clock;
// the instance's own clock may be off.
type Snapshot struct {
	Now time.Time // AWS's clock when it answered, whole seconds

	ID         string // the instance that looked
	State      State  // its lifecycle state; empty: in no group
	Healthy    bool   // what Auto Scaling says of it
	Zone       string
	Group      Group
	Activities []Activity // newest first, at least back to the beginning of every holder's move
	Refreshes  []Refresh
	Traffic    []Traffic
	Notices    Notices
	// Torn: the two views that Auto Scaling gives of this instance differ, so one of them is old.
	Torn bool
}

// IsHealthy: InService, Healthy for Auto Scaling, and healthy and not shifted away at every one of the given load
// balancers. A stale mark of Auto Scaling does not count.
func (s Snapshot) IsHealthy(m Member, counted []Traffic) bool {
	if m.State != InService || !m.Healthy && !s.StaleMark(m, counted) {
		return false
	}
	if s.Group.Declared() && m.ID != s.ID {
		return healthyWhereListed(m.ID, counted)
	}
	return healthyAtAll(m.ID, counted)
}

func healthyAtAll(id string, counted []Traffic) bool {
	return !slices.ContainsFunc(counted, func(t Traffic) bool { return !t.Of(id).GetsTraffic() })
}

// StaleMark: Auto Scaling calls a member Unhealthy that every load balancer calls healthy, and a suspended process keeps
// it from acting on that. The mark stays until the process is resumed or the health is set by hand.
func (s Snapshot) StaleMark(m Member, counted []Traffic) bool {
	return m.State == InService && !m.Healthy && !s.Group.ReplacesUnhealthy() && len(counted) > 0 && healthyAtAll(m.ID, counted)
}

// StaleMarks lists the members with a stale mark.
func (s Snapshot) StaleMarks() []string {
	var ids []string
	counted := s.Counted()
	for _, m := range s.Group.Members {
		if s.StaleMark(m, counted) {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// Counted are the load balancers whose word on health is evidence.
func (s Snapshot) Counted() []Traffic {
	return slices.DeleteFunc(slices.Clone(s.Traffic), func(t Traffic) bool { return !t.Counts() })
}

// HealthyPeers counts the peers that are healthy.
func (s Snapshot) HealthyPeers() int {
	n, counted := 0, s.Counted()
	for _, m := range s.Group.Members {
		if m.ID != s.ID && s.IsHealthy(m, counted) {
			n++
		}
	}
	return n
}

// HealthyMembers counts all that are healthy, this instance included.
func (s Snapshot) HealthyMembers() int {
	n := s.HealthyPeers()
	if me, ok := s.Group.Member(s.ID); ok && s.IsHealthy(me, s.Counted()) {
		n++
	}
	return n
}

// UnhealthyPeer names one peer that is InService and not healthy, with the reason; empty where there is none.
func (s Snapshot) UnhealthyPeer() (id, why string) {
	if s.Group.Declared() {
		return s.unhealthyOther()
	}
	counted := s.Counted()
	for _, m := range s.Group.Members {
		if m.ID == s.ID || m.State != InService || s.IsHealthy(m, counted) {
			continue
		}
		if !m.Healthy {
			return m.ID, "Unhealthy for Auto Scaling"
		}
		for _, t := range counted {
			if x := t.Of(m.ID); !x.GetsTraffic() {
				return m.ID, x.Standing() + " at " + t.Name
			}
		}
	}
	return "", ""
}

// UnhealthyAt finds a load balancer that does not call this instance healthy, and what it says instead.
func (s Snapshot) UnhealthyAt() (Traffic, Target, bool) {
	for _, t := range s.Traffic {
		if !t.Counts() {
			continue
		}
		if x := t.Own(s.ID); x.Health != Healthy {
			return t, x, true
		}
	}
	return Traffic{}, Target{}, false
}

// Moving: a member is between two states, or an activity is running.
func (s Snapshot) Moving() bool {
	for _, m := range s.Group.Members {
		if m.State.Passing() {
			return true
		}
	}
	return slices.ContainsFunc(s.Activities, Activity.Running)
}

// FeedShows: the activity with this ID is in the feed.
func (s Snapshot) FeedShows(id string) bool {
	return slices.ContainsFunc(s.Activities, func(a Activity) bool { return a.ID == id })
}

// UnexplainedDecrement: the answer to this instance's move counted from a lower desired capacity than the one read
// before it, so something lowered it in between, and no activity of a later look says what. The numbers of the answer
// do not lag.
func UnexplainedDecrement(before, later Snapshot, answer Activity) bool {
	if !answer.Moved {
		return false
	}
	missing, known := before.Group.Desired-answer.From, NewestStandbyMoves(before.Activities)
	for _, a := range later.Activities {
		if a.ID != answer.ID && a.Moved && a.Stands() && !before.alreadyCounted(a, known[a.Instance]) {
			missing -= max(0, a.From-a.To)
		}
	}
	return missing > 0
}

// alreadyCounted: the group's numbers as read held this change already. An instance's newest move, which the feed
// showed, may not have come to them yet: then the group still had the instance in service.
func (s Snapshot) alreadyCounted(a, newest Activity) bool {
	if !s.FeedShows(a.ID) {
		return false
	}
	m, _ := s.Group.Member(a.Instance)
	return m.State != InService || newest.ID != a.ID
}
