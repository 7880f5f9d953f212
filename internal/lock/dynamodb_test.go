package lock_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/lock"
	"balanced/internal/sim"
)

// An entry that was written a moment ago is seen, however far other reads of the table lag.
func TestReadsOfATableDoNotLag(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		a := w.agent(w.ids[0])
		seen := a.seen()
		w.SetFaults(func(c sim.Call) *sim.Fault {
			if c.Action == "GetItem" {
				return &sim.Fault{Lag: time.Minute}
			}
			return nil
		})
		w.die(w.ids[1])
		_, err := a.lock.Acquire(w.Context(), seen, 1)
		foreseen := a.lock.Foresee(w.Context(), seen, 1)
		for _, err := range []error{err, foreseen} {
			if w.wantClass(err, failure.NotNow); err == nil || !strings.Contains(err.Error(), "the slot is taken") {
				t.Errorf("%v", err)
			}
		}
	})
}

// Where to find DynamoDB is known. Asking for it would take another permission.
func TestEndpointsAreNotAskedFor(t *testing.T) {
	t.Setenv("AWS_ENABLE_ENDPOINT_DISCOVERY", "true")
	inWorld(t, 3, func(w *world) {
		_, err := w.agent(w.ids[0]).acquire(w.Context(), 1)
		w.must(err)
		if w.counts() != "1 GetItem, 1 PutItem" {
			t.Errorf("asked %s", w.counts())
		}
	})
}

// A reading that is not whole is asked for again, after pauses as after lost races, and leaves what was known before.
func TestReadingsThatAreNotWhole(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.luck = func() float64 { return 0.5 }
		w.die(w.ids[1])
		a := w.agent(w.ids[0])
		var asked []time.Duration
		began := time.Now()
		a.http.answer = func(n int) *http.Response {
			if n == 1 {
				return nil
			}
			asked = append(asked, time.Since(began))
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), ContentLength: 2}
		}
		w.must(a.lock.Check(w.Context(), w.group()))
		began = time.Now()
		w.wantClass(a.lock.Check(w.until(10*time.Second), w.group()), failure.Unreachable)
		ms := time.Millisecond
		if want := []time.Duration{0, 50 * ms, 150 * ms, 350 * ms, 750 * ms, 1550 * ms, 3150 * ms, 5650 * ms, 8150 * ms}; !slices.Equal(asked, want) {
			t.Errorf("asked after %v, want %v", asked, want)
		}
		if holders := a.lock.Known(w.group()).Holders; len(holders) != 1 || holders[0].ID != w.ids[1] {
			t.Errorf("known: %v", holders)
		}
	})
}

// A write that was never answered may have taken a slot. What is known of the holders is that of the last answer.
func TestAWriteThatIsNeverAnswered(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		a := w.agent(w.ids[0])
		seen := a.seen()
		w.SetFaults(func(c sim.Call) *sim.Fault {
			if c.Action == "PutItem" {
				w.SetFaults(unreachable)
				return &sim.Fault{LoseReply: true}
			}
			return nil
		})
		if a.lock.MayHold() {
			t.Error("may hold a slot before it asked for one")
		}
		_, err := a.lock.Acquire(w.until(time.Minute), seen, 1)
		w.wantClass(err, failure.Unreachable)
		if got := w.entries(); len(got) != 1 || !a.lock.MayHold() || len(a.lock.Known(w.group()).Holders) != 0 {
			t.Errorf("the item has %v, may hold a slot: %v, known: %v", got, a.lock.MayHold(), a.lock.Known(w.group()).Holders)
		}
		w.SetFaults(nil)
		w.must(a.lock.Release(w.Context(), w.group(), lock.Basis{}))
		if a.lock.MayHold() {
			t.Error("may hold a slot that was released")
		}
		_, err = a.lock.Acquire(w.Context(), seen, 1)
		w.must(err)
		if holders := a.lock.Known(w.group()).Holders; len(holders) != 1 || holders[0].ID != a.id {
			t.Errorf("known: %v", holders)
		}
	})
}
