package lock_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/asg"
	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/lock"
	"balanced/internal/sim"
)

// world is a Region with the group "web" and the table "locks", in virtual time.
type world struct {
	*sim.Region
	t   *testing.T
	ids []string
	key string // of the group's item
	// luck is what jitters the waits of a lock; nil: each agent has its own.
	luck func() float64
}

func inWorld(t *testing.T, members int, test func(*world)) {
	t.Helper()
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	synctest.Test(t, func(t *testing.T) { test(newWorld(t, members)) })
}

func newWorld(t *testing.T, members int) *world {
	// Requests take their time, so that those that are sent at the same moment meet.
	w := &world{Region: sim.New(sim.Config{MaxLag: 5 * time.Minute, Timing: sim.Timing{CallTime: 20 * time.Millisecond}}), t: t}
	w.ids = w.AddGroup(sim.Group{Name: "web", Max: 2 * members, Desired: members})
	w.key = w.GroupARN("web")
	w.AddTable(sim.Table{Name: "locks", Key: "group"})
	pass(time.Minute) // of history
	return w
}

// agent is one instance that leaves and returns with a lock, and does no more than that.
type agent struct {
	*world
	id     string
	groups *asg.Client
	lock   *lock.Lock
	random *rand.Rand
	http   *transport
}

// transport is the network of one agent. It ends the agent before or after a request to DynamoDB, as kill -9 does.
type transport struct {
	next   http.RoundTripper
	kill   func(n int, after bool) bool // at the n-th request to DynamoDB; nil: never
	answer func(n int) *http.Response   // in place of DynamoDB; nil: its own
	n      int
	die    context.CancelCauseFunc
}

var errKilled = errors.New("killed")

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(req.Header.Get("X-Amz-Target"), "DynamoDB") {
		return t.next.RoundTrip(req)
	}
	t.n++
	if t.kill != nil && t.kill(t.n, false) {
		t.die(errKilled)
		return nil, errKilled
	}
	if t.answer != nil {
		if resp := t.answer(t.n); resp != nil {
			resp.Request = req
			return resp, nil
		}
	}
	resp, err := t.next.RoundTrip(req)
	if t.kill != nil && t.kill(t.n, true) {
		t.die(errKilled)
		return nil, errKilled
	}
	return resp, err
}

func (w *world) agent(id string) *agent { return w.agentAt(id, "dynamodb:locks") }

func (w *world) agentAt(id, where string) *agent {
	w.t.Helper()
	client := w.Client()
	w.t.Cleanup(client.CloseIdleConnections)
	a := &agent{world: w, id: id, random: rand.New(rand.NewPCG(uint64(slices.Index(w.ids, id)), 1)), http: &transport{next: client.Transport}}
	session, err := awsapi.Load(w.t.Context(), awsapi.Options{
		Region: "eu-west-1", HTTP: &http.Client{Transport: a.http}, Endpoint: sim.APIEndpoint, MetadataEndpoint: sim.MetadataEndpoint(id), Rand: a.random.Float64,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	parsed, err := lock.Parse(where)
	if err != nil {
		w.t.Fatal(err)
	}
	luck := w.luck
	if luck == nil {
		luck = a.random.Float64
	}
	a.groups = asg.New(session.Config())
	if a.lock, err = lock.New(parsed, lock.Options{Instance: id, AWS: session.Config(), Rand: luck}); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// look looks at the group, as rotation does.
func (a *agent) look(ctx context.Context) (lock.Look, error) {
	s, began := fleet.Snapshot{ID: a.id}, time.Now()
	var err error
	if s.Group, err = a.groups.Group(ctx, "web"); err != nil {
		return lock.Look{}, err
	}
	s.Now = s.Group.At
	s.Activities, err = a.groups.Activities(ctx, "web", fleet.CoversHolders(s.Group))
	return lock.AtGroup(s, began), err
}

// acquire looks once and asks once.
func (a *agent) acquire(ctx context.Context, slots int) (lock.Held, error) {
	seen, err := a.look(ctx)
	if err != nil {
		return lock.Held{}, err
	}
	return a.lock.Acquire(ctx, seen, slots)
}

// out takes a slot and enters Standby, waiting for at most as long as ctx does. It ends with the last refusal.
func (a *agent) out(ctx context.Context, slots int) error {
	for {
		held, err := a.acquire(ctx, slots)
		if err == nil && held.Valid() {
			_, err = a.groups.EnterStandby(ctx, "web", a.id, true)
			return err
		}
		full, ok := errors.AsType[*lock.FullError](err)
		if err != nil && !ok {
			return err
		}
		pause := 5*time.Second + time.Duration(a.random.Int64N(int64(5*time.Second)))
		if ok && !full.NextLook.IsZero() {
			pause = max(time.Until(full.NextLook), 0)
		}
		if end, has := ctx.Deadline(); has && time.Until(end) <= pause {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// in exits Standby, waits until that has passed, and releases the slot.
func (a *agent) in(ctx context.Context) error {
	if a.State(a.id) == "Standby" {
		if _, err := a.groups.ExitStandby(ctx, "web", a.id); err != nil {
			return err
		}
		pass(10 * time.Second)
	}
	return a.lock.Release(ctx, fleet.Group{ARN: a.key, Name: "web"}, lock.Basis{})
}

// Context is that of the test in the bubble: the outer one's belongs to another time. It ends, as what never succeeds should.
func (w *world) Context() context.Context { return w.until(2 * time.Hour) }

// until is a context that ends after a time.
func (w *world) until(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	w.t.Cleanup(cancel)
	return ctx
}

// seen is a look, which must succeed.
func (a *agent) seen() lock.Look {
	a.t.Helper()
	look, err := a.look(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	return look
}

// counts are the requests so far to DynamoDB, by action.
func (w *world) counts() string {
	n := map[string]int{}
	for _, c := range w.Calls() {
		if c.Service == "dynamodb" {
			n[c.Action]++
		}
	}
	var all []string
	for _, action := range slices.Sorted(maps.Keys(n)) {
		all = append(all, fmt.Sprintf("%d %s", n[action], action))
	}
	return strings.Join(all, ", ")
}

// mostOut is the most instances that were out at once: from an EnterStandby that took effect to the ExitStandby that did.
func (w *world) mostOut() int {
	out, most := map[string]bool{}, 0
	for _, c := range w.Calls() {
		if !c.Effect {
			continue
		}
		switch id := c.Params.Get("InstanceIds.member.1"); c.Action {
		case "EnterStandby":
			out[id] = true
		case "ExitStandby":
			delete(out, id)
		}
		most = max(most, len(out))
	}
	return most
}

// entries are the holders in the item; nil if there is no item.
func (w *world) entries() []string {
	w.t.Helper()
	text := w.Item("locks", w.key)
	if text == "" {
		return nil
	}
	_, holders, _ := strings.Cut(text, `"holders":{"M":{`)
	ids := []string{}
	for _, id := range w.ids {
		if strings.Contains(holders, `"`+id+`":`) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// die leaves an entry of an instance that died before it entered Standby.
func (w *world) die(id string) {
	w.t.Helper()
	if held, err := w.agent(id).acquire(w.t.Context(), len(w.ids)); err != nil || !held.Valid() {
		w.t.Fatalf("the instance that is to die got no slot: %v", err)
	}
}

func (w *world) wantClass(err error, want failure.Class) {
	w.t.Helper()
	if err == nil || failure.Of(err) != want {
		w.t.Errorf("got %v (%s), want class %s", err, failure.Of(err), want)
	}
}

// pass lets virtual time go by.
func pass(d time.Duration) { <-time.After(d) }
