package rotation

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// forgiveness is what went wrong with reads that doctor does without. It is safe for
// concurrent use.
type forgiveness struct {
	mu     sync.Mutex
	denied map[string]bool // by action
	gone   []string        // attached, and yet there is no such load balancer or target group
	role   string
	nobody bool     // no credentials: nothing can be read
	tried  []string // reads that were tried by themselves
	ahead  time.Duration
	timed  bool
}

// note takes an error that a permission would mend, and says whether it was one.
func (f *forgiveness) note(err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, none := errors.AsType[*awsapi.NoCredentialsError](err); none {
		f.nobody = true
		return true
	}
	denied, is := errors.AsType[*awsapi.DeniedError](err)
	if !is {
		return false
	}
	if f.denied == nil {
		f.denied = map[string]bool{}
	}
	f.denied[denied.Action] = true
	if m := assumedRole.FindStringSubmatch(denied.Error()); m != nil {
		f.role = m[1]
	}
	return true
}

// assumedRole is the role's name in AWS's refusal: "User: arn:aws:sts::1:assumed-role/web/i-0ab …".
var assumedRole = regexp.MustCompile(`:assumed-role/([^/\s]+)/`)

// list names the denied actions.
func (f *forgiveness) list() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.denied))
}

// clock compares this host's clock with the time of an answer that has just arrived.
// AWS writes whole seconds, so below a second it says nothing.
func (f *forgiveness) clock(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.timed && !at.IsZero() {
		f.ahead, f.timed = time.Since(at).Truncate(time.Second), true
	}
}

// forgivingGroups does without what only some findings need.
type forgivingGroups struct {
	Groups
	*forgiveness
}

func (g forgivingGroups) Membership(ctx context.Context, instance string) (fleet.Membership, error) {
	m, err := g.Groups.Membership(ctx, instance)
	g.clock(m.At)
	return m, err
}

func (g forgivingGroups) Activities(ctx context.Context, group string, enough func([]fleet.Activity) bool) ([]fleet.Activity, error) {
	all, err := g.Groups.Activities(ctx, group, enough)
	if g.note(err) {
		return nil, nil
	}
	return all, err
}

func (g forgivingGroups) Refreshes(ctx context.Context, group string) ([]fleet.Refresh, error) {
	all, err := g.Groups.Refreshes(ctx, group)
	if g.note(err) {
		return nil, nil
	}
	return all, err
}

// forgivingBalancers does without them altogether.
type forgivingBalancers struct {
	Balancers
	*forgiveness
}

// Describe leaves out what does not exist.
func (b forgivingBalancers) Describe(ctx context.Context, classic, targetGroups []string) ([]fleet.Source, error) {
	all, err := b.Balancers.Describe(ctx, classic, targetGroups)
	switch {
	case b.note(err):
		return nil, nil
	case !errors.Is(err, fleet.ErrNoSource):
		return all, err
	case len(classic)+len(targetGroups) > 1:
		return b.oneByOne(ctx, classic, targetGroups)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = append(b.gone, slices.Concat(classic, targetGroups)...)
	return nil, nil
}

func (b forgivingBalancers) oneByOne(ctx context.Context, classic, targetGroups []string) ([]fleet.Source, error) {
	var all []fleet.Source
	one := func(classic, targetGroups []string) error {
		some, err := b.Describe(ctx, classic, targetGroups)
		all = append(all, some...)
		return err
	}
	for name := range slices.Chunk(classic, 1) {
		if err := one(name, nil); err != nil {
			return nil, err
		}
	}
	for arn := range slices.Chunk(targetGroups, 1) {
		if err := one(nil, arn); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (b forgivingBalancers) Health(ctx context.Context, source fleet.Source) ([]fleet.Target, error) {
	all, err := b.Balancers.Health(ctx, source)
	if b.note(err) {
		return nil, nil
	}
	return all, err
}

// triesWithin bounds the tries of single permissions.
const triesWithin = 30 * time.Second

// tryReads tries every read by itself, also those this group has no use for today.
func (r *run) tryReads(ctx context.Context, forgiven *forgiveness) error {
	ctx, cancel := context.WithTimeout(ctx, triesWithin)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for _, read := range slices.Concat(r.Groups.Reads(), r.Balancers.Reads()) {
		forgiven.tried = append(forgiven.tried, read.Action)
		g.Go(func() error {
			err := read.Try(ctx)
			if _, refused := errors.AsType[*awsapi.RefusedError](err); refused || forgiven.note(err) {
				return nil
			}
			return err
		})
	}
	return g.Wait()
}
