package awsapi

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// Once the first call of a look is answered the others are sent at once, and have not been throttled.
func TestALookThatOpens(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		until := until(time.Now().Add(2 * time.Second))
		at := timed(r, func(req *http.Request) (*http.Response, error) {
			<-time.After(100 * time.Millisecond)
			return until(req)
		})
		ctx, look := Together(t.Context())
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if err := describe(ctx, s); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if want := []int64{0, 0, 0, 3_100, 3_200, 3_200}; !slices.Equal(*at, want) {
			t.Errorf("asked at %v, want %v", *at, want)
		}
		if look.Done(); s.pacer.between != 0 {
			t.Errorf("a look that was answered in one go leaves a pause of %s", s.pacer.between)
		}
	})
}

// Where the call that goes first ends without an answer another one goes.
func TestTheFirstCallOfALookIsReplaced(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		if err := enter(t.Context(), s); err == nil { // throttled
			t.Fatal("answered")
		}
		at := timed(r, fine)
		ctx, look := Together(t.Context())
		defer look.Done()
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		ends := make(chan error)
		go func() { ends <- describe(short, s) }()
		<-time.After(500 * time.Millisecond)
		ctx, cancel = context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if err, first := describe(ctx, s), <-ends; err != nil || first == nil {
			t.Errorf("%v; the first: %v", err, first)
		}
		if want := []int64{3_000}; !slices.Equal(*at, want) {
			t.Errorf("asked at %v, want %v", *at, want)
		}
	})
}

// A look that was throttled sends one call first, also where another look has found meanwhile that AWS answers again.
func TestALookThatFindsTheWayFree(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		began := time.Now()
		var at []int64
		r.script = []step{func(req *http.Request) (*http.Response, error) {
			r.mu.Lock()
			at = append(at, time.Since(began).Milliseconds())
			r.mu.Unlock()
			if time.Since(began) == 0 {
				<-time.After(100 * time.Millisecond)
				resp, err := slow(req)
				resp.Header.Set("X-Amz-Retry-After", "4000") // until the other look is over
				return resp, err
			}
			<-time.After(500 * time.Millisecond)
			return fine(req)
		}}
		ctx, look := Together(t.Context())
		defer look.Done()
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if err := describe(ctx, s); err != nil {
					t.Error(err)
				}
			})
		}
		<-time.After(200 * time.Millisecond)
		if err := describe(t.Context(), s); err != nil {
			t.Error(err)
		}
		all.Wait()
		if want := []int64{0, 0, 3_100, 4_100, 4_600}; !slices.Equal(at, want) {
			t.Errorf("asked at %v, want %v", at, want)
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

// A refusal is an answer, silence is none.
func TestWhatBeginsALook(t *testing.T) {
	for name, c := range map[string]struct {
		answer step
		begins bool
	}{"an answer": {fine, true}, "a refusal": {says(400, "ValidationError", "no"), true}, "throttled": {slow, false}, "cut": {cut, false}, "a page": {plain(200, proxyPage), false}} {
		paced(t, func(t *testing.T, r *region, s *Session) {
			r.script = []step{c.answer}
			ctx, look := Together(t.Context())
			defer look.Done()
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_ = describe(ctx, s)
			if look.Began().IsZero() == c.begins {
				t.Errorf("%s: began %v", name, look.Began())
			}
		})
	}
}

// An attempt that was not sent gives its turn back, so that the next one has it.
func TestATurnThatWasNotUsed(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		if err := enter(t.Context(), s); err == nil { // throttled
			t.Fatal("answered")
		}
		r.script = []step{fine}
		s.ring.Invalidate()
		r.flaky = 6
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := describe(ctx, s); err != nil {
			t.Error(err)
		}
	})
}
