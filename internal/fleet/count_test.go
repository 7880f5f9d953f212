package fleet

import (
	"slices"
	"testing"
)

// Two that left between the look before a move and its answer were lowered the desired capacity by; the feed shows one.
func TestUnexplainedDecrement(t *testing.T) {
	answer := toStandby("i-1", 9, "InProgress")
	answer.From, answer.To = 4, 3
	other := toStandby("i-2", 5, "Successful")
	other.From, other.To = 5, 4
	before := Snapshot{Group: Group{Desired: 5, Members: []Member{member("i-1", InService), member("i-2", InService)}}}
	seen := func(as ...Activity) Snapshot { return Snapshot{Activities: as} }
	failed, silent, back := other, other, fromStandby("i-2", 6)
	back.ID = "its return"
	failed.Status, silent.Moved = "Failed", false
	for name, tc := range map[string]struct {
		before Snapshot
		later  Snapshot
		answer Activity
		want   bool
	}{
		"nobody else":                {Snapshot{Group: Group{Desired: 4}}, seen(answer), answer, false},
		"one that the feed shows":    {before, seen(answer, other), answer, false},
		"one that it does not":       {before, seen(answer), answer, true},
		"one that failed":            {before, seen(answer, failed), answer, true},
		"one without numbers":        {before, seen(answer, silent), answer, true},
		"an answer without numbers":  {before, seen(), Activity{}, false},
		"one came back meanwhile":    {before, seen(answer, Activity{ID: "9", Kind: FromStandby, Status: "Successful", Moved: true, From: 3, To: 4}), answer, true},
		"one, and two are missing":   {Snapshot{Group: Group{Desired: 6}}, seen(answer, other), answer, true},
		"one counted before already": {Snapshot{Group: Group{Desired: 5, Members: []Member{member("i-2", Standby)}}, Activities: []Activity{other}}, seen(answer, other), answer, true},
		"one in the feed, but not in the numbers": {
			Snapshot{Group: Group{Desired: 5, Members: []Member{member("i-2", InService)}}, Activities: []Activity{other}}, seen(answer, other), answer, false,
		},
		"an older one of an instance in service": {
			Snapshot{Group: Group{Desired: 5, Members: []Member{member("i-2", InService)}}, Activities: []Activity{back, other}}, seen(answer, other), answer, true,
		},
	} {
		if got := UnexplainedDecrement(tc.before, tc.later, tc.answer); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestZones(t *testing.T) {
	s := Snapshot{ID: "i-1", Zone: "a", Group: Group{Members: []Member{
		{ID: "i-1", Zone: "a", State: InService, Healthy: true},
		{ID: "i-2", Zone: "a", State: InService, Healthy: true},
		{ID: "i-3", Zone: "a", State: Standby, Healthy: true},
		{ID: "i-4", Zone: "a", State: Terminating, Healthy: true},
		{ID: "i-5", Zone: "b", State: InService, Healthy: true},
		{ID: "i-6", Zone: "b", State: InService, Healthy: true},
		{ID: "i-7", Zone: "b", State: InService, Healthy: false},
		{ID: "i-8", Zone: "c", State: Standby, Healthy: true},
	}}}
	if members, healthy := s.ZonePeers(); members != 2 || healthy != 1 {
		t.Errorf("%d peers in the zone, %d healthy; want 2 and 1", members, healthy)
	}
	if got := s.PerZone(); got["a"] != 3 || got["b"] != 3 || got["c"] != 1 {
		t.Errorf("per zone %v, want a 3, b 3, c 1", got)
	}
	for range 50 { // zones come in any order
		if fewest, most := s.ZonesWithoutMe(); fewest != 0 || most != 3 {
			t.Fatalf("from %d to %d in a zone, want 0 and 3", fewest, most)
		}
	}
	s.Group.Members = s.Group.Members[:7]
	if fewest, most := s.ZonesWithoutMe(); fewest != 1 || most != 3 {
		t.Errorf("from %d to %d in a zone, want 1 and 3", fewest, most)
	}
	for name, tc := range map[string]struct {
		traffic []Traffic
		want    string
	}{
		"none":              {nil, ""},
		"cross-zone":        {[]Traffic{{Source: Source{Name: "x", CrossZone: true}}}, ""},
		"zonal":             {[]Traffic{{Source: Source{Name: "x", CrossZone: true}}, {Source: Source{Name: "y"}}}, "y"},
		"zonal and ignored": {[]Traffic{{Source: Source{Name: "y"}, Ignored: true}}, ""},
	} {
		if got := (Snapshot{Traffic: tc.traffic}).Zonal(); got != tc.want {
			t.Errorf("%s: zonal %q, want %q", name, got, tc.want)
		}
	}
}

// Every load balancer that counts has to call this instance healthy; what it says of others is no matter.
func TestUnhealthyAt(t *testing.T) {
	at := func(name string, h Health) Traffic {
		return Traffic{Source: Source{Name: name}, Mine: []Target{{Instance: "i-1", Health: h}}}
	}
	ignored := at("ignored", Unhealthy)
	ignored.Ignored = true
	for name, tc := range map[string]struct {
		traffic []Traffic
		want    string
	}{
		"none":           {nil, ""},
		"healthy":        {[]Traffic{at("app", Healthy)}, ""},
		"one is ignored": {[]Traffic{ignored, at("app", Healthy)}, ""},
		"one is not":     {[]Traffic{at("app", Healthy), at("old", Initial)}, "old"},
	} {
		got, target, found := (Snapshot{ID: "i-1", Traffic: tc.traffic}).UnhealthyAt()
		if got.Name != tc.want || found != (tc.want != "") || found && target.Health != Initial {
			t.Errorf("%s: %q, %s, %v; want %q", name, got.Name, target.Health, found, tc.want)
		}
	}
}

func TestStillListed(t *testing.T) {
	gone, draining := Target{Health: Unregistered}, Target{Port: 81, Health: Draining}
	if x, listed := (Traffic{Mine: []Target{gone, draining}}).StillListed(); !listed || x.Port != 81 {
		t.Errorf("%+v, %v; want the one that drains", x, listed)
	}
	if x, listed := (Traffic{Mine: []Target{gone}}).StillListed(); listed {
		t.Errorf("%+v is deregistered", x)
	}
}

// Only a load balancer that counts, and that checks, asks a question.
func TestProbes(t *testing.T) {
	for name, tc := range map[string]struct {
		of   Traffic
		want bool
	}{
		"checks":              {Traffic{}, true},
		"checks are off":      {Traffic{Source: Source{Check: HealthCheck{Disabled: true}}}, false},
		"ignored":             {Traffic{Ignored: true}, false},
		"idle":                {Traffic{Targets: []Target{{Health: NotInUse}}}, false},
		"ignored, checks off": {Traffic{Ignored: true, Source: Source{Check: HealthCheck{Disabled: true}}}, false},
	} {
		if got := tc.of.Probes(); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
	if (Traffic{Targets: []Target{{Health: NotInUse}}}).Counts() {
		t.Error("an idle target group counts")
	}
}

func TestStops(t *testing.T) {
	for code, want := range map[string]bool{"instance-stop": true, "instance-retirement": true, "instance-reboot": true, "system-reboot": true, "system-maintenance": false, "": false} {
		if got := (Event{Code: code}).Stops(); got != want {
			t.Errorf("%q: %v, want %v", code, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	all, half, none := MinHealthy{}, MinHealthy{kind: rulePercent, n: 50}, MinHealthy{kind: ruleCount}
	s := Snapshot{ID: "i-1", Group: Group{Desired: 6, Settings: Settings{MinHealthyPercent: -1}}}
	for _, id := range []string{"i-1", "i-2", "i-3", "i-4", "i-5", "i-6"} {
		s.Group.Members = append(s.Group.Members, member(id, InService))
	}
	s.Group.Members[5].Healthy = false
	for _, tc := range []struct {
		rule           MinHealthy
		minimum, slots int
	}{{all, 5, 1}, {half, 3, 3}, {none, 0, 6}} {
		want := Numbers{Capacity: 6, Healthy: 5, HealthyPeers: 4, Minimum: tc.minimum, Slots: tc.slots}
		if got := s.Count(tc.rule); got != want {
			t.Errorf("%s: %+v, want %+v", tc.rule, got, want)
		}
	}
	s.Group.Members = s.Group.Members[:4] // four are there of the six that are wanted
	if got := s.Count(half); got.Slots != 1 || got.Minimum != 3 {
		t.Errorf("four of six there: %+v, want 1 slot above 3", got)
	}
	s.Group.Members = s.Group.Members[:3]
	if got := s.Count(half); got.Slots != 1 {
		t.Errorf("three of six there: %+v, want 1 slot all the same", got)
	}
}

// One of two that left with a replacement is back; the list shows both.
func TestAReplacementIsTakenFromWhatIsThere(t *testing.T) {
	kept := toStandby("i-1", 5, "Successful")
	kept.Moved = false
	moved := toStandby("i-2", 5, "Successful")
	s := Snapshot{Group: Group{Desired: 3}, Activities: []Activity{kept, moved}}
	for i, state := range []State{Standby, Standby, InService, InService, InService} {
		s.Group.Members = append(s.Group.Members, member("i-"+string(rune('1'+i)), state))
	}
	if got := s.remaining(); got != 4 {
		t.Errorf("%d there, want 4: one of five has a replacement", got)
	}
	s.Group.Members[0].State = InService // the list is older than the feed, which shows it going
	if got := s.remaining(); got != 5 {
		t.Errorf("%d there, want 5: none is out with a replacement as listed", got)
	}
}

func TestInServiceUnits(t *testing.T) {
	s := Snapshot{Group: Group{Members: []Member{
		{ID: "i-1", State: InService, Weight: 4}, {ID: "i-2", State: InService}, {ID: "i-3", State: Standby, Weight: 8},
	}}}
	if have, heaviest := s.InServiceUnits(); have != 5 || heaviest != 8 {
		t.Errorf("%d units in service, the heaviest %d; want 5 and 8", have, heaviest)
	}
}

func TestTheSlotRule(t *testing.T) {
	s := Snapshot{ID: "i-2", Activities: []Activity{toStandby("i-1", 1, "Successful"), toStandby("i-2", 2, "Successful"), toStandby("i-3", 3, "Successful")}}
	for _, id := range []string{"i-1", "i-2", "i-3"} {
		s.Group.Members = append(s.Group.Members, member(id, Standby))
	}
	if ahead, others := order(s.HoldersAhead()), order(s.OtherHolders()); !slices.Equal(ahead, []string{"i-1"}) || !slices.Equal(others, []string{"i-1", "i-3"}) {
		t.Errorf("ahead %v, others %v", ahead, others)
	}
	for _, tc := range []struct {
		slots, healthy, minimum int
		want                    Ruling
	}{{1, 5, 5, Yield}, {2, 5, 5, Keep}, {2, 4, 5, Await}, {1, 4, 5, Yield}, {3, 6, 5, Keep}} {
		if got := s.Rule(Numbers{Slots: tc.slots, HealthyPeers: tc.healthy, Minimum: tc.minimum}); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
}

func TestZonePeersAreHealthyOrNot(t *testing.T) {
	s := Snapshot{ID: "i-1", Zone: "a", Group: Group{Members: []Member{
		{ID: "i-1", Zone: "a", State: InService, Healthy: true}, {ID: "i-2", Zone: "a", State: InService, Healthy: true}, {ID: "i-3", Zone: "a", State: InService, Healthy: true},
	}}}
	if members, healthy := s.ZonePeers(); members != 2 || healthy != 2 {
		t.Errorf("%d peers, %d healthy; want 2 and 2", members, healthy)
	}
}
