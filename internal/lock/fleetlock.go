package lock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

const (
	// answerTime is what one request is given. A server that drains a Kubernetes node before it answers can take longer;
	// the next request then finds the slot taken by us.
	answerTime = 30 * time.Second
	// connectTime is what a connection is given.
	connectTime = 10 * time.Second
	// longestAnswer is the most of an answer that is read: errors are short (Zincati, "FleetLock protocol", Errors).
	longestAnswer = 64 << 10
	// firstRetry and slowestRetry are the shortest and the longest time between two requests to a server that does not
	// answer. They double, and jitter takes up to half off, as for the AWS APIs.
	firstRetry   = 500 * time.Millisecond
	slowestRetry = 10 * time.Second
	// lostRaces is how many lost races in a row are taken for a server without a free slot.
	lostRaces = 8
)

// The endpoints (Zincati, "FleetLock protocol", Endpoints).
const (
	lockEndpoint   = "v1/pre-reboot"
	unlockEndpoint = "v1/steady-state"
)

// fleetLock keeps slots on a FleetLock server, as one of its clients.
type fleetLock struct {
	where  Where
	self   string
	random func() float64
	client *http.Client
	asked  bool // for a slot
}

func newFleetLock(w Where, o Options, random func() float64) *fleetLock {
	transport := o.HTTP
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connectTime}).DialContext,
			TLSHandshakeTimeout: connectTime, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: longestAnswer,
		}
	}
	return &fleetLock{where: w, self: o.Instance, random: random, client: &http.Client{
		Transport: transport, Timeout: answerTime,
		// A redirect may be anybody's, and its target was not named by the operator.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// params are the body of every request.
type params struct {
	Client struct {
		ID    string `json:"id"`
		Group string `json:"group"`
	} `json:"client_params"`
}

// post sends one request. ours: with the header by which a client says that it means it.
func (f *fleetLock) post(ctx context.Context, endpoint, key string, ours bool) answer {
	var p params
	if ours {
		p.Client.ID, p.Client.Group = f.self, key
	}
	body, err := json.Marshal(p)
	if err != nil {
		return answer{silent: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.where.server.JoinPath(endpoint).String(), bytes.NewReader(body))
	if err != nil {
		return answer{silent: err}
	}
	req.Header.Set("Content-Type", "application/json")
	if ours {
		req.Header.Set("fleet-lock-protocol", "true")
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return answer{silent: errors.Unwrap(err)} // the *url.Error names method and URL once more
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, longestAnswer+1))
	if err != nil {
		return answer{silent: fmt.Errorf("status %d, then: %w", resp.StatusCode, err)}
	}
	return understand(resp, text)
}

// ask sends a request until it is answered, or ctx ends.
func (f *fleetLock) ask(ctx context.Context, endpoint, key string, ours bool) (answer, error) {
	var last error // of a request that ended by itself
	for attempt := 1; ; attempt++ {
		a := f.post(ctx, endpoint, key, ours)
		if a.silent == nil {
			a.again = attempt > 1
			return a, nil
		}
		if last == nil || ctx.Err() == nil {
			last = a.silent
		}
		wait := slowestRetry
		if attempt < 6 {
			wait = min(firstRetry<<(attempt-1), slowestRetry)
		}
		if sleep(ctx, wait/2+time.Duration(f.random()*float64(wait/2))) == nil {
			continue
		}
		return a, f.unreachable(ctx, attempt, last)
	}
}

// unreachable is the error of a server that did not answer before ctx ended.
func (f *fleetLock) unreachable(ctx context.Context, attempts int, last error) error {
	if err := stopped(ctx); err != nil {
		return err
	}
	e := &failure.Refusal{Class: failure.Unreachable, Hint: "check the FleetLock server and the way to it, then run it again", Err: last}
	if e.Reason = f.where.String() + " does not answer"; attempts > 1 {
		e.Reason += fmt.Sprintf(" (%d attempts), last", attempts)
	}
	return e
}

// acquire asks for a slot. Asking again where it is taken by this instance changes nothing, so a lost answer does not
// matter. How many slots there are is the server's to say.
func (f *fleetLock) acquire(ctx context.Context, key string, seen Look, _ int) (Held, error) {
	if seen.Object != nil {
		if err := seen.Object(nil); err != nil {
			return Held{}, err
		}
	}
	for race := 0; ; race++ {
		before := f.asked
		f.asked = true
		a, err := f.ask(ctx, lockEndpoint, key, true)
		if err == nil && a.kind != yes && !a.again {
			f.asked = before // it surely took none
		}
		switch {
		case err != nil:
			return Held{}, err
		case a.kind == yes:
			return Held{untilReleased: true}, nil
		case a.kind != lost || race == lostRaces:
			return Held{}, f.refusal(a, key)
		}
		if err := sleep(ctx, time.Duration(f.random()*float64(firstPause<<race))); err != nil {
			return Held{}, f.unreachable(ctx, race+1, err)
		}
	}
}

// refusal is what an answer other than a yes means for somebody who wants a slot.
func (f *fleetLock) refusal(a answer, key string) error {
	switch a.kind {
	case full, lost:
		return &FullError{Refusal: failure.New(failure.NotNow,
			"wait for its holder; the slot of one that is gone is yours to free (docs/lock.md)", "no slot of %s at %s: %s", key, f.where, a.text)}
	case unknownGroup:
		return failure.New(failure.Setup, "add the group to the server's configuration, or name another with --lock-group",
			"%s knows no group %s", f.where, key)
	case denied:
		return failure.New(failure.Denied, "let this host ask the FleetLock server", "%s denies it: %s", f.where, a.text)
	}
	const hint = "check that --lock names a FleetLock server"
	if a.kind == yes { // to a request that only Check makes
		return failure.New(failure.Setup, hint, "%s accepts requests that are not of the FleetLock protocol", f.where)
	}
	return failure.New(failure.Setup, hint, "%s refuses the request: %s", f.where, a.text)
}

// foresee cannot learn more than check.
func (f *fleetLock) foresee(ctx context.Context, key string, seen Look, _ int) error {
	if seen.Object != nil {
		if err := seen.Object(nil); err != nil {
			return err
		}
	}
	return f.check(ctx, key)
}

// confirm takes the slot that an instance which is out ought to hold. It says no where others hold them all.
func (f *fleetLock) confirm(ctx context.Context, key string) (bool, error) {
	_, err := f.acquire(ctx, key, Look{}, 0)
	if _, ok := errors.AsType[*FullError](err); ok {
		return false, nil
	}
	return err == nil, err
}

// release unlocks the slot of this instance, and goes on until that is confirmed, or ctx ends.
func (f *fleetLock) release(ctx context.Context, key string, _ Basis) error {
	for race := 0; ; race++ {
		a, err := f.ask(ctx, unlockEndpoint, key, true)
		if err == nil && (a.kind == yes || a.held) {
			f.asked = false
			return nil // or another instance holds it: nothing of ours is locked
		}
		if err == nil && (a.kind == lost || a.kind == full) && race < lostRaces {
			if err = sleep(ctx, time.Duration(f.random()*float64(firstPause<<race))); err == nil {
				continue
			}
		}
		if err == nil {
			err = f.refusal(a, key)
		}
		return &failure.Refusal{
			Class: failure.Unfinished, Reason: fmt.Sprintf("%s did not confirm that the slot of %s is free", f.where, f.self),
			Hint: "run balanced in again", Err: err,
		}
	}
}

// holders are not known: the protocol has no such question.
func (f *fleetLock) holders(context.Context, string) ([]fleet.Entry, error) { return nil, nil }
func (f *fleetLock) known() []fleet.Entry                                   { return nil }

func (f *fleetLock) mayHold() bool { return f.asked }

// check sends a request to unlock that no server may accept: without the header that it must have, and without a
// client. A refusal in the protocol's own form shows that a FleetLock server is there. Whether it knows the group shows
// only when a slot is asked for.
func (f *fleetLock) check(ctx context.Context, key string) error {
	a, err := f.ask(ctx, unlockEndpoint, key, false)
	if err != nil || a.kind == refused || a.kind == unknownGroup {
		return err
	}
	return f.refusal(a, key)
}
