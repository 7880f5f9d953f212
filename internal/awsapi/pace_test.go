package awsapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// until throttles until some time has passed, then answers.
func until(t time.Time) step {
	return func(req *http.Request) (*http.Response, error) {
		if time.Now().Before(t) {
			return slow(req)
		}
		return fine(req)
	}
}

func paced(t *testing.T, test func(t *testing.T, r *region, s *Session)) {
	t.Helper()
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		r := &region{script: []step{slow}}
		test(t, r, load(t, r, nil))
	})
}

func TestAThrottledProcessAsksEverLess(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		err := describe(ctx, s)
		if u, ok := errors.AsType[*UnreachableError](err); !ok || u.Why != Throttled {
			t.Errorf("got %v", err)
		}
		if n := len(r.requests); n < 10 || n > 20 {
			t.Errorf("%d requests in an hour that AWS throttled all of, want 10 to 20", n)
		}
		if held := s.Throttled(); held < 59*time.Minute || held > time.Hour {
			t.Errorf("held back for %v of an hour", held)
		}
		// What comes next begins at that pace.
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = describe(short, s)
		if u, ok := errors.AsType[*UnreachableError](err); !ok || u.Why != Throttled || u.Attempts > 1 {
			t.Errorf("a second later: %v", err)
		}
	})
}

// Of the calls of one look one finds out whether AWS answers again; then all go on.
func TestOneCallOfALookLeads(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		again := time.Now().Add(time.Minute)
		r.script = []step{until(again)}
		ctx, look := Together(t.Context())
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := describe(ctx, s); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		look.Done()
		if n := len(r.requests); n > 4+6+4 {
			t.Errorf("%d requests of four calls in a minute", n)
		}
		if look.Began().Before(again) {
			t.Errorf("began %v before anything was answered", again.Sub(look.Began()))
		}
		if late := time.Since(again); late > 3*time.Minute {
			t.Errorf("ended %v after AWS answered again", late)
		}
	})
}

func TestAMoveAndTheLastWordWaitForNoTurn(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_ = describe(ctx, s) // throttled all along
		r.script = []step{fine}
		start := time.Now()
		if err := enter(t.Context(), s); err != nil || time.Since(start) > 0 {
			t.Errorf("a move after %v: %v", time.Since(start), err)
		}
		if err := describe(Hurry(t.Context()), s); err != nil || time.Since(start) > 0 {
			t.Errorf("a read in a hurry after %v: %v", time.Since(start), err)
		}
	})
}

func TestAPauseIsLeftAtOnceWhenToldTo(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		const soon = 20*time.Minute + time.Second
		time.AfterFunc(soon, cancel)
		if err := describe(ctx, s); !errors.Is(err, context.Canceled) || time.Since(start) != soon {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// Only throttling holds budgets up: whatever else keeps AWS from answering does not.
func TestSilenceIsNotThrottling(t *testing.T) {
	for name, trouble := range map[string]step{
		"no answer": hangs, "cut": cut, "busy": says(503, "ServiceUnavailable", "busy"), "expired": says(403, "ExpiredToken", "expired"),
	} {
		t.Run(name, func(t *testing.T) {
			paced(t, func(t *testing.T, r *region, s *Session) {
				r.script = []step{slow, trouble}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if err := describe(ctx, s); err == nil {
					t.Fatal("answered")
				}
				if held := s.Throttled(); held > 2*firstPause {
					t.Errorf("held back for %v by one throttled answer", held)
				}
			})
		})
	}
}

func TestThePaceIsBackAfterAFewLooks(t *testing.T) {
	paced(t, func(t *testing.T, r *region, s *Session) {
		r.script = []step{until(time.Now().Add(30 * time.Minute))}
		for range 4 {
			if err := describe(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		if err := describe(t.Context(), s); err != nil || time.Since(start) > 0 {
			t.Errorf("the fifth look came after %v: %v", time.Since(start), err)
		}
	})
}

// AWS may say in a header how long to wait (x-amz-retry-after, milliseconds), which the SDK keeps to within five seconds.
// It passes while the pace runs: the longer of both counts, not their sum.
func TestAWSsOwnPauseRunsBesideThePace(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"":      3 * time.Second, // firstPause with the most that jitter adds
		"0":     3 * time.Second,
		"1000":  3 * time.Second,
		"4000":  4 * time.Second,
		"60000": 5 * time.Second,
		"soon":  3 * time.Second,
		"-1":    3 * time.Second,
	} {
		paced(t, func(t *testing.T, r *region, s *Session) {
			r.script = []step{func(req *http.Request) (*http.Response, error) {
				resp, err := slow(req)
				resp.Header.Set("X-Amz-Retry-After", header)
				return resp, err
			}, fine}
			start := time.Now()
			if err := describe(t.Context(), s); err != nil || time.Since(start) != want || len(r.requests) != 2 {
				t.Errorf("header %q: %v after %v and %d requests, want %v", header, err, time.Since(start), len(r.requests), want)
			}
		})
	}
}

// A header cannot make a call that is not throttled faster than its own pace, nor hold a move back.
func TestAWSsOwnPauseForOtherFailures(t *testing.T) {
	busy := func(req *http.Request) (*http.Response, error) {
		resp, err := says(503, "ServiceUnavailable", "busy")(req)
		resp.Header.Set("X-Amz-Retry-After", "0")
		return resp, err
	}
	paced(t, func(t *testing.T, r *region, s *Session) {
		r.script = []step{busy, fine}
		start := time.Now()
		if err := describe(t.Context(), s); err != nil || time.Since(start) != firstWait {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		r.requests, r.script = nil, []step{busy}
		if start = time.Now(); enter(t.Context(), s) == nil || time.Since(start) != 0 || len(r.requests) != 1 {
			t.Errorf("a move: %d requests in %v", len(r.requests), time.Since(start))
		}
	})
}

// The SDK's settings of retries would end calls before their deadline, or spread the calls of one look over time.
func TestTheSDKsOwnRetrySettingsDoNotCount(t *testing.T) {
	for _, mode := range []string{"standard", "adaptive"} {
		hermetic(t)
		t.Setenv("AWS_RETRY_MODE", mode)
		t.Setenv("AWS_MAX_ATTEMPTS", "1")
		synctest.Test(t, func(t *testing.T) {
			r := &region{script: []step{slow, cut, says(503, "ServiceUnavailable", "busy"), fine}}
			start := time.Now()
			if err := describe(t.Context(), load(t, r, nil)); err != nil || len(r.requests) != 4 {
				t.Errorf("%s: %v after %d requests", mode, err, len(r.requests))
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%s: took %v", mode, took)
			}
		})
	}
}
