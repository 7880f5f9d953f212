package awsapi

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"
)

// timed notes when each request arrives, in milliseconds since the beginning.
func timed(r *region, answer step) (at *[]int64) {
	began := time.Now()
	at = new([]int64)
	r.script = []step{func(req *http.Request) (*http.Response, error) {
		*at = append(*at, time.Since(began).Round(time.Millisecond).Milliseconds())
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
		want := []int64{0, 750, 1_875, 3_563, 6_094, 9_891, 15_586, 23_086, 30_586, 39_586, 66_586}
		if !slices.Equal(*at, want) {
			t.Errorf("asked at\n%v, want\n%v", *at, want)
		}
		// A look that took so long is worth no faster pace.
		look.Done()
		began := time.Now()
		at = timed(r, fine)
		if err := describe(t.Context(), s); err != nil || time.Since(began) != 81*time.Second {
			t.Errorf("%v, the next look after %s", err, time.Since(began))
		}
	})
}

// What a look shows is as young as the request that was answered first, and none is without a request.
func TestWhenALookBegan(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		ctx, look := Together(t.Context())
		if !look.Began().IsZero() || LookOf(ctx) != look || LookOf(t.Context()) != nil {
			t.Error("a look that asked nothing has begun")
		}
		look.Done()
		late := func(d time.Duration) step {
			return func(req *http.Request) (*http.Response, error) { <-time.After(d); return fine(req) }
		}
		r.script = []step{late(3 * time.Second), late(time.Second)}
		began, ends := time.Now(), make(chan error)
		go func() { ends <- describe(ctx, s) }()
		<-time.After(time.Second)
		if err := describe(ctx, s); err != nil || !look.Began().Equal(began.Add(time.Second)) {
			t.Errorf("%v, began after %s", err, look.Began().Sub(began))
		}
		if err := <-ends; err != nil || !look.Began().Equal(began) {
			t.Errorf("%v, began after %s", err, look.Began().Sub(began))
		}
	})
}

// Time is held back once, however many calls wait at the same moment.
func TestTimeThatWasHeldBack(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		r.script = []step{slow, fine}
		if err := describe(t.Context(), s); err != nil || s.Throttled() != 3*time.Second {
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
