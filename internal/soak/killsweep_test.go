package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// TestKillSweep kills one out, and one in, before and after each API call in turn, and
// runs it again: every one converges, and nothing is asked of Auto Scaling twice.
func TestKillSweep(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 5
	}
	for _, use := range []lockUse{noLock, allLock} {
		for _, command := range []string{"out", "in"} {
			for _, after := range []bool{false, true} {
				for at, hit := 1, true; hit; at += step {
					t.Run(fmt.Sprintf("%s/call %d/took effect %v/%v", command, at, after, use), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { hit = sweep(t, command, at, after, use) })
					})
					if at > 200 {
						t.Fatalf("%s makes more than 200 calls", command)
					}
				}
			}
		}
	}
}

// sweep kills a command at one call and runs it again; hit says whether it came to
// that call at all.
func sweep(t *testing.T, command string, at int, after bool, use lockUse) (hit bool) {
	f := newFleet(t, plan{
		seed: uint64(at), lock: use, rule: "all", settle: rotation.DefaultSettle, drains: [3]time.Duration{30 * time.Second, time.Minute},
		group: sim.Group{Name: "web", Min: 3, Max: 4, Desired: 4, Classic: []string{"old"}, TargetGroups: []string{"web"}, HealthCheckType: "EC2"},
	})
	o := &operator{seededRun: f, id: f.ids[0], rand: rand.New(rand.NewPCG(uint64(at), 1))}
	if command == "in" {
		o.mustOnce(t, "out", o.out)
	}
	o.killAt, o.killAfter = at, after
	run := map[string]func(context.Context, *rotation.Agent) (*rotation.Report, error){"out": o.out, "in": o.in}[command]
	_ = o.once(command, run) // how a killed process ends is nobody's to see
	hit, o.killAt = o.killed, 0
	o.mustOnce(t, command, run)
	moves := map[string]int{}
	for _, c := range f.Calls() {
		if c.Effect {
			moves[c.Action]++
		}
	}
	if moves["EnterStandby"] != 1 || moves["ExitStandby"] > 1 {
		t.Errorf("moves that took effect: %v", moves)
	}
	if command == "out" {
		o.mustOnce(t, "in", o.in)
	}
	f.checkEnd()
	return hit
}

func (o *operator) mustOnce(t *testing.T, name string, command func(context.Context, *rotation.Agent) (*rotation.Report, error)) {
	t.Helper()
	if err := o.once(name, command); err != nil {
		t.Errorf("%s on %s: %v", name, o.id, err)
	}
}
