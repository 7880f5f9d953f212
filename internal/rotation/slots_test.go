package rotation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/lock"
)

func withLock(s *slots) *run {
	r, _ := atWork()
	r.Lock, r.locks = s, true
	return r
}

// With a slot that is held a throttled move is tried again, and a look that has become too old since is not moved by.
func TestWhatAHeldSlotAllows(t *testing.T) {
	held := heldSlot(t)
	synctest.Test(t, func(t *testing.T) {
		r := withLock(&slots{})
		r.slot.held, r.Jitter = held, evenly()
		var made calls
		r.Mover = &made
		if err := r.enterStandby(t.Context()); err != nil || len(made) != 1 || !r.slot.mine || !r.slot.used {
			t.Errorf("%v, called %q, its own %v, used %v", err, made, r.slot.mine, r.slot.used)
		}
		r = withLock(&slots{})
		r.slot.held, r.slot.mine, r.Jitter = held, true, evenly()
		tries := 0
		if _ = r.move(t.Context(), func() (fleet.Activity, error) { tries++; return fleet.Activity{}, throttledCall }); tries < 50 {
			t.Errorf("%d tries of a throttled move", tries)
		}
		v := sound()
		v.locks, v.slot.held = true, held
		v.began, v.looked = time.Now(), time.Now()
		pass(time.Minute)
		if got := slotDue(v); got.kind != settled {
			t.Errorf("after a minute: %q", got.reason())
		}
		pass(1)
		if got := slotDue(v); got.kind != blocked || got.reason() != "reading and taking a slot took 1m, too long to decide by" {
			t.Errorf("after more than a minute: %q", got.reason())
		}
	})
}

// Who asks the lock for a slot, and who gives one back.
func TestWhoAsksTheLock(t *testing.T) {
	for name, tc := range map[string]struct {
		change          func(*view)
		wants, releases bool
	}{
		"in service":          {func(v *view) {}, true, true},
		"without a lock":      {func(v *view) { v.locks = false }, false, false},
		"after its move":      {func(v *view) { v.sent = time.Now() }, false, true},
		"found out":           {func(v *view) { v.State = fleet.Standby }, true, false},
		"found out, asked":    {func(v *view) { v.State = fleet.Standby; v.slot.asked = true }, false, false},
		"found out, a trial":  {func(v *view) { v.State = fleet.Standby; v.DryRun = true }, false, false},
		"a trial":             {func(v *view) { v.DryRun = true }, true, false},
		"a rollback":          {func(v *view) { v.isRollback = true }, true, false},
		"on its way":          {func(v *view) { v.State = fleet.Pending }, false, false},
		"out, after its move": {func(v *view) { v.State, v.sent = fleet.Standby, time.Now() }, false, false},
	} {
		v := sound()
		v.locks = true
		tc.change(&v)
		if wants, releases := wantsSlot(v), releaseRow().applies(v); wants != tc.wants || releases != tc.releases {
			t.Errorf("%s: wants a slot %v, releases it %v", name, wants, releases)
		}
	}
	v := sound()
	if releaseDue(v).kind != act {
		t.Error("a slot is not released")
	}
	if v.slot.released = true; releaseDue(v).kind != settled {
		t.Error("a slot is released twice")
	}
	if !lockRow().sameLook || !releaseRow().sameLook {
		t.Error("asking the lock costs a look")
	}
}

// Whether a slot has to be taken, and whether what was read is young enough to leave by it.
func TestWhetherASlotIsDue(t *testing.T) {
	refused := blockedBy(failure.NotNow, "", "all slots are taken")
	for name, tc := range map[string]struct {
		change func(*view)
		kind   verdictKind
		says   string
	}{
		"none yet":           {func(v *view) {}, act, ""},
		"refused":            {func(v *view) { v.slot.refused = &refused }, blocked, "all slots are taken"},
		"foreseen":           {func(v *view) { v.slot.foreseen = true }, settled, ""},
		"an old look":        {func(v *view) { v.began = v.looked.Add(-time.Minute - 1) }, blocked, "reading took 1m, too long to decide by"},
		"a look of a minute": {func(v *view) { v.began = v.looked.Add(-time.Minute) }, act, ""},
	} {
		v := sound()
		v.locks = true
		v.began, v.looked = time.Now(), time.Now()
		tc.change(&v)
		if got := slotDue(v); got.kind != tc.kind || got.reason() != tc.says {
			t.Errorf("%s: %v %q, want %v %q", name, got.kind, got.reason(), tc.kind, tc.says)
		}
	}
}

// What the answers of a lock mean to a run that wants a slot.
func TestTakingASlot(t *testing.T) {
	full := func(in time.Duration) error {
		return &lock.FullError{Refusal: failure.New(failure.NotNow, "", "all slots are taken"), NextLook: time.Now().Add(in)}
	}
	for name, tc := range map[string]struct {
		lock   slots
		err    func() error
		dry    bool
		ends   bool
		says   string        // why there is none
		next   time.Duration // when to look again
		called string
	}{
		"taken":                {slots{}, nil, false, false, "", 0, "acquire"},
		"in a trial":           {slots{}, nil, true, false, "", 0, "foresee"},
		"full":                 {slots{}, func() error { return full(30*time.Second - 1) }, false, false, "all slots are taken", 30*time.Second - 1, "acquire"},
		"full for long":        {slots{}, func() error { return full(30 * time.Second) }, false, false, "all slots are taken", 0, "acquire"},
		"full, in a trial":     {slots{}, func() error { return full(time.Second) }, true, false, "all slots are taken", time.Second, "foresee"},
		"no answer":            {slots{}, func() error { return errLost }, false, true, "", 0, "acquire"},
		"others leave, enough": {slots{object: []string{}}, nil, false, false, "", 0, "acquire"},
		"others leave":         {slots{object: []string{"i-2"}}, nil, false, false, "i-2 is out (EnteringStandby) and MinSize 3 allows no other", 0, "acquire"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := withLock(&tc.lock)
			r.DryRun = tc.dry
			r.budgets.wait = time.Hour
			if tc.err != nil {
				tc.lock.err = tc.err()
			}
			err := r.takeSlot(t.Context())
			if (err != nil) != tc.ends || strings.Join(tc.lock.calls, ";") != tc.called || r.slot.foreseen != (tc.dry && tc.says == "") {
				t.Errorf("%s: %v, called %q, foreseen %v", name, err, tc.lock.calls, r.slot.foreseen)
			}
			got := verdict{}
			if r.slot.refused != nil {
				got = *r.slot.refused
			}
			if got.reason() != tc.says || !got.nextLook.IsZero() != (tc.next > 0) || tc.next > 0 && time.Until(got.nextLook) != tc.next {
				t.Errorf("%s: %q, looks again at %s; want %q in %s", name, got.reason(), got.nextLook, tc.says, tc.next)
			}
		})
	}
}

// Whether the slot of an instance that is out is its own decides no more than for how long it waits.
func TestConfirmingASlot(t *testing.T) {
	for name, tc := range map[string]struct {
		lock  slots
		warns string
	}{
		"its own":      {slots{mine: true}, ""},
		"another's":    {slots{}, "the slot in the lock is not this instance's: it left without it"},
		"nobody knows": {slots{err: errLost}, "whether the slot in the lock is this instance's is not known: connection reset"},
	} {
		r := withLock(&tc.lock)
		r.seen.State = fleet.Standby
		err := r.takeSlot(t.Context())
		if got := strings.Join(r.report.Warnings, ";"); err != nil || got != tc.warns || !r.slot.asked || r.slot.mine != tc.lock.mine || !slices.Equal(tc.lock.calls, []string{"confirm"}) {
			t.Errorf("%s: %v, warns %q, asked %v, its own %v", name, err, got, r.slot.asked, r.slot.mine)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := withLock(&slots{slow: true, err: errLost})
		r.seen.State = fleet.Standby
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := r.takeSlot(ctx); !errors.Is(err, errLost) || r.slot.asked {
			t.Errorf("told to stop: %v, asked %v", err, r.slot.asked)
		}
	})
}

// What is said to the lock when a slot is released, and what an error of that means.
func TestReleasingASlot(t *testing.T) {
	unfinished := failure.New(failure.Unfinished, "", "not confirmed")
	for name, tc := range map[string]struct {
		change func(*run)
		err    error
		ends   bool
		warns  string
		basis  func(*run) lock.Basis
	}{
		"after its return":         {func(r *run) { r.moved = true }, nil, false, "", func(*run) lock.Basis { return lock.Basis{} }},
		"found returning":          {func(r *run) { r.returning = true }, nil, false, "", func(*run) lock.Basis { return lock.Basis{} }},
		"never used":               {func(r *run) {}, nil, false, "", func(r *run) lock.Basis { return lock.Basis{Seen: r.seen.began, Unused: true} }},
		"perhaps used":             {func(r *run) { r.slot.used = true }, nil, false, "", func(r *run) lock.Basis { return lock.Basis{Seen: r.seen.began} }},
		"not confirmed":            {func(r *run) { r.moved = true }, unfinished, true, "", func(*run) lock.Basis { return lock.Basis{} }},
		"no answer, so it is kept": {func(r *run) { r.moved = true }, errLost, false, "the slot was not released: connection reset", func(*run) lock.Basis { return lock.Basis{} }},
	} {
		s := &slots{err: tc.err}
		r := withLock(s)
		core, lines := observer.New(zap.WarnLevel)
		r.Log = zap.New(core)
		tc.change(r)
		err := r.releaseSlot(t.Context())
		if got := messages(lines); len(got) > 0 != (tc.warns != "") {
			t.Errorf("%s: logged %q", name, got)
		}
		if got := strings.Join(r.report.Warnings, ";"); (err != nil) != tc.ends || got != tc.warns || !r.slot.released || s.basis != tc.basis(r) {
			t.Errorf("%s: %v, warns %q, released %v, said %+v", name, err, got, r.slot.released, s.basis)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := withLock(&slots{err: errLost}); !errors.Is(r.releaseSlot(ctx), errLost) || len(r.report.Warnings) > 0 {
		t.Error("told to stop, and the error is swallowed")
	}
}

// A run that took a slot and did not use it releases it in the end, in a time of its own.
func TestASlotThatWasNotUsed(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*run)
		want   bool
	}{
		"it may hold one":      {func(r *run) {}, true},
		"it holds none":        {func(r *run) { r.Lock.(*slots).may = false }, false},
		"it moved":             {func(r *run) { r.moved = true }, false},
		"it may have moved":    {func(r *run) { r.doubt = errLost }, false},
		"it is out":            {func(r *run) { r.lastState = fleet.EnteringStandby }, false},
		"it was told to stop":  {func(r *run) {}, true},
		"there is no lock":     {func(r *run) { r.Lock = nil }, false},
		"the lock is no use":   {func(r *run) { r.Lock.(*slots).err = errLost }, true},
		"the lock is too slow": {func(r *run) { r.Lock.(*slots).slow, r.Lock.(*slots).err = true, errLost }, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &slots{may: true}
			r := withLock(s)
			tc.change(r)
			ctx, cancel := context.WithCancel(t.Context())
			if cancel(); name != "it was told to stop" {
				ctx = t.Context()
			}
			began := time.Now()
			r.leaveNoSlot(ctx)
			if (len(s.calls) == 1) != tc.want || tc.want && s.within != 15*time.Second || s.slow && time.Since(began) != 15*time.Second || (len(r.report.Warnings) == 1) != (s.err != nil) {
				t.Errorf("%s: called %q, given %s, warns %q", name, s.calls, s.within, r.report.Warnings)
			}
		})
	}
}
