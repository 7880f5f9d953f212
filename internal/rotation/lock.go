package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
	"balanced/internal/lock"
	"balanced/internal/logging"
)

// SlotLock takes a slot before an instance leaves, where MinSize does not hold the minimum. *lock.Lock meets it.
type SlotLock interface {
	Acquire(ctx context.Context, seen lock.Look, slots int) (lock.Held, error)
	Foresee(ctx context.Context, seen lock.Look, slots int) error
	Confirm(ctx context.Context, g fleet.Group) (bool, error)
	Release(ctx context.Context, g fleet.Group, b lock.Basis) error
	MayHold() bool
	State(ctx context.Context, g fleet.Group) (lock.State, error)
	FreeCommand(g fleet.Group, id string) string
	Known(g fleet.Group) lock.State
	Check(ctx context.Context, g fleet.Group) error
}

// slot is what a run knows of its slot in a lock.
type slot struct {
	held     lock.Held // from when it was taken until EnterStandby must have been sent
	refused  *verdict  // why there is no slot, at the last look
	foreseen bool      // a dry run found one that is free
	asked    bool      // whether the slot is its own, for an instance that was found out
	mine     bool      // the slot was its own when it left, or when it was found out
	released bool
	used     bool // EnterStandby was asked for, and the answer does not say that AWS throttled or denied it
}

// lockRow takes the slot. It works on the look that the guards passed, so it costs no other.
func lockRow() step {
	return step{
		name: "lock", does: "with --lock, take a slot before the move; wait while all are taken", doing: "asking the lock",
		applies: wantsSlot, needs: whole, check: slotDue, act: (*run).takeSlot, sameLook: true, within: budgetWait,
	}
}

// releaseRow releases the slot, once the return is proven.
func releaseRow() step {
	return step{
		name: "release", does: "with --lock, release the slot", doing: "releasing the slot",
		applies: func(v view) bool { return v.locks && !v.isRollback && !v.DryRun && inService(v.State) },
		check:   releaseDue, act: (*run).releaseSlot, sameLook: true, within: budgetMove,
	}
}

// wantsSlot: before the move, or for an instance that was found out and was not asked about yet.
func wantsSlot(v view) bool {
	return v.locks && v.sent.IsZero() && (inService(v.State) || v.State.Out() && !v.slot.asked && !v.DryRun)
}

// slotDue: a slot is there, and what was read is young enough to leave by.
func slotDue(v view) verdict {
	if old := stale(v); old.kind != settled {
		return old
	}
	switch took := time.Since(v.began); {
	case v.slot.refused != nil:
		return *v.slot.refused
	case v.slot.foreseen:
		return verdict{}
	case !v.slot.held.Valid():
		return verdict{kind: act}
	case took > v.freshFor():
		return blockedBy(failure.NotNow, "run it again", "reading and taking a slot took %s, too long to decide by", format.Duration(took))
	}
	return verdict{}
}

func releaseDue(v view) verdict {
	if v.slot.released {
		return verdict{}
	}
	return verdict{kind: act}
}

// takeSlot takes a slot by the look that was just judged. That all are taken is a verdict, which waiting may lift; every
// other error ends the run: without an answer nothing is moved.
func (r *run) takeSlot(ctx context.Context) error {
	if r.seen.State.Out() {
		return r.confirmSlot(ctx)
	}
	ctx, cancel := r.untilAnswered(ctx)
	defer cancel()
	seen, slots := r.lockLook()
	seen.Object = func(holders []string) error { return objection(r.view(), holders) }
	if r.DryRun {
		err := r.Lock.Foresee(ctx, seen, slots)
		r.slot.foreseen = err == nil
		return r.noSlot(err)
	}
	return r.noSlot(r.acquire(ctx, seen, slots))
}

// acquire takes a slot, and tells whose it freed on the way.
func (r *run) acquire(ctx context.Context, seen lock.Look, slots int) error {
	held, err := r.Lock.Acquire(ctx, seen, slots)
	for _, dropped := range held.Dropped {
		r.note(dropped.String())
	}
	r.slot.held = held
	return err
}

// lockLook is the last look as the lock judges it, and how many slots there are.
func (r *run) lockLook() (seen lock.Look, slots int) {
	return lock.AtGroup(r.seen.Snapshot, r.seen.began), r.seen.Count(r.min).Slots
}

// noSlot notes why there is no slot. It returns what no wait for a slot can lift.
func (r *run) noSlot(err error) error {
	if objects, ok := errors.AsType[objectionError](err); ok {
		r.slot.refused = &objects.verdict
		return nil
	}
	full, ok := errors.AsType[*lock.FullError](err)
	if !ok {
		return err
	}
	judged := verdict{kind: blocked, refusal: full.Refusal}
	if r.seen.State.Out() { // what an earlier run began is not finished
		judged.refusal = failure.New(failure.Unfinished, full.Hint, "%s is out, and %s", r.id, full.Reason)
	}
	if time.Until(full.NextLook) < slowestTurn { // else a holder that returns frees its slot sooner
		judged.nextLook = full.NextLook
	}
	r.slot.refused = &judged
	return nil
}

// objectionError is what the guards say once those that are about to leave are known.
type objectionError struct{ verdict }

func (o objectionError) Error() string { return o.reason() }

// objection asks the guards again, on the group as it will be without the holders of the other slots. One that has a
// slot and is still in service leaves any moment.
func objection(v view, holders []string) error {
	v.Snapshot = v.WithLeaving(holders)
	if judged := mayLeave(v); judged.kind == blocked {
		return objectionError{judged}
	}
	return nil
}

// confirmSlot finds out whether the slot of an instance that is out already is its own. It spares waiting, and no more:
// the group's state holds the slot, so an error is no reason to stop.
func (r *run) confirmSlot(ctx context.Context) error {
	within, cancel := r.untilAnswered(ctx)
	defer cancel()
	mine, err := r.Lock.Confirm(within, r.seen.Group)
	if ctx.Err() != nil {
		return err
	}
	r.slot.asked, r.slot.mine = true, mine
	switch {
	case err != nil:
		r.warnOnce("whether the slot in the lock is this instance's is not known: " + err.Error())
	case !mine && r.seen.Group.Declared():
		return r.slotWhileOut(ctx)
	case !mine:
		r.warnOnce("the slot in the lock is not this instance's: it left without it")
	}
	return nil
}

// slotWhileOut takes a slot for an instance that left without one: outside a group nothing but the lock shows the others
// that it is out.
func (r *run) slotWhileOut(ctx context.Context) error {
	ctx, cancel := r.untilAnswered(ctx)
	defer cancel()
	seen, slots := r.lockLook()
	err := r.acquire(ctx, seen, slots)
	r.slot.asked, r.slot.mine = err == nil, err == nil
	return r.noSlot(err)
}

// tellUnlisted says how to free the slot of another instance that is out, or is gone: outside a group nothing tells which.
func (r *run) tellUnlisted() {
	if !r.locks || !r.seen.Group.Declared() {
		return
	}
	for _, h := range r.seen.OtherHolders() {
		if command := r.Lock.FreeCommand(r.seen.Group, h.ID); command != "" {
			r.warnOnce(fmt.Sprintf("%s holds a slot, and no load balancer has it registered; if it is gone for good, free the slot: %s", h.ID, command))
		}
	}
}

// releaseSlot releases the slot. An error is one that the operator has to know of. Others free a slot that could not be
// released where they see that the instance is in service.
func (r *run) releaseSlot(ctx context.Context) error {
	within, cancel := r.untilAnswered(ctx)
	defer cancel()
	r.slot.released = true
	err := r.release(within)
	if err == nil || failure.Is(err, failure.Unfinished) || ctx.Err() != nil {
		return err
	}
	r.slotKept(err)
	return nil
}

// slotKept warns of a slot that could not be released.
func (r *run) slotKept(err error) {
	r.Log.Warn("the slot was not released", logging.Error(err))
	r.report.warn("the slot was not released: " + err.Error())
}

// lastRelease is what releasing a slot is given at the end of a run that did not move.
const lastRelease = 15 * time.Second

// leaveNoSlot releases a slot that a run took and did not use. The run has ended, perhaps by a signal, so this has a
// time of its own.
func (r *run) leaveNoSlot(ctx context.Context) {
	if r.Lock == nil || r.underWay() || r.lastState.Out() || !r.Lock.MayHold() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRelease)
	defer cancel()
	if err := r.release(ctx); err != nil {
		r.slotKept(err)
	}
}

// release releases the slot. That the instance is in service is known by its own return; else it is a reading, which may
// lag behind a move of an earlier run, or behind one of this run that was not answered.
func (r *run) release(ctx context.Context) error {
	basis := lock.Basis{}
	if !r.moved && !r.returning {
		basis = lock.Basis{Seen: r.seen.began, Unused: !r.slot.used}
	}
	return r.Lock.Release(ctx, r.seen.Group, basis)
}

// seeLock reads who holds a slot, for a report, unless the look has. Without an answer it warns.
func (r *run) seeLock(ctx context.Context) {
	state := r.Lock.Known(r.seen.Group)
	if r.report.Lock = &state; state.Holders != nil {
		return
	}
	ctx, cancel := r.untilAnswered(ctx)
	defer cancel()
	var err error
	if state, err = r.Lock.State(ctx, r.seen.Group); err != nil {
		r.report.warn("the lock: " + err.Error())
	}
}

// untilAnswered bounds a question to the lock by the budget of the row, as a look is.
func (r *run) untilAnswered(ctx context.Context) (context.Context, context.CancelFunc) {
	return r.until(ctx, r.lookEnds(lastRelease), "the lock")
}

// releaseAfterRollback releases the slot of an instance that is in service again, before the run starts anew. What it
// returns ends the run: a slot that stays taken is the operator's to free.
func (r *run) releaseAfterRollback(ctx context.Context) error {
	if r.Lock == nil {
		return nil
	}
	err := r.releaseSlot(ctx)
	if err == nil {
		return nil
	}
	return failure.New(failure.RolledBack, "run balanced in, which frees it", "%v; %v", r.rolledBack, err)
}
