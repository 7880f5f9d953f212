package elb

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv1 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"balanced/internal/awsapi"
)

// nobody is a name that nothing bears: what is asked about it tells only whether the
// question is allowed.
const nobody = "balanced-doctor-asks"

// noGroup is the ARN of a target group of that name in the Region that is asked. One of
// elsewhere may be refused as no ARN at all, before anybody looks what is allowed.
func noGroup(region string) string {
	return "arn:" + awsapi.Partition(region) + ":elasticloadbalancing:" + region + ":000000000000:targetgroup/" + nobody + "/0000000000000000"
}

// DeclaredReads are what is read besides outside an Auto Scaling group.
func (c *Client) DeclaredReads() []awsapi.Read {
	return []awsapi.Read{
		{Action: "elasticloadbalancing:DescribeTags", Try: func(ctx context.Context) error {
			_, err := c.targets.tags(ctx, &elbv2.DescribeTagsInput{ResourceArns: []string{noGroup(c.cfg.Region)}})
			return err
		}},
	}
}

// ClassicMoves and TargetGroupMoves are the actions that change a registration, in IAM's spelling. They can be limited to
// single load balancers and target groups.
func ClassicMoves() []string {
	return []string{"elasticloadbalancing:DeregisterInstancesFromLoadBalancer", "elasticloadbalancing:RegisterInstancesWithLoadBalancer"}
}

func TargetGroupMoves() []string {
	return []string{"elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"}
}

// Reads are all actions of the client, each with a call about nothing that exists. An
// answer, or a refusal that is not a denial, means that it is allowed. Both generations
// share their prefix, so actions of the same name are one.
func (c *Client) Reads() []awsapi.Read {
	return []awsapi.Read{
		{Action: "elasticloadbalancing:DescribeInstanceHealth", Try: func(ctx context.Context) error {
			_, err := c.classic.health(ctx, &elbv1.DescribeInstanceHealthInput{LoadBalancerName: aws.String(nobody)})
			return err
		}},
		{Action: "elasticloadbalancing:DescribeLoadBalancerAttributes", Try: func(ctx context.Context) error {
			_, err := c.classic.attributes(ctx, &elbv1.DescribeLoadBalancerAttributesInput{LoadBalancerName: aws.String(nobody)})
			return err
		}},
		{Action: "elasticloadbalancing:DescribeLoadBalancers", Try: func(ctx context.Context) error {
			_, err := c.classic.loadBalancers(ctx, &elbv1.DescribeLoadBalancersInput{LoadBalancerNames: []string{nobody}})
			return err
		}},
		{Action: "elasticloadbalancing:DescribeTargetGroupAttributes", Try: func(ctx context.Context) error {
			_, err := c.targets.attributes(ctx, &elbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: aws.String(noGroup(c.cfg.Region))})
			return err
		}},
		{Action: "elasticloadbalancing:DescribeTargetGroups", Try: func(ctx context.Context) error {
			_, err := c.targets.groups(ctx, &elbv2.DescribeTargetGroupsInput{Names: []string{nobody}})
			return err
		}},
		{Action: "elasticloadbalancing:DescribeTargetHealth", Try: func(ctx context.Context) error {
			_, err := c.targets.health(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: aws.String(noGroup(c.cfg.Region))})
			return err
		}},
	}
}
