package rotation_test

import (
	"testing"
	"time"

	"balanced/internal/sim"
)

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

// Instance refreshes speak against leaving and nothing else: asked once by out, before
// it moves.
func TestRefreshesAreReadWhereTheyMatter(t *testing.T) {
	inWorld(t, sim.Config{}, fleet(), func(w *world) {
		w.must(w.out(w.ids[0]))
		w.must(w.in(w.ids[0]))
		n := 0
		for _, c := range w.Calls() {
			if c.Action == "DescribeInstanceRefreshes" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("out and in asked %d times for instance refreshes, want once", n)
		}
	})
}
