package awsapi

import (
	"context"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// timed notes when each request arrives, in milliseconds since the beginning.
func timed(r *region, answer step) (at *[]int64) {
	began := time.Now()
	at = new([]int64)
	r.script = []step{func(req *http.Request) (*http.Response, error) {
		r.mu.Lock()
		*at = append(*at, time.Since(began).Round(time.Millisecond).Milliseconds())
		r.mu.Unlock()
		return answer(req)
	}}
	return at
}

// The pause triples from two seconds to five minutes, and is half as long again by chance at most. A look
// that is answered in one go makes it nine times shorter, so what was a pause of five minutes is none after three.
func TestThePacesOfLooks(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		at := timed(r, until(time.Now().Add(1200*time.Second)))
		for range 5 {
			if err := describe(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		// 3, then 6, 18, 54, 162 and 300 s, each half as long again; after the answer 33.3, 3.7 and 0 s.
		want := []int64{0, 3_000, 12_000, 39_000, 120_000, 363_000, 813_000, 1_263_000, 1_313_000, 1_318_556, 1_318_556, 1_318_556}
		if !slices.Equal(*at, want) {
			t.Errorf("asked at\n%v, want\n%v", *at, want)
		}
	})
}

// Once AWS has answered a part of a look, the rest is asked for again after half a second, and half as long again each
// time up to five seconds, for half a minute. Then the look waits for a turn like any other.
func TestThePaceWithinALook(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		r.script = []step{fine}
		ctx, look := Together(t.Context())
		if err := describe(ctx, s); err != nil {
			t.Fatal(err)
		}
		at := timed(r, slow)
		ctx, cancel := context.WithTimeout(ctx, 70*time.Second)
		defer cancel()
		if err := describe(ctx, s); err == nil {
			t.Fatal("answered")
		}
		if got := s.Throttled(); got != 70*time.Second {
			t.Errorf("held back for %s of 70s", got)
		}
		want := []int64{0, 750, 1_875, 3_563, 6_094, 9_891, 15_586, 23_086, 30_586, 39_586, 66_586}
		if !slices.Equal(*at, want) {
			t.Errorf("asked at\n%v, want\n%v", *at, want)
		}
		// A look that took so long is worth no faster pace.
		look.Done()
		began := time.Now()
		r.script = []step{fine}
		if err := describe(t.Context(), s); err != nil || time.Since(began) != 81*time.Second {
			t.Errorf("%v, the next look after %s", err, time.Since(began))
		}
	})
}

// Half a minute after the first answer what is left of a look waits for a turn, also where it was not throttled before.
func TestTheEndOfThePaceWithinALook(t *testing.T) {
	for wait, want := range map[time.Duration]struct {
		again int64 // the last request
		pause time.Duration
	}{30 * time.Second: {30_750, 2 * time.Second}, 30*time.Second + 1: {39_000, 6 * time.Second}} {
		paced(t, func(t *testing.T, r *region, s *Session) {
			at := timed(r, func(req *http.Request) (*http.Response, error) {
				if n := len(r.requests); n == 2 {
					return slow(req)
				}
				return fine(req)
			})
			ctx, look := Together(t.Context())
			for _, d := range []time.Duration{0, wait} {
				<-time.After(d)
				if err := describe(ctx, s); err != nil {
					t.Fatal(err)
				}
			}
			look.Done() // what was read so far apart is worth no faster pace
			if (*at)[2] != want.again || s.pacer.between != want.pause {
				t.Errorf("after %s asked again at %d, and the pause is %s", wait, (*at)[2], s.pacer.between)
			}
		})
	}
}

// A call that waits for no turn is paced all the same, for as long as it is throttled.
func TestThePaceOfACallInAHurry(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		at := timed(r, slow)
		ctx, cancel := context.WithTimeout(Hurry(t.Context()), 20*time.Minute)
		defer cancel()
		if err := describe(ctx, s); err == nil {
			t.Fatal("answered")
		}
		if n := len(*at); n != 164 || (*at)[n-1]-(*at)[n-2] != 7_500 {
			t.Errorf("%d requests, the last two at %v", n, (*at)[n-2:])
		}
	})
}

// Time is held back once, however many calls wait at the same moment.
func TestTimeThatWasHeldBack(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		r.script = []step{slow, fine}
		var halfway atomic.Int64
		time.AfterFunc(2*time.Second, func() { halfway.Store(int64(s.Throttled())) })
		if err := describe(t.Context(), s); err != nil || s.Throttled() != 3*time.Second || time.Duration(halfway.Load()) != 2*time.Second {
			t.Errorf("%v, held back for %s", err, s.Throttled())
		}
		r.requests, r.script = nil, []step{slow}
		ctx, look := Together(t.Context())
		defer look.Done()
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		ends := make(chan error)
		for range 2 {
			go func() { ends <- describe(ctx, s) }()
		}
		<-time.After(5 * time.Second)
		if got := s.Throttled(); got != 8*time.Second {
			t.Errorf("after 5 s of two calls held back for %s", got)
		}
		_, _ = <-ends, <-ends
		if got := s.Throttled(); got != 13*time.Second {
			t.Errorf("after 10 s of two calls held back for %s", got)
		}
	})
}

// What a look makes of the pause: an answer makes it nine times shorter, and a look without one leaves it.
func TestThePauseAfterALook(t *testing.T) {
	for name, c := range map[string]struct {
		answers, budget time.Duration
		want            time.Duration
	}{
		"never answered":       {time.Hour, 10 * time.Second, 6 * time.Second},
		"answered after 6 s":   {5 * time.Second, time.Minute, 0},
		"answered after 18 s":  {20 * time.Second, time.Minute, 2 * time.Second},
		"answered after 54 s":  {60 * time.Second, 10 * time.Minute, 6 * time.Second},
		"answered after 2.7 m": {200 * time.Second, 10 * time.Minute, 18 * time.Second},
	} {
		paced(t, func(t *testing.T, r *region, s *Session) {
			r.script = []step{until(time.Now().Add(c.answers))}
			ctx, cancel := context.WithTimeout(t.Context(), c.budget)
			defer cancel()
			if err := describe(ctx, s); (err == nil) != (c.answers < c.budget) || s.pacer.between != c.want {
				t.Errorf("%s: %v, then a pause of %s, want %s", name, err, s.pacer.between, c.want)
			}
		})
	}
}
