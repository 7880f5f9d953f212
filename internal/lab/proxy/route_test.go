package proxy

import (
	"testing"
	"time"

	"balanced/internal/sim"
)

func registered(id, zone, state string) sim.RegistrationView {
	return sim.RegistrationView{Instance: id, Zone: zone, State: state, Routed: state == "healthy"}
}

// spread counts the requests that each target gets.
func spread(b *balancer, all []sim.RegistrationView, requests int, now time.Time) map[string]int {
	counts := map[string]int{}
	for range requests {
		target, _ := b.pick(all, now)
		counts[target.Instance]++
	}
	return counts
}

func TestRequestsGoToHealthyTargetsInTurn(t *testing.T) {
	all := []sim.RegistrationView{registered("a", "1", "healthy"), registered("b", "1", "draining"), registered("c", "2", "healthy"), registered("d", "2", "initial")}
	got := spread(newBalancer(nil, Source{}), all, 10, time.Now())
	if got["a"] != 5 || got["c"] != 5 {
		t.Errorf("got %v, want five each for a and c", got)
	}
}

func TestSlowStartGivesMoreRequestsAsTimePasses(t *testing.T) {
	now := time.Now()
	fresh := registered("new", "1", "healthy")
	fresh.Since = now.Add(-10 * time.Second)
	b := newBalancer(nil, Source{SlowStart: 40 * time.Second})
	all := []sim.RegistrationView{registered("old", "1", "healthy"), fresh}
	if got := spread(b, all, 100, now); got["new"] != 20 {
		t.Errorf("a quarter into its slow start: %v, want 20 of 100", got)
	}
	if got := spread(b, all, 100, now.Add(time.Minute)); got["new"] != 50 {
		t.Errorf("after it: %v, want 50 of 100", got)
	}
}

func TestWithoutCrossZoneEveryZoneGetsItsShare(t *testing.T) {
	b := newBalancer(nil, Source{Zones: []string{"1", "2", "3"}})
	all := []sim.RegistrationView{registered("a", "1", "healthy"), registered("b", "1", "healthy"), registered("c", "2", "healthy"), registered("d", "2", "draining"), registered("e", "3", "unhealthy")}
	got := spread(b, all, 60, time.Now())
	if got["a"] != 10 || got["b"] != 10 || got["c"] != 20 || got["e"] != 20 {
		t.Errorf("got %v, want 10 for a and b, 20 for c, and 20 for e although it is unhealthy", got)
	}
	if got := spread(b, all[:4], 60, time.Now()); got[""] != 20 {
		t.Errorf("got %v, want 20 without a target, since zone 3 has none", got)
	}
}
