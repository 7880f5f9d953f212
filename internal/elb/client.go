package elb

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv1 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"balanced/internal/awsapi"
)

// ErrGone: a load balancer or target group that the group still names does not exist.
var ErrGone = errors.New("does not exist")

type classicAPI interface {
	DescribeLoadBalancers(context.Context, *elbv1.DescribeLoadBalancersInput, ...func(*elbv1.Options)) (*elbv1.DescribeLoadBalancersOutput, error)
	DescribeLoadBalancerAttributes(context.Context, *elbv1.DescribeLoadBalancerAttributesInput, ...func(*elbv1.Options)) (*elbv1.DescribeLoadBalancerAttributesOutput, error)
	DescribeInstanceHealth(context.Context, *elbv1.DescribeInstanceHealthInput, ...func(*elbv1.Options)) (*elbv1.DescribeInstanceHealthOutput, error)
}

type targetAPI interface {
	DescribeTargetGroups(context.Context, *elbv2.DescribeTargetGroupsInput, ...func(*elbv2.Options)) (*elbv2.DescribeTargetGroupsOutput, error)
	DescribeTargetGroupAttributes(context.Context, *elbv2.DescribeTargetGroupAttributesInput, ...func(*elbv2.Options)) (*elbv2.DescribeTargetGroupAttributesOutput, error)
	DescribeLoadBalancerAttributes(context.Context, *elbv2.DescribeLoadBalancerAttributesInput, ...func(*elbv2.Options)) (*elbv2.DescribeLoadBalancerAttributesOutput, error)
	DescribeTargetHealth(context.Context, *elbv2.DescribeTargetHealthInput, ...func(*elbv2.Options)) (*elbv2.DescribeTargetHealthOutput, error)
}

// Client asks both Elastic Load Balancing services. Its errors are ErrGone and those
// of package awsapi, wrapped with what was asked about what. It is safe for
// concurrent use.
type Client struct {
	classic classicAPI
	targets targetAPI
}

// New takes the settings of a loaded awsapi session.
func New(cfg aws.Config) *Client {
	return &Client{classic: elbv1.NewFromConfig(cfg), targets: elbv2.NewFromConfig(cfg)}
}

// wrap adds what was asked about what, and turns "not found" into ErrGone.
func wrap(err error, asked, what string) error {
	if gone(err) {
		refusal, _ := errors.AsType[*awsapi.RefusedError](err)
		return fmt.Errorf("%s %s: %w: %w", asked, what, ErrGone, refusal)
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
