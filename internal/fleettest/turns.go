package fleettest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/aws/smithy-go/middleware"

	"balanced/internal/sim"
)

// Turns lets what happens in one instant of a bubble happen one after the other, in an order that does not depend on
// how goroutines are scheduled. Whoever wants a turn blocks until every other goroutine of the bubble is blocked too;
// of those that wait, the one with the first name is next. Thus two runs of the same seeds make the same calls in the
// same order.
type Turns struct {
	mu      sync.Mutex
	waiting []waiter
	arrived chan struct{}
	over    chan struct{}
}

type waiter struct {
	name string
	turn chan struct{}
}

// NewTurns gives turns until the test ends; from then on nobody waits for one. It calls synctest.Wait, so nothing else in
// the bubble may.
func NewTurns(t *testing.T) *Turns {
	t.Helper()
	turns := &Turns{arrived: make(chan struct{}, 1), over: make(chan struct{})}
	go turns.give()
	t.Cleanup(func() { close(turns.over) })
	return turns
}

// Take blocks until it is the turn of name. It takes no virtual time. The turn lasts until everything that follows from
// it in this instant has happened.
func (t *Turns) Take(name string) {
	w := waiter{name, make(chan struct{})}
	t.mu.Lock()
	t.waiting = append(t.waiting, w)
	t.mu.Unlock()
	select {
	case t.arrived <- struct{}{}:
	default:
	}
	select {
	case <-w.turn:
	case <-t.over:
	}
}

func (t *Turns) give() {
	for {
		select {
		case <-t.arrived:
		case <-t.over:
			return
		}
		for {
			synctest.Wait()
			next, ok := t.next()
			if !ok {
				break
			}
			close(next.turn)
		}
	}
}

// carrier sends a host's API calls, each in its turn. Calls to the metadata service take none: they change nothing, and
// the SDK holds a lock meanwhile, which would stop a bubble.
type carrier struct {
	turns *Turns
	host  string
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c carrier) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(req.URL.String(), sim.APIEndpoint) {
		return c.next.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err := errors.Join(err, req.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the request's body: %w", err)
	}
	c.turns.Take(c.host + " " + string(body))
	whole := req.Clone(req.Context())
	whole.Body = io.NopCloser(bytes.NewReader(body))
	return c.next.RoundTrip(whole)
}

// begin gives every operation its turn before the first attempt: where AWS throttles, the first of several that begin
// side by side goes ahead of the others.
func (t *Turns) begin(host string) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Turns", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			input, err := json.Marshal(in.Parameters)
			if err != nil {
				return middleware.InitializeOutput{}, middleware.Metadata{}, fmt.Errorf("name the call: %w", err)
			}
			t.Take(fmt.Sprintf("%s %T %s", host, in.Parameters, input))
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
	}
}

// next takes the waiter with the first name, and of several with one name the first to arrive.
func (t *Turns) next() (waiter, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		return waiter{}, false
	}
	slices.SortStableFunc(t.waiting, func(a, b waiter) int { return cmp.Compare(a.name, b.name) })
	first := t.waiting[0]
	t.waiting = slices.Delete(t.waiting, 0, 1)
	return first, true
}
