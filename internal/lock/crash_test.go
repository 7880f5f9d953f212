package lock_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/lock"
	"balanced/internal/sim"
)

// killed runs one command of an instance and kills it at its n-th request to DynamoDB: before the request is sent, or
// after it took effect and before it is answered.
func (w *world) killed(id string, n int, after bool, command func(*agent, context.Context) error) error {
	a := w.agent(id)
	ctx, die := context.WithCancelCause(w.Context())
	defer die(nil)
	a.http.die = die
	a.http.kill = func(at int, late bool) bool { return at == n && late == after }
	return command(a, ctx)
}

// However an agent is killed around its requests, the same command run again converges: the instance gets out and in,
// nothing of its entries is left, and nobody else was ever in its slot.
func TestKilledAroundEveryRequest(t *testing.T) {
	out := func(a *agent, ctx context.Context) error { return a.out(ctx, 1) }
	in := func(a *agent, ctx context.Context) error { return a.in(ctx) }
	kills := 0
	for _, after := range []bool{false, true} {
		for n := 1; n <= 4; n++ {
			t.Run(fmt.Sprintf("at request %d, after it: %v", n, after), func(t *testing.T) {
				inWorld(t, 3, func(w *world) {
					id, other := w.ids[0], w.ids[1]
					err := w.killed(id, n, after, out)
					if w.State(id) == "InService" {
						if err == nil {
							t.Fatal("out ended well and the instance is in service")
						}
						kills++
						left := len(w.entries()) == 1
						if _, err := w.agent(other).acquire(w.Context(), 1); left != failure.Is(err, failure.NotNow) {
							t.Errorf("an entry is left: %v; the other gets %v", left, err)
						}
						w.must(w.agent(other).lock.Release(w.Context(), w.agent(id).seen().Group, lock.Basis{}))
						w.must(w.agent(id).out(w.until(3*time.Minute), 1))
					}
					pass(time.Minute)
					if err := w.killed(id, n, after, in); err != nil {
						kills++
						w.must(w.agent(id).in(w.Context()))
					}
					if w.State(id) != "InService" || len(w.entries()) != 0 {
						t.Errorf("%s is %s, and the item has %v", id, w.State(id), w.entries())
					}
					w.must(w.agent(other).out(w.until(3*time.Minute), 1))
					if w.mostOut() != 1 {
						t.Errorf("%d out at once", w.mostOut())
					}
				})
			})
		}
	}
	if kills != 8 {
		t.Errorf("%d runs were killed, want 2 in out and 2 in in, before and after", kills)
	}
}

// A table that is deleted or out of reach while agents are at work moves nothing and strands nobody.
func TestATableThatGoesAway(t *testing.T) {
	for name, c := range map[string]struct {
		leave, comeBack func(*world)
		class           failure.Class
	}{
		"deleted": {func(w *world) { w.DeleteTable("locks") }, func(w *world) { w.AddTable(tableOfLocks) }, failure.Setup},
		"out of reach": {
			func(w *world) { w.SetFaults(unreachable) }, func(w *world) { w.SetFaults(nil) }, failure.Unreachable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, func(w *world) {
				w.must(w.agent(w.ids[0]).out(w.Context(), 1))
				pass(time.Minute)
				c.leave(w)
				w.wantClass(w.agent(w.ids[1]).out(w.until(2*time.Minute), 2), c.class)
				if w.State(w.ids[1]) != "InService" {
					t.Errorf("%s is %s", w.ids[1], w.State(w.ids[1]))
				}
				err := w.agent(w.ids[0]).in(w.Context())
				w.wantClass(err, c.class)
				if failure.Is(err, failure.Unfinished) || w.State(w.ids[0]) != "InService" {
					t.Errorf("%v, and %s is %s", err, w.ids[0], w.State(w.ids[0]))
				}
				c.comeBack(w)
				w.must(w.agent(w.ids[1]).out(w.until(3*time.Minute), 1))
			})
		})
	}
}

// A run that a signal ends says so, whatever it was waiting for, and not that DynamoDB is out of reach.
func TestAStoppedAcquisition(t *testing.T) {
	conflict := sim.Fault{Code: "ConditionalCheckFailedException", Message: "The conditional request failed"}
	for name, c := range map[string]struct {
		at    string // the action that fails
		fault sim.Fault
	}{
		"while reading":         {"GetItem", sim.Fault{Reset: true}},
		"while writing":         {"PutItem", sim.Fault{Delay: time.Minute}},
		"between two attempts":  {"PutItem", conflict},
		"between torn readings": {"", sim.Fault{}},
		"while nothing arrives": {"PutItem", sim.Fault{Reset: true}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, func(w *world) {
				w.luck = func() float64 { return 0.9 }
				a := w.agent(w.ids[0])
				seen := a.seen()
				if c.at == "" {
					a.http.answer = func(int) *http.Response {
						return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), ContentLength: 2}
					}
				}
				w.SetFaults(func(call sim.Call) *sim.Fault {
					if call.Action == c.at {
						return &c.fault
					}
					return nil
				})
				stop := errors.New("stopped by SIGTERM")
				ctx, cancel := context.WithCancelCause(w.Context())
				time.AfterFunc(19*time.Second, func() { cancel(stop) })
				if _, err := a.lock.Acquire(ctx, seen, 1); !errors.Is(err, context.Canceled) && !errors.Is(err, stop) || failure.Is(err, failure.Unreachable) {
					t.Errorf("%v (%s)", err, failure.Of(err))
				}
			})
		})
	}
}
