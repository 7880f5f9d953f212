package rotation

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// sideBySide bounds the load balancers asked at a time: each question needs a connection of its own, and the bucket
// they draw on is the whole account's.
const sideBySide = 4

// readOwnTargets adds what each load balancer says about this instance. While one keeps it from where it is going,
// nothing depends on the others, so that one is asked alone first.
func (r *reader) readOwnTargets(ctx context.Context, to *reading) error {
	slowest, found := r.seen.keptBy()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(sideBySide)
	g.Go(func() error { return r.readOwnState(gctx, to) })
	to.Traffic = slices.Clone(to.Traffic)
	first := func(i int) bool { return !found || i == slowest }
	r.askOwn(gctx, g, to.Traffic, first)
	if err := g.Wait(); err != nil || !found {
		return err
	}
	if still, found := to.keptBy(); found && still == slowest && to.State == r.seen.State {
		return nil
	}
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(sideBySide)
	r.askOwn(gctx, g, to.Traffic, func(i int) bool { return !first(i) })
	return g.Wait()
}

// askOwn asks some of the sources about this instance.
func (r *reader) askOwn(ctx context.Context, g *errgroup.Group, traffic []fleet.Traffic, which func(int) bool) {
	for i := range traffic {
		if !which(i) {
			continue
		}
		g.Go(func() error {
			mine, err := r.balancers.HealthOf(ctx, traffic[i].Source, r.id)
			traffic[i].Mine = []fleet.Target{mine}
			return err
		})
	}
}

// keptBy finds the source that keeps this instance from where it is going: in Standby one that still lists it, in
// service one that does not call it healthy. Known only when the look asked the sources.
func (o reading) keptBy() (source int, ok bool) {
	if o.scope == ownState {
		return 0, false
	}
	for i, t := range o.Traffic {
		if _, listed := t.StillListed(); o.State.Settled() && listed {
			return i, true
		}
		if o.State == fleet.InService && t.Counts() && t.Own(o.ID).Health != fleet.Healthy {
			return i, true
		}
	}
	return 0, false
}

// readTraffic reads every target of every source, and the sources' settings when they are new to this run.
func (r *reader) readTraffic(ctx context.Context, s fleet.Snapshot) ([]fleet.Traffic, error) {
	traffic, err := r.sources(ctx, s)
	if err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(sideBySide)
	for i := range traffic {
		g.Go(func() (err error) {
			t := &traffic[i]
			t.Targets, err = r.balancers.Health(ctx, t.Source)
			t.Targets = s.Group.Named(t.Targets)
			t.Mine = slices.DeleteFunc(slices.Clone(t.Targets), func(x fleet.Target) bool { return x.Instance != r.id })
			*t = t.Indexed()
			return err
		})
	}
	return traffic, g.Wait()
}

// sources are the group's traffic sources with their settings: read once, and again only when something was attached or
// detached meanwhile.
func (r *reader) sources(ctx context.Context, s fleet.Snapshot) ([]fleet.Traffic, error) {
	attached := append([]string{}, slices.Concat(s.Group.Classic, s.Group.TargetGroups)...)
	if r.attached != nil && slices.Equal(attached, r.attached) {
		return slices.Clone(s.Traffic), nil
	}
	found, err := r.balancers.Describe(ctx, s.Group.Classic, s.Group.TargetGroups)
	if err != nil {
		return nil, err
	}
	traffic := make([]fleet.Traffic, 0, len(found))
	for _, s := range found {
		traffic = append(traffic, fleet.Traffic{Source: s, Ignored: slices.Contains(r.ignore, s.Name) || slices.Contains(r.ignore, s.ID)})
	}
	r.attached = attached
	return traffic, r.checkIgnored(traffic)
}

// checkIgnored refuses a name that no source bears: a typing error there would leave the operator with a proof that was
// not asked for.
func (r *reader) checkIgnored(traffic []fleet.Traffic) error {
	for _, name := range r.ignore {
		if !slices.ContainsFunc(traffic, func(t fleet.Traffic) bool { return t.Name == name || t.ID == name }) {
			return failure.New(failure.Setup, "give the name or ARN of one that is attached",
				"--ignore %s: %s has no such load balancer or target group", name, r.group)
		}
	}
	return nil
}
