package plane

import (
	"testing"
	"time"

	"balanced/internal/sim"
)

func reg(id, zone, state string) sim.RegistrationView {
	return sim.RegistrationView{Instance: id, Zone: zone, State: state, Routed: state == "healthy"}
}

// spread counts where so many requests go.
func spread(b *balancer, all []sim.RegistrationView, requests int, now time.Time) map[string]int {
	counts := map[string]int{}
	for range requests {
		target, _ := b.pick(all, now)
		counts[target.Instance]++
	}
	return counts
}

func TestRequestsGoRoundThoseThatTakeThem(t *testing.T) {
	all := []sim.RegistrationView{reg("a", "1", "healthy"), reg("b", "1", "draining"), reg("c", "2", "healthy"), reg("d", "2", "initial")}
	got := spread(newBalancer(nil, Source{}), all, 10, time.Now())
	if got["a"] != 5 || got["c"] != 5 {
		t.Errorf("got %v, want five each for a and c", got)
	}
}

func TestSlowStartGrowsWithTime(t *testing.T) {
	now := time.Now()
	fresh := reg("new", "1", "healthy")
	fresh.Since = now.Add(-10 * time.Second)
	b := newBalancer(nil, Source{SlowStart: 40 * time.Second})
	all := []sim.RegistrationView{reg("old", "1", "healthy"), fresh}
	if got := spread(b, all, 100, now); got["new"] != 20 {
		t.Errorf("a quarter into its slow start: %v, want 20 of 100", got)
	}
	if got := spread(b, all, 100, now.Add(time.Minute)); got["new"] != 50 {
		t.Errorf("after it: %v, want 50 of 100", got)
	}
}

func TestWithoutCrossZoneEachZoneHasItsShare(t *testing.T) {
	b := newBalancer(nil, Source{Zones: []string{"1", "2", "3"}})
	all := []sim.RegistrationView{reg("a", "1", "healthy"), reg("b", "1", "healthy"), reg("c", "2", "healthy"), reg("d", "2", "draining"), reg("e", "3", "unhealthy")}
	got := spread(b, all, 60, time.Now())
	if got["a"] != 10 || got["b"] != 10 || got["c"] != 20 || got["e"] != 20 {
		t.Errorf("got %v, want 10, 10, 20, and 20 for the one in zone 3 although it is unhealthy", got)
	}
	if got := spread(b, all[:4], 60, time.Now()); got[""] != 20 {
		t.Errorf("got %v, want 20 that find nobody in zone 3", got)
	}
}
