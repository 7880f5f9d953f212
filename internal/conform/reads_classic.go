package conform

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
)

// classicFacts are about Classic Load Balancers.
func classicFacts() []Fact {
	return []Fact{
		{
			ID: "classic-unknown", Sure: Inferred, Modelled: "400 LoadBalancerNotFound: There is no ACTIVE Load Balancer named 'balanced-check-none'",
			Statement: "A name of no Classic Load Balancer is refused with LoadBalancerNotFound.",
			Source:    "API reference of Elastic Load Balancing 2012-06-01, DescribeLoadBalancers, Errors; the text by other people's emulators",
			check: func(ctx context.Context, s *session) (string, error) {
				_, err := s.describeClassic(ctx, noClassic)
				return s.saw(err, func() string { return "accepted" })
			},
		},
		{
			ID: "classic-healthy", Sure: Documented, Modelled: "InService, N/A, N/A",
			Statement: "A healthy instance is InService, and its ReasonCode and Description are N/A.",
			Source:    "API reference of Elastic Load Balancing 2012-06-01, DescribeInstanceHealth, examples",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.eachClassic(func(name string) (string, error) {
					states, err := s.instanceHealth(ctx, name)
					if err != nil {
						return s.said(err)
					}
					var healthy []string
					for _, state := range states {
						if aws.ToString(state.State) == "InService" {
							healthy = append(healthy, classicState(state))
						}
					}
					return strings.Join(distinct(healthy), "; "), nil
				})
			},
		},
		{
			ID: "classic-named-unknown", Sure: Documented, Modelled: "400 InvalidInstance",
			Statement: "A named instance that does not exist is refused with InvalidInstance.",
			Source:    "API reference of Elastic Load Balancing 2012-06-01, DescribeInstanceHealth, Errors",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.eachClassic(func(name string) (string, error) {
					_, err := s.instanceHealth(ctx, name, noInstance)
					return s.code(err)
				})
			},
		},
		{
			ID: "classic-draining-attribute", Sure: Documented, Modelled: "Enabled, Timeout in seconds",
			Statement: "ConnectionDraining has Enabled and Timeout, also where it is disabled.",
			Source:    "API reference of Elastic Load Balancing 2012-06-01, DescribeLoadBalancerAttributes, examples",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.eachClassic(func(name string) (string, error) {
					out, err := s.calls.classic.DescribeLoadBalancerAttributes(ctx, &elb.DescribeLoadBalancerAttributesInput{LoadBalancerName: &name})
					return s.saw(err, func() string {
						if d := out.LoadBalancerAttributes.ConnectionDraining; d == nil || d.Timeout == nil {
							return "no Timeout"
						}
						return "Enabled, Timeout in seconds"
					})
				})
			},
		},
		{
			ID: "classic-check", Sure: Documented, Modelled: "PROTOCOL:port/path",
			Statement: "A health check's Target is PROTOCOL:port, with a path for HTTP and HTTPS only.",
			Source:    "API reference of Elastic Load Balancing 2012-06-01, HealthCheck",
			check: func(ctx context.Context, s *session) (string, error) {
				grammar := regexp.MustCompile(`^((TCP|SSL):\d+|(HTTP|HTTPS):\d+/.*)$`)
				return s.eachClassic(func(name string) (string, error) {
					out, err := s.describeClassic(ctx, name)
					return s.saw(err, func() string {
						if len(out) != 1 || out[0].HealthCheck == nil {
							return "no HealthCheck"
						}
						if target := aws.ToString(out[0].HealthCheck.Target); !grammar.MatchString(target) {
							return target
						}
						return "PROTOCOL:port/path"
					})
				})
			},
		},
	}
}

func (s *session) describeClassic(ctx context.Context, name string) ([]elbtypes.LoadBalancerDescription, error) {
	out, err := s.calls.classic.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerNames: []string{name}})
	if err != nil {
		return nil, err
	}
	return out.LoadBalancerDescriptions, nil
}

func (s *session) instanceHealth(ctx context.Context, name string, ids ...string) ([]elbtypes.InstanceState, error) {
	in := &elb.DescribeInstanceHealthInput{LoadBalancerName: &name}
	for _, id := range ids {
		in.Instances = append(in.Instances, elbtypes.Instance{InstanceId: aws.String(id)})
	}
	out, err := s.calls.classic.DescribeInstanceHealth(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.InstanceStates, nil
}

func classicState(s elbtypes.InstanceState) string {
	return fmt.Sprintf("%s, %s, %s", aws.ToString(s.State), aws.ToString(s.ReasonCode), aws.ToString(s.Description))
}

// eachClassic asks about each of the group's Classic Load Balancers; "" is one that says nothing.
func (s *session) eachClassic(look func(name string) (string, error)) (string, error) {
	if s.home == nil || len(s.home.classics) == 0 {
		return "", cannot("the group has no Classic Load Balancer")
	}
	var all []string
	for _, name := range s.home.classics {
		text, err := look(name)
		if err != nil {
			return "", err
		}
		if text != "" {
			all = append(all, text)
		}
	}
	if len(all) == 0 {
		return "", cannot("no such instance is registered")
	}
	return strings.Join(distinct(all), "; "), nil
}
