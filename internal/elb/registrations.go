package elb

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv1 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"golang.org/x/sync/errgroup"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// Registrations finds every registration of an instance in the account and Region: by
// its id, and by its IPv4 or IPv6 address in target groups of addresses. It asks every Classic load
// balancer and every target group there is, so it is not for polling.
func (c *Client) Registrations(ctx context.Context, instance, ipv4, ipv6 string) ([]fleet.Registration, error) {
	var v1, v2 []fleet.Registration
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { v1, err = c.classicRegistrations(gctx, instance); return err })
	g.Go(func() (err error) { v2, err = c.targetRegistrations(gctx, instance, ipv4, ipv6); return err })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(v2, func(a, b fleet.Registration) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Target.Port, b.Target.Port))
	})
	return slices.Concat(v1, v2), nil
}

func (c *Client) classicRegistrations(ctx context.Context, instance string) ([]fleet.Registration, error) {
	all, err := complete(ctx, c, "DescribeLoadBalancers", func(ctx context.Context) (all []fleet.Registration, err error) {
		err = awsapi.Pages(func(marker string) (next string, enough bool, err error) {
			out, err := c.classic.loadBalancers(ctx, &elbv1.DescribeLoadBalancersInput{Marker: page(marker)})
			if err != nil {
				return "", false, err
			}
			for _, lb := range out.LoadBalancerDescriptions {
				if lb.Instances == nil {
					return "", false, awsapi.Lacks("instances of Classic load balancer %s", aws.ToString(lb.LoadBalancerName))
				}
				for _, i := range lb.Instances {
					if name := aws.ToString(lb.LoadBalancerName); aws.ToString(i.InstanceId) == instance {
						all = append(all, fleet.Registration{Source: fleet.Source{Kind: fleet.Classic, Name: name, ID: name}, Target: fleet.Target{Instance: instance}})
					}
				}
			}
			return aws.ToString(out.NextMarker), false, nil
		})
		return all, err
	})
	if err != nil {
		return nil, wrap(err, "describe", "all Classic load balancers")
	}
	return all, nil
}

func (c *Client) targetRegistrations(ctx context.Context, instance, ipv4, ipv6 string) ([]fleet.Registration, error) {
	groups, err := c.allTargetGroups(ctx)
	if err != nil {
		return nil, err
	}
	found := make([][]fleet.Registration, len(groups))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, t := range groups {
		id := instance
		if t.TargetType == types.TargetTypeEnumIp {
			if id = ipv4; t.IpAddressType == types.TargetGroupIpAddressTypeEnumIpv6 {
				id = ipv6
			}
		}
		g.Go(func() (err error) { found[i], err = c.held(gctx, source(t), id); return err })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(found...), nil
}

// allTargetGroups are those that can hold an instance.
func (c *Client) allTargetGroups(ctx context.Context) ([]types.TargetGroup, error) {
	all, err := complete(ctx, c, "DescribeTargetGroups", func(ctx context.Context) (all []types.TargetGroup, err error) {
		err = awsapi.Pages(func(marker string) (next string, enough bool, err error) {
			out, err := c.targets.groups(ctx, &elbv2.DescribeTargetGroupsInput{Marker: page(marker)})
			if err != nil {
				return "", false, err
			}
			for _, t := range out.TargetGroups {
				if err := wholeTargetGroup(t); err != nil {
					return "", false, err
				}
				if t.TargetType == types.TargetTypeEnumInstance || t.TargetType == types.TargetTypeEnumIp {
					all = append(all, t)
				}
			}
			return aws.ToString(out.NextMarker), false, nil
		})
		return all, err
	})
	if err != nil {
		return nil, wrap(err, "describe", "all target groups")
	}
	return all, nil
}

func source(t types.TargetGroup) fleet.Source {
	return fleet.Source{
		Kind: kindOf(t.Protocol), Name: aws.ToString(t.TargetGroupName), ID: aws.ToString(t.TargetGroupArn),
		Port: int(aws.ToInt32(t.Port)), TargetType: string(t.TargetType), Protocol: string(t.Protocol), Version: aws.ToString(t.ProtocolVersion),
	}
}

// held are a target group's registrations of one target, on any port. One deleted
// since it was listed holds nobody.
func (c *Client) held(ctx context.Context, s fleet.Source, id string) ([]fleet.Registration, error) {
	targets, err := c.targetHealth(ctx, s, "")
	if errors.Is(err, fleet.ErrNoSource) {
		return nil, nil
	}
	var all []fleet.Registration
	for _, t := range targets {
		if sameTarget(t.Instance, id) && t.Health != fleet.Unregistered {
			all = append(all, fleet.Registration{Source: s, Target: t})
		}
	}
	return all, err
}

// sameTarget: one id, or one address however it is written.
func sameTarget(a, b string) bool {
	if a == b {
		return a != ""
	}
	x, err := netip.ParseAddr(a)
	y, _ := netip.ParseAddr(b) // where it is no address, one that no text stands for
	return err == nil && x == y
}
