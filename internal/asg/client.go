package asg

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/smithy-go/middleware"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// call is one operation of the SDK.
type call[In, Out any] func(context.Context, *In, ...func(*awsasg.Options)) (*Out, error)

// calls are all that is asked, as functions and not as the SDK's client: the linker
// keeps all methods of a client that a value of an interface leads to, and with them
// every operation of the service. That was a quarter of the binary.
type calls struct {
	instances    call[awsasg.DescribeAutoScalingInstancesInput, awsasg.DescribeAutoScalingInstancesOutput]
	groups       call[awsasg.DescribeAutoScalingGroupsInput, awsasg.DescribeAutoScalingGroupsOutput]
	activities   call[awsasg.DescribeScalingActivitiesInput, awsasg.DescribeScalingActivitiesOutput]
	refreshes    call[awsasg.DescribeInstanceRefreshesInput, awsasg.DescribeInstanceRefreshesOutput]
	enterStandby call[awsasg.EnterStandbyInput, awsasg.EnterStandbyOutput]
	exitStandby  call[awsasg.ExitStandbyInput, awsasg.ExitStandbyOutput]
}

// Client asks Auto Scaling. Its errors are those of package awsapi, wrapped with what
// was asked about what. It is safe for concurrent use.
type Client struct{ calls }

// New takes the settings of a loaded awsapi session.
func New(cfg aws.Config) *Client {
	sdk := awsasg.NewFromConfig(cfg)
	return &Client{calls{
		instances:    sdk.DescribeAutoScalingInstances,
		groups:       sdk.DescribeAutoScalingGroups,
		activities:   sdk.DescribeScalingActivities,
		refreshes:    sdk.DescribeInstanceRefreshes,
		enterStandby: sdk.EnterStandby,
		exitStandby:  sdk.ExitStandby,
	}}
}

// Membership asks about one instance, in one call. Group is empty where Auto Scaling
// does not list the instance: it is in no group, or no longer, or not yet.
func (c *Client) Membership(ctx context.Context, instance string) (fleet.Membership, error) {
	out, err := c.instances(ctx, &awsasg.DescribeAutoScalingInstancesInput{
		InstanceIds: []string{instance},
	})
	if err != nil {
		return fleet.Membership{}, awsapi.Wrap(err, "describe instance %s", instance)
	}
	m := fleet.Membership{At: answeredAt(out.ResultMetadata)}
	for _, i := range out.AutoScalingInstances {
		if aws.ToString(i.InstanceId) != instance {
			continue
		}
		m.Group = aws.ToString(i.AutoScalingGroupName)
		m.Zone = aws.ToString(i.AvailabilityZone)
		m.State = fleet.State(aws.ToString(i.LifecycleState))
		m.Healthy = healthy(i.HealthStatus)
	}
	return m, nil
}

// Group asks about the whole group: sizes, members, what is attached and suspended.
// fleet.ErrNoGroup where the name is not listed.
func (c *Client) Group(ctx context.Context, name string) (fleet.Group, error) {
	in := &awsasg.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}}
	for {
		out, err := c.groups(ctx, in)
		if err != nil {
			return fleet.Group{}, awsapi.Wrap(err, "describe group %s", name)
		}
		for _, g := range out.AutoScalingGroups {
			if aws.ToString(g.AutoScalingGroupName) == name {
				return group(g, answeredAt(out.ResultMetadata)), nil
			}
		}
		// A filtered page may be empty and still have a successor.
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return fleet.Group{}, awsapi.Wrap(fleet.ErrNoGroup, "describe group %s", name)
		}
	}
}

// Refreshes lists instance refreshes, newest first. One page is enough: only one runs
// at a time, and AWS sorts by creation, newest first (API reference,
// DescribeInstanceRefreshes).
func (c *Client) Refreshes(ctx context.Context, group string) ([]fleet.Refresh, error) {
	out, err := c.refreshes(ctx, &awsasg.DescribeInstanceRefreshesInput{
		AutoScalingGroupName: aws.String(group),
	})
	if err != nil {
		return nil, awsapi.Wrap(err, "describe instance refreshes of %s", group)
	}
	var all []fleet.Refresh
	for _, r := range out.InstanceRefreshes {
		all = append(all, refresh(r))
	}
	return all, nil
}

// EnterStandby asks to move the instance out of service, once, whatever becomes of
// ctx (see awsapi.Once): after an error, awsapi.Doubtful says whether it may have
// taken effect. The move goes on after the answer.
func (c *Client) EnterStandby(ctx context.Context, group, instance string, decrement bool) (fleet.Activity, error) {
	ctx, cancel := awsapi.Once(ctx)
	defer cancel()
	out, err := c.enterStandby(ctx, &awsasg.EnterStandbyInput{
		AutoScalingGroupName:           aws.String(group),
		InstanceIds:                    []string{instance},
		ShouldDecrementDesiredCapacity: aws.Bool(decrement),
	})
	if err != nil {
		return fleet.Activity{}, awsapi.Wrap(err, "enter standby %s in %s", instance, group)
	}
	return only(out.Activities), nil
}

// ExitStandby asks to move the instance back, once, as EnterStandby does. Auto
// Scaling always raises the desired capacity by one.
func (c *Client) ExitStandby(ctx context.Context, group, instance string) (fleet.Activity, error) {
	ctx, cancel := awsapi.Once(ctx)
	defer cancel()
	out, err := c.exitStandby(ctx, &awsasg.ExitStandbyInput{
		AutoScalingGroupName: aws.String(group),
		InstanceIds:          []string{instance},
	})
	if err != nil {
		return fleet.Activity{}, awsapi.Wrap(err, "exit standby %s in %s", instance, group)
	}
	return only(out.Activities), nil
}

// only: one instance was named, so there is one activity. An answer without any is an
// acceptance all the same.
func only(all []types.Activity) fleet.Activity {
	if len(all) == 0 {
		return fleet.Activity{}
	}
	return activity(all[0])
}

// answeredAt is AWS's clock: hosts' own clocks disagree by more than a claim lasts.
func answeredAt(meta middleware.Metadata) time.Time {
	if at, ok := awsmiddleware.GetServerTime(meta); ok {
		return at
	}
	return time.Now()
}

func number(s *string) int {
	n, _ := strconv.Atoi(aws.ToString(s))
	return n
}
