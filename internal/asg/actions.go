package asg

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"balanced/internal/awsapi"
)

// nobody and noInstance are names that nothing bears: what is asked about them tells
// only whether the question is allowed.
const (
	nobody     = "balanced-doctor-asks"
	noInstance = "i-00000000000000000"
)

// Reads are all read actions of the client, each with a call about nothing that
// exists. An answer, or a refusal that is not a denial, means that it is allowed.
func (c *Client) Reads() []awsapi.Read {
	return []awsapi.Read{
		{Action: "autoscaling:DescribeAutoScalingGroups", Try: func(ctx context.Context) error {
			_, err := c.groups(ctx, &awsasg.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{nobody}})
			return err
		}},
		{Action: "autoscaling:DescribeAutoScalingInstances", Try: func(ctx context.Context) error {
			_, err := c.instances(ctx, &awsasg.DescribeAutoScalingInstancesInput{InstanceIds: []string{noInstance}})
			return err
		}},
		{Action: "autoscaling:DescribeInstanceRefreshes", Try: func(ctx context.Context) error {
			_, err := c.refreshes(ctx, &awsasg.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String(nobody)})
			return err
		}},
		{Action: "autoscaling:DescribeScalingActivities", Try: func(ctx context.Context) error {
			_, err := c.activities(ctx, &awsasg.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String(nobody)})
			return err
		}},
	}
}

// Moves are the actions that change something, in IAM's spelling. Unlike the reads they
// can be limited to one group.
func Moves() []string { return []string{"autoscaling:EnterStandby", "autoscaling:ExitStandby"} }

// GateActions are those that `balanced ready` needs besides, in IAM's spelling: what changes something, which can be
// limited to one group.
func GateActions() []string {
	return []string{"autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"}
}

// GateReads are the read actions of `balanced ready` alone.
func (c *Client) GateReads() []awsapi.Read {
	return []awsapi.Read{
		{Action: "autoscaling:DescribeLifecycleHooks", Try: func(ctx context.Context) error {
			_, err := c.hooks(ctx, &awsasg.DescribeLifecycleHooksInput{AutoScalingGroupName: aws.String(nobody)})
			return err
		}},
	}
}
