package lab

import (
	"cmp"
	"slices"

	"balanced/internal/lab/record"
	"balanced/internal/sim"
)

// Member is one instance of the group as it is now.
type Member struct {
	ID, Zone, State string
	Views           []record.View
	Serves          bool // InService and healthy at every load balancer
}

// Picture is the whole fleet at one moment.
type Picture struct {
	Min, Max, Desired int
	Serving           int
	Members           []Member
}

// Picture looks at the Region from the inside: no request is made.
func (f *Fleet) Picture() Picture {
	var p Picture
	p.Min, p.Max, p.Desired = f.Region.Sizes(f.Group)
	views := f.views()
	for _, m := range f.Region.Members(f.Group) {
		member := f.member(m, views)
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

func (f *Fleet) member(m sim.MemberView, views map[string]map[string]string) Member {
	member := Member{ID: m.ID, Zone: m.Zone, State: m.State, Serves: m.State == "InService"}
	for _, s := range f.Sources {
		state := cmp.Or(views[s.Name][m.ID], "unused")
		member.Serves = member.Serves && state == "healthy"
		member.Views = append(member.Views, record.View{Source: s.Name, State: state})
	}
	return member
}

// views is what each source says of each instance that is registered there.
func (f *Fleet) views() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, s := range f.Sources {
		all[s.Name] = map[string]string{}
		for _, reg := range f.Region.Registrations(s.Name) {
			all[s.Name][reg.Instance] = reg.State
		}
	}
	return all
}
