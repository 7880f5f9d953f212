package fleet

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func member(id string, s State) Member {
	return Member{ID: id, Zone: "a", State: s, Healthy: true}
}

func toStandby(id string, at int, status string) Activity {
	return Activity{
		ID: id + status, Kind: ToStandby, Instance: id, Status: status,
		Start: noon.Add(time.Duration(at) * time.Second), Moved: true, From: 4, To: 3,
	}
}

func fromStandby(id string, at int) Activity {
	a := toStandby(id, at, "Successful")
	a.Kind, a.From, a.To = FromStandby, 3, 4
	return a
}

func order(holders []Holder) []string {
	var out []string
	for _, c := range holders {
		out = append(out, c.ID)
	}
	return out
}

func TestHolders(t *testing.T) {
	for name, tc := range map[string]struct {
		members []Member
		feed    []Activity
		want    []string
	}{
		"earliest first": {
			[]Member{member("i-1", EnteringStandby), member("i-2", Standby), member("i-3", InService)},
			[]Activity{toStandby("i-1", 9, "InProgress"), toStandby("i-2", 5, "Successful")},
			[]string{"i-2", "i-1"},
		},
		"ties go by id": {
			[]Member{member("i-2", Standby), member("i-1", Standby)},
			[]Activity{toStandby("i-1", 5, "Successful"), toStandby("i-2", 5, "Successful")},
			[]string{"i-1", "i-2"},
		},
		"the newest move that stands counts": {
			[]Member{member("i-1", Standby), member("i-2", Standby)},
			[]Activity{toStandby("i-1", 9, "Cancelled"), toStandby("i-1", 7, "Successful"), fromStandby("i-1", 5), toStandby("i-1", 1, "Successful"), toStandby("i-2", 6, "Successful")},
			[]string{"i-2", "i-1"},
		},
		"in no page is earliest": {
			[]Member{member("i-1", Standby), member("i-2", Standby)},
			[]Activity{toStandby("i-1", 1, "Successful")},
			[]string{"i-2", "i-1"},
		},
		"a list that lags behind the feed hides no holder": {
			[]Member{member("i-1", InService), member("i-2", InService)},
			[]Activity{toStandby("i-1", 5, "InProgress"), fromStandby("i-2", 4), toStandby("i-2", 3, "Successful")},
			[]string{"i-1"},
		},
		"an instance that is leaving holds no slot": {
			[]Member{member("i-1", Terminating)},
			[]Activity{toStandby("i-1", 5, "Successful")},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := order(Holders(tc.members, tc.feed)); !slices.Equal(got, tc.want) {
				t.Errorf("holders in order %v, want %v", got, tc.want)
			}
		})
	}
}

// Two agents that see the same holders see the same order, in whatever order AWS
// listed members and activities, and each holder is listed once.
func TestOrderOfHoldersDoesNotDependOnListing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := []State{InService, Standby, EnteringStandby}
		var members []Member
		var feed []Activity
		for i := range rapid.IntRange(1, 8).Draw(t, "members") {
			id := "i-" + string(rune('a'+i))
			members = append(members, member(id, rapid.SampledFrom(states).Draw(t, "state")))
			if rapid.Bool().Draw(t, "known") {
				feed = append(feed, toStandby(id, rapid.IntRange(0, 3).Draw(t, "at"), "Successful"))
			}
		}
		want := order(Holders(members, feed))
		got := order(Holders(rapid.Permutation(members).Draw(t, "list"), rapid.Permutation(feed).Draw(t, "feed")))
		if !slices.Equal(got, want) {
			t.Fatalf("order %v in one listing, %v in another", want, got)
		}
	})
}

func TestCapacity(t *testing.T) {
	kept := toStandby("i-1", 5, "Successful")
	kept.Moved = false
	for name, tc := range map[string]struct {
		desired int
		states  []State
		feed    []Activity
		want    int
	}{
		"all in service":         {4, []State{"InService", "InService", "InService", "InService"}, nil, 4},
		"one out":                {3, []State{"Standby", "InService", "InService", "InService"}, []Activity{toStandby("i-1", 1, "Successful")}, 4},
		"shrunken below desired": {4, []State{"InService", "InService"}, nil, 4},
		"above desired":          {2, []State{"InService", "InService", "InService"}, nil, 3},
		"an instance that is leaving does not count": {3, []State{"Terminating", "InService", "InService", "InService"}, nil, 3},
		"a holder only the feed shows":               {4, []State{"InService", "InService", "InService", "InService"}, []Activity{toStandby("i-1", 1, "InProgress")}, 4},
		"a replacement and its original are one":     {4, []State{"Standby", "InService", "InService", "InService", "InService"}, []Activity{kept}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			o := Snapshot{Group: Group{Desired: tc.desired}, Activities: tc.feed}
			for i, s := range tc.states {
				o.Group.Members = append(o.Group.Members, member("i-"+string(rune('1'+i)), s))
			}
			if got := o.Capacity(); got != tc.want {
				t.Errorf("capacity %d, want %d", got, tc.want)
			}
		})
	}
}
