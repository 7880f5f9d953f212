package lock

import (
	"context"
	"errors"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
)

const (
	// writeTime is what one write of an entry is given, its retries included: what is answered later leaves too little
	// of EnterWithin to enter Standby in.
	writeTime = 20 * time.Second
	// racing is how long an acquisition goes on while others change the item: what was read of the group before it
	// grows old meanwhile.
	racing = 30 * time.Second
	// releaseTime is what releasing a slot is given. Where it does not succeed, others drop the entry after deadAfter.
	releaseTime = 15 * time.Second
)

// attempt is a write of this instance's entry.
type attempt struct {
	entry string
	held  Held
}

// recognise: the entry that was read is the one that the attempt wrote, and there is time left to enter Standby. A write
// whose answer was lost or was a refusal may have taken effect all the same.
func (a attempt) recognise(entry string) bool {
	return entry != "" && entry == a.entry && time.Until(a.held.until) > EnterWithin-writeTime
}

// acquire reads who holds a slot, and writes this instance's entry where one is free and nobody changed the item
// meanwhile. After any answer but a yes it begins anew, with a read.
func (d *dynamo) acquire(ctx context.Context, key string, seen Look, n int) (Held, error) {
	ctx = awsapi.Hurry(ctx)
	var last attempt
	for round, began := 0, time.Now(); ; round++ {
		now, err := d.read(ctx, key)
		if err != nil {
			return Held{}, err
		}
		if last.recognise(now.holders[d.self]) {
			return last.held, nil
		}
		d.found = d.found || !d.wrote && now.holders[d.self] != ""
		j := d.watched.judge(d.self, now.holders, seen)
		if err := j.refuse(max(n, 1), d.where, seen); err != nil {
			return Held{}, err
		}
		next := now.with(d.self, d.addresses, true, j.dropped)
		last = attempt{entry: next.holders[d.self], held: Held{until: time.Now().Add(EnterWithin), Others: j.ids(), Dropped: j.dropped}}
		if err = d.writeInTime(ctx, key, now, next); err == nil {
			return last.held, nil
		}
		if !again(ctx, err) {
			return Held{}, err
		}
		if time.Since(began) > racing {
			return Held{}, &FullError{Refusal: failure.New(failure.NotNow, "run it again",
				"%s changed for %s while a slot was free: %v", d.where, format.Duration(racing), err)}
		}
		if err := d.pause(ctx, round, slowest); err != nil {
			return Held{}, d.unreachable(ctx, "table %s: %w", d.where.table, err)
		}
	}
}

// writeInTime gives a write writeTime at most.
func (d *dynamo) writeInTime(ctx context.Context, key string, before, after slots) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	return d.write(ctx, key, before, after)
}

// again: a write that ended with err may have taken effect, or may be tried again, and there is time. One without an
// error is done.
func again(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	return errors.Is(err, errConflict) || errors.Is(err, errNotWhole) || failure.Is(err, failure.Unreachable)
}

// refuse says why no slot may be taken.
func (j judged) refuse(n int, where Where, seen Look) error {
	if err := j.full(n, where); err != nil {
		return err
	}
	if seen.Object == nil {
		return nil
	}
	return seen.Object(j.ids())
}

// foresee reads, and judges.
func (d *dynamo) foresee(ctx context.Context, key string, seen Look, n int) error {
	now, err := d.read(awsapi.Hurry(ctx), key)
	if err != nil {
		return err
	}
	j := d.watched.judge(d.self, now.holders, seen)
	return j.refuse(max(n, 1), d.where, seen)
}

// confirm: this instance has an entry.
func (d *dynamo) confirm(ctx context.Context, key string) (bool, error) {
	now, err := d.read(ctx, key)
	return now.holders[d.self] != "", err
}

// release removes this instance's entry, if it is old enough for what is known. The item stays.
func (d *dynamo) release(ctx context.Context, key string, b Basis) error {
	ctx, cancel := context.WithTimeout(awsapi.Hurry(ctx), releaseTime)
	defer cancel()
	for round := 0; ; round++ {
		now, err := d.read(ctx, key)
		if err != nil {
			return err
		}
		if now.holders[d.self] == "" {
			d.wrote = false
			return nil
		}
		sure := b.Seen.IsZero() || b.Unused && d.wrote && !d.found
		if !sure && b.Seen.Before(entryTime(now.holders[d.self]).Add(deadAfter)) {
			return failure.New(failure.NotNow, "others free it", "its entry is younger than %s, and reads may not show a move that followed it yet", format.Duration(deadAfter))
		}
		if err = d.write(ctx, key, now, now.with(d.self, nil, false, nil)); !again(ctx, err) {
			return err
		}
		if err := d.pause(ctx, round, slowest); err != nil {
			return d.unreachable(ctx, "table %s: %w", d.where.table, err)
		}
	}
}

func (d *dynamo) holders(ctx context.Context, key string) ([]fleet.Entry, error) {
	now, err := d.read(ctx, key)
	if err != nil {
		return nil, err
	}
	return now.list(), nil
}

func (d *dynamo) mayHold() bool { return d.wrote }

func (d *dynamo) known() []fleet.Entry {
	if d.last == nil {
		return nil
	}
	return d.last.list()
}

// check reads the item, which tells all that can go wrong but a denied write.
func (d *dynamo) check(ctx context.Context, key string) error {
	_, err := d.read(ctx, key)
	return err
}
