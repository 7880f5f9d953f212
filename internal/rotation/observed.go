package rotation

import (
	"slices"
	"time"

	"balanced/internal/fleet"
)

// scope is how much one look reads.
type scope int

const (
	own      scope = iota // this instance's lifecycle state: one call
	ownDrain              // and what each load balancer says about it: one call each
	all                   // the whole group, its feed, and every target
)

// Observed is what one look saw. Everything is decided from it; a look that read
// less than all keeps the rest from the look before.
type Observed struct {
	scope scope
	// Began is this host's clock before the first request of the look went out: what
	// it shows is at least as young as that, less AWS's own lag.
	Began time.Time
	// Held is how long AWS's throttling held the look back.
	Held time.Duration
	// Now is AWS's own clock. Ages are differences between AWS's times, never with
	// this host's clock, which may be off.
	Now time.Time

	ID         string
	State      fleet.State // this instance's; empty: in no group
	Healthy    bool
	Zone       string
	Group      fleet.Group
	Activities []fleet.Activity // newest first, at least back to every claim's beginning
	Refreshes  []fleet.Refresh
	Traffic    []Traffic
	Notices    fleet.Notices
	// Torn: the two views Auto Scaling gives of this instance differ, so one is old.
	Torn bool
}

// Traffic is one load balancer or target group and what it says about its targets.
type Traffic struct {
	fleet.Source
	Targets []fleet.Target // of every instance, at the last look that read all
	Mine    []fleet.Target // of this instance
	Ignored bool           // by --ignore

	// byID are the Targets on the group's port, by instance; nil: not sorted out yet.
	byID map[string]fleet.Target
}

// sorted is the source with its targets at hand by their instances: a group may have
// thousands.
func (t Traffic) sorted() Traffic {
	t.byID = make(map[string]fleet.Target, len(t.Targets))
	for _, x := range t.Targets {
		if _, known := t.byID[x.Instance]; !known && t.onPort(x) {
			t.byID[x.Instance] = x
		}
	}
	return t
}

// onPort: a registration on the group's port, or of a Classic load balancer.
func (t Traffic) onPort(x fleet.Target) bool { return x.Port == t.Port || x.Port == 0 }

// Idle: every target is registered and sent nothing, since no listener uses the
// target group. It gives no evidence of health, and nothing is lost without it.
func (t Traffic) Idle() bool {
	seen := false
	for _, targets := range [][]fleet.Target{t.Targets, t.Mine} {
		for _, x := range targets {
			switch x.Health {
			case fleet.Unregistered:
			case fleet.NotInUse:
				seen = true
			default:
				return false
			}
		}
	}
	return seen
}

// Counts: what it says about health is evidence.
func (t Traffic) Counts() bool { return !t.Ignored && !t.Idle() }

// asked: the source asks this host a question that can be asked here too.
func (t Traffic) asked() bool { return t.Counts() && !t.Check.Disabled }

// says is how the source sees one instance on the port of the group, at the last look
// that read all.
func (t Traffic) says(id string) fleet.Target {
	if t.byID == nil {
		return t.among(t.Targets, id)
	}
	if x, listed := t.byID[id]; listed {
		return x
	}
	return fleet.Target{Instance: id, Health: fleet.Unregistered}
}

// saysOfMe is how the source sees this instance, at the last look that asked it.
func (t Traffic) saysOfMe(id string) fleet.Target { return t.among(t.Mine, id) }

func (t Traffic) among(targets []fleet.Target, id string) fleet.Target {
	for _, x := range targets {
		if x.Instance == id && t.onPort(x) {
			return x
		}
	}
	return fleet.Target{Instance: id, Health: fleet.Unregistered}
}

// listsMe finds the registration of this instance that the source still holds, on any
// port.
func (t Traffic) listsMe() (fleet.Target, bool) {
	for _, x := range t.Mine {
		if x.Health != fleet.Unregistered {
			return x, true
		}
	}
	return fleet.Target{}, false
}

// otherPorts are the registrations of an instance on ports that are not the group's.
func (t Traffic) otherPorts(id string) []fleet.Target {
	var others []fleet.Target
	for _, x := range t.Targets {
		if x.Instance == id && x.Port != t.Port && x.Port != 0 && x.Health != fleet.Unregistered {
			others = append(others, x)
		}
	}
	return others
}

// counting are the sources whose word on health is evidence.
func (o Observed) counting() []Traffic {
	return slices.DeleteFunc(slices.Clone(o.Traffic), func(t Traffic) bool { return !t.Counts() })
}

// serves: in service, healthy for Auto Scaling, and healthy at every load balancer
// that counts.
func serves(m fleet.Member, counting []Traffic) bool {
	if m.State != fleet.InService || !m.Healthy {
		return false
	}
	return !slices.ContainsFunc(counting, func(t Traffic) bool { return t.says(m.ID).Health != fleet.Healthy })
}

// peersServing counts the others that serve.
func (o Observed) peersServing() int {
	n, counting := 0, o.counting()
	for _, m := range o.Group.Members {
		if m.ID != o.ID && serves(m, counting) {
			n++
		}
	}
	return n
}

// serving counts all that serve, this instance included.
func (o Observed) serving() int {
	n := o.peersServing()
	if me, ok := o.Group.Member(o.ID); ok && serves(me, o.counting()) {
		n++
	}
	return n
}

// sickPeer names one peer that ought to serve and does not, with the reason.
func (o Observed) sickPeer() (id, why string) {
	counting := o.counting()
	for _, m := range o.Group.Members {
		if m.ID == o.ID || m.State != fleet.InService || serves(m, counting) {
			continue
		}
		if !m.Healthy {
			return m.ID, "Unhealthy for Auto Scaling"
		}
		for _, t := range counting {
			if x := t.says(m.ID); x.Health != fleet.Healthy {
				return m.ID, string(x.Health) + " at " + t.Name
			}
		}
	}
	return "", ""
}

// moving: a member is between states, or an activity is running.
func (o Observed) moving() bool {
	for _, m := range o.Group.Members {
		if m.State != fleet.InService && m.State != fleet.Standby {
			return true
		}
	}
	return slices.ContainsFunc(o.Activities, fleet.Activity.Running)
}
