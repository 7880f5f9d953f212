package rotation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/fleet/sample"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// left is a view of i-1 in Standby by this run's own move, 20 s ago, with all proof
// complete.
func left() view {
	v := sound()
	sample.TakeOut(&v.Snapshot, 0, 20*time.Second)
	v.State = fleet.Standby
	v.before = sound().reading
	v.Group.Min, v.before.Group.Min = 2, 2 // no fence
	v.settle = DefaultSettle
	v.sent = time.Now().Add(-20 * time.Second)
	v.began, v.looked = time.Now(), time.Now()
	mine := &v.Activities[0]
	v.answer = *mine
	return v
}

func TestProven(t *testing.T) {
	for name, tc := range map[string]struct {
		change    func(*view)
		class     failure.Class // 0: proven
		rollsBack bool
		says      string
	}{
		"all is well":                     {func(v *view) {}, 0, false, ""},
		"the look began too early":        {func(v *view) { v.began = v.sent.Add(9 * time.Second) }, failure.Unfinished, false, "may lag"},
		"the two views differ":            {func(v *view) { v.Torn = true }, failure.Unfinished, false, "may lag"},
		"the feed does not show the move": {func(v *view) { v.Activities = nil }, failure.Unfinished, false, "may lag"},
		"out since a moment": {func(v *view) {
			v.sent, v.answer, v.found = time.Time{}, fleet.Activity{}, v.began.Add(-3*time.Second)
		}, failure.Unfinished, false, "may lag"},
		"out since a while": {func(v *view) {
			v.sent, v.answer, v.found = time.Time{}, fleet.Activity{}, v.began.Add(-20*time.Second)
		}, 0, false, ""},
		"still registered":           {func(v *view) { v.Traffic[0].Mine = []fleet.Target{{Instance: "i-1", Port: 80, Health: fleet.Draining}} }, failure.Unfinished, false, "i-1 is still "},
		"registered on another port": {func(v *view) { v.Traffic[0].Mine = []fleet.Target{{Instance: "i-1", Port: 81, Health: fleet.Healthy}} }, failure.Unfinished, false, "i-1 is still "},
		"still registered where ignored": {func(v *view) {
			v.Traffic[0].Ignored = true
			v.Traffic[0].Mine = []fleet.Target{{Instance: "i-1", Port: 80, Health: fleet.Draining}}
		}, failure.Unfinished, false, "i-1 is still "},
		"an NLB that deregistered it too recently": {func(v *view) { v.Traffic[0].Kind = fleet.Network }, failure.Unfinished, false, "new connections"},
		"a peer ahead":                     {func(v *view) { sample.TakeOut(&v.Snapshot, 2, time.Minute) }, failure.RolledBack, false, "taken before by i-3"},
		"a peer ahead, found out already":  {func(v *view) { sample.TakeOut(&v.Snapshot, 2, time.Minute); v.resumed = true }, failure.Unfinished, false, "i-3"},
		"a peer behind":                    {func(v *view) { sample.TakeOut(&v.Snapshot, 2, time.Second) }, failure.Unfinished, true, "only 2 peers are healthy"},
		"a sick peer":                      {func(v *view) { v.Traffic[0].Targets[3].Health = fleet.Unhealthy }, failure.Unfinished, true, "i-4 is unhealthy"},
		"a sick peer, found out already":   {func(v *view) { v.Traffic[0].Targets[3].Health = fleet.Unhealthy; v.resumed = true }, 0, false, ""},
		"taken away":                       {func(v *view) { v.moved = true; v.Group.Deleting = true }, failure.Gone, false, "being deleted"},
		"taken away, found out already":    {func(v *view) { v.resumed = true; v.Group.Deleting = true }, failure.Leaving, false, "being deleted"},
		"someone lowered desired unseen":   {func(v *view) { v.answer.From, v.answer.To = 3, 2 }, failure.Unfinished, true, "no read shows which"},
		"a sick peer, and a rule for that": {func(v *view) { v.Traffic[0].Targets[3].Health = fleet.Unhealthy; v.min = sample.Rule("2") }, 0, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := left()
			tc.change(&v)
			judged := proven(v)
			switch {
			case judged.kind == settled && tc.class == 0:
			case judged.kind == settled:
				t.Errorf("proven, want class %v", tc.class)
			case judged.refusal.Class != tc.class || judged.rollsBack != tc.rollsBack || !strings.Contains(judged.reason(), tc.says):
				t.Errorf("%v (rolls back %v): %s\nwant %v (%v): …%s…", judged.refusal.Class, judged.rollsBack, judged.reason(), tc.class, tc.rollsBack, tc.says)
			}
		})
	}
}

// Where MinSize held the minimum when this instance left, no other can have taken its slot, and nothing waits for reads
// to may lag. What such a young look tells against the instance is not believed before they have.
func TestBehindAFenceTheFirstLookIsEnough(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*view)
		class  failure.Class // Internal: proven
	}{
		"fenced":                          {func(v *view) {}, 0},
		"the move not in the feed yet":    {func(v *view) { v.Activities = nil }, 0},
		"the look is older than the move": {func(v *view) { v.began = v.sent.Add(-time.Second) }, failure.Unfinished},
		"the two views differ":            {func(v *view) { v.Torn = true }, failure.Unfinished},
		"MinSize was lower when it left":  {func(v *view) { v.before.Group.Min = 2 }, failure.Unfinished},
		"it left below MinSize as read":   {func(v *view) { v.answer.From, v.answer.To = 3, 2 }, failure.Unfinished},
		"the answer had no numbers":       {func(v *view) { v.answer.Moved = false }, failure.Unfinished},
		"weights":                         {func(v *view) { v.before.Group.Members = weighted(v.before.Group.Members) }, failure.Unfinished},
		"found out, fenced now":           {func(v *view) { v.sent, v.answer, v.found, v.resumed = time.Time{}, fleet.Activity{}, v.began, true }, 0},
		"found out, entered with --replace": {func(v *view) {
			v.sent, v.answer, v.found, v.resumed = time.Time{}, fleet.Activity{}, v.began, true
			v.Activities[0].Moved = false
		}, failure.Unfinished},
		"a peer ahead, on a young look":      {func(v *view) { sample.TakeOut(&v.Snapshot, 2, time.Minute) }, failure.Unfinished},
		"an unhealthy peer, on a young look": {func(v *view) { v.Traffic[0].Targets[3].Health = fleet.Unhealthy }, failure.Unfinished},
	} {
		v := left()
		v.Group.Min, v.before.Group.Min = 3, 3
		v.sent = v.began.Add(-time.Second)
		tc.change(&v)
		judged := proven(v)
		if (judged.kind == settled) != (tc.class == 0) || judged.kind == blocked && (judged.refusal.Class != tc.class || judged.rollsBack) {
			t.Errorf("%s: %+v, rolls back %v; want class %v", name, judged.refusal, judged.rollsBack, tc.class)
		}
		if !v.Torn && judged.kind == blocked && !judged.nextLook.Equal(v.settledBy()) {
			t.Errorf("%s: looks again at %s, want %s", name, judged.nextLook, v.settledBy())
		}
	}
}

func weighted(members []fleet.Member) []fleet.Member {
	heavy := slices.Clone(members)
	for i := range heavy {
		heavy[i].Weight = 4
	}
	return heavy
}

// Where a load balancer keeps each zone's clients there, the earliest that left a zone keeps its slot, and waits until
// another is healthy in the zone; the later ones go back in.
func TestProvenInAZone(t *testing.T) {
	kept := func(v *view) { v.Traffic[0].CrossZone, v.min = false, sample.Rule("1") }
	for name, tc := range map[string]struct {
		change    func(*view)
		class     failure.Class // Internal: proven
		rollsBack bool
		says      string
	}{
		"another is healthy in the zone": {kept, 0, false, ""},
		"a peer left the zone before":    {func(v *view) { kept(v); sample.TakeOut(&v.Snapshot, 2, time.Minute) }, failure.RolledBack, false, "i-3 left a first, no other instance is healthy there, and web has cross-zone off"},
		"a peer left the zone after":     {func(v *view) { kept(v); sample.TakeOut(&v.Snapshot, 2, time.Second) }, failure.Unfinished, true, "out, but no other instance is healthy in a, and web has cross-zone off"},
		"a peer left another zone before": {func(v *view) {
			kept(v)
			sample.TakeOut(&v.Snapshot, 3, time.Minute)
			v.Traffic[0].Targets[2].Health = fleet.Unhealthy
		}, failure.Unfinished, true, "out, but no other instance is healthy in a, and web has cross-zone off"},
		"cross-zone load balancing":         {func(v *view) { kept(v); v.Traffic[0].CrossZone = true; sample.TakeOut(&v.Snapshot, 2, time.Minute) }, 0, false, ""},
		"an empty zone is allowed":          {func(v *view) { kept(v); v.emptyZone = true; sample.TakeOut(&v.Snapshot, 2, time.Minute) }, 0, false, ""},
		"a peer left before, found already": {func(v *view) { kept(v); v.resumed = true; sample.TakeOut(&v.Snapshot, 2, time.Minute) }, 0, false, ""},
	} {
		v := left()
		tc.change(&v)
		judged := slotProven(v)
		if (judged.kind == settled) != (tc.class == 0) || judged.reason() != tc.says || judged.kind == blocked && (judged.refusal.Class != tc.class || judged.rollsBack != tc.rollsBack) {
			t.Errorf("%s: %v, rolls back %v; want %q, %v", name, judged.refusal, judged.rollsBack, tc.says, tc.rollsBack)
		}
	}
}

// How many peers are healthy, for people: outside a group at the load balancer that has the fewest.
func TestHowManyPeersAreHealthy(t *testing.T) {
	v := sound()
	for n, want := range map[int]string{0: "no peer is healthy", 1: "only 1 peer is healthy", 2: "only 2 peers are healthy"} {
		if got := v.peersHealthy(fleet.Numbers{HealthyPeers: n}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		v.Group.Held.Registered = 1
		if got := v.peersHealthy(fleet.Numbers{HealthyPeers: n}); got != want+" at web" {
			t.Errorf("outside a group: %q, want %q", got, want+" at web")
		}
		v.Group.Held.Registered = 0
	}
}
