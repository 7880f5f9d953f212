package soak

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// alone is one host, out and in, on an account whose buckets somebody else empties: of so
// many calls, whatever the service, AWS answers one.
func alone(oneIn int, seed uint64) crowd {
	return crowd{name: "alone", size: 4, groups: 1, agents: 1, atOnce: 1, rule: "all", wait: rotation.Auto, seed: seed, oneIn: oneIn}
}

// crowdedOut is the weather with others before it at an account's buckets.
func crowdedOut(oneIn int, seed uint64) func(sim.Call) *sim.Fault {
	draws, otherwise := newDraws(seed^0xa10e), weather(seed)
	return func(c sim.Call) *sim.Fault {
		if c.Service != "imds" && draws.of(c).IntN(oneIn) > 0 {
			return sim.Throttled()
		}
		return otherwise(c)
	}
}

// TestAlone: where somebody else empties the buckets, a host gets through while one call in
// three is answered. Where fewer are it may not, within the three hours; then throttling is
// the reason it gives, its word is true, and it has not tried harder for that.
func TestAlone(t *testing.T) {
	for _, oneIn := range []int{2, 3, 20} {
		for seed := range uint64(3) {
			var o *outcome
			synctest.Test(t, func(t *testing.T) { o = alone(oneIn, seed).run(t) })
			for _, wrong := range o.wrong {
				t.Errorf("one call in %d, seed %d: %s", oneIn, seed, wrong)
			}
			through, gaveUp := o.ends["out 0"]+o.ends["in 0"] == 2, o.ends["out throttled"] == 1
			if oneIn <= 3 && !through || oneIn > 3 && !gaveUp {
				t.Errorf("one call in %d, seed %d: ended with %v", oneIn, seed, o.ends)
			}
			if hourly := float64(len(o.calls)) / o.lasted.Hours(); gaveUp && hourly > 60 {
				t.Errorf("one call in %d, seed %d: %.0f requests an hour", oneIn, seed, hourly)
			}
		}
	}
}

// aloneTable measures how many hosts get through, and how long it takes.
func aloneTable(t *testing.T) string {
	const runs = 50
	var table strings.Builder
	table.WriteString("| AWS answers | hosts | out and in succeed | out: median, longest | in: median, longest |\n|---|---|---|---|---|\n")
	for _, oneIn := range []int{2, 3, 5, 10} {
		through := 0
		var outs, ins []time.Duration
		for seed := range uint64(runs) {
			var o *outcome
			synctest.Test(t, func(t *testing.T) { o = alone(oneIn, seed+1).run(t) })
			through += o.ends["in 0"]
			outs, ins = append(outs, o.took[0]), append(ins, o.took[1:]...)
		}
		fmt.Fprintf(&table, "| one call in %d | %d | %d | %s | %s |\n", oneIn, runs, through, middleAndMost(outs), middleAndMost(ins))
	}
	return table.String()
}

func middleAndMost(of []time.Duration) string {
	if len(of) == 0 {
		return "-"
	}
	slices.Sort(of)
	return fmt.Sprintf("%v, %v", of[len(of)/2].Round(time.Second), of[len(of)-1].Round(time.Second))
}
