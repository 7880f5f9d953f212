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
