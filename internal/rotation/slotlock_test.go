package rotation

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"balanced/internal/fleet"
	"balanced/internal/lock"
	"balanced/internal/lock/fleetlocktest"
)

// slots is a lock that answers as it is told.
type slots struct {
	err     error
	acquire error  // in place of err, where a slot is taken
	free    string // the command that frees a slot, but for the ID
	mine    bool
	may     bool
	object  []string // holders that the guards are asked about
	calls   []string
	basis   lock.Basis
	within  time.Duration
	dropped []lock.Dropped
	slow    bool
}

func (s *slots) call(ctx context.Context, what string) {
	s.calls = append(s.calls, what)
	ends, _ := ctx.Deadline()
	s.within = time.Until(ends)
	if s.slow {
		<-ctx.Done()
	}
}

func (s *slots) answer(ctx context.Context, what string, seen lock.Look) error {
	s.call(ctx, what)
	if s.object != nil {
		return seen.Object(s.object)
	}
	return s.err
}

func (s *slots) Acquire(ctx context.Context, seen lock.Look, _ int) (lock.Held, error) {
	err := s.answer(ctx, "acquire", seen)
	if s.acquire != nil {
		err = s.acquire
	}
	return lock.Held{Dropped: s.dropped}, err
}

func (s *slots) Foresee(ctx context.Context, seen lock.Look, _ int) error {
	return s.answer(ctx, "foresee", seen)
}

func (s *slots) Confirm(ctx context.Context, _ fleet.Group) (bool, error) {
	s.call(ctx, "confirm")
	return s.mine, s.err
}

func (s *slots) Release(ctx context.Context, _ fleet.Group, b lock.Basis) error {
	s.call(ctx, "release")
	s.basis = b
	return s.err
}

func (s *slots) MayHold() bool { return s.may }

func (s *slots) State(ctx context.Context, _ fleet.Group) (lock.State, error) {
	s.call(ctx, "state")
	return lock.State{}, s.err
}

func (s *slots) Known(fleet.Group) lock.State             { return lock.State{} }
func (s *slots) Check(context.Context, fleet.Group) error { return nil }

func (s *slots) FreeCommand(_ fleet.Group, id string) string {
	if s.free == "" {
		return ""
	}
	return s.free + id
}

// answers is a FleetLock server in the process, without a network.
type answers struct{ *fleetlocktest.Server }

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, req)
	return w.Result(), nil
}

// heldSlot is a slot that is held until it is released.
func heldSlot(t *testing.T) lock.Held {
	t.Helper()
	where, err := lock.Parse("http://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	l, err := lock.New(where, lock.Options{Instance: "i-1", HTTP: answers{fleetlocktest.New(fleetlocktest.Airlock, map[string]int{"web": 1})}})
	if err != nil {
		t.Fatal(err)
	}
	held, err := l.Acquire(t.Context(), lock.AtGroup(sound().Snapshot, time.Now()), 1)
	if err != nil || !held.Valid() {
		t.Fatalf("%v, valid %v", err, held.Valid())
	}
	return held
}
