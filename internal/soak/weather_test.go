package soak

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"balanced/internal/sim"
)

// weather is how slow each call is and how old its answer.
func weather(seed uint64) func(sim.Call) *sim.Fault {
	draws := newDraws(seed)
	return func(c sim.Call) *sim.Fault {
		if c.Service == "imds" {
			return nil
		}
		draw := draws.of(c)
		f := &sim.Fault{Delay: time.Duration(50+draw.IntN(200)) * time.Millisecond}
		if !c.Mutating() {
			f.Lag = time.Duration(draw.Int64N(int64(rushLag)))
		}
		return f
	}
}

// draws are the luck of each call. It depends on the caller, on what is asked and on how often it
// was, not on the order in which goroutines run.
type draws struct {
	seed uint64
	mu   sync.Mutex
	made map[string]uint64
}

func newDraws(seed uint64) *draws { return &draws{seed: seed, made: map[string]uint64{}} }

func (d *draws) of(c sim.Call) *rand.Rand {
	key := c.Caller + c.Action + c.Params.Encode()
	d.mu.Lock()
	d.made[key]++
	n := d.made[key]
	d.mu.Unlock()
	h := fnv.New64a()
	h.Write([]byte(key))
	return rand.New(rand.NewPCG(d.seed^h.Sum64(), n))
}
