package rotation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/fleet/sample"

	"pgregory.net/rapid"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// sound is what a run on i-1 sees of a group with nothing wrong.
func sound() view {
	v := view{reading: reading{scope: whole, Snapshot: sample.Group()}}
	v.budgets = budgets{wait: 10 * time.Minute, timeout: 10 * time.Minute, rollback: 2 * time.Minute}
	return v
}

// A group's name may hold what a shell reads as more than one word.
func TestCommandsQuoteTheGroup(t *testing.T) {
	v := sound()
	v.Group.Name, v.Group.Suspended = "web tier; reboot", []string{"Launch"}
	left := sample.ToStandby(v.ID, 0, "Successful")
	left.Moved = false
	out := v
	out.State, out.Activities = fleet.Standby, []fleet.Activity{left}
	for _, command := range []string{processes(v).refusal.Hint, largerGroupText(out)} {
		if !strings.Contains(command, "--auto-scaling-group-name 'web tier; reboot' --") {
			t.Errorf("not to be pasted: %s", command)
		}
	}
}

// A stop that stands while the group does is still there when only the clock has moved
// on. Then a run looks at the group alone, and must not act on the rest, which is old.
func TestWhatStandsWithTheGroupIsNotLiftedByTime(t *testing.T) {
	stood := 0
	rapid.Check(t, func(t *rapid.T) {
		v := sound()
		v.Group.Min = rapid.IntRange(0, 4).Draw(t, "min")
		v.Group.Max = rapid.IntRange(3, 5).Draw(t, "max")
		v.Group.Desired = rapid.IntRange(1, 5).Draw(t, "desired")
		v.min = rapid.SampledFrom([]fleet.MinHealthy{{}, sample.Rule("0"), sample.Rule("2"), sample.Rule("50%")}).Draw(t, "rule")
		states := []fleet.State{fleet.InService, fleet.Pending, fleet.Standby, fleet.EnteringStandby, fleet.Terminating}
		for i := range v.Group.Members {
			m := &v.Group.Members[i]
			m.State = rapid.SampledFrom(states).Draw(t, "state")
			if rapid.Bool().Draw(t, "known") {
				v.Activities = append(v.Activities, sample.ToStandby(m.ID, rapid.IntRange(0, 3).Draw(t, "at"), "Successful"))
			}
		}
		for _, guards := range [][]guard{outGuards, inGuards} {
			judged := ask(guards, v)
			if !judged.groupAlone {
				continue
			}
			stood++
			later := v
			later.Now = v.Now.Add(time.Duration(rapid.Int64Range(0, int64(3*time.Hour)).Draw(t, "later")))
			if ask(guards, later).kind == settled {
				t.Fatalf("%q was lifted by time", judged.reason())
			}
		}
	})
	if stood == 0 {
		t.Error("nothing stood: the test shows nothing")
	}
}

func TestOutGuards(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*view)
		class  failure.Class // Internal: may leave
		says   string
	}{
		"a sound group":           {func(v *view) {}, 0, ""},
		"spot notice":             {func(v *view) { v.Notices = fleet.Notices{Spot: "terminate", SpotAt: sample.Noon} }, failure.Leaving, "terminate this Spot instance"},
		"target state Terminated": {func(v *view) { v.Notices.Target = "Terminated" }, failure.Leaving, "Terminated"},
		"retirement within the run": {func(v *view) {
			v.Notices.Scheduled = []fleet.Event{{Code: "instance-retirement", Begins: sample.Noon.Add(20 * time.Minute)}}
		}, failure.Leaving, "instance-retirement"},
		"retirement next week": {func(v *view) {
			v.Notices.Scheduled = []fleet.Event{{Code: "instance-retirement", Begins: sample.Noon.Add(100 * time.Hour)}}
		}, 0, ""},
		"maintenance that stops nothing": {func(v *view) { v.Notices.Scheduled = []fleet.Event{{Code: "system-maintenance", Begins: sample.Noon}} }, 0, ""},
		"own health Unhealthy":           {func(v *view) { v.Healthy = false }, failure.Leaving, "Unhealthy"},
		"group being deleted":            {func(v *view) { v.Group.Deleting = true }, failure.Leaving, "being deleted"},
		"vpc-lattice":                    {func(v *view) { v.Group.Unknown = []string{"vpc-lattice arn:x"} }, failure.Setup, "vpc-lattice arn:x"},
		"Launch suspended":               {func(v *view) { v.Group.Suspended = []string{"Launch"} }, failure.Setup, "Launch"},
		"AddToLoadBalancer suspended":    {func(v *view) { v.Group.Suspended = []string{"AddToLoadBalancer"} }, failure.Setup, "AddToLoadBalancer"},
		"AZRebalance suspended":          {func(v *view) { v.Group.Suspended = []string{"AZRebalance"} }, 0, ""},
		"refresh running":                {func(v *view) { v.Refreshes = []fleet.Refresh{{ID: "r", Status: "InProgress"}} }, failure.NotNow, "refresh r is InProgress"},
		"refresh baking":                 {func(v *view) { v.Refreshes = []fleet.Refresh{{ID: "r", Status: "Baking"}} }, failure.NotNow, "Baking"},
		"refresh over":                   {func(v *view) { v.Refreshes = []fleet.Refresh{{ID: "r", Status: "Cancelled"}} }, 0, ""},
		"fewer in service than desired":  {func(v *view) { v.Group.Desired = 5 }, failure.NotNow, "4 in service, desired 5"},
		"scale-in due":                   {func(v *view) { v.Group.Desired, v.Group.Min = 3, 1 }, failure.NotNow, "scale-in is due"},
		"a member Pending":               {func(v *view) { v.Group.Members = append(v.Group.Members, sample.Member("i-5", fleet.PendingWait)) }, failure.NotNow, "i-5 is Pending:Wait"},
		"a launch running":               {func(v *view) { v.Activities = []fleet.Activity{{Kind: fleet.Launch, Status: "PreInService"}} }, failure.NotNow, "launch is running"},
		"a launch into the warm pool":    {func(v *view) { v.Activities = []fleet.Activity{{Kind: fleet.WarmLaunch, Status: "PreInService"}} }, 0, ""},
		"a peer on its way out":          {func(v *view) { v.Group.Members = append(v.Group.Members, sample.Member("i-5", fleet.Terminating)) }, 0, ""},
		"MinSize at desired":             {func(v *view) { v.Group.Min = 4 }, failure.Setup, "no room below desired 4"},
		"MinSize because one is out":     {func(v *view) { sample.TakeOut(&v.Snapshot, 2, time.Minute) }, failure.NotNow, "i-3 is out (Standby for 1m) and MinSize 3 allows no other"},
		"place taken":                    {func(v *view) { v.Group.Min = 1; sample.TakeOut(&v.Snapshot, 2, 47*time.Minute) }, failure.NotNow, "i-3 is out (Standby for 47m) and --min-healthy all allows 1 at a time"},
		"place taken this very second":   {func(v *view) { v.Group.Min = 1; sample.TakeOut(&v.Snapshot, 2, -time.Second) }, failure.NotNow, "i-3 is out (Standby for 0s)"},
		"two places, one taken":          {func(v *view) { v.Group.Min = 1; v.min = sample.Rule("2"); sample.TakeOut(&v.Snapshot, 2, time.Minute) }, 0, ""},
		"two places, both taken": {func(v *view) {
			v.Group.Min = 1
			v.min = sample.Rule("2")
			sample.TakeOut(&v.Snapshot, 2, time.Minute)
			sample.TakeOut(&v.Snapshot, 3, time.Minute)
		}, failure.NotNow, " with 1 more"},
		"a sick peer":                {func(v *view) { v.Traffic[0].Targets[3].Health = fleet.Unhealthy }, failure.NotNow, "i-4 is unhealthy at web"},
		"a sick peer, ignored":       {func(v *view) { v.Traffic[0].Targets[3].Health = fleet.Unhealthy; v.Traffic[0].Ignored = true }, 0, ""},
		"a sick peer, enough others": {func(v *view) { v.Traffic[0].Targets[3].Health = fleet.Unhealthy; v.min = sample.Rule("50%") }, 0, ""},
		"a stranger's health is no peer's": {func(v *view) {
			v.Traffic[0].Targets[3].Health = fleet.Unhealthy
			v.Traffic[0].Targets = append(v.Traffic[0].Targets, fleet.Target{Instance: "i-9", Port: 80, Health: fleet.Healthy})
		}, failure.NotNow, "only 2 peers are healthy"},
		"a target group in no use": {func(v *view) {
			for i := range v.Traffic[0].Targets {
				v.Traffic[0].Targets[i].Health = fleet.NotInUse
			}
		}, 0, ""},
		"one zone not in use": {func(v *view) { v.Traffic[0].Targets[1].Health = fleet.NotInUse }, failure.NotNow, "not in use at web"},
		"another port of ours": {func(v *view) {
			v.Traffic[0].Targets = append(v.Traffic[0].Targets, fleet.Target{Instance: "i-1", Port: 9000, Health: fleet.Healthy})
		}, failure.Setup, "port 9000"},
		"a floor above strength": {func(v *view) { v.min = sample.Rule("4") }, failure.Setup, "is impossible"},
		"a group of one":         {func(v *view) { v.Group.Members = v.Group.Members[:1]; v.Group.Min, v.Group.Desired = 0, 1 }, failure.Setup, "is impossible"},
		"a group of one, floor 0": {func(v *view) {
			v.Group.Members = v.Group.Members[:1]
			v.Group.Min, v.Group.Desired = 0, 1
			v.min = sample.Rule("0")
		}, 0, ""},
		"zone kept by the other": {func(v *view) { v.Traffic[0].CrossZone = false }, 0, ""},
		"zone without a server": {func(v *view) {
			v.Traffic[0].CrossZone = false
			v.min = sample.Rule("1")
			v.Traffic[0].Targets[2].Health = fleet.Unhealthy
		}, failure.NotNow, "no other instance is healthy in a"},
		"zone without a member":                   {func(v *view) { v.Traffic[0].CrossZone = false; v.Group.Members[2].Zone = "b" }, failure.Setup, "no other member in a"},
		"empty zone allowed":                      {func(v *view) { v.Traffic[0].CrossZone = false; v.Group.Members[2].Zone = "b"; v.emptyZone = true }, 0, ""},
		"views differ":                            {func(v *view) { v.Torn = true }, failure.NotNow, "two views"},
		"replace at MaxSize":                      {func(v *view) { v.replace, v.Group.Min, v.Group.Max = true, 4, 4 }, failure.Setup, "at MaxSize 4"},
		"replace with room":                       {func(v *view) { v.replace, v.Group.Min = true, 4 }, 0, ""},
		"short, and allowed to be":                {func(v *view) { v.Group.Desired = 5; v.min = sample.Rule("2") }, 0, ""},
		"weighted, overshoot within the heaviest": {func(v *view) { weigh(v, 4); v.Group.Desired = 14 }, 0, ""},
		"weighted, short":                         {func(v *view) { weigh(v, 4); v.Group.Desired = 17 }, failure.NotNow, "16 in service, desired 17"},
		"weighted, MinSize foretells nothing":     {func(v *view) { weigh(v, 4); v.Group.Desired, v.Group.Min = 16, 16 }, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := sound()
			tc.change(&v)
			judged := ask(outGuards, v)
			switch {
			case judged.kind == settled && tc.class == 0:
			case judged.kind == settled:
				t.Errorf("every guard passes, want class %v", tc.class)
			case judged.refusal.Class != tc.class || !strings.Contains(judged.reason(), tc.says):
				t.Errorf("refused with %v: %s\nwant %v: …%s…", judged.refusal.Class, judged.reason(), tc.class, tc.says)
			case judged.refusal.Hint == "":
				t.Errorf("%s: no hint", judged.reason())
			}
		})
	}
}

func weigh(v *view, weight int) {
	for i := range v.Group.Members {
		v.Group.Members[i].Weight = weight
	}
	v.Group.Max = 100
}

// What waiting cannot lift is said at once, whatever else is in the way.
func TestHopelessRefusalsComeFirst(t *testing.T) {
	v := sound()
	v.Refreshes = []fleet.Refresh{{ID: "r", Status: "InProgress"}}
	v.Group.Min = 4
	if judged := ask(outGuards, v); judged.kind == settled || judged.refusal.Class != failure.Setup {
		t.Errorf("refused with %v, want the MinSize that must be changed", judged.refusal)
	}
}

// After a kill, one view may show the move and its decrement, and the other not yet.
func TestNothingFinalFromTwoViewsThatDiffer(t *testing.T) {
	v := sound()
	v.Group.Desired = v.Group.Min // "MinSize leaves no room", for good
	if judged := mayLeave(v); !judged.hopeless() {
		t.Fatalf("not hopeless where the views agree: %+v", judged)
	}
	v.Torn = true
	if judged := mayLeave(v); judged.hopeless() || judged.refusal.Class != failure.NotNow {
		t.Errorf("%v, want to look again", judged.refusal)
	}
}

// A group that waits for nobody is told at once; one where something moves may heal.
func TestOldBlockerInAQuietGroupIsFinal(t *testing.T) {
	for name, tc := range map[string]struct {
		age   time.Duration
		busy  bool
		final bool
	}{
		"fresh":                {10 * time.Minute, false, false},
		"old":                  {2 * time.Hour, false, true},
		"old, but it's moving": {2 * time.Hour, true, false},
	} {
		v := sound()
		v.Group.Min = 1
		sample.TakeOut(&v.Snapshot, 2, tc.age)
		if tc.busy {
			v.Activities = append(v.Activities, fleet.Activity{Kind: fleet.Terminate, Status: "WaitingForELBConnectionDraining"})
		}
		judged := ask(outGuards, v)
		if judged.kind == settled || judged.refusal.Class != failure.NotNow || judged.hopeless() != tc.final {
			t.Fatalf("%s: %v, hopeless %v, want %v", name, judged.refusal, judged.hopeless(), tc.final)
		}
		if want := "--min-healthy 2"; !strings.Contains(judged.refusal.Hint, want) {
			t.Errorf("%s: hint %q does not give the way out %q", name, judged.refusal.Hint, want)
		}
	}
}

func TestInGuards(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*view)
		class  failure.Class
	}{
		"a sound group":             {func(v *view) {}, 0},
		"at MaxSize":                {func(v *view) { v.Group.Max = 3 }, failure.NotNow},
		"Launch suspended":          {func(v *view) { v.Group.Suspended = []string{"Launch"} }, failure.Setup},
		"spot notice":               {func(v *view) { v.Notices.Spot = "terminate" }, failure.Leaving},
		"a refresh is fine":         {func(v *view) { v.Refreshes = []fleet.Refresh{{Status: "InProgress"}} }, 0},
		"a sick peer is fine":       {func(v *view) { v.Traffic[0].Targets[3].Health = fleet.Unhealthy }, 0},
		"frozen ill health is fine": {func(v *view) { v.Healthy = false }, 0},
	} {
		v := sound()
		sample.TakeOut(&v.Snapshot, 0, time.Minute)
		v.State = fleet.Standby
		tc.change(&v)
		if judged := ask(inGuards, v); (judged.kind == settled) != (tc.class == 0) || judged.kind == blocked && judged.refusal.Class != tc.class {
			t.Errorf("%s: %v, want class %v", name, judged.refusal, tc.class)
		}
	}
}

func TestFenced(t *testing.T) {
	v := sound()
	if !v.fenced() {
		t.Error("MinSize 3 holds a minimum of 3")
	}
	v.Group.Min = 2
	if v.fenced() {
		t.Error("MinSize 2 does not hold a minimum of 3")
	}
	if got := longestJitter(v.Snapshot); got != 16*time.Second {
		t.Errorf("four members, 300 s of drain: starts spread over %s, want 16s", got)
	}
}

func TestHiddenLeaver(t *testing.T) {
	v := sound()
	v.before = v.reading
	v.answer = fleet.Activity{ID: "mine", Moved: true, From: 4, To: 3}
	if fleet.UnexplainedDecrement(v.before.Snapshot, v.Snapshot, v.answer) {
		t.Error("the answer counted from what was read: nobody is hidden")
	}
	v.answer = fleet.Activity{ID: "mine", Moved: true, From: 3, To: 2}
	if !fleet.UnexplainedDecrement(v.before.Snapshot, v.Snapshot, v.answer) {
		t.Error("the answer counted from one less than was read, and nobody is seen: someone is hidden")
	}
	v.Activities = append(v.Activities, sample.ToStandby("i-2", 3, "InProgress"))
	if fleet.UnexplainedDecrement(v.before.Snapshot, v.Snapshot, v.answer) {
		t.Error("the one who lowered it is in the feed now")
	}
}

// The two answers of one look may be of different ages: what the feed showed already, the
// group's numbers may not have held yet.
func TestALeaverThatOnlyTheFeedShowedIsNotHidden(t *testing.T) {
	v := sound()
	v.Activities = append(v.Activities, sample.ToStandby("i-2", 3, "InProgress"))
	v.before = v.reading
	v.answer = fleet.Activity{ID: "mine", Moved: true, From: 3, To: 2}
	if fleet.UnexplainedDecrement(v.before.Snapshot, v.Snapshot, v.answer) {
		t.Error("i-2 lowered it: the feed showed its move, the group as read still had it in service")
	}
	v.answer = fleet.Activity{ID: "mine", Moved: true, From: 2, To: 1}
	if !fleet.UnexplainedDecrement(v.before.Snapshot, v.Snapshot, v.answer) {
		t.Error("i-2 lowered it by one of two: someone is hidden")
	}
	v.before.Group.Members = slices.Clone(v.before.Group.Members)
	for i := range v.before.Group.Members {
		if v.before.Group.Members[i].ID == "i-2" {
			v.before.Group.Members[i].State = fleet.EnteringStandby
		}
	}
	v.answer = fleet.Activity{ID: "mine", Moved: true, From: 3, To: 2}
	if !fleet.UnexplainedDecrement(v.before.Snapshot, v.Snapshot, v.answer) {
		t.Error("the group as read had i-2 out, so its number was without it: someone else is hidden")
	}
}
