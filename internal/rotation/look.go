package rotation

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"golang.org/x/sync/errgroup"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
	"balanced/internal/logging"
)

// confirm is how long after a first answer the second must agree, before an instance
// is taken to be in no group.
const confirm = 5 * time.Second

// look reads as much as is needed, within the budget of the row the run is at.
func (r *run) look(ctx context.Context, need scope) error {
	deadline := r.deadline()
	for _, least := range []time.Time{time.Now().Add(lastLook), r.start.Add(firstLook + r.stood() - r.began)} {
		if deadline.Before(least) {
			deadline = least
		}
	}
	ctx, look := awsapi.Together(ctx)
	defer look.Done()
	ctx, cancel := r.until(ctx, deadline)
	defer cancel()
	o, held := r.seen, r.held()
	o.ID, o.Began, o.scope, o.Torn = r.Self.Instance, time.Now(), need, false
	var err error
	switch need {
	case own:
		err = r.lookAtMe(ctx, &o)
	case ownDrain:
		err = r.lookAtMyTargets(ctx, &o)
	default:
		err = r.lookAtAll(ctx, &o)
	}
	r.stands = false
	if err != nil {
		return err
	}
	if began := look.Began(); !began.IsZero() { // later, where AWS throttles
		o.Began = began
	}
	o.Held = r.held() - held
	r.last, r.seen, r.looked = r.seen.Began, o, time.Now()
	if r.resolve != nil && (r.sure == "" || r.leftMeanwhile()) {
		r.budgets = r.resolve(o)
	}
	r.learn()
	if need == all {
		r.warned()
	}
	return nil
}

// lastLook is what one look is given even when its budget is all but over, so that
// the last word on the state is a fresh one.
const lastLook = 5 * time.Second

// lookAtMe asks the cheap question: one instance, one call.
func (r *run) lookAtMe(ctx context.Context, o *Observed) error {
	m, err := r.Groups.Membership(ctx, r.Self.Instance)
	if err != nil {
		return err
	}
	if m.Group == "" {
		return r.missing(ctx)
	}
	o.State, o.Healthy, o.Zone, o.Now = m.State, m.Healthy, m.Zone, m.At
	return nil
}

// missing is asked when no group lists this instance: it is so when a second read a
// little later says the same.
func (r *run) missing(ctx context.Context) error {
	if err := sleep(ctx, confirm); err != nil {
		return fmt.Errorf("ask again about %s, which no group lists: %w", r.Self.Instance, err)
	}
	m, err := r.Groups.Membership(ctx, r.Self.Instance)
	if err != nil {
		return err
	}
	if m.Group != "" {
		return errReread
	}
	return ErrNotMember
}

var errReread = errors.New("two reads disagree")

// lookAtAll reads the group, its feed, its refreshes, every target and the notices.
// The group comes first: it names what else there is to ask. What does not depend on
// one another is read side by side. A run that waits for its turn reads no more than the
// group while what keeps it waiting stands. All else is then as old as the last whole
// look, and nothing is done by it: the row that waits goes on waiting.
func (r *run) lookAtAll(ctx context.Context, o *Observed) error {
	if err := r.lookAtGroup(ctx, o); err != nil {
		return err
	}
	if r.stands && time.Since(r.whole) < wholeEvery && o.stands(r.seen) {
		return nil
	}
	r.whole = time.Now()
	group := *o // the reads below write to o side by side
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		o.Activities, err = r.Groups.Activities(gctx, group.Group.Name, everyClaimant(group.Group))
		return err
	})
	if r.refreshes && r.sent.IsZero() { // they speak against leaving, and nothing else
		g.Go(func() (err error) {
			o.Refreshes, err = r.Groups.Refreshes(gctx, group.Group.Name)
			return err
		})
	}
	g.Go(func() (err error) {
		o.Notices, err = r.lookForNotices(gctx)
		return err
	})
	var traffic []Traffic
	g.Go(func() (err error) {
		traffic, err = r.lookAtTraffic(gctx, group)
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	o.Traffic = traffic
	return nil
}

// wholeEvery is the longest a run that waits for its turn looks at nothing but the group.
const wholeEvery = 2 * time.Minute

// stands: Auto Scaling says the same of the group and of this instance as before.
func (o Observed) stands(before Observed) bool {
	now, then := o.Group, before.Group
	now.At, then.At = time.Time{}, time.Time{}
	return !o.Torn && o.State == before.State && o.Healthy == before.Healthy && reflect.DeepEqual(now, then)
}

// lookForNotices asks what is planned for the instance. Once a move is under way the
// answer decides little, so a metadata service out of breath does not end the run.
func (r *run) lookForNotices(ctx context.Context) (fleet.Notices, error) {
	n, err := r.Metadata.Notices(ctx)
	if err != nil && r.underWay() && ctx.Err() == nil {
		r.Log.Warn("notices not read", logging.Error(err))
		return r.seen.Notices, nil
	}
	return n, err
}

// lookAtGroup reads the group, and learns from its list what this instance's state
// is. Where that differs from what was last known, the cheap question is asked too:
// the two views may lag differently, and only together they are the truth.
func (r *run) lookAtGroup(ctx context.Context, o *Observed) error {
	if r.group == "" {
		if err := r.join(ctx, o); err != nil {
			return err
		}
	}
	g, err := r.Groups.Group(ctx, r.group)
	if errors.Is(err, fleet.ErrNoGroup) {
		return r.missing(ctx)
	}
	if err != nil {
		return err
	}
	o.Group, o.Now = g, g.At
	me, _ := g.Member(r.Self.Instance)
	if me.State == o.State && me.State != "" {
		o.Healthy, o.Zone = me.Healthy, me.Zone
		return nil
	}
	if err := r.lookAtMe(ctx, o); err != nil {
		return err
	}
	o.Torn = o.State != me.State
	return nil
}

// join finds the group this instance belongs to.
func (r *run) join(ctx context.Context, o *Observed) error {
	m, err := r.Groups.Membership(ctx, r.Self.Instance)
	if err != nil {
		return err
	}
	if m.Group == "" {
		return r.missing(ctx)
	}
	r.group, o.State, o.Healthy, o.Zone = m.Group, m.State, m.Healthy, m.Zone
	return nil
}
