package lock

import (
	"testing"
	"time"

	"balanced/internal/fleet"
)

// Outside a group one that is registered with some load balancers and not with all has left in part: its entry counts.
// So does that of one which nothing lists.
func TestPresenceOutsideAGroup(t *testing.T) {
	at := func(name string, health map[string]fleet.Health) fleet.Traffic {
		t := fleet.Traffic{Source: fleet.Source{Name: name, Port: 80}}
		for id, h := range health {
			t.Targets = append(t.Targets, fleet.Target{Instance: id, Port: 80, Health: h})
		}
		return t
	}
	s := fleet.Snapshot{ID: "i-me", State: fleet.InService, Healthy: true}
	s.Group.Held = fleet.Held{Registered: 2}
	for _, id := range []string{"i-me", "i-good", "i-sick", "i-part"} {
		s.Group.Members = append(s.Group.Members, fleet.Member{ID: id, State: fleet.InService, Healthy: true})
	}
	s.Group = s.Group.WithEntries([]fleet.Entry{{ID: "i-out"}})
	s.Traffic = []fleet.Traffic{
		at("web", map[string]fleet.Health{"i-me": fleet.Healthy, "i-good": fleet.Healthy, "i-sick": fleet.Healthy, "i-part": fleet.Healthy}),
		at("api", map[string]fleet.Health{"i-me": fleet.Healthy, "i-good": fleet.Healthy, "i-sick": fleet.Unhealthy}),
	}
	look := AtGroup(s, time.Now())
	for id, want := range map[string]Presence{
		"i-good": Serving, "i-sick": Elsewhere, "i-part": Elsewhere, "i-out": Elsewhere, "i-since-this-look": NotListed,
	} {
		if got := look.Presence(id); got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
	if !look.KeepUnlisted || len(look.Out) != 1 || look.Out[0].ID != "i-out" {
		t.Errorf("look %+v", look)
	}
	s.Group.Held, s.Group.Entries = fleet.Held{}, nil
	if look := AtGroup(s, time.Now()); look.KeepUnlisted {
		t.Error("in a group what is not listed is gone")
	}
}
