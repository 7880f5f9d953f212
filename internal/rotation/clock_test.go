package rotation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Budgets stand still while AWS throttles, for as long as they may, and while a stopwatch is stopped.
func TestAStopwatchStandsStill(t *testing.T) {
	const s = time.Second
	synctest.Test(t, func(t *testing.T) {
		throttled := 100 * s // before the run began
		c := newClock(func() time.Duration { return throttled })
		if c.mostStill != 3*time.Hour || c.heldBack() != 0 {
			t.Errorf("may stand still for %s, stood %s", c.mostStill, c.heldBack())
		}
		c.mostStill = 30 * s
		throttled += 5 * s
		c.pause(2 * s)
		w := stopwatch{clock: c}
		check := func(what string, want time.Duration) {
			t.Helper()
			if got := w.elapsed(); got != want {
				t.Errorf("%s: %s used, want %s", what, got, want)
			}
			if got := time.Until(w.ends(60 * s)); got != 60*s-want {
				t.Errorf("%s: ends in %s, want %s", what, got, 60*s-want)
			}
		}
		check("not started", 0)
		w.start()
		pass(10 * s)
		check("started", 10*s)
		throttled += 4 * s
		w.start() // it goes on
		check("throttled", 6*s)
		c.pause(s)
		check("paused", 5*s)
		w.stop()
		pass(7 * s)
		w.stop()
		check("stopped", 5*s)
		w.start()
		pass(3 * s)
		check("started again", 8*s)
		throttled += 100 * s
		if c.heldBack() != 112*s || c.stoodStill() != 30*s || c.mayStandStill() {
			t.Errorf("held back for %s, stood still for %s", c.heldBack(), c.stoodStill())
		}
		check("throttled for too long", -10*s)
		w.cancel()
		check("cancelled", 5*s)
		c.mostStill = 112 * s
		if c.mayStandStill() {
			t.Error("may stand still at its limit")
		}
		if c.mostStill++; !c.mayStandStill() {
			t.Error("may not stand still below its limit")
		}
	})
	if c := newClock(nil); c.heldBack() != 0 || !c.mayStandStill() {
		t.Error("nothing throttles, and it was held back")
	}
}

// A look ends at its deadline, which moves on while AWS throttles, and tells what it waits for after eight seconds, and
// then every twenty.
func TestALookThatTakesLong(t *testing.T) {
	const s = time.Second
	for name, tc := range map[string]struct {
		deadline, throttledFor time.Duration // from the third second on
		before, mostStill      time.Duration // for how long it was held back before, and may be
		ends                   time.Duration
		told                   []time.Duration
		says                   string // at last
	}{
		"no answer":               {40 * s, 0, 0, time.Hour, 40 * s, []time.Duration{8 * s, 28 * s}, "AWS does not answer; giving up in 12s"},
		"no answer at once":       {0, 0, 0, time.Hour, 0, nil, ""},
		"throttled":               {15 * s, 50 * s, 0, time.Hour, 65 * s, []time.Duration{8 * s, 20 * s, 32 * s, 44 * s, 56 * s}, "AWS throttles"},
		"throttled for too long":  {15 * s, 50 * s, 0, 10 * s, 25 * s, []time.Duration{8 * s}, "AWS throttles"},
		"throttled before, too":   {15 * s, 50 * s, 20 * s, 30 * s, 25 * s, []time.Duration{8 * s}, "AWS throttles"},
		"throttled for a while":   {40 * s, 2 * s, 20 * s, time.Hour, 42 * s, []time.Duration{8 * s, 28 * s}, "AWS does not answer; giving up in 14s"},
		"throttled at once":       {4 * s, 2 * s, 0, time.Hour, 6 * s, []time.Duration{4 * s, 5 * s}, "AWS throttles"},
		"hardly any time":         {1, 0, 0, time.Hour, 100 * time.Millisecond, nil, ""},
		"budgets may not go over": {15 * s, 50 * s, 0, 0, 15 * s, []time.Duration{8 * s}, "AWS throttles"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := atWork()
			r.Jitter = evenly()
			began := time.Now()
			r.throttled = func() time.Duration { return max(min(time.Since(began)-3*s, tc.throttledFor), 0) }
			r.mostStill = tc.mostStill
			r.clock.pause(tc.before)
			var told []time.Duration
			var last Progress
			r.Progress = func(p Progress) { told, last = append(told, time.Since(began)), p }
			limit := r.limitSoFar()
			ctx, cancel := r.until(t.Context(), began.Add(tc.deadline), "AWS")
			defer cancel()
			<-ctx.Done()
			took := time.Since(began)
			if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) || took < tc.ends || took > tc.ends+99*time.Millisecond {
				t.Errorf("%s: %v after %s, want %s", name, context.Cause(ctx), took, tc.ends)
			}
			if len(told) < len(tc.told) || !slices.Equal(told[:len(tc.told)], tc.told) || !strings.HasPrefix(last.Waiting, tc.says) {
				t.Errorf("%s: told after %s, at last %q; want %s, %q", name, told, last.Waiting, tc.told, tc.says)
			}
			if len(told) > 0 && (last.Step != "look" || last.Elapsed != told[len(told)-1] || last.Limit < limit || last.Limit > limit+tc.mostStill) {
				t.Errorf("%s: told %+v", name, last)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r, _ := atWork() // nobody to tell
		ctx, cancel := r.until(t.Context(), time.Now().Add(time.Hour), "AWS")
		pass(time.Minute)
		if cancel(); !errors.Is(ctx.Err(), context.Canceled) || errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			t.Errorf("in the end: %v", context.Cause(ctx))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r, _ := atWork()
		began := time.Now()
		r.throttled = func() time.Duration { // half a minute, all at once
			if time.Since(began) < 3*s {
				return 0
			}
			return 30 * s
		}
		var told []time.Duration
		r.Progress = func(Progress) { told = append(told, time.Since(began)) }
		ctx, cancel := r.until(t.Context(), began.Add(4*s), "AWS")
		defer cancel()
		<-ctx.Done()
		if want := []time.Duration{4 * s, 8 * s, 28 * s}; !slices.Equal(told, want) || r.limitSoFar() != r.unthrottled()+30*s {
			t.Errorf("told after %s, want %s; its limit so far is %s", told, want, r.limitSoFar())
		}
	})
	if errors.Is(errBudget, context.Canceled) {
		t.Error("a budget that ended is taken for a cancellation")
	}
}
