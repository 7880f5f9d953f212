// Package lock takes a slot before an instance leaves service, so that no two instances begin to drain for one slot even
// where MinSize cannot be pinned at the minimum. Slots are kept in a DynamoDB table, or by a FleetLock server.
//
// A DynamoDB table has one item per group, with the instances that hold a slot. An instance writes its entry on the
// condition that nobody changed the item since it was read, and asks for EnterStandby within EnterWithin of sending
// that request. From then on the group's own state shows that the slot is taken. An entry whose holder died in between
// therefore means nothing once EnterWithin and the lag of Auto Scaling's reads are over: those who wait for a slot
// watch it for that long, on their own clock, and drop it. No two clocks are compared.
//
// A FleetLock server knows nothing of the group. A slot there is held until its holder, or a person, unlocks it.
package lock

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
)

const (
	// EnterWithin is how long after the request that took a slot was sent EnterStandby may be sent, on this host's
	// monotonic clock. It is enough for a call or two that AWS throttles.
	EnterWithin = 30 * time.Second
	// deadAfter is how long an entry is watched before it is taken for a dead holder's. It is EnterWithin and the most
	// that Auto Scaling's reads are assumed to lag, a minute: AWS publishes no bound, and seconds were seen.
	deadAfter = EnterWithin + time.Minute
)

// Options say whose lock it is.
type Options struct {
	Instance string // the ID of this instance
	// Addresses are what target groups of addresses list it by; "": it has none of that kind. They go into its entry,
	// outside a group.
	Addresses []string
	// Group is --lock-group: the key of the group's item, or the FleetLock group. Empty: the group's ARN, or its name.
	Group string
	// AWS are the settings of a loaded awsapi session. FleetLock does not use them.
	AWS aws.Config
	// HTTP carries the requests to a FleetLock server; nil: net/http's own, which honours HTTPS_PROXY. Redirects are
	// never followed.
	HTTP http.RoundTripper
	// Rand jitters the waits between attempts, in [0,1); nil: math/rand/v2.
	Rand func() float64
}

// Lock takes slots for one instance. It remembers which entries it has watched for how long, so one run has one Lock.
// It is not safe for concurrent use.
type Lock struct {
	where Where
	group string // --lock-group
	keeper
}

// keeper is where slots are kept. key names the group there.
type keeper interface {
	acquire(ctx context.Context, key string, seen Look, slots int) (Held, error)
	foresee(ctx context.Context, key string, seen Look, slots int) error
	confirm(ctx context.Context, key string) (bool, error)
	release(ctx context.Context, key string, b Basis) error
	holders(ctx context.Context, key string) ([]fleet.Entry, error)
	check(ctx context.Context, key string) error
	mayHold() bool
	known() []fleet.Entry
}

// New makes the lock that --lock names. It asks nobody. A group that could never be one is of class Usage.
func New(w Where, o Options) (*Lock, error) {
	if o.Group != "" {
		if err := w.accepts(o.Group); err != nil {
			return nil, failure.New(failure.Usage, w.rule(), "--lock-group %q %v", o.Group, err)
		}
	}
	random := o.Rand
	if random == nil {
		random = rand.Float64
	}
	l := &Lock{where: w, group: o.Group}
	if w.server != nil {
		l.keeper = newFleetLock(w, o, random)
	} else {
		l.keeper = newDynamo(w, o, random)
	}
	return l, nil
}

// Where is what --lock named.
func (l *Lock) Where() Where { return l.where }

// Acquire takes a slot, in one go: it waits for no holder. Other agents that want a slot at the same moment are no
// obstacle, nor are lost answers; it goes on until ctx ends. Its errors:
//
//   - *FullError, class NotNow: the slots are taken. Ask again with a new look; what was watched so far counts on.
//   - the error of Look.Object, as it is. No slot was taken.
//   - class Unreachable when ctx ended first, Denied, Setup: no table, a table with another key, a group that the
//     FleetLock server does not know.
//
// After an error the slot may be taken all the same: Release where the run ends without a move.
func (l *Lock) Acquire(ctx context.Context, seen Look, slots int) (Held, error) {
	key, err := l.key(seen.Group)
	if err != nil {
		return Held{}, err
	}
	return l.acquire(ctx, key, seen, slots)
}

// Foresee says what Acquire would say now, and takes nothing: one read for DynamoDB. A FleetLock server cannot be asked
// how many slots are free, so there it is no more than Check. Its errors are those of Acquire.
func (l *Lock) Foresee(ctx context.Context, seen Look, slots int) error {
	key, err := l.key(seen.Group)
	if err != nil {
		return err
	}
	return l.foresee(ctx, key, seen, slots)
}

// Confirm says whether a slot is this instance's, for one that is out already. A FleetLock server can only be asked to
// take one, which changes nothing where it is taken.
func (l *Lock) Confirm(ctx context.Context, g fleet.Group) (bool, error) {
	key, err := l.key(g)
	if err != nil {
		return false, err
	}
	return l.confirm(ctx, key)
}

// Basis is how it is known that the instance is in service when its slot is released. The zero value: its return was
// proven. Otherwise a move to Standby that no read shows yet may have followed its entry, which then has to stay for
// as long as it would for others. A FleetLock server knows no ages, and releases the slot all the same.
type Basis struct {
	// Seen: it was read as in service, by a look that began then.
	Seen time.Time
	// Unused: no move was asked for since this Lock took the slot.
	Unused bool
}

// Release releases the slot of this instance. Where it holds none, that is no error. An error of class Unfinished is
// for the operator: a FleetLock server did not confirm it, and nobody else will free the slot. Any other is not: others
// drop the entry of an instance in service by themselves. One of class NotNow says that the entry is too young.
func (l *Lock) Release(ctx context.Context, g fleet.Group, b Basis) error {
	key, err := l.key(g)
	if err != nil {
		return err
	}
	return l.release(ctx, key, b)
}

// MayHold: a request was sent that may have taken a slot, and none since that surely gave it back.
func (l *Lock) MayHold() bool { return l.mayHold() }

// State is the lock as a report shows it.
type State struct {
	Kind  string `json:"kind"` // dynamodb or fleetlock
	Where string `json:"where"`
	Group string `json:"group"` // the item's key, or the FleetLock group
	// Holders are those that have an entry, earliest first; nil where it is not known: a FleetLock server does not tell.
	Holders []fleet.Entry `json:"holders"`
}

// State reads who holds a slot. It is filled in as far as possible where there is an error.
func (l *Lock) State(ctx context.Context, g fleet.Group) (State, error) {
	s := State{Kind: l.where.Kind(), Where: l.where.String()}
	key, err := l.key(g)
	if err != nil {
		return s, err
	}
	s.Group = key
	s.Holders, err = l.holders(ctx, key)
	return s, err
}

// Known is the State as the calls so far told it. It asks nobody.
func (l *Lock) Known(g fleet.Group) State {
	s := State{Kind: l.where.Kind(), Where: l.where.String(), Holders: l.known()}
	if key, err := l.key(g); err == nil {
		s.Group = key
	}
	return s
}

// Check says why the lock could not work, without taking a slot: not reachable, no table, a table with another key,
// reading not allowed. Whether writing is allowed shows only when it is done.
func (l *Lock) Check(ctx context.Context, g fleet.Group) error {
	key, err := l.key(g)
	if err != nil {
		return err
	}
	return l.check(ctx, key)
}

// FreeCommand is how a person removes the entry of an instance that is gone; empty where nothing tells who holds a slot.
func (l *Lock) FreeCommand(g fleet.Group, id string) string {
	key, err := l.key(g)
	if err != nil || l.where.server != nil {
		return ""
	}
	return fmt.Sprintf("aws dynamodb update-item --table-name %s --key %s --update-expression %s --expression-attribute-names %s",
		l.where.table, format.ShellWord(fmt.Sprintf(`{%q:{"S":%q}}`, groupAttribute, key)),
		format.ShellWord("REMOVE "+holdersAttribute+".#i"), format.ShellWord(fmt.Sprintf(`{"#i":%q}`, id)))
}

// key names a group where the slots are kept.
func (l *Lock) key(g fleet.Group) (string, error) {
	key := cmp.Or(l.group, l.where.groupKey(g))
	if err := l.where.accepts(key); err != nil {
		return "", failure.New(failure.Setup, "name the group with --lock-group", "the group %q %v", key, err)
	}
	return key, nil
}

// Held is a slot that was taken.
type Held struct {
	// until is when EnterStandby must have been sent; zero: there is no such moment, or no slot.
	until time.Time
	// untilReleased: the slot is held until it is released.
	untilReleased bool
	// Others hold the other slots, as far as is known, by their IDs.
	Others []string
	// Dropped are the entries that were found to be of no use, and were removed on the way.
	Dropped []Dropped
}

// Valid says whether EnterStandby may be sent now, or sent again after it was throttled. Where it may not, acquire the
// slot again: somebody else may have taken it for free. The zero value is not valid.
//
// The monotonic clock stands still while a machine hibernates, so the wall clock must agree. One that is set forward
// costs a second acquisition.
func (h Held) Valid() bool {
	if h.untilReleased {
		return true
	}
	now := time.Now()
	return now.Before(h.until) && now.Round(0).Before(h.until.Round(0))
}

// Dropped is an entry that was removed, since its holder can no longer be about to leave.
type Dropped struct {
	ID  string
	Why string // "it is Terminating", as a sentence about the instance
}

func (d Dropped) String() string { return fmt.Sprintf("freed the slot of %s: %s", d.ID, d.Why) }
