package rotation

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"balanced/internal/fleet"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func member(id string, s fleet.State) fleet.Member {
	return fleet.Member{ID: id, Zone: "a", State: s, Healthy: true}
}

func toStandby(id string, at int, status string) fleet.Activity {
	return fleet.Activity{
		ID: id + status, Kind: fleet.ToStandby, Instance: id, Status: status,
		Start: noon.Add(time.Duration(at) * time.Second), Moved: true, From: 4, To: 3,
	}
}

func fromStandby(id string, at int) fleet.Activity {
	a := toStandby(id, at, "Successful")
	a.Kind, a.From, a.To = fleet.FromStandby, 3, 4
	return a
}

func order(claims []Claim) []string {
	var out []string
	for _, c := range claims {
		out = append(out, c.ID)
	}
	return out
}

func TestClaims(t *testing.T) {
	for name, tc := range map[string]struct {
		members []fleet.Member
		feed    []fleet.Activity
		want    []string
	}{
		"earliest first": {
			[]fleet.Member{member("i-1", fleet.EnteringStandby), member("i-2", fleet.Standby), member("i-3", fleet.InService)},
			[]fleet.Activity{toStandby("i-1", 9, "InProgress"), toStandby("i-2", 5, "Successful")},
			[]string{"i-2", "i-1"},
		},
		"ties go by id": {
			[]fleet.Member{member("i-2", fleet.Standby), member("i-1", fleet.Standby)},
			[]fleet.Activity{toStandby("i-1", 5, "Successful"), toStandby("i-2", 5, "Successful")},
			[]string{"i-1", "i-2"},
		},
		"the newest move that stands counts": {
			[]fleet.Member{member("i-1", fleet.Standby), member("i-2", fleet.Standby)},
			[]fleet.Activity{toStandby("i-1", 9, "Cancelled"), toStandby("i-1", 7, "Successful"), fromStandby("i-1", 5), toStandby("i-1", 1, "Successful"), toStandby("i-2", 6, "Successful")},
			[]string{"i-2", "i-1"},
		},
		"in no page is earliest": {
			[]fleet.Member{member("i-1", fleet.Standby), member("i-2", fleet.Standby)},
			[]fleet.Activity{toStandby("i-1", 1, "Successful")},
			[]string{"i-2", "i-1"},
		},
		"a list that lags behind the feed hides nobody": {
			[]fleet.Member{member("i-1", fleet.InService), member("i-2", fleet.InService)},
			[]fleet.Activity{toStandby("i-1", 5, "InProgress"), fromStandby("i-2", 4), toStandby("i-2", 3, "Successful")},
			[]string{"i-1"},
		},
		"whoever is leaving holds no place": {
			[]fleet.Member{member("i-1", fleet.Terminating)},
			[]fleet.Activity{toStandby("i-1", 5, "Successful")},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := order(Claims(tc.members, tc.feed)); !slices.Equal(got, tc.want) {
				t.Errorf("claims in order %v, want %v", got, tc.want)
			}
		})
	}
}

// Two agents that see the same claims see the same order, in whatever order AWS
// listed members and activities, and each claim stands once.
func TestClaimsOrderDoesNotDependOnListing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := []fleet.State{fleet.InService, fleet.Standby, fleet.EnteringStandby}
		var members []fleet.Member
		var feed []fleet.Activity
		for i := range rapid.IntRange(1, 8).Draw(t, "members") {
			id := "i-" + string(rune('a'+i))
			members = append(members, member(id, rapid.SampledFrom(states).Draw(t, "state")))
			if rapid.Bool().Draw(t, "known") {
				feed = append(feed, toStandby(id, rapid.IntRange(0, 3).Draw(t, "at"), "Successful"))
			}
		}
		want := order(Claims(members, feed))
		got := order(Claims(rapid.Permutation(members).Draw(t, "list"), rapid.Permutation(feed).Draw(t, "feed")))
		if !slices.Equal(got, want) {
			t.Fatalf("order %v in one listing, %v in another", want, got)
		}
	})
}

func TestStrength(t *testing.T) {
	kept := toStandby("i-1", 5, "Successful")
	kept.Moved = false
	for name, tc := range map[string]struct {
		desired int
		states  []fleet.State
		feed    []fleet.Activity
		want    int
	}{
		"everyone in":                         {4, []fleet.State{"InService", "InService", "InService", "InService"}, nil, 4},
		"one out":                             {3, []fleet.State{"Standby", "InService", "InService", "InService"}, []fleet.Activity{toStandby("i-1", 1, "Successful")}, 4},
		"shrunken below desired":              {4, []fleet.State{"InService", "InService"}, nil, 4},
		"above desired":                       {2, []fleet.State{"InService", "InService", "InService"}, nil, 3},
		"whoever is leaving does not count":   {3, []fleet.State{"Terminating", "InService", "InService", "InService"}, nil, 3},
		"a claim only the feed shows":         {4, []fleet.State{"InService", "InService", "InService", "InService"}, []fleet.Activity{toStandby("i-1", 1, "InProgress")}, 4},
		"a stand-in and its original are one": {4, []fleet.State{"Standby", "InService", "InService", "InService", "InService"}, []fleet.Activity{kept}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			o := Observed{Group: fleet.Group{Desired: tc.desired}, Activities: tc.feed}
			for i, s := range tc.states {
				o.Group.Members = append(o.Group.Members, member("i-"+string(rune('1'+i)), s))
			}
			if got := o.strength(); got != tc.want {
				t.Errorf("strength %d, want %d", got, tc.want)
			}
		})
	}
}
