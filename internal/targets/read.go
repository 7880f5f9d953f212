package targets

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// sideBySide bounds the calls under way, as the engine does.
const sideBySide = 4

func registered(h fleet.Health) bool { return h != fleet.Unregistered && h != fleet.Draining }

// key tells the places apart: one target group may be declared with several ports.
func (p place) key() string { return fmt.Sprintf("%s:%d", p.ID, p.Port) }

// placeOf is the declared place of a source that the engine asks about.
func (a *Adapter) placeOf(source fleet.Source) place {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.places {
		if p.ID == source.ID && p.Port == source.Port {
			return p
		}
	}
	return place{Source: source, target: a.self.Instance}
}

// memo keeps the answers of one look of the engine, which asks for its own state, its group and its load balancers: here
// they are the same question.
type memo struct {
	look    *awsapi.Look
	answers map[string]*answer
}

// answer is there when done is closed.
type answer struct {
	done    chan struct{}
	targets []fleet.Target
	err     error
}

// once asks, unless the same look has asked before.
func (a *Adapter) once(ctx context.Context, what string, ask func() ([]fleet.Target, error)) ([]fleet.Target, error) {
	look := awsapi.LookOf(ctx)
	if look == nil {
		return ask()
	}
	a.mu.Lock()
	if a.memo.look != look {
		a.memo = memo{look: look, answers: map[string]*answer{}}
	}
	one, asked := a.memo.answers[what]
	if !asked {
		one = &answer{done: make(chan struct{})}
		a.memo.answers[what] = one
	}
	a.mu.Unlock()
	if !asked {
		one.targets, one.err = ask()
		close(one.done)
	}
	select {
	case <-one.done:
		return one.targets, one.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// own asks a load balancer about this instance.
func (a *Adapter) own(ctx context.Context, p place) (fleet.Target, error) {
	mine, err := a.once(ctx, "own "+p.key(), func() ([]fleet.Target, error) {
		x, err := a.balancers.HealthOf(ctx, p.Source, p.target)
		if err == nil {
			a.record.read(p, x.Health)
		}
		return []fleet.Target{x}, err
	})
	if err != nil {
		return fleet.Target{}, err
	}
	x := mine[0]
	x.Instance = a.self.Instance
	return x, nil
}

// list asks for all registrations. Those of this instance bear its id, and the ones on other ports that are declared too
// are left out: each port is a place of its own.
func (a *Adapter) list(ctx context.Context, p place) ([]fleet.Target, error) {
	all, err := a.once(ctx, "all "+p.ID, func() ([]fleet.Target, error) { return a.balancers.Health(ctx, p.Source) })
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	declared := slices.Clone(a.places)
	a.mu.Unlock()
	list, mine := make([]fleet.Target, 0, len(all)), fleet.Unregistered
	for _, x := range all {
		if x.Instance == p.target {
			x.Instance = a.self.Instance
			if x.Port == p.Port {
				mine = x.Health
			} else if slices.ContainsFunc(declared, func(q place) bool { return q.ID == p.ID && q.Port == x.Port }) {
				continue
			}
		}
		list = append(list, x)
	}
	a.record.read(p, mine)
	return list, nil
}

// readAll lists every place.
func (a *Adapter) readAll(ctx context.Context, places []place) ([][]fleet.Target, error) {
	lists := make([][]fleet.Target, len(places))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(sideBySide)
	for i, p := range places {
		g.Go(func() (err error) { lists[i], err = a.list(gctx, p); return err })
	}
	return lists, g.Wait()
}

// held asks every place about this instance. While the slowest of those that only drain still does, the others need not be
// asked: one call for each poll of a drain.
func (a *Adapter) held(ctx context.Context, places []place) (fleet.Held, error) {
	if slowest, drains := a.record.slowest(places); drains {
		x, err := a.own(ctx, slowest)
		if err != nil || x.Health == fleet.Draining {
			return a.record.holds(places), err
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(sideBySide)
	for _, p := range places {
		g.Go(func() error { _, err := a.own(gctx, p); return err })
	}
	err := g.Wait()
	return a.record.holds(places), err
}
