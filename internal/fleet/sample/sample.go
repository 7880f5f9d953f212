// Package sample holds one small group as plain values, for tests.
package sample

import (
	"time"

	"balanced/internal/fleet"
)

// Noon is when everything happens.
var Noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Group is a group of four with nothing wrong, seen by i-1. Two zones, an ALB target group with 300 s of drain, MinSize
// one below the desired capacity.
func Group() fleet.Snapshot {
	s := fleet.Snapshot{
		ID: "i-1", State: fleet.InService, Healthy: true, Zone: "a", Now: Noon,
		Group: fleet.Group{Name: "web", Min: 3, Max: 6, Desired: 4, Settings: fleet.Settings{MinHealthyPercent: -1, Metrics: []string{"GroupStandbyInstances"}}},
	}
	web := fleet.Traffic{Source: fleet.Source{Kind: fleet.Application, Name: "web", Port: 80, Drain: 300 * time.Second, CrossZone: true}}
	for i, zone := range []string{"a", "b", "a", "b"} {
		m := Member("i-"+string(rune('1'+i)), fleet.InService)
		m.Zone = zone
		s.Group.Members = append(s.Group.Members, m)
		web.Targets = append(web.Targets, fleet.Target{Instance: m.ID, Port: 80, Health: fleet.Healthy})
	}
	s.Traffic = []fleet.Traffic{web}
	return s
}

// TakeOut puts a member in Standby since the given age, with the desired capacity lowered for it.
func TakeOut(s *fleet.Snapshot, i int, age time.Duration) {
	m := &s.Group.Members[i]
	m.State = fleet.Standby
	s.Group.Desired--
	a := ToStandby(m.ID, 0, "Successful")
	a.Start = s.Now.Add(-age)
	s.Activities = append(s.Activities, a)
	s.Traffic[0].Targets[i].Health = fleet.Unregistered
}

// Member is a healthy member in zone a.
func Member(id string, s fleet.State) fleet.Member {
	return fleet.Member{ID: id, Zone: "a", State: s, Healthy: true}
}

// ToStandby is a move into Standby, so many seconds after Noon.
func ToStandby(id string, at int, status string) fleet.Activity {
	return fleet.Activity{
		ID: id + status, Kind: fleet.ToStandby, Instance: id, Status: status,
		Start: Noon.Add(time.Duration(at) * time.Second), Moved: true, From: 4, To: 3,
	}
}

// FromStandby is the move back.
func FromStandby(id string, at int) fleet.Activity {
	a := ToStandby(id, at, "Successful")
	a.Kind, a.From, a.To = fleet.FromStandby, 3, 4
	return a
}

// Rule is a rule of --min-healthy that parses.
func Rule(rule string) fleet.MinHealthy {
	m, err := fleet.ParseMinHealthy(rule)
	if err != nil {
		panic(err)
	}
	return m
}
