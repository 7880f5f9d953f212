package elb

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// atOnce bounds the calls under way: the account's bucket holds 40 and every host of
// the fleet draws on it.
const atOnce = 4

// perCall is how many names or ARNs one describe call takes.
const perCall = 20

// Describe reads the settings of the named Classic load balancers and target groups
// (ARNs): one call for all of each sort, one for the attributes of each, and one for
// each load balancer whose cross-zone setting a target group takes over. Classic ones
// come first, then by name. fleet.ErrNoSource where one does not exist.
func (c *Client) Describe(ctx context.Context, classic, targetGroups []string) ([]fleet.Source, error) {
	var v1 []fleet.Source
	var v2 []targetGroup
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { v1, err = inBatches(gctx, classic, c.describeClassic); return err })
	g.Go(func() (err error) { v2, err = inBatches(gctx, targetGroups, c.targetGroupsByARN); return err })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range v1 {
		g.Go(func() error { return c.classicAttributes(gctx, &v1[i]) })
	}
	for i := range v2 {
		g.Go(func() error { return c.targetGroupAttributes(gctx, &v2[i]) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := c.inheritCrossZone(ctx, v2); err != nil {
		return nil, err
	}
	all := v1
	for _, t := range v2 {
		all = append(all, t.Source)
	}
	slices.SortFunc(all, func(a, b fleet.Source) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

func rank(s fleet.Source) int {
	if s.Kind == fleet.Classic {
		return 0
	}
	return 1
}

// inBatches asks for all ids. AWS refuses a whole batch for one missing name and does
// not always say which, so a refused batch is asked again one by one to name it.
func inBatches[T any](ctx context.Context, ids []string, ask func(context.Context, []string) ([]T, error)) ([]T, error) {
	var all []T
	for batch := range slices.Chunk(ids, perCall) {
		some, err := ask(ctx, batch)
		if gone(err) && len(batch) > 1 {
			some, err = oneByOne(ctx, batch, ask)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func oneByOne[T any](ctx context.Context, ids []string, ask func(context.Context, []string) ([]T, error)) ([]T, error) {
	var all []T
	for _, id := range ids {
		one, err := ask(ctx, []string{id})
		if err != nil {
			return nil, err
		}
		all = append(all, one...)
	}
	return all, nil
}

// unanswered finds the first name that was asked for and is not among those that were answered.
func unanswered(asked, answered []string) error {
	for _, name := range asked {
		if !slices.Contains(answered, name) {
			return awsapi.Lacks("%s, which was asked for", name)
		}
	}
	return nil
}

func seconds(n *int32) time.Duration { return time.Duration(aws.ToInt32(n)) * time.Second }
