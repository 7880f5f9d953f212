package fleet

import (
	"slices"
	"testing"
	"time"
)

func TestELBHealth(t *testing.T) {
	for kinds, want := range map[string]bool{"": false, "EC2": false, "ELB": true, "EC2,ELB": true, "EC2, ELB": true, "EBS,VPC_LATTICE": false} {
		if got := (Group{Settings: Settings{HealthCheckType: kinds}}).ELBHealth(); got != want {
			t.Errorf("%q: %v, want %v", kinds, got, want)
		}
	}
}

func TestMember(t *testing.T) {
	g := Group{Members: []Member{member("i-1", InService)}}
	if m, ok := g.Member("i-1"); !ok || m.ID != "i-1" {
		t.Errorf("i-1: %+v, %v", m, ok)
	}
	if m, ok := g.Member("i-2"); ok {
		t.Errorf("i-2 is none: %+v", m)
	}
}

func TestFailedLaunch(t *testing.T) {
	for _, tc := range []struct {
		kind   ActivityKind
		status string
		want   bool
	}{{Launch, "Failed", true}, {Launch, "Successful", false}, {Terminate, "Failed", false}, {Terminate, "Successful", false}} {
		if got := (Activity{Kind: tc.kind, Status: tc.status}).FailedLaunch(); got != tc.want {
			t.Errorf("%v %s: %v, want %v", tc.kind, tc.status, got, tc.want)
		}
	}
}

func TestInPlace(t *testing.T) {
	for strategy, want := range map[string]bool{"ReplaceRootVolume": true, "Rolling": false, "": false} {
		if got := (Refresh{Strategy: strategy}).InPlace(); got != want {
			t.Errorf("%s: %v, want %v", strategy, got, want)
		}
	}
}

func TestWarm(t *testing.T) {
	for state, want := range map[State]bool{"Warmed:Stopped": true, "Warmed:": false, "Warmed:X": true, "Warmed": false, InService: false, "": false} {
		if got := state.Warm(); got != want {
			t.Errorf("%q: %v, want %v", state, got, want)
		}
	}
}

// Enough of the feed is read when it shows the move of every member that is out, and its last entry is over: what is
// running comes first.
func TestCoversHolders(t *testing.T) {
	g := Group{Members: []Member{member("i-1", InService), member("i-2", Standby), member("i-3", EnteringStandby)}}
	two, three, done := toStandby("i-2", 5, "Successful"), toStandby("i-3", 9, "InProgress"), fromStandby("i-1", 3)
	for name, tc := range map[string]struct {
		group Group
		feed  []Activity
		want  bool
	}{
		"nothing read, none out":          {Group{}, nil, true},
		"nothing read":                    {g, nil, false},
		"all that are out":                {g, []Activity{three, two}, true},
		"one that is out is not shown":    {g, []Activity{three, done}, false},
		"and more may be running":         {g, []Activity{two, three}, false},
		"the way back does not show it":   {Group{Members: []Member{member("i-1", Standby)}}, []Activity{done}, false},
		"a cancelled move does not":       {Group{Members: []Member{member("i-2", Standby)}}, []Activity{toStandby("i-2", 5, "Cancelled")}, false},
		"in service, nothing to be shown": {Group{Members: []Member{member("i-1", InService)}}, []Activity{done}, true},
		"one entry that is running":       {Group{}, []Activity{three}, false},
	} {
		if got := CoversHolders(tc.group)(tc.feed); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// A move that failed holds no slot; of several that stand the newest counts, wherever the feed lists it.
func TestTheNewestMoveThatStands(t *testing.T) {
	moves := NewestStandbyMoves([]Activity{
		{Instance: "i-1", Kind: Terminate, Status: "Successful", Start: noon.Add(time.Hour)},
		toStandby("i-1", 1, "Successful"), fromStandby("i-1", 5), toStandby("i-1", 9, "Failed"), toStandby("i-1", 3, "Successful"),
		toStandby("i-2", 2, "Successful"), fromStandby("i-2", 1),
	})
	if got := moves["i-1"]; got.Kind != FromStandby {
		t.Errorf("i-1: %+v, want its return", got)
	}
	if got := moves["i-2"]; got.Kind != ToStandby {
		t.Errorf("i-2: %+v, want its leave", got)
	}
	if len(moves) != 2 {
		t.Errorf("%d instances moved, want 2", len(moves))
	}
	// One without a start is one all the same.
	if moves := NewestStandbyMoves([]Activity{{Instance: "i-1", Kind: ToStandby, Status: "InProgress"}}); moves["i-1"].Kind != ToStandby {
		t.Errorf("without a start: %+v", moves)
	}
}

func TestHolderIDs(t *testing.T) {
	holders := func(ids ...string) (all []Holder) {
		for _, id := range ids {
			all = append(all, Holder{ID: id})
		}
		return all
	}
	for want, given := range map[string][]Holder{
		"":                         nil,
		"i-1, i-2":                 holders("i-2", "i-1"),
		"i-1, i-2, i-3":            holders("i-3", "i-2", "i-1"),
		"i-1, i-2, i-3 and 1 more": holders("i-4", "i-3", "i-2", "i-1"),
		"i-1, i-2, i-3 and 2 more": holders("i-5", "i-4", "i-3", "i-2", "i-1"),
	} {
		if got := HolderIDs(given); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// AWS's clock comes in whole seconds, the beginning of a move in milliseconds.
func TestAgeIsNeverNegative(t *testing.T) {
	s := Snapshot{Now: noon}
	for at, want := range map[time.Duration]time.Duration{900 * time.Millisecond: 0, 0: 0, -time.Minute: time.Minute} {
		if got := s.Age(Holder{Since: noon.Add(at)}); got != want {
			t.Errorf("since %s: %s old, want %s", at, got, want)
		}
	}
}

// A member that is listed as leaving Standby, or in service, has entered with a replacement once: it is no holder, and
// takes nothing from the capacity.
func TestAReplacementCountsOnceWhileItsOriginalIsOut(t *testing.T) {
	kept := toStandby("i-1", 1, "InProgress")
	kept.Moved = false
	s := Snapshot{Group: Group{Desired: 3}, Activities: []Activity{kept}}
	for i, state := range []State{InService, InService, InService} { // the list is older than the feed
		s.Group.Members = append(s.Group.Members, member("i-"+string(rune('1'+i)), state))
	}
	if got := s.Capacity(); got != 3 {
		t.Errorf("capacity %d, want 3: nobody is out as listed", got)
	}
}

func TestEachLeaverLoweredTheDesiredCapacity(t *testing.T) {
	s := Snapshot{Group: Group{Desired: 4, Members: []Member{member("i-1", Standby), member("i-2", InService)}}, Activities: []Activity{toStandby("i-1", 1, "Successful")}}
	if got := s.Capacity(); got != 5 { // three members are being launched
		t.Errorf("capacity %d, want the desired 4 and the one that left", got)
	}
}

func TestImpossible(t *testing.T) {
	for _, tc := range []struct {
		capacity, minimum int
		want              bool
	}{{4, 3, false}, {4, 4, true}, {1, 1, true}, {1, 0, false}, {0, 0, false}} {
		if got := (Numbers{Capacity: tc.capacity, Minimum: tc.minimum}).Impossible(); got != tc.want {
			t.Errorf("minimum %d of %d: %v, want %v", tc.minimum, tc.capacity, got, tc.want)
		}
	}
}

func TestHealthyMembers(t *testing.T) {
	s := Snapshot{ID: "i-1", Group: Group{Members: []Member{member("i-1", InService), member("i-2", InService), member("i-3", Standby)}}}
	if got := s.HealthyMembers(); got != 2 {
		t.Errorf("%d healthy, want 2", got)
	}
	s.Group.Members[0].State = Standby
	if got := s.HealthyMembers(); got != 1 {
		t.Errorf("%d healthy while this one is out, want 1", got)
	}
	s.ID = "i-9" // the list does not have it
	if got := s.HealthyMembers(); got != 1 {
		t.Errorf("%d healthy of a list without this one, want 1", got)
	}
}

func TestUnhealthyPeer(t *testing.T) {
	app := Traffic{Source: Source{Name: "app"}, Targets: []Target{{Instance: "i-2", Health: Healthy}, {Instance: "i-3", Health: Healthy}}}
	for name, tc := range map[string]struct {
		change  func(*Snapshot)
		id, why string
	}{
		"all healthy":                  {func(*Snapshot) {}, "", ""},
		"this one is not its own peer": {func(s *Snapshot) { s.Group.Members[0].Healthy = false }, "", ""},
		"out is no matter":             {func(s *Snapshot) { s.Group.Members[1].State, s.Group.Members[1].Healthy = Standby, false }, "", ""},
		"for Auto Scaling":             {func(s *Snapshot) { s.Group.Members[2].Healthy = false }, "i-3", "Unhealthy for Auto Scaling"},
		"with a stale mark": {func(s *Snapshot) {
			s.Group.Members[2].Healthy, s.Group.Suspended = false, []string{"ReplaceUnhealthy"}
		}, "", ""},
		"at a load balancer": {func(s *Snapshot) { s.Traffic[0].Targets[1].Health = Draining }, "i-3", "draining at app"},
	} {
		s := Snapshot{ID: "i-1", Traffic: []Traffic{app}}
		s.Traffic[0].Targets = slices.Clone(app.Targets)
		for _, id := range []string{"i-1", "i-2", "i-3"} {
			s.Group.Members = append(s.Group.Members, member(id, InService))
		}
		tc.change(&s)
		if id, why := s.UnhealthyPeer(); id != tc.id || why != tc.why {
			t.Errorf("%s: %q %q, want %q %q", name, id, why, tc.id, tc.why)
		}
	}
}

func TestAllowsShort(t *testing.T) {
	for rule, want := range map[string]bool{"all": false, "policy": false, "3": true, "50%": true} {
		m, err := ParseMinHealthy(rule)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.AllowsShort(); got != want {
			t.Errorf("%s: %v, want %v", rule, got, want)
		}
	}
}

func TestMinHealthyAtTheEdges(t *testing.T) {
	for text, ok := range map[string]bool{"100%": true, "101%": false, "101": true, "2147483647": true, "2147483648": false} {
		if _, err := ParseMinHealthy(text); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	policy, _ := ParseMinHealthy("policy")
	for percent, want := range map[int]int{-1: 199, 0: 1, 99: 198, 100: 199, 101: 199} {
		if got := policy.Minimum(200, percent); got != want {
			t.Errorf("a policy of %d%% of 200: %d, want %d", percent, got, want)
		}
	}
}
