package rotation

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"balanced/internal/fleet"
)

// atOnce bounds the load balancers asked at a time: each question needs a connection of
// its own, and the bucket they draw on is the whole account's.
const atOnce = 4

// lookAtMyTargets adds what each load balancer says about this instance. While one
// holds it up nothing depends on the others, so that one is asked alone first.
func (r *run) lookAtMyTargets(ctx context.Context, o *Observed) error {
	holds, held := r.seen.holdsUp()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	g.Go(func() error { return r.lookAtMe(gctx, o) })
	ask := func(ctx context.Context, i int) (err error) {
		t := &o.Traffic[i]
		mine, err := r.Balancers.HealthOf(ctx, t.Source, r.Self.Instance)
		t.Mine = []fleet.Target{mine}
		return err
	}
	o.Traffic = slices.Clone(o.Traffic)
	first := func(i int) bool { return !held || i == holds }
	for i := range o.Traffic {
		if first(i) {
			g.Go(func() error { return ask(gctx, i) })
		}
	}
	if err := g.Wait(); err != nil || !held {
		return err
	}
	if still, held := o.holdsUp(); held && still == holds && o.State == r.seen.State {
		return nil
	}
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range o.Traffic {
		if !first(i) {
			g.Go(func() error { return ask(gctx, i) })
		}
	}
	return g.Wait()
}

// holdsUp finds the source that keeps this instance from where it is going: in Standby
// one that still lists it, in service one that does not call it healthy. Known only
// when the look asked the sources.
func (o Observed) holdsUp() (source int, ok bool) {
	if o.scope == own {
		return 0, false
	}
	for i, t := range o.Traffic {
		if _, listed := t.listsMe(); o.State == fleet.Standby && listed {
			return i, true
		}
		if o.State == fleet.InService && t.Counts() && t.saysOfMe(o.ID).Health != fleet.Healthy {
			return i, true
		}
	}
	return 0, false
}

// lookAtTraffic reads every target of every source, and the sources' settings when
// they are new to this run.
func (r *run) lookAtTraffic(ctx context.Context, o Observed) ([]Traffic, error) {
	traffic, err := r.sources(ctx, o)
	if err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range traffic {
		g.Go(func() (err error) {
			t := &traffic[i]
			t.Targets, err = r.Balancers.Health(ctx, t.Source)
			t.Mine = slices.DeleteFunc(slices.Clone(t.Targets), func(x fleet.Target) bool { return x.Instance != r.Self.Instance })
			*t = t.sorted()
			return err
		})
	}
	return traffic, g.Wait()
}

// sources are the group's traffic sources with their settings: read once, and again
// only when something was attached or detached meanwhile.
func (r *run) sources(ctx context.Context, o Observed) ([]Traffic, error) {
	attached := append([]string{}, slices.Concat(o.Group.Classic, o.Group.TargetGroups)...)
	if r.attached != nil && slices.Equal(attached, r.attached) {
		return slices.Clone(o.Traffic), nil
	}
	found, err := r.Balancers.Describe(ctx, o.Group.Classic, o.Group.TargetGroups)
	if err != nil {
		return nil, err
	}
	traffic := make([]Traffic, 0, len(found))
	for _, s := range found {
		traffic = append(traffic, Traffic{Source: s, Ignored: slices.Contains(r.opt.Ignore, s.Name) || slices.Contains(r.opt.Ignore, s.ID)})
	}
	r.attached = attached
	return traffic, r.checkIgnored(traffic)
}

// checkIgnored refuses a name that no source bears: a typing error there would leave
// the operator with a proof that was not asked for.
func (r *run) checkIgnored(traffic []Traffic) error {
	for _, name := range r.opt.Ignore {
		if !slices.ContainsFunc(traffic, func(t Traffic) bool { return t.Name == name || t.ID == name }) {
			return stopf(Setup, "give the name or ARN of one that is attached", "--ignore %s: %s has no such load balancer or target group", name, r.group)
		}
	}
	return nil
}
