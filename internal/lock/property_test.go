package lock_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/failure"
	"balanced/internal/sim"
)

var (
	tableOfLocks = sim.Table{Name: "locks", Key: "group"}
	errGaveUp    = errors.New("still waiting after an hour")
)

func unreachable(c sim.Call) *sim.Fault {
	if c.Service == "dynamodb" {
		return &sim.Fault{Reset: true}
	}
	return nil
}

var histories = flag.Int("histories", 8, "how many seeded histories to try: half a second each")

// weather is what goes wrong in one history.
type weather struct {
	agents, slots int
	lag           time.Duration // of every describe, at most
	lose, kill    int           // one request to DynamoDB in so many; 0: none
	seed          uint64
}

// Whatever goes wrong, never more instances are out than there are slots, and all get through in the end.
func TestNeverMoreOutThanSlots(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	kills, waits := 0, 0
	n := *histories
	if testing.Short() {
		n /= 8
	}
	for seed := range uint64(n) {
		chance := rand.New(rand.NewPCG(seed, 0))
		c := weather{
			agents: 2 + chance.IntN(5), slots: 1 + chance.IntN(3), lag: time.Duration(chance.IntN(56)) * time.Second,
			lose: []int{0, 3, 5, 20}[chance.IntN(4)], kill: []int{0, 4, 10}[chance.IntN(3)], seed: seed,
		}
		synctest.Test(t, func(t *testing.T) {
			h := &history{world: newWorld(t, c.agents), weather: c, chances: map[string]*rand.Rand{}}
			if problem := h.run(); problem != "" {
				t.Fatalf("%+v: %s", c, problem)
			}
			kills += h.kills
			waits += h.waits
		})
	}
	t.Logf("%d kills, %d ends of a run without a slot", kills, waits)
}

// history is a group in which every instance leaves, works and returns twice.
type history struct {
	*world
	weather
	mu           sync.Mutex
	chances      map[string]*rand.Rand // by instance: its luck does not depend on what the others do at the same moment
	kills, waits int
}

// one says yes to an instance one time in n; never for 0.
func (h *history) one(id string, n int) bool { return n > 0 && h.draw(id, int64(n)) == 0 }

func (h *history) upTo(id string, d time.Duration) time.Duration {
	return time.Duration(h.draw(id, int64(d)+1))
}

func (h *history) draw(id string, below int64) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.chances[id] == nil {
		h.chances[id] = rand.New(rand.NewPCG(h.seed, uint64(len(id))+uint64(slices.Index(h.ids, id))))
	}
	return h.chances[id].Int64N(below)
}

func (h *history) run() string {
	h.SetFaults(func(c sim.Call) *sim.Fault {
		switch {
		case c.Service == "autoscaling" && !c.Mutating():
			return &sim.Fault{Lag: h.upTo(c.Caller, h.lag)}
		case c.Service == "dynamodb" && h.one(c.Caller, h.lose):
			return &sim.Fault{
				LoseReply: h.one(c.Caller, 2), Reset: h.one(c.Caller, 3), Twice: h.one(c.Caller, 3),
				Delay: h.upTo(c.Caller, 12*time.Second), LateEffect: h.one(c.Caller, 2),
			}
		}
		return nil
	})
	ends := make([]error, len(h.ids))
	var all sync.WaitGroup
	for i, id := range h.ids {
		all.Go(func() {
			for range 2 {
				ends[i] = errors.Join(ends[i], h.turn(id))
			}
		})
	}
	all.Wait()
	if err := errors.Join(ends...); err != nil {
		return err.Error()
	}
	if most := h.mostOut(); most > h.slots {
		return fmt.Sprintf("%d out at once, with %d slots", most, h.slots)
	}
	return ""
}

// turn is one instance's way out and in, run again until it is through.
func (h *history) turn(id string) error {
	pass(h.upTo(id, 2*time.Minute))
	for began := time.Now(); h.State(id) == "InService"; {
		err := h.mortal(id, func(a *agent, ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
			defer cancel()
			return a.outSlowly(ctx, h.slots, h.upTo(id, 40*time.Second))
		})
		switch {
		case err == nil || h.State(id) != "InService" || errors.Is(err, context.Canceled):
		case failure.Is(err, failure.NotNow, failure.Unreachable):
			h.mu.Lock()
			h.waits++
			h.mu.Unlock()
		default:
			return err
		}
		if time.Since(began) > time.Hour {
			return errGaveUp
		}
	}
	pass(30*time.Second + h.upTo(id, 2*time.Minute))
	// Giving the slot back is best effort: one try, which may be killed.
	if err := h.mortal(id, (*agent).in); h.State(id) != "InService" {
		return fmt.Errorf("%s is %s: %w", id, h.State(id), err)
	}
	return nil
}

// mortal runs a command that may be killed around any of its requests to DynamoDB.
func (h *history) mortal(id string, command func(*agent, context.Context) error) error {
	a := h.agent(id)
	ctx, die := context.WithCancelCause(h.Context())
	defer die(nil)
	a.http.die = die
	a.http.kill = func(int, bool) bool {
		killed := h.one(id, 2*h.kill)
		if killed {
			h.mu.Lock()
			h.kills++
			h.mu.Unlock()
		}
		return killed
	}
	return command(a, ctx)
}

// outSlowly is out by a process that is slow between taking the slot and entering Standby.
func (a *agent) outSlowly(ctx context.Context, slots int, slow time.Duration) error {
	for {
		held, err := a.acquire(ctx, slots)
		if err != nil {
			if !failure.Is(err, failure.NotNow) || ctx.Err() != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return err
			case <-time.After(5*time.Second + time.Duration(a.random.Int64N(int64(10*time.Second)))):
			}
			continue
		}
		pass(slow)
		slow /= 2
		if held.Valid() {
			_, err = a.groups.EnterStandby(ctx, "web", a.id, true)
			return err
		}
	}
}
