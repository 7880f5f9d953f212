package rotation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/lock"
)

// outsideWith is a run on an instance outside a group, which is out, with a lock.
func outsideWith(s *slots) *run {
	r := withLock(s)
	r.seen.State, r.seen.Group.Held = fleet.Deregistered, fleet.Held{Missing: 1}
	return r
}

// Outside a group nothing but the lock shows that an instance is out: one that left without a slot takes one.
func TestASlotForOneThatIsOut(t *testing.T) {
	full := &lock.FullError{Refusal: failure.New(failure.NotNow, "bring one back", "all slots are taken"), NextLook: time.Now()}
	for name, tc := range map[string]struct {
		lock   slots
		locked error // the answer to the second question
		mine   bool
		asked  bool
		says   string // why it waits
		ends   error
		calls  string
	}{
		"its own":   {slots{mine: true}, nil, true, true, "", nil, "confirm"},
		"taken now": {slots{}, nil, true, true, "", nil, "confirm;acquire"},
		"full":      {slots{}, full, false, false, "i-1 is out, and all slots are taken", nil, "confirm;acquire"},
		"no answer": {slots{}, errLost, false, false, "", errLost, "confirm;acquire"},
	} {
		r := outsideWith(&tc.lock)
		tc.lock.acquire = tc.locked
		err := r.takeSlot(t.Context())
		if !errors.Is(err, tc.ends) || (err == nil) != (tc.ends == nil) || r.slot.mine != tc.mine || r.slot.asked != tc.asked || strings.Join(tc.lock.calls, ";") != tc.calls {
			t.Errorf("%s: %v, its own %v, asked %v, called %q", name, err, r.slot.mine, r.slot.asked, tc.lock.calls)
		}
		if (r.slot.refused != nil) != (tc.says != "") {
			t.Errorf("%s: refused %v", name, r.slot.refused)
			continue
		}
		if got := r.slot.refused; got != nil && (got.reason() != tc.says || got.kind != blocked || got.refusal.Class != failure.Unfinished || !got.nextLook.Equal(full.NextLook)) {
			t.Errorf("%s: %+v", name, got.refusal)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := outsideWith(&slots{})
		r.Progress = func(p Progress) { t.Errorf("told %+v when the lock had answered", p) }
		if err := r.takeSlot(t.Context()); err != nil {
			t.Error(err)
		}
		pass(time.Minute)
	})
}

// How to free the slot of one that nobody has registered is told outside a group, where the lock knows a way.
func TestSlotsOfOthersThatAreOut(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*run)
		warns  string
	}{
		"one is out":       {func(*run) {}, "i-2 holds a slot, and no load balancer has it registered; if it is gone for good, free the slot: free i-2"},
		"in a group":       {func(r *run) { r.seen.Group.Held = fleet.Held{} }, ""},
		"without a lock":   {func(r *run) { r.locks, r.Lock = false, nil }, ""},
		"there is no way":  {func(r *run) { r.Lock.(*slots).free = "" }, ""},
		"nobody else is":   {func(r *run) { r.seen.Group.Members[1].State = fleet.InService }, ""},
		"itself, as it is": {func(r *run) { r.seen.Group.Members = r.seen.Group.Members[:1] }, ""},
	} {
		r := outsideWith(&slots{free: "free "})
		r.seen.Group.Members[0].State, r.seen.Group.Members[1].State = fleet.Deregistered, fleet.Deregistered
		tc.change(r)
		if r.tellUnlisted(); strings.Join(r.report.Warnings, ";") != tc.warns {
			t.Errorf("%s: warns %q, want %q", name, r.report.Warnings, tc.warns)
		}
	}
}

// On the way out the lock is asked who else is out; on the way in that is no matter.
func TestWhoIsOutAsTheLockKnows(t *testing.T) {
	for name, tc := range map[string]struct {
		inward  bool
		err     error
		members int
	}{
		"out":            {false, nil, 5},
		"in":             {true, nil, 4},
		"out, no answer": {false, errLost, 4},
		"in, no answer":  {true, errLost, 4},
	} {
		r, all, _ := readingOf()
		all.is.Group.Held.Registered = 2
		r.inward = tc.inward
		r.entries = func(context.Context, fleet.Group) ([]fleet.Entry, error) {
			return []fleet.Entry{{ID: "i-9"}}, tc.err
		}
		err := r.read(t.Context(), question{scope: whole}, never)
		if want := tc.err != nil && !tc.inward; (err != nil) != want || want && !errors.Is(err, tc.err) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && len(r.seen.Group.Members) != tc.members {
			t.Errorf("%s: %d members, want %d", name, len(r.seen.Group.Members), tc.members)
		}
	}
}

// A target group of addresses lists the holder of a slot by its address.
func TestAHolderIsKnownByItsAddress(t *testing.T) {
	r, all, _ := readingOf()
	all.is.Group.Held.Registered = 2
	all.is.Traffic[0].Targets = append(slices.Clone(all.is.Traffic[0].Targets), fleet.Target{Instance: "10.0.0.9", Port: 80, Health: fleet.Healthy})
	r.entries = func(context.Context, fleet.Group) ([]fleet.Entry, error) {
		return []fleet.Entry{{ID: "i-9", Addresses: []string{"10.0.0.9"}}}, nil
	}
	if all.look(t, r, question{scope: whole}); r.seen.Traffic[0].Of("i-9").Health != fleet.Healthy {
		t.Errorf("the holder is not found: %+v", r.seen.Traffic[0].Targets)
	}
}

// An instance that is half out is registered again, and the run ends with that.
func TestWhereAMoveInPartEnds(t *testing.T) {
	no := blockedBy(failure.NotNow, "wait", "busy")
	const limit = 60*time.Second + 60*time.Second + 30*time.Second + 60*time.Second // out, back, and the move
	for name, tc := range map[string]struct {
		health fleet.Health
		class  failure.Class
		says   string
		took   time.Duration
	}{
		"registered again":        {fleet.Healthy, failure.RolledBack, "busy; rolled back, in service again", 0},
		"it does not get healthy": {fleet.Unhealthy, failure.Unknown, "busy; rolling back failed with i-1 last seen InService", limit},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, h, _ := goingBack(fleet.Standby)
			h.all.is.Traffic[0].Targets = slices.Clone(h.all.is.Traffic[0].Targets)
			h.all.is.Traffic[0].Targets[0].Health = tc.health
			r.partly, r.moved = true, true
			began := time.Now()
			err := r.end(t.Context(), &step{}, no)
			took := time.Since(began)
			if failure.Of(err) != tc.class || !strings.HasPrefix(err.Error(), tc.says) || took < tc.took || took > tc.took+4*time.Second {
				t.Errorf("%s: %v after %s; want %q after %s", name, err, took, tc.says, tc.took)
			}
			if again := tc.class == failure.RolledBack; r.partly == again || r.moved == again {
				t.Errorf("%s: still half out %v, moved %v", name, r.partly, r.moved)
			}
		})
	}
}
