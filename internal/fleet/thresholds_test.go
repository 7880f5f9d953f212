package fleet_test

import (
	"slices"
	"testing"

	"balanced/internal/fleet"
)

// balanced zones: two of four in each of a and b, this one is i-1 in a.
func thresholdGroup(thresholds fleet.Thresholds) fleet.Snapshot {
	s := fleet.Snapshot{ID: "i-1", Zone: "a", State: fleet.InService}
	t := fleet.Traffic{Source: fleet.Source{Kind: fleet.Application, Name: "app", Port: 80, CrossZone: true, Thresholds: thresholds}}
	for i, zone := range []string{"a", "a", "a", "b", "b"} {
		id := "i-" + string(rune('1'+i))
		s.Group.Members = append(s.Group.Members, fleet.Member{ID: id, Zone: zone, State: fleet.InService, Healthy: true})
		t.Targets = append(t.Targets, fleet.Target{Instance: id, Port: 80, Health: fleet.Healthy})
	}
	s.Traffic = []fleet.Traffic{t}
	return s
}

// A threshold of one is the default and says nothing; one of two or more is crossed when fewer targets than it wants
// get traffic without this instance.
func TestCrossings(t *testing.T) {
	dns := func(n, percent int) fleet.Thresholds {
		return fleet.Thresholds{DNS: fleet.Threshold{Count: n, Percent: percent}}
	}
	routing := func(n int) fleet.Thresholds { return fleet.Thresholds{Routing: fleet.Threshold{Count: n}} }
	app := func(zone string, remaining, least int, dns bool) []fleet.Crossing {
		return []fleet.Crossing{{Source: "app", Zone: zone, Remaining: remaining, Least: least, DNS: dns}}
	}
	zonal := func(s *fleet.Snapshot) { s.Traffic[0].CrossZone = false }
	health := func(i int, h fleet.Health) func(*fleet.Snapshot) {
		return func(s *fleet.Snapshot) { s.Traffic[0].Targets[i].Health = h }
	}
	for name, tc := range map[string]struct {
		thresholds fleet.Thresholds
		change     func(*fleet.Snapshot)
		want       []fleet.Crossing
	}{
		"off":                                {fleet.Thresholds{}, nil, nil},
		"one is the default":                 {dns(1, 0), func(s *fleet.Snapshot) { s.Traffic[0].Targets = s.Traffic[0].Targets[:1] }, nil},
		"as many as remain":                  {dns(4, 0), nil, nil},
		"one more":                           {dns(5, 0), nil, app("", 4, 5, true)},
		"routing":                            {routing(5), nil, app("", 4, 5, false)},
		"a percentage of the rest":           {dns(0, 100), health(4, fleet.Unhealthy), app("", 3, 4, true)},
		"in this zone":                       {dns(3, 0), zonal, app("a", 2, 3, true)},
		"two in this zone are enough":        {dns(2, 0), zonal, nil},
		"two, and one is unhealthy":          {dns(2, 0), func(s *fleet.Snapshot) { zonal(s); health(1, fleet.Unhealthy)(s) }, app("a", 1, 2, true)},
		"one that drains is no target":       {dns(0, 100), health(4, fleet.Draining), nil},
		"one that is gone is no target":      {dns(0, 100), health(4, fleet.Unregistered), nil},
		"this one unhealthy changes nothing": {dns(0, 100), health(0, fleet.Unhealthy), nil},
		"shifted away":                       {dns(4, 0), func(s *fleet.Snapshot) { s.Traffic[0].Targets[3].Shifted = true }, app("", 3, 4, true)},
		"others than members count where no zone matters": {dns(5, 0), func(s *fleet.Snapshot) {
			s.Traffic[0].Targets = append(s.Traffic[0].Targets, fleet.Target{Instance: "i-9", Port: 80, Health: fleet.Healthy})
		}, nil},
		"and not in a zone": {dns(3, 0), func(s *fleet.Snapshot) {
			zonal(s)
			s.Traffic[0].Targets = append(s.Traffic[0].Targets, fleet.Target{Instance: "i-9", Port: 80, Health: fleet.Healthy})
		}, app("a", 2, 3, true)},
		"and not where the zone is unknown": {dns(3, 0), func(s *fleet.Snapshot) {
			zonal(s)
			s.Zone = "c"
		}, app("c", 0, 3, true)},
		"and no zone where there is no group": {dns(5, 0), func(s *fleet.Snapshot) {
			zonal(s)
			s.Group.Held.Registered = 1
		}, app("", 4, 5, true)},
		"an ignored load balancer": {dns(5, 0), func(s *fleet.Snapshot) { s.Traffic[0].Ignored = true }, nil},
		"both": {
			fleet.Thresholds{DNS: fleet.Threshold{Count: 5}, Routing: fleet.Threshold{Count: 6}},
			nil,
			append(app("", 4, 5, true), app("", 4, 6, false)...),
		},
	} {
		s := thresholdGroup(tc.thresholds)
		if tc.change != nil {
			tc.change(&s)
		}
		if got := s.Crossings(); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

func TestPercentagesRoundUp(t *testing.T) {
	for _, tc := range []struct{ targets, percent, want int }{{100, 1, 1}, {101, 1, 2}, {200, 1, 2}, {3, 34, 2}, {3, 33, 1}} {
		if got := (fleet.Threshold{Percent: tc.percent}).Least(tc.targets); got != tc.want {
			t.Errorf("%d%% of %d: %d, want %d", tc.percent, tc.targets, got, tc.want)
		}
	}
}
