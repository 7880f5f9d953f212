package lock_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/sim"
)

// Forty agents start in the same second, in a group whose MinSize holds nobody back. As many as there are slots begin.
func TestRacers(t *testing.T) {
	for i, c := range []struct {
		slots, dead int
		wait        time.Duration
	}{
		{slots: 1, wait: 10 * time.Second},
		{slots: 5, wait: 10 * time.Second},
		{slots: 1, dead: 2, wait: 3 * time.Minute},
		{slots: 5, dead: 2, wait: 3 * time.Minute},
		{slots: 5, dead: 2, wait: 10 * time.Second}, // too short to watch the dead
	} {
		if testing.Short() && i != 0 && i != 3 {
			continue
		}
		t.Run(fmt.Sprintf("%d slots, %d dead holders, %s", c.slots, c.dead, c.wait), func(t *testing.T) {
			hosts := 42
			if testing.Short() {
				hosts = 17
			}
			inWorld(t, hosts, func(w *world) {
				for _, id := range w.ids[:c.dead] {
					w.die(id)
				}
				w.SetFaults(func(sim.Call) *sim.Fault { return &sim.Fault{Lag: 5 * time.Second} })
				began := len(w.Calls())
				racers := w.ids[2:]
				results := make([]error, len(racers))
				var all sync.WaitGroup
				for i, id := range racers {
					a, ctx := w.agent(id), w.until(c.wait)
					all.Go(func() { results[i] = a.out(ctx, c.slots) })
				}
				all.Wait()
				begun := 0
				for _, err := range results {
					if err == nil {
						begun++
					} else if !failure.Is(err, failure.NotNow, failure.Unreachable) {
						t.Errorf("a racer ended with %v", err)
					}
				}
				want := c.slots
				if c.wait < time.Minute {
					want -= c.dead
				}
				if begun != want || w.mostOut() != want {
					t.Errorf("%d began to drain, %d at once, want %d", begun, w.mostOut(), want)
				}
				t.Logf("%s of %d racers; %d calls in all", w.counts(), len(racers), len(w.Calls())-began)
			})
		})
	}
}

// Alone, a lock costs two calls on the way out and two on the way in.
func TestTheCallsOfOneRun(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		a := w.agent(w.ids[0])
		if err := a.out(w.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if got := w.counts(); got != "1 GetItem, 1 PutItem" {
			t.Errorf("out took %s", got)
		}
		pass(time.Minute)
		if ours, err := w.agent(w.ids[0]).lock.Confirm(w.Context(), a.seen().Group); err != nil || !ours {
			t.Errorf("the slot of an instance in Standby: %v, %v", ours, err)
		}
		if err := a.in(w.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.counts(); got != "3 GetItem, 2 PutItem" {
			t.Errorf("out, a rerun and in took %s", got)
		}
		if left := w.entries(); len(left) != 0 || left == nil {
			t.Errorf("after in the item has %v, want an item without entries", left)
		}
		if err := a.in(w.Context()); err != nil || w.counts() != "4 GetItem, 2 PutItem" {
			t.Errorf("in without a slot: %v, %s", err, w.counts())
		}
	})
}
