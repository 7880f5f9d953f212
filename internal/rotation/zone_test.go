package rotation_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// zonal is four instances in two zones behind a Network Load Balancer that keeps each
// zone's clients in their zone. Half of them may be out at once; MinSize holds that.
func zonal() sim.Group {
	return sim.Group{
		Name: "web", Min: 2, Max: 6, Desired: 4, Zones: []string{"eu-west-1a", "eu-west-1b"},
		TargetGroups: []string{"tcp"}, HealthCheckType: "EC2",
	}
}

func half(t *testing.T) rotation.OutOptions {
	t.Helper()
	opt := fleettest.OutOptions()
	rule, err := fleet.ParseMinHealthy("50%")
	if err != nil {
		t.Fatal(err)
	}
	opt.MinHealthy, opt.Wait = rule, 0
	return opt
}

// Two of one zone that start in the same instant see each other serve. The floor in
// total allows both; the zone's clients would be served by nobody.
func TestAZoneIsNotEmptiedByTwoAtOnce(t *testing.T) {
	inWorld(t, sim.Config{}, zonal(), func(w *world) {
		pair := []string{w.IDs[0], w.IDs[2]} // both in eu-west-1a
		w.API(func(c sim.Call) *sim.Fault {
			if c.Action == "EnterStandby" {
				return &sim.Fault{Delay: time.Second} // both have asked before either has moved
			}
			return nil
		})
		errs := make([]error, len(pair))
		var wg sync.WaitGroup
		for i, id := range pair {
			a := w.Agent(id)
			wg.Go(func() { _, errs[i] = a.Out(context.Background(), half(t)) })
		}
		wg.Wait()
		out := 0
		for i := range errs {
			if errs[i] == nil {
				out++
			}
		}
		if out != 1 {
			t.Errorf("%d of the two in one zone are out and at work, want one: %v", out, errs)
		}
		states := []string{w.State(pair[0]), w.State(pair[1])}
		slices.Sort(states)
		if !slices.Equal(states, []string{"InService", "Standby"}) {
			t.Errorf("they are %v, want one back in service", states)
		}
	})
}

// Two of different zones do not stand in each other's way.
func TestZonesGoOutIndependently(t *testing.T) {
	inWorld(t, sim.Config{}, zonal(), func(w *world) {
		w.Must(w.Agent(w.IDs[0]).Out(context.Background(), half(t)))
		w.Must(w.Agent(w.IDs[1]).Out(context.Background(), half(t)))
		_, err := w.Agent(w.IDs[2]).Out(context.Background(), half(t))
		w.WantClass(err, failure.NotNow)
		w.Must(w.In(w.IDs[0]))
		w.Pass(time.Minute)
		w.Must(w.Agent(w.IDs[2]).Out(context.Background(), half(t)))
	})
}
