package lab

import (
	"slices"

	"balanced/internal/sim"
)

// View is how one load balancer treats one instance.
type View struct {
	Source string // the name of the target group or Classic Load Balancer
	State  string // serving, draining, or - for neither
}

// Member is one instance of the group as it is now.
type Member struct {
	ID, Zone, State string
	Views           []View
	Serves          bool // InService and healthy at every load balancer
}

// Picture is the whole fleet at one moment.
type Picture struct {
	Min, Max, Desired int
	Floor             int // how many must serve: all but one
	Serving           int
	Members           []Member
}

// Picture looks at the Region from the inside: no request is made.
func (f *Fleet) Picture() Picture {
	p := Picture{Floor: max(1, f.size-1)}
	p.Min, p.Max, p.Desired = f.Region.Sizes(f.Group)
	for _, m := range f.Region.Members(f.Group) {
		member := f.member(m)
		if member.Serves {
			p.Serving++
		}
		p.Members = append(p.Members, member)
	}
	return p
}

// Member finds an instance, as long as the group lists it.
func (p Picture) Member(id string) (Member, bool) {
	i := slices.IndexFunc(p.Members, func(m Member) bool { return m.ID == id })
	if i < 0 {
		return Member{ID: id, State: "gone"}, false
	}
	return p.Members[i], true
}

func (f *Fleet) member(m sim.MemberView) Member {
	takes, drains := f.Region.Takes(m.ID), f.Region.Draining(m.ID)
	healthy, all := f.Region.HealthyAt(m.ID)
	member := Member{ID: m.ID, Zone: m.Zone, State: m.State, Serves: m.State == "InService" && healthy == all}
	for _, name := range slices.Concat(f.TargetGroups, f.Classic) {
		state := "-"
		switch {
		case slices.Contains(drains, name):
			state = "draining"
		case slices.Contains(takes, name):
			state = "serving"
		}
		member.Views = append(member.Views, View{name, state})
	}
	return member
}
