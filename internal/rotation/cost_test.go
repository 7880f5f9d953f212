package rotation_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"balanced/internal/sim"
)

// cost counts the API calls of one command: its polls, which are looks at this instance
// alone, the calls they consist of, and all others. A poll is one call to Auto Scaling
// and, once the instance is in Standby or in service, some to load balancers.
func (w *world) cost(first int) (polls, polling, others int) {
	for _, c := range w.Calls()[first:] {
		alone := c.Params.Has("Targets.member.1.Id") || c.Params.Has("Instances.member.1.InstanceId")
		switch {
		case c.Service == "imds":
		case c.Action == "DescribeAutoScalingInstances":
			polls++
			polling++
		case alone:
			polling++
		default:
			others++
		}
	}
	return polls, polling, others
}

// drainOf makes every target group drain for so long.
func drainOf(d time.Duration, sources int) func(*world) sim.Group {
	return func(w *world) sim.Group {
		g := sim.Group{Name: "web", Min: 3, Max: 6, Desired: 4}
		check := sim.HealthCheck{Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 2, Path: "/health"}
		for i := range sources {
			name := fmt.Sprintf("source-%02d", i)
			g.TargetGroups = append(g.TargetGroups, name)
			w.AddTargetGroup(sim.TargetGroup{Name: name, Protocol: "HTTP", Port: 8000 + i, LoadBalancer: "front", Drain: d, Check: check})
		}
		return g
	}
}

// The calls that do not poll are bounded by the number of traffic sources, T: 12 + 5T
// for out, 8 + 4T for in. Polls of out are at most 15, and each is one call.
func TestCallsAreFew(t *testing.T) {
	for _, sources := range []int{0, 1, 4, 16} {
		for _, drain := range []time.Duration{0, 30 * time.Second, 300 * time.Second} {
			name := fmt.Sprintf("%d sources, drain %s", sources, drain)
			inRegion(t, sim.Config{}, drainOf(drain, sources), func(w *world) {
				first := len(w.Calls())
				w.must(w.out(w.ids[0]))
				w.costs(name+": out", first, 15, 15, 12+5*sources)
				first = len(w.Calls())
				w.must(w.in(w.ids[0]))
				w.costs(name+": in", first, 15, 30+sources, 8+4*sources)
			})
		}
	}
}

// costs checks what was called since the first call against budgets.
func (w *world) costs(what string, first, mostPolls, mostPolling, mostOthers int) {
	w.Helper()
	polls, polling, others := w.cost(first)
	w.Logf("%s: %d polls of %d calls, %d other calls", what, polls, polling, others)
	if polls > mostPolls || polling > mostPolling || others > mostOthers {
		w.Errorf("%s: %d polls of %d calls and %d other calls, want at most %d, %d and %d",
			what, polls, polling, others, mostPolls, mostPolling, mostOthers)
	}
}

// From the end of the drain to the exit it takes two seconds in the median, where Auto
// Scaling says Standby up to a quarter of a minute after the time the drain was set to.
func TestOutEndsSoonAfterTheDrain(t *testing.T) {
	var lates []time.Duration
	for n := range 21 {
		cfg := sim.Config{Behaviour: sim.Behaviour{DrainTimer: 300*time.Second + time.Duration(n)*700*time.Millisecond}}
		inRegion(t, cfg, drainOf(300*time.Second, 1), func(w *world) {
			w.drawn = uint64(100 * n)
			first := len(w.Calls())
			w.must(w.out(w.ids[0]))
			lates = append(lates, time.Since(w.entered(first).Add(cfg.Behaviour.DrainTimer)))
			w.costs("out", first, 15, 15, 17)
		})
	}
	slices.Sort(lates)
	t.Logf("from drained to exit: %s in the median, %s at most", lates[len(lates)/2], lates[len(lates)-1])
	if late := lates[len(lates)/2]; late > 2*time.Second {
		t.Errorf("%s from drained to exit in the median, want at most 2s", late)
	}
}

// entered is when an instance began to enter Standby, after the first calls.
func (w *world) entered(first int) time.Time {
	w.Helper()
	for _, c := range w.Calls()[first:] {
		if c.Action == "EnterStandby" && c.Effect {
			return c.At
		}
	}
	w.Fatal("nobody entered Standby")
	return time.Time{}
}

// While one load balancer holds the instance up the others are left alone, and the
// last word is that of all of them.
func TestOnlyTheOneThatHoldsItUpIsPolled(t *testing.T) {
	slow := sim.Config{Behaviour: sim.Behaviour{NetworkRegisterTime: time.Minute}}
	inWorld(t, slow, sim.Group{Name: "web", Min: 3, Max: 6, Desired: 4, TargetGroups: []string{"web", "tcp"}}, func(w *world) {
		w.must(w.out(w.ids[0]))
		first := len(w.Calls())
		w.must(w.in(w.ids[0]))
		asked := map[string]int{}
		for _, c := range w.Calls()[first:] {
			if c.Params.Has("Targets.member.1.Id") {
				asked[c.Params.Get("TargetGroupArn")]++
			}
		}
		web, tcp := asked[w.TargetGroupARN("web")], asked[w.TargetGroupARN("tcp")]
		if tcp < 5 || web != 2 {
			t.Errorf("asked the slow one %d times, want at least 5, and the other %d times, want 2: first and last", tcp, web)
		}
	})
}
