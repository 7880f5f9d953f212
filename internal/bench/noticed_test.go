package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"balanced/internal/sim"
)

// An ending is a way for a drain of 300 s to end.
type ending struct {
	brief string
	more  string // how exactly
	scene scene
	at    func(*rand.Rand) time.Duration // after EnterStandby was asked for
	polls int                            // at most
}

func (e ending) name() string { return e.brief + ": " + e.more }

const fiveMinutes = 300 * time.Second

func between(from, to time.Duration) func(*rand.Rand) time.Duration {
	return func(draw *rand.Rand) time.Duration { return from + time.Duration(draw.Int64N(int64(to-from))) }
}

var endings = []ending{
	{
		brief: "on time", more: "up to 15 s after the delay",
		scene: scene{sources: 1}, at: between(fiveMinutes, fiveMinutes+15*time.Second), polls: mostPolls,
	},
	{
		brief: "late", more: "15 to 45 s after the delay",
		scene: scene{sources: 1}, at: between(fiveMinutes+15*time.Second, fiveMinutes+45*time.Second), polls: 30,
	},
	{
		brief: "very late", more: "1 to 2 min after the delay",
		scene: scene{sources: 1}, at: between(fiveMinutes+time.Minute, fiveMinutes+2*time.Minute), polls: 60,
	},
	{
		brief: "early", more: "an idle Classic load balancer deregisters at once",
		scene: scene{classic: true}, at: between(2*time.Second, 10*time.Second), polls: 10,
	},
	{
		brief: "in the middle", more: "a Classic load balancer whose last request ends after 15 to 300 s",
		scene: scene{classic: true}, at: between(15*time.Second, fiveMinutes), polls: 150,
	},
	{
		brief: "held", more: "a Classic load balancer that is busy to the end",
		scene: scene{classic: true}, at: between(fiveMinutes, fiveMinutes+10*time.Second), polls: 150,
	},
}

// lateness is what came of many drains that ended one way.
type lateness struct {
	median, most time.Duration // from drained to exit
	polls        int           // at most
}

// noticed lets drains end that way, each with random numbers of its own, behind a MinSize that holds the minimum.
func (e ending) noticed(t *testing.T, times int) lateness {
	t.Helper()
	var late []time.Duration
	got := lateness{}
	for n := range uint64(times) {
		at := e.at(rand.New(rand.NewPCG(n, 7)))
		s := e.scene
		s.size, s.drain = 4, fiveMinutes
		s.behaves = sim.Behaviour{DrainTimer: at}
		inScene(t, s, n+1, func(h *host) {
			first := len(h.Calls())
			if s.classic {
				h.SetInFlight(h.id, at)
			}
			h.out()
			drained := h.entered(first).Add(at)
			late = append(late, time.Since(drained))
			got.polls = max(got.polls, h.since(first).polls)
		})
	}
	slices.Sort(late)
	got.median, got.most = late[len(late)/2], late[len(late)-1]
	return got
}

// entered is when the host began to enter Standby, after the first calls.
func (h *host) entered(first int) time.Time {
	h.Helper()
	for _, c := range h.Calls()[first:] {
		if c.Action == "EnterStandby" && c.Effect {
			return c.At
		}
	}
	h.Fatal("nobody entered Standby")
	return time.Time{}
}

// A lone host notices every end within two seconds in the median and four at most, wherever it comes.
const (
	noticedMedian = 2 * time.Second
	noticedMost   = 4 * time.Second
)

func TestEndOfADrainIsNoticed(t *testing.T) {
	for _, e := range endings {
		got := e.noticed(t, samples(t))
		t.Logf("%s: %s in the median, %s at most; %d polls at most", e.name(), got.median, got.most, got.polls)
		if got.median > noticedMedian && !testing.Short() || got.most > noticedMost {
			t.Errorf("%s: %s from drained to exit in the median, %s at most; want %s and %s", e.name(), got.median, got.most, noticedMedian, noticedMost)
		}
		if got.polls > e.polls {
			t.Errorf("%s: %d polls, want at most %d", e.name(), got.polls, e.polls)
		}
	}
}
