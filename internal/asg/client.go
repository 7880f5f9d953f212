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
	hooks        call[awsasg.DescribeLifecycleHooksInput, awsasg.DescribeLifecycleHooksOutput]
	complete     call[awsasg.CompleteLifecycleActionInput, awsasg.CompleteLifecycleActionOutput]
	heartbeat    call[awsasg.RecordLifecycleActionHeartbeatInput, awsasg.RecordLifecycleActionHeartbeatOutput]
}

// Client asks Auto Scaling. Its errors are those of package awsapi, wrapped with what
// was asked about what. It is safe for concurrent use.
type Client struct {
	calls
	cfg aws.Config
}

// New takes the settings of a loaded awsapi session.
func New(cfg aws.Config) *Client {
	sdk := awsasg.NewFromConfig(cfg)
	return &Client{cfg: cfg, calls: calls{
		instances:    sdk.DescribeAutoScalingInstances,
		groups:       sdk.DescribeAutoScalingGroups,
		activities:   sdk.DescribeScalingActivities,
		refreshes:    sdk.DescribeInstanceRefreshes,
		enterStandby: sdk.EnterStandby,
		exitStandby:  sdk.ExitStandby,
		hooks:        sdk.DescribeLifecycleHooks,
		complete:     sdk.CompleteLifecycleAction,
		heartbeat:    sdk.RecordLifecycleActionHeartbeat,
	}}
}

// Membership asks about one instance. Group is empty where Auto Scaling does not list the instance: it is in no group,
// or no longer, or not yet. That is said only where the list was there and was read to its end.
func (c *Client) Membership(ctx context.Context, instance string) (fleet.Membership, error) {
	m, err := awsapi.Complete(ctx, c.cfg, "autoscaling:DescribeAutoScalingInstances", func(ctx context.Context) (fleet.Membership, error) {
		return c.membership(ctx, instance)
	})
	return m, awsapi.Wrap(err, "describe instance %s", instance)
}

func (c *Client) membership(ctx context.Context, instance string) (m fleet.Membership, err error) {
	err = awsapi.Pages(func(token string) (next string, found bool, err error) {
		out, err := c.instances(ctx, &awsasg.DescribeAutoScalingInstancesInput{InstanceIds: []string{instance}, NextToken: page(token)})
		if err != nil {
			return "", false, err
		}
		m.At = answeredAt(out.ResultMetadata)
		for _, i := range out.AutoScalingInstances {
			switch aws.ToString(i.InstanceId) {
			case instance:
				m, err = membership(i, m.At)
				return "", true, err
			case "":
				return "", false, awsapi.Lacks("id of an instance")
			}
		}
		return aws.ToString(out.NextToken), false, nil
	})
	return m, err
}

func membership(i types.AutoScalingInstanceDetails, at time.Time) (fleet.Membership, error) {
	m := fleet.Membership{
		Group: aws.ToString(i.AutoScalingGroupName), Zone: aws.ToString(i.AvailabilityZone),
		State: fleet.State(aws.ToString(i.LifecycleState)), Healthy: healthy(i.HealthStatus), At: at,
	}
	if m.Group == "" {
		return fleet.Membership{}, awsapi.Lacks("group of instance %s", aws.ToString(i.InstanceId))
	}
	return m, wholeInstance(i.InstanceId, i.LifecycleState, i.HealthStatus, i.AvailabilityZone)
}

// Group asks about the whole group: sizes, members, what is attached and suspended.
// fleet.ErrNoGroup where the name is not listed, in a list that was there and was read to its end.
func (c *Client) Group(ctx context.Context, name string) (fleet.Group, error) {
	g, err := awsapi.Complete(ctx, c.cfg, "autoscaling:DescribeAutoScalingGroups", func(ctx context.Context) (fleet.Group, error) {
		return c.group(ctx, name)
	})
	return g, awsapi.Wrap(err, "describe group %s", name)
}

func (c *Client) group(ctx context.Context, name string) (g fleet.Group, err error) {
	listed := false
	err = awsapi.Pages(func(token string) (next string, found bool, err error) {
		out, err := c.groups(ctx, &awsasg.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}, NextToken: page(token)})
		if err != nil {
			return "", false, err
		}
		for _, one := range out.AutoScalingGroups {
			switch aws.ToString(one.AutoScalingGroupName) {
			case name:
				listed, g = true, group(one, answeredAt(out.ResultMetadata))
				return "", true, wholeGroup(one)
			case "":
				return "", false, awsapi.Lacks("name of a group")
			}
		}
		return aws.ToString(out.NextToken), false, nil
	})
	if err == nil && !listed {
		err = fleet.ErrNoGroup
	}
	return g, err
}

// Refreshes lists instance refreshes, newest first. The first page that holds any is enough: only one runs
// at a time, and AWS sorts by creation, newest first (API reference,
// DescribeInstanceRefreshes).
func (c *Client) Refreshes(ctx context.Context, group string) ([]fleet.Refresh, error) {
	all, err := awsapi.Complete(ctx, c.cfg, "autoscaling:DescribeInstanceRefreshes", func(ctx context.Context) (all []fleet.Refresh, err error) {
		err = awsapi.Pages(func(token string) (next string, enough bool, err error) {
			out, err := c.refreshes(ctx, &awsasg.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String(group), NextToken: page(token)})
			if err != nil {
				return "", false, err
			}
			for _, r := range out.InstanceRefreshes {
				all = append(all, refresh(r))
			}
			return aws.ToString(out.NextToken), len(all) > 0, nil
		})
		return all, err
	})
	return all, awsapi.Wrap(err, "describe instance refreshes of %s", group)
}

// page is a page token as the SDK wants it.
func page(token string) *string {
	if token == "" {
		return nil
	}
	return &token
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

// answeredAt is AWS's clock: hosts' own clocks disagree by more than a slot is held.
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
