package fleet_test

import (
	"slices"
	"testing"

	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
)

// A mark that a suspended process keeps Auto Scaling from acting on would hold the peers up for ever. The load balancers
// are the evidence then; without any, the mark is all there is.
func TestAStaleMarkIsNoEvidence(t *testing.T) {
	for name, tc := range map[string]struct {
		suspended []string
		change    func(*fleet.Snapshot)
		healthy   int // peers
		stale     bool
	}{
		"nothing suspended":            {nil, func(*fleet.Snapshot) {}, 2, false},
		"ReplaceUnhealthy suspended":   {[]string{"ReplaceUnhealthy"}, func(*fleet.Snapshot) {}, 3, true},
		"HealthCheck suspended":        {[]string{"HealthCheck"}, func(*fleet.Snapshot) {}, 3, true},
		"Terminate suspended":          {[]string{"AZRebalance", "Terminate"}, func(*fleet.Snapshot) {}, 3, true},
		"another process suspended":    {[]string{"AZRebalance"}, func(*fleet.Snapshot) {}, 2, false},
		"unhealthy at a load balancer": {[]string{"ReplaceUnhealthy"}, func(s *fleet.Snapshot) { s.Traffic[0].Targets[1].Health = fleet.Unhealthy }, 2, false},
		"its load balancer is ignored": {[]string{"ReplaceUnhealthy"}, func(s *fleet.Snapshot) { s.Traffic[0].Ignored = true }, 2, false},
		"no load balancer":             {[]string{"ReplaceUnhealthy"}, func(s *fleet.Snapshot) { s.Traffic = nil }, 2, false},
		"in Standby":                   {[]string{"ReplaceUnhealthy"}, func(s *fleet.Snapshot) { s.Group.Members[1].State = fleet.Standby }, 2, false},
	} {
		s := sample.Group()
		s.Group.Members[1].Healthy, s.Group.Suspended = false, tc.suspended
		tc.change(&s)
		if got := s.HealthyPeers(); got != tc.healthy {
			t.Errorf("%s: %d peers healthy, want %d", name, got, tc.healthy)
		}
		if stale := s.StaleMarks(); (len(stale) > 0) != tc.stale || tc.stale && !slices.Equal(stale, []string{"i-2"}) {
			t.Errorf("%s: stale marks %v, want one: %v", name, stale, tc.stale)
		}
	}
}

// Where every weight is 1 the sizes count instances after all, and Auto Scaling's refusal can be foretold.
func TestWeightsOfOneAreInstances(t *testing.T) {
	for name, tc := range map[string]struct {
		weights  []int
		weighted bool
	}{
		"none": {[]int{0, 0, 0, 0}, false}, "all one": {[]int{1, 1, 1, 1}, false}, "some": {[]int{1, 1, 2, 1}, true},
		"one without": {[]int{0, 1, 1, 1}, false}, "all four": {[]int{4, 4, 4, 4}, true},
	} {
		s := sample.Group()
		for i, w := range tc.weights {
			s.Group.Members[i].Weight = w
		}
		if got := s.Group.Weighted(); got != tc.weighted {
			t.Errorf("%s: weighted %v, want %v", name, got, tc.weighted)
		}
	}
}

// What does not end by itself is no movement: a group that waits for it would wait for ever.
func TestStatesThatStayAreNoMovement(t *testing.T) {
	for state, moving := range map[fleet.State]bool{
		fleet.InService: false, fleet.Standby: false, fleet.TerminatingRetain: false, fleet.Detached: false, fleet.Quarantined: false,
		fleet.Terminating: true, fleet.Pending: true, fleet.Detaching: true, fleet.ReplacingRoot: true, "Something:New": true,
	} {
		s := sample.Group()
		s.Group.Members[3].State = state
		if got := s.Moving(); got != moving {
			t.Errorf("a peer %s: moving %v, want %v", state, got, moving)
		}
	}
}
