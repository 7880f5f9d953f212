package rotation_test

import (
	"testing"

	"balanced/internal/sim"
)

// cost counts the API calls of one command: those that poll this instance alone, and
// all others.
func (w *world) cost(first int) (polls, others int) {
	for _, c := range w.Calls()[first:] {
		alone := c.Params.Has("Targets.member.1.Id") || c.Params.Has("Instances.member.1.InstanceId")
		switch {
		case c.Service == "imds":
		case c.Action == "DescribeAutoScalingInstances" || alone:
			polls++
		default:
			others++
		}
	}
	return polls, others
}

// The calls that do not poll are bounded by the number of traffic sources, T: 12 + 5T
// for out, 8 + 4T for in. A drain of 300 s costs at most 15 looks at this instance,
// each of them one call until it is in Standby.
func TestCallsAreFew(t *testing.T) {
	for name, g := range map[string]sim.Group{
		"no load balancer":   {Name: "web", Min: 3, Max: 6, Desired: 4},
		"one":                {Name: "web", Min: 3, Max: 6, Desired: 4, TargetGroups: []string{"web"}},
		"two":                fleet(),
		"two, without fence": {Name: "web", Min: 0, Max: 6, Desired: 4, Classic: []string{"old"}, TargetGroups: []string{"web"}},
	} {
		sources := len(g.Classic) + len(g.TargetGroups)
		inWorld(t, sim.Config{}, g, func(w *world) {
			first := len(w.Calls())
			w.must(w.out(w.ids[0]))
			polls, others := w.cost(first)
			t.Logf("%s: out: %d polls, %d other calls", name, polls, others)
			if most := 12 + 5*sources; others > most {
				t.Errorf("%s: out made %d calls besides polls, want at most %d", name, others, most)
			}
			if most := 16 + sources; polls > most {
				t.Errorf("%s: out made %d polls, want at most %d", name, polls, most)
			}
			first = len(w.Calls())
			w.must(w.in(w.ids[0]))
			polls, others = w.cost(first)
			t.Logf("%s: in: %d polls, %d other calls", name, polls, others)
			if most := 8 + 4*sources; others > most {
				t.Errorf("%s: in made %d calls besides polls, want at most %d", name, others, most)
			}
		})
	}
}
