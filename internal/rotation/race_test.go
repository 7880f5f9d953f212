package rotation_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// rush starts out on every instance at the same instant and tells how each ended.
func (w *world) rush(opt rotation.OutOptions) map[string]error {
	ends := map[string]error{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, id := range w.ids {
		agent := w.agent(id)
		all.Go(func() {
			_, err := agent.Out(w.Context(), opt)
			mu.Lock()
			defer mu.Unlock()
			ends[id] = err
		})
	}
	all.Wait()
	return ends
}

// out0 lists those whose out returned 0.
func succeeded(ends map[string]error) (n int) {
	for _, err := range ends {
		if err == nil {
			n++
		}
	}
	return n
}

func TestRushIsHeldByMinSize(t *testing.T) {
	inWorld(t, sim.Config{}, fleet(), func(w *world) {
		opt := outOptions()
		opt.Wait = 0
		if n := succeeded(w.rush(opt)); n != 1 {
			t.Errorf("%d of 4 went out at once, MinSize leaves room for 1", n)
		}
		w.wantMoves("EnterStandby")
	})
}

// Without the fence several may leave before they see one another; all but the
// rightful give their places back, and nobody is told 0 for a place that is not theirs.
func TestRushWithoutAFence(t *testing.T) {
	for name, lag := range map[string]time.Duration{"fresh reads": 0, "stale reads": 8 * time.Second} {
		t.Run(name, func(t *testing.T) {
			g := fleet()
			g.Min = 0
			inWorld(t, sim.Config{MaxLag: time.Minute}, g, func(w *world) {
				w.api(func(c sim.Call) *sim.Fault {
					if lag > 0 && !c.Mutating() {
						return &sim.Fault{Lag: lag}
					}
					return nil
				})
				opt := outOptions()
				opt.Wait = 0
				ends := w.rush(opt)
				if n := succeeded(ends); n > 1 {
					t.Errorf("%d runs returned 0, the floor leaves one place: %v", n, ends)
				}
				for id, err := range ends {
					var stop *rotation.Stop
					switch {
					case err == nil:
						w.wantState(id, "Standby")
					case !errors.As(err, &stop) || stop.Class != rotation.NotNow && stop.Class != rotation.GaveBack:
						t.Errorf("%s ended with %v", id, err)
					default:
						w.wantState(id, "InService")
					}
				}
			})
		})
	}
}

// Everyone started at once with time to wait gets a turn, if the ones before return.
func TestEveryoneGetsATurn(t *testing.T) {
	g := fleet()
	g.Min = 0
	inWorld(t, sim.Config{}, g, func(w *world) {
		var atWork, most int
		var mu sync.Mutex
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			atWork += by
			most = max(most, atWork)
		}
		var all sync.WaitGroup
		for _, id := range w.ids {
			agent := w.agent(id)
			all.Go(func() {
				opt := outOptions()
				opt.Wait = 3 * time.Hour
				if _, err := agent.Out(w.Context(), opt); err != nil {
					t.Errorf("%s: out: %v", id, err)
					return
				}
				count(1)
				w.pass(2 * time.Minute)
				count(-1)
				if _, err := agent.In(w.Context(), inOptions()); err != nil {
					t.Errorf("%s: in: %v", id, err)
				}
			})
		}
		all.Wait()
		if most != 1 {
			t.Errorf("%d were at work at once, the floor leaves one place", most)
		}
		for _, id := range w.ids {
			w.wantState(id, "InService")
		}
		if _, _, desired := w.Sizes("web"); desired != 4 {
			t.Errorf("desired %d in the end, want 4", desired)
		}
	})
}
