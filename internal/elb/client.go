package elb

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv1 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// call is one operation of the SDK.
//
// What is asked is kept as functions and not as the SDK's clients: the linker keeps all
// methods of a client that a value of an interface leads to, and with them every
// operation of its service. That was a quarter of the binary.
type call[In, Out, Options any] func(context.Context, *In, ...func(*Options)) (*Out, error)

type classicCalls struct {
	loadBalancers call[elbv1.DescribeLoadBalancersInput, elbv1.DescribeLoadBalancersOutput, elbv1.Options]
	attributes    call[elbv1.DescribeLoadBalancerAttributesInput, elbv1.DescribeLoadBalancerAttributesOutput, elbv1.Options]
	health        call[elbv1.DescribeInstanceHealthInput, elbv1.DescribeInstanceHealthOutput, elbv1.Options]
	register      call[elbv1.RegisterInstancesWithLoadBalancerInput, elbv1.RegisterInstancesWithLoadBalancerOutput, elbv1.Options]
	deregister    call[elbv1.DeregisterInstancesFromLoadBalancerInput, elbv1.DeregisterInstancesFromLoadBalancerOutput, elbv1.Options]
}

type targetCalls struct {
	groups                 call[elbv2.DescribeTargetGroupsInput, elbv2.DescribeTargetGroupsOutput, elbv2.Options]
	attributes             call[elbv2.DescribeTargetGroupAttributesInput, elbv2.DescribeTargetGroupAttributesOutput, elbv2.Options]
	loadBalancerAttributes call[elbv2.DescribeLoadBalancerAttributesInput, elbv2.DescribeLoadBalancerAttributesOutput, elbv2.Options]
	health                 call[elbv2.DescribeTargetHealthInput, elbv2.DescribeTargetHealthOutput, elbv2.Options]
	tags                   call[elbv2.DescribeTagsInput, elbv2.DescribeTagsOutput, elbv2.Options]
	register               call[elbv2.RegisterTargetsInput, elbv2.RegisterTargetsOutput, elbv2.Options]
	deregister             call[elbv2.DeregisterTargetsInput, elbv2.DeregisterTargetsOutput, elbv2.Options]
}

// Client asks both Elastic Load Balancing services. Its errors are fleet.ErrNoSource and those
// of package awsapi, wrapped with what was asked about what. It is safe for
// concurrent use.
type Client struct {
	classic classicCalls
	targets targetCalls
	cfg     aws.Config
}

// New takes the settings of a loaded awsapi session.
func New(cfg aws.Config) *Client {
	v1, v2 := elbv1.NewFromConfig(cfg), elbv2.NewFromConfig(cfg)
	return &Client{
		classic: classicCalls{
			loadBalancers: v1.DescribeLoadBalancers,
			attributes:    v1.DescribeLoadBalancerAttributes,
			health:        v1.DescribeInstanceHealth,
			register:      v1.RegisterInstancesWithLoadBalancer,
			deregister:    v1.DeregisterInstancesFromLoadBalancer,
		},
		targets: targetCalls{
			groups:                 v2.DescribeTargetGroups,
			attributes:             v2.DescribeTargetGroupAttributes,
			loadBalancerAttributes: v2.DescribeLoadBalancerAttributes,
			health:                 v2.DescribeTargetHealth,
			tags:                   v2.DescribeTags,
			register:               v2.RegisterTargets,
			deregister:             v2.DeregisterTargets,
		},
		cfg: cfg,
	}
}

// wrap adds what was asked about what, and turns "not found" into fleet.ErrNoSource.
func wrap(err error, asked, what string) error {
	if gone(err) {
		refusal, _ := errors.AsType[*awsapi.RefusedError](err)
		return &failure.Refusal{
			Class: failure.Setup, Hint: "detach it from the group: balanced doctor prints the command",
			Err: fmt.Errorf("%s %s: %w: %w", asked, what, fleet.ErrNoSource, refusal),
		}
	}
	return awsapi.Wrap(err, "%s %s", asked, what)
}

func gone(err error) bool {
	return refused(err, "LoadBalancerNotFound", "TargetGroupNotFound")
}

func refused(err error, codes ...string) bool {
	r, ok := errors.AsType[*awsapi.RefusedError](err)
	if !ok {
		return false
	}
	for _, code := range codes {
		if r.Code == code {
			return true
		}
	}
	return false
}

// complete asks until the answer is complete; operation is the API's.
func complete[T any](ctx context.Context, c *Client, operation string, ask func(context.Context) (T, error)) (T, error) {
	return awsapi.Complete(ctx, c.cfg, "elasticloadbalancing:"+operation, ask)
}

// page is a page marker as the SDK wants it.
func page(marker string) *string {
	if marker == "" {
		return nil
	}
	return &marker
}
