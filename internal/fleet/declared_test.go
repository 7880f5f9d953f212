package fleet

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestTheStateOutsideAGroup(t *testing.T) {
	for _, c := range []struct {
		held    Held
		out, in State // for a run in that direction
	}{
		{Held{Registered: 3}, InService, InService},
		{Held{Registered: 2, Missing: 1}, InService, Deregistered},
		{Held{Registered: 2, Draining: 1}, InService, Deregistering},
		{Held{Registered: 1, Draining: 1, Missing: 1}, InService, Deregistering},
		{Held{Draining: 3}, Deregistering, Deregistering},
		{Held{Draining: 1, Missing: 2}, Deregistering, Deregistering},
		{Held{Missing: 3}, Deregistered, Deregistered},
	} {
		if out, in := c.held.State(false), c.held.State(true); out != c.out || in != c.in {
			t.Errorf("%+v: %s on the way out, %s on the way in; want %s, %s", c.held, out, in, c.out, c.in)
		}
	}
	if (Group{}).Declared() || !(Group{Held: Held{Missing: 1}}).Declared() {
		t.Error("a group is declared where something is, and only there")
	}
	for _, s := range []State{Deregistering, Deregistered} {
		if !s.Out() || s.Draining() == s.Settled() || s.Passing() != s.Draining() {
			t.Errorf("%s: out %v, draining %v, settled %v, passing %v", s, s.Out(), s.Draining(), s.Settled(), s.Passing())
		}
	}
}

// declaredSample is three instances at two target groups and an idle one: me, a peer that is unhealthy at api on one of two
// ports, and one that only web has.
func declaredSample() Snapshot {
	target := func(id string, port int, health Health) Target {
		return Target{Instance: id, Port: port, Health: health}
	}
	s := Snapshot{ID: "i-me", State: InService, Healthy: true, Zone: "a", Group: Group{Name: "web,api", Settings: Settings{MinHealthyPercent: -1}, Held: Held{Registered: 2}}}
	for _, id := range []string{"i-me", "i-two", "i-web"} {
		s.Group.Members = append(s.Group.Members, Member{ID: id, State: InService, Healthy: true})
	}
	s.Traffic = []Traffic{
		{Source: Source{Name: "web", Port: 80}, Targets: []Target{target("i-me", 80, Healthy), target("i-two", 80, Healthy), target("i-web", 80, Healthy)}},
		{Source: Source{Name: "api", Port: 81}, Targets: []Target{
			target("i-me", 81, Healthy), target("i-two", 82, Healthy), target("i-two", 83, Unhealthy), target("i-gone", 81, Draining),
		}},
		{Source: Source{Name: "idle", Port: 80}, Targets: []Target{target("i-me", 80, NotInUse)}},
	}
	for i := range s.Traffic {
		s.Traffic[i].Mine = s.Traffic[i].Targets[:1]
	}
	return s
}

func TestOthersAreCountedInEach(t *testing.T) {
	s := declaredSample()
	for _, c := range []struct{ traffic, listed, healthy int }{{0, 2, 2}, {1, 2, 0}, {2, 0, 0}} {
		if listed, healthy := s.OthersAt(s.Traffic[c.traffic]); listed != c.listed || healthy != c.healthy {
			t.Errorf("%s: %d listed, %d healthy; want %d, %d", s.Traffic[c.traffic].Name, listed, healthy, c.listed, c.healthy)
		}
	}
	rule, err := ParseMinHealthy("1")
	if err != nil {
		t.Fatal(err)
	}
	if n := s.Count(rule); n != (Numbers{Capacity: 3, Healthy: 1, HealthyPeers: 0, Minimum: 1, Slots: 2}) {
		t.Errorf("%+v", n)
	}
	if !s.OthersDrain() {
		t.Error("i-gone drains")
	}
	if id, why := s.UnhealthyPeer(); id != "i-two" || why != "unhealthy at api" {
		t.Errorf("%s is %s", id, why)
	}
	s.Traffic[1].Targets[2].Health = Healthy
	if n := s.Count(rule); n.HealthyPeers != 1 || n.Healthy != 2 {
		t.Errorf("with i-two healthy: %+v", n)
	}
	s.Traffic[1].Targets = s.Traffic[1].Targets[:3]
	if s.OthersDrain() {
		t.Error("nothing drains")
	}
	s.Traffic[0].Targets[0].Health = Draining
	if s.OthersDrain() {
		t.Error("that this instance drains is not another's drain")
	}
}

// The minimum holds in every load balancer, so the fewest decide, wherever they are; the first of them is named.
func TestTheFewestOthers(t *testing.T) {
	other := func(id string, healths ...Health) (targets []Target) {
		for i, health := range healths {
			targets = append(targets, Target{Instance: id, Port: 80 + i, Health: health})
		}
		return targets
	}
	one, two := other("i-1", Healthy), append(other("i-1", Healthy), other("i-2", Healthy)...)
	sick := append(other("i-1", Unhealthy), other("i-2", Healthy)...)
	for name, c := range map[string]struct {
		at              [][]Target
		listed, healthy int
		where           string
	}{
		"fewest in the first":                     {[][]Target{one, two}, 1, 1, "a"},
		"fewest in the second":                    {[][]Target{two, one}, 1, 1, "b"},
		"as many in both":                         {[][]Target{two, two}, 2, 2, "a"},
		"nobody in the first":                     {[][]Target{other("i-me", Healthy), two}, 0, 0, "a"},
		"listed in the first, healthy in another": {[][]Target{one, sick, two}, 1, 1, "a"},
		"nobody healthy in the first":             {[][]Target{other("i-1", Unhealthy), one}, 1, 0, "a"},
		"one that was deregistered":               {[][]Target{append(one, other("i-2", Unregistered)...)}, 1, 1, "a"},
		"unhealthy on its first port":             {[][]Target{other("i-1", Unhealthy, Healthy)}, 1, 0, "a"},
		"unhealthy on its last port":              {[][]Target{other("i-1", Healthy, Unhealthy)}, 1, 0, "a"},
	} {
		s := Snapshot{ID: "i-me"}
		for i, targets := range c.at {
			s.Traffic = append(s.Traffic, Traffic{Source: Source{Name: string(rune('a' + i)), Port: 80}, Targets: targets})
		}
		if n, at := s.Tightest(MinHealthy{kind: ruleCount}); n.Capacity-1 != c.listed || n.HealthyPeers != c.healthy || at.Name != c.where {
			t.Errorf("%s: %+v at %s; want %d listed, %d healthy at %s", name, n, at.Name, c.listed, c.healthy, c.where)
		}
	}
}

// This instance does not count as healthy where a load balancer says otherwise, and it is no peer of its own.
func TestThisInstanceUnhealthyOutsideAGroup(t *testing.T) {
	s := declaredSample()
	s.Traffic[1].Mine[0].Health = Unhealthy // the first of its targets, too
	s.Traffic[1].Targets = append(s.Traffic[1].Targets[:1:1], append([]Target{{Instance: "i-web", Port: 81, Health: Unregistered}}, s.Traffic[1].Targets[1:]...)...)
	if n := s.Count(MinHealthy{}); n != (Numbers{Capacity: 3, Minimum: 2, Slots: 1}) {
		t.Errorf("%+v", n)
	}
	if id, why := s.UnhealthyPeer(); id != "i-two" || why != "unhealthy at api" {
		t.Errorf("%q is %q", id, why)
	}
	if m, _ := s.Group.Member("i-web"); !s.IsHealthy(m, s.Counted()) {
		t.Error("one that api has deregistered is unhealthy there")
	}
}

// TestWithoutAnythingInUse: what is registered counts where there is no evidence of health.
func TestWithoutAnythingInUse(t *testing.T) {
	s := declaredSample()
	s.Traffic = slices.Delete(s.Traffic, 1, 2)
	if n, at := s.Tightest(MinHealthy{}); n.Capacity != 3 || at.Name != "web" {
		t.Errorf("with one in use %+v at %s", n, at.Name)
	}
	s.Traffic = s.Traffic[1:]
	s.Traffic[0].Targets = append(s.Traffic[0].Targets, Target{Instance: "i-two", Port: 80, Health: NotInUse})
	if n, at := s.Tightest(MinHealthy{}); n.Capacity != 2 || n.HealthyPeers != 1 || at.Name != "idle" {
		t.Errorf("%+v at %s", n, at.Name)
	}
	s.Traffic = nil
	if n := s.Count(MinHealthy{}); n.Capacity != 1 || n.HealthyPeers != 0 || !n.Impossible() {
		t.Errorf("without load balancers %+v", n)
	}
}

// TestHealthyOutsideAGroup: another need not be registered everywhere; this instance must.
func TestHealthyOutsideAGroup(t *testing.T) {
	s := declaredSample()
	for id, want := range map[string]bool{"i-me": true, "i-two": false, "i-web": true} {
		m, _ := s.Group.Member(id)
		if s.IsHealthy(m, s.Counted()) != want {
			t.Errorf("%s healthy: want %v", id, want)
		}
	}
	if nobody := (Member{ID: "i-nowhere", State: InService, Healthy: true}); s.IsHealthy(nobody, s.Counted()) {
		t.Error("one that nothing lists is healthy")
	}
	s.Traffic[1].Targets[0].Health = Unregistered
	if m, _ := s.Group.Member("i-me"); s.IsHealthy(m, s.Counted()) {
		t.Error("this instance is healthy without api")
	}
	if s.Zonal() != "" {
		t.Error("the zones of the others are not known, and a load balancer is zonal")
	}
	s.Group.Held = Held{}
	if s.Zonal() != "web" {
		t.Error("in a group it is")
	}
}

// TestEntriesShowWhoIsOut: a holder that nothing lists is a member that is out, and its addresses are its own.
func TestEntriesShowWhoIsOut(t *testing.T) {
	s := declaredSample()
	if n := s.Count(MinHealthy{}); n.Capacity != 3 {
		t.Fatalf("without entries %+v", n)
	}
	since := time.Unix(1000, 0)
	s.Group.Members = append(s.Group.Members, Member{ID: "10.0.0.9", State: InService, Healthy: true})
	s.Traffic[0].Targets = append(s.Traffic[0].Targets, Target{Instance: "10.0.0.9", Port: 80, Health: Healthy})
	s.Group = s.Group.WithEntries([]Entry{
		{ID: "i-out", Since: since.Add(time.Minute), Addresses: []string{"10.0.0.8"}},
		{ID: "i-first", Since: since},
		{ID: "i-nine", Addresses: []string{"fd00::9", "10.0.0.9"}},
		{ID: "i-web", Addresses: []string{"10.0.0.7"}},
		{ID: "i-me"},
	})
	listed := s.Traffic[0].Targets
	s.Traffic[0].Targets = s.Group.Named(listed)
	if listed[len(listed)-1].Instance != "10.0.0.9" {
		t.Error("what was read is changed")
	}
	var ids []string
	for _, m := range s.Group.Members {
		if ids = append(ids, m.ID+" "+string(m.State)); !m.Healthy {
			t.Errorf("%s is Unhealthy for Auto Scaling, which does not know it", m.ID)
		}
	}
	want := []string{"i-me InService", "i-two InService", "i-web InService", "i-nine InService", "i-out deregistered", "i-first deregistered"}
	if !slices.Equal(ids, want) {
		t.Errorf("members %v, want %v", ids, want)
	}
	if others := s.OtherHolders(); len(others) != 2 || others[0].ID != "i-first" || others[1].Since != since.Add(time.Minute) {
		t.Errorf("holders %+v", others)
	}
	if listed, healthy := s.OthersAt(s.Traffic[0]); listed != 5 || healthy != 3 {
		t.Errorf("at web %d listed, %d healthy", listed, healthy)
	}
	if listed, healthy := s.OthersAt(s.Traffic[1]); listed != 6 || healthy != 0 { // i-web may have left it
		t.Errorf("at api %d listed, %d healthy", listed, healthy)
	}
	if _, healthy := s.WithLeaving([]string{"i-two"}).OthersAt(s.Traffic[0]); healthy != 2 { // it took a slot since the entries were read
		t.Errorf("with one about to leave that had no entry %d healthy", healthy)
	}
	if listed, healthy := s.WithLeaving([]string{"i-nine"}).OthersAt(s.Traffic[0]); listed != 5 || healthy != 2 {
		t.Errorf("with one about to leave %d listed, %d healthy", listed, healthy)
	}
	one := s.Group.WithEntries(s.Group.Entries[2:3])
	if got := one.Named(listed); got[len(got)-1].Instance != "i-nine" {
		t.Errorf("with one entry %v", got)
	}
	s.State, s.Group.Members[0].State = Deregistered, Deregistered
	if ahead := s.HoldersAhead(); len(ahead) != 0 { // its own entry tells no time
		t.Errorf("ahead %+v", ahead)
	}
}

// TestTheTightestDecides: with a share the minimum differs from one load balancer to the next.
func TestTheTightestDecides(t *testing.T) {
	balancer := func(name string, healthy, unhealthy int) Traffic {
		x := Traffic{Source: Source{Name: name, Port: 80}}
		for i := range healthy + unhealthy {
			health := Healthy
			if i >= healthy {
				health = Unhealthy
			}
			x.Targets = append(x.Targets, Target{Instance: fmt.Sprint("i-", i), Port: 80, Health: health})
		}
		return x
	}
	for _, c := range []struct {
		rule       string
		at         string
		need, have int
		slots      int
		traffic    []Traffic
	}{
		{"all", "big", 5, 3, 1, []Traffic{balancer("small", 2, 0), balancer("big", 3, 2)}},
		{"all", "small", 2, 1, 1, []Traffic{balancer("big", 5, 0), balancer("small", 1, 1)}},
		{"all", "big", 5, 3, 1, []Traffic{balancer("big", 3, 2), balancer("small", 2, 0)}},
		{"all", "small", 2, 2, 1, []Traffic{balancer("big", 5, 0), balancer("small", 2, 0)}}, // as much to spare, and fewer
		{"50%", "small", 2, 2, 1, []Traffic{balancer("big", 5, 0), balancer("small", 2, 0)}},
		{"2", "small", 2, 1, 1, []Traffic{balancer("big", 0, 4), balancer("small", 1, 0)}}, // impossible there, whoever gets well
		{"1", "big", 1, 0, 2, []Traffic{balancer("small", 2, 0), balancer("big", 0, 4)}},
	} {
		rule, err := ParseMinHealthy(c.rule)
		if err != nil {
			t.Fatal(err)
		}
		n, at := Snapshot{ID: "i-me", Group: Group{Held: Held{Registered: 2}}, Traffic: c.traffic}.Tightest(rule)
		if at.Name != c.at || n.Minimum != c.need || n.HealthyPeers != c.have || n.Slots != c.slots {
			t.Errorf("%s: %+v at %s, want %+v", c.rule, n, at.Name, c)
		}
	}
}

// TestServingEverywhere: registered with all, and healthy where that is evidence.
func TestServingEverywhere(t *testing.T) {
	s := declaredSample()
	for id, want := range map[string]bool{"i-me": true, "i-two": false, "i-web": false, "i-gone": false} {
		if got := s.ServesEverywhere(id); got != want {
			t.Errorf("%s: %v", id, got)
		}
	}
	for _, health := range []Health{Unregistered, Draining, Unhealthy} {
		s := declaredSample()
		s.Traffic[0].Targets[0].Health = health
		if s.ServesEverywhere("i-me") {
			t.Errorf("%s at web", health)
		}
	}
	s.Traffic = s.Traffic[:1]
	for health, want := range map[Health]bool{Healthy: true, Unhealthy: true, Draining: false, Unregistered: false} {
		if s.Traffic[0].Ignored, s.Traffic[0].Targets[0].Health = true, health; s.ServesEverywhere("i-me") != want {
			t.Errorf("%s at one whose word is no evidence: want %v", health, want)
		}
	}
	s.Traffic = nil
	if s.ServesEverywhere("i-me") {
		t.Error("nothing has it registered")
	}
}
