package doctor

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
	"balanced/internal/rotation"
)

// notes are what went wrong with reads that doctor does without. It is safe for concurrent use.
type notes struct {
	mu            sync.Mutex
	denied        map[string]bool // by action
	missing       []string        // attached, and AWS says that there is no such load balancer or target group
	role          string
	noCredentials bool     // nothing can be read
	tried         []string // reads that were tried by themselves
	clockAhead    time.Duration
	clockKnown    bool
}

// tolerates takes an error that a permission would fix, and says whether it was one.
func (n *notes) tolerates(err error) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, none := errors.AsType[*awsapi.NoCredentialsError](err); none {
		n.noCredentials = true
		return true
	}
	denied, is := errors.AsType[*awsapi.DeniedError](err)
	if !is {
		return false
	}
	if n.denied == nil {
		n.denied = map[string]bool{}
	}
	n.denied[denied.Action] = true
	if m := assumedRole.FindStringSubmatch(denied.Error()); m != nil {
		n.role = m[1]
	}
	return true
}

// assumedRole is the role's name in AWS's refusal: "User: arn:aws:sts::1:assumed-role/web/i-0ab …".
var assumedRole = regexp.MustCompile(`:assumed-role/([^/\s]+)/`)

// access is what was learned about permissions.
func (n *notes) access() access {
	n.mu.Lock()
	defer n.mu.Unlock()
	return access{tried: n.tried, denied: slices.Sorted(maps.Keys(n.denied)), role: n.role, noCredentials: n.noCredentials}
}

// clock compares this host's clock with the time of an answer that has just arrived. AWS writes whole seconds, so below
// a second it says nothing.
func (n *notes) clock(at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.clockKnown && !at.IsZero() {
		n.clockAhead, n.clockKnown = time.Since(at).Truncate(time.Second), true
	}
}

// tolerantGroups does without what only some findings need.
type tolerantGroups struct {
	rotation.Groups
	*notes
}

func (g tolerantGroups) Membership(ctx context.Context, instance string) (fleet.Membership, error) {
	m, err := g.Groups.Membership(ctx, instance)
	g.clock(m.At)
	return m, err
}

func (g tolerantGroups) Activities(ctx context.Context, group string, enough func([]fleet.Activity) bool) ([]fleet.Activity, error) {
	all, err := g.Groups.Activities(ctx, group, enough)
	if g.tolerates(err) {
		return nil, nil
	}
	return all, err
}

func (g tolerantGroups) Refreshes(ctx context.Context, group string) ([]fleet.Refresh, error) {
	all, err := g.Groups.Refreshes(ctx, group)
	if g.tolerates(err) {
		return nil, nil
	}
	return all, err
}

// tolerantBalancers does without them altogether.
type tolerantBalancers struct {
	rotation.Balancers
	*notes
}

// Describe leaves out what does not exist.
func (b tolerantBalancers) Describe(ctx context.Context, classic, targetGroups []string) ([]fleet.Source, error) {
	all, err := b.Balancers.Describe(ctx, classic, targetGroups)
	switch {
	case b.tolerates(err):
		return nil, nil
	case !errors.Is(err, fleet.ErrNoSource):
		return all, err
	case len(classic)+len(targetGroups) > 1:
		return b.oneByOne(ctx, classic, targetGroups)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.missing = append(b.missing, slices.Concat(classic, targetGroups)...)
	return nil, nil
}

func (b tolerantBalancers) oneByOne(ctx context.Context, classic, targetGroups []string) ([]fleet.Source, error) {
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

func (b tolerantBalancers) Health(ctx context.Context, source fleet.Source) ([]fleet.Target, error) {
	all, err := b.Balancers.Health(ctx, source)
	if b.tolerates(err) {
		return nil, nil
	}
	return all, err
}

// triesWithin bounds the tries of single permissions.
const triesWithin = 30 * time.Second

// tryReads tries every read by itself, also those this group has no use for today.
func tryReads(ctx context.Context, a *rotation.Agent, n *notes) error {
	ctx, cancel := context.WithTimeout(ctx, triesWithin)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for _, read := range slices.Concat(a.Groups.Reads(), a.Balancers.Reads()) {
		n.tried = append(n.tried, read.Action)
		g.Go(func() error {
			err := read.Try(ctx)
			if _, refused := errors.AsType[*awsapi.RefusedError](err); refused || n.tolerates(err) {
				return nil
			}
			return err
		})
	}
	return g.Wait()
}
