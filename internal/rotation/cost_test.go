package rotation_test

import (
	"testing"
	"time"

	"balanced/internal/fleettest"
	"balanced/internal/sim"
)

// While one load balancer holds the instance up the others are left alone, and the
// last word is that of all of them.
func TestOnlyTheOneThatHoldsItUpIsPolled(t *testing.T) {
	slow := sim.Config{Timing: sim.Timing{NetworkRegisterTime: time.Minute}}
	inWorld(t, slow, sim.Group{Name: "web", Min: 3, Max: 6, Desired: 4, TargetGroups: []string{"web", "tcp"}}, func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		first := len(w.Calls())
		w.Must(w.In(w.IDs[0]))
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
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		w.Must(w.In(w.IDs[0]))
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

// Who waits for a turn looks at the group, and at the rest only now and then; when the
// place is free, it is taken as soon as ever.
func TestAWaitForATurnAsksTheGroupAlone(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		first := len(w.Calls())
		time.AfterFunc(9*time.Minute, func() { w.Must(w.In(w.IDs[0])) })
		w.Must(w.Out(w.IDs[1]))
		asked, left := map[string]int{}, time.Duration(0)
		var free time.Time
		for _, c := range w.Calls()[first:] {
			if c.Action == "ExitStandby" {
				free = c.At
			}
			if c.Action == "EnterStandby" {
				left = c.At.Sub(free)
				break
			}
			asked[c.Action]++
		}
		group, targets := asked["DescribeAutoScalingGroups"], asked["DescribeTargetHealth"]
		if group < 15 || targets > group/2 {
			t.Errorf("asked %d times for the group and %d times for its targets, want few of those", group, targets)
		}
		if left > 4*time.Minute {
			t.Errorf("left %s after the other went back", left)
		}
	})
}
