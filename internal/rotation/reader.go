package rotation

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/logging"
)

// scope is how much one look reads.
type scope int

const (
	noLook   scope = iota - 1 // the last look serves
	ownState                  // this instance's lifecycle state: one call
	ownDrain                  // and what each load balancer says about it: one call each
	whole                     // the whole group, its feed, and every target
)

// reading is what one look saw. Everything is decided from it; a look that read less than the whole keeps the rest from
// the look before.
type reading struct {
	fleet.Snapshot
	scope scope
	// began is this host's clock before the first request of the look went out: what it shows is at least as young as
	// that, less AWS's own lag. looked is when the look was complete.
	began, looked time.Time
	held          time.Duration // how long AWS's throttling held the look back
}

// question is what a look has to find out.
type question struct {
	scope scope
	// refreshes: instance refreshes are asked about, too.
	refreshes bool
	// underWay: a move was made. The notices decide little then.
	underWay bool
	// groupAlone: while the group is as it was, nothing else need be read.
	groupAlone bool
}

// reader reads what there is to know about one instance and its group. It keeps what need not be read again.
type reader struct {
	id        string
	groups    Groups
	balancers Balancers
	metadata  Metadata
	log       *zap.Logger
	ignore    []string // load balancers that do not count
	// entries asks a lock who holds a slot; nil: there is none.
	entries func(context.Context, fleet.Group) ([]fleet.Entry, error)

	group     string    // the name of the instance's group; empty: not known yet
	attached  []string  // the sources whose settings are known; nil: none were read yet
	seen      reading   // the last look
	lastWhole time.Time // when the last look began that read the whole group
	lastBegan time.Time // when the look before the last began
	// lastState is the instance's state at the last look; empty before the first.
	lastState fleet.State
	inward    bool // an instance outside a group that is registered in part is on its way in, not out
}

func newReader(a *Agent, ignore []string) *reader {
	return &reader{id: a.Self.Instance, groups: a.Groups, balancers: a.Balancers, metadata: a.Metadata, log: a.Log, ignore: ignore}
}

// ErrNotMember: the instance is in no Auto Scaling group.
var ErrNotMember error = failure.New(failure.Setup, "attach it to a group, or use --if-member", "in no Auto Scaling group")

// confirmAbsence is how long after a first answer the second must agree, before an instance is taken to be in no group.
const confirmAbsence = 5 * time.Second

// wholeEvery is the longest that a run which waits for its turn looks at nothing but the group.
const wholeEvery = 2 * time.Minute

// read answers a question. held is the throttling of the run, before and after.
func (r *reader) read(ctx context.Context, q question, held func() time.Duration) error {
	ctx, look := awsapi.Together(ctx)
	defer look.Done()
	next, before := r.seen, held()
	next.ID, next.began, next.scope, next.Torn = r.id, time.Now(), q.scope, false
	var err error
	switch q.scope {
	case ownState:
		err = r.readOwnState(ctx, &next)
	case ownDrain:
		err = r.readOwnTargets(ctx, &next)
	default:
		err = r.readWhole(ctx, q, &next)
	}
	if err != nil {
		return err
	}
	if began := look.Began(); !began.IsZero() { // later, where AWS throttles
		next.began = began
	}
	next.held, next.looked = held()-before, time.Now()
	r.lastBegan, r.seen = r.seen.began, next
	return nil
}

// membership asks about this instance, and asks again a little later where no group lists it. ErrNotMember where the
// second answer agrees.
func (r *reader) membership(ctx context.Context) (fleet.Membership, error) {
	m, err := r.groups.Membership(ctx, r.id)
	if err != nil || m.Group != "" {
		return m, err
	}
	if err := sleep(ctx, confirmAbsence); err != nil {
		return m, fmt.Errorf("ask again about %s, which no group lists: %w", r.id, err)
	}
	if m, err = r.groups.Membership(ctx, r.id); err == nil && m.Group == "" {
		err = ErrNotMember
	}
	return m, err
}

// readOwnState asks the cheap question: one instance, one call.
func (r *reader) readOwnState(ctx context.Context, to *reading) error {
	m, err := r.membership(ctx)
	if err != nil {
		return err
	}
	r.group = m.Group
	to.State, to.Healthy, to.Zone, to.Now = m.State, m.Healthy, m.Zone, m.At
	if (m.Held != fleet.Held{}) {
		to.State, to.Group.Held = m.Held.State(r.inward), m.Held
	}
	return nil
}

// readWhole reads the group, its feed, its refreshes, every target and the notices. The group comes first: it names
// what else there is to ask. What does not depend on one another is read side by side.
//
// A run that waits for its turn reads no more than the group while what keeps it waiting stands. All else is then as old
// as the last whole look, and nothing is done by it: the row that waits goes on waiting.
func (r *reader) readWhole(ctx context.Context, q question, to *reading) error {
	if err := r.readGroup(ctx, to); err != nil {
		return err
	}
	if q.groupAlone && time.Since(r.lastWhole) < wholeEvery && sameGroup(to.Snapshot, r.seen.Snapshot) {
		return nil
	}
	r.lastWhole = time.Now()
	group := to.Snapshot // the reads below write to it side by side
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		to.Activities, err = r.groups.Activities(gctx, group.Group.Name, fleet.CoversHolders(group.Group))
		return err
	})
	if q.refreshes {
		g.Go(func() (err error) {
			to.Refreshes, err = r.groups.Refreshes(gctx, group.Group.Name)
			return err
		})
	}
	g.Go(func() (err error) {
		to.Notices, err = r.readNotices(gctx, q.underWay)
		return err
	})
	var traffic []fleet.Traffic
	g.Go(func() (err error) {
		traffic, err = r.readTraffic(gctx, group)
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	to.Traffic = traffic
	return nil
}

// sameGroup: Auto Scaling says the same of the group and of this instance as before.
func sameGroup(now, before fleet.Snapshot) bool {
	a, b := now.Group, before.Group
	a.At, b.At = time.Time{}, time.Time{}
	return !now.Torn && now.State == before.State && now.Healthy == before.Healthy && reflect.DeepEqual(a, b)
}

// readNotices asks what is planned for the instance. Once a move is under way the answer decides little, so a metadata
// service that does not answer does not end the run.
func (r *reader) readNotices(ctx context.Context, underWay bool) (fleet.Notices, error) {
	n, err := r.metadata.Notices(ctx)
	if err != nil && underWay && ctx.Err() == nil {
		r.log.Warn("the notices of the metadata service were not read", logging.Error(err))
		return r.seen.Notices, nil
	}
	return n, err
}

// readGroup reads the group, and learns from its list what this instance's state is. Where that differs from what was
// last known, the cheap question is asked too: the two views may lag differently, and only both together decide.
func (r *reader) readGroup(ctx context.Context, to *reading) error {
	if r.group == "" {
		if err := r.readOwnState(ctx, to); err != nil {
			return err
		}
	}
	g, err := r.groups.Group(ctx, r.group)
	if errors.Is(err, fleet.ErrNoGroup) { // deleted, unless the instance is still listed
		if err := r.readOwnState(ctx, to); err != nil {
			return err
		}
		g, err = r.groups.Group(ctx, r.group)
	}
	if err != nil {
		return err
	}
	to.Group, to.Now = g, g.At
	if g.Declared() {
		return r.readDeclared(ctx, to)
	}
	me, _ := g.Member(r.id)
	if me.State == to.State && me.State != "" {
		to.Healthy, to.Zone = me.Healthy, me.Zone
		return nil
	}
	if err := r.readOwnState(ctx, to); err != nil {
		return err
	}
	to.Torn = to.State != me.State
	return nil
}
