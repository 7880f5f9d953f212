package rotation

import (
	"testing"
	"time"

	"balanced/internal/fleet"
)

// The live line names every load balancer, by what was read in this look and nothing older.
func TestEachLoadBalancerInTheLiveLine(t *testing.T) {
	s := fleet.Snapshot{ID: "i-1", Traffic: []fleet.Traffic{
		{Source: fleet.Source{Name: "app", Drain: 30 * time.Second}, Targets: []fleet.Target{{Instance: "i-1"}}, Mine: []fleet.Target{{Instance: "i-1", Health: fleet.Draining}}},
		{Source: fleet.Source{Name: "old", Kind: fleet.Classic, Drain: time.Minute}, Targets: []fleet.Target{{Instance: "i-2"}}},
		{Source: fleet.Source{Name: "ignored", Drain: time.Minute}, Ignored: true},
	}}
	for name, tt := range map[string]struct {
		state fleet.State
		read  scope
		want  string
	}{
		"the drains were read": {fleet.Standby, ownDrain, "app draining, old deregistered"},
		"it is leaving, asked": {fleet.EnteringStandby, ownDrain, "app draining, old deregistered"},
		"it is in service":     {fleet.InService, ownDrain, "app draining, old " + string(fleet.Unregistered)},
		"it is leaving":        {fleet.EnteringStandby, ownState, "app drains for 30s, old for 1m, ignored for 1m"},
		"it is returning":      {fleet.Pending, ownState, ""},
	} {
		s.State = tt.state
		if got := atBalancers(s, tt.read); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// A wait is expected to take as long as the longest delay; where load balancers drain one after another, as long as all.
func TestHowLongADrainIsLikelyToGoOn(t *testing.T) {
	v := view{reading: reading{Snapshot: fleet.Snapshot{Traffic: []fleet.Traffic{{Source: fleet.Source{Drain: 30 * time.Second}}, {Source: fleet.Source{Drain: 20 * time.Second}}}}}}
	for elapsed, want := range map[time.Duration]time.Duration{0: 30 * time.Second, 29 * time.Second: time.Second, 35 * time.Second: 15 * time.Second, time.Minute: 0} {
		if got := drainEnds(v).left(elapsed); got != want {
			t.Errorf("after %v: %v left, want %v", elapsed, got, want)
		}
	}
}
