package lab

import (
	"cmp"
	"slices"

	"balanced/internal/lab/record"
	"balanced/internal/sim"
)

// Snapshot is the fleet at one moment.
type Snapshot struct {
	Min, Max, Desired int
	Healthy           int // members
	Members           []Member
}

// Member is one instance of the group.
type Member struct {
	ID, Zone, State string
	Targets         []record.TargetState
	Healthy         bool // InService, and healthy at every source
}

// Snapshot reads the Region directly, without an API call.
func (f *Fleet) Snapshot() Snapshot {
	var s Snapshot
	if f.Group == "" {
		s.Min, s.Max, s.Desired = f.Minimum, len(f.standalone), len(f.standalone)
	} else {
		s.Min, s.Max, s.Desired = f.Region.Sizes(f.Group)
	}
	states := f.targetStates()
	for _, view := range f.members() {
		m := f.member(view, states)
		if m.Healthy {
			s.Healthy++
		}
		s.Members = append(s.Members, m)
	}
	return s
}

// Member finds an instance; false if the group does not list it.
func (s Snapshot) Member(id string) (Member, bool) {
	i := slices.IndexFunc(s.Members, func(m Member) bool { return m.ID == id })
	if i < 0 {
		return Member{ID: id, State: "gone"}, false
	}
	return s.Members[i], true
}

func (f *Fleet) member(view sim.MemberView, states map[string]map[string]string) Member {
	m := Member{ID: view.ID, Zone: view.Zone, State: view.State, Healthy: view.State == "InService"}
	for _, s := range f.Sources {
		state := cmp.Or(states[s.Name][view.ID], "unused")
		m.Healthy = m.Healthy && state == "healthy"
		m.Targets = append(m.Targets, record.TargetState{Source: s.Name, State: state})
	}
	return m
}

// targetStates returns the state of each registered instance, by source and instance ID.
func (f *Fleet) targetStates() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, s := range f.Sources {
		all[s.Name] = map[string]string{}
		for _, reg := range f.Region.Registrations(s.Name) {
			all[s.Name][reg.Instance] = reg.State
		}
	}
	return all
}
