package asg

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// launching is the transition of launch hooks (API reference, LifecycleHook).
const launching = "autoscaling:EC2_INSTANCE_LAUNCHING"

// LaunchHooks are the hooks of a group that hold its new instances. The answer has no pages.
func (c *Client) LaunchHooks(ctx context.Context, group string) ([]fleet.LaunchHook, error) {
	all, err := awsapi.Complete(ctx, c.cfg, "autoscaling:DescribeLifecycleHooks", func(ctx context.Context) (all []fleet.LaunchHook, err error) {
		out, err := c.hooks(ctx, &awsasg.DescribeLifecycleHooksInput{AutoScalingGroupName: aws.String(group)})
		if err != nil {
			return nil, err
		}
		for _, h := range out.LifecycleHooks {
			if aws.ToString(h.LifecycleHookName) == "" {
				return nil, awsapi.Lacks("name of a lifecycle hook")
			}
			if aws.ToString(h.LifecycleTransition) == launching {
				all = append(all, launchHook(h))
			}
		}
		return all, nil
	})
	return all, awsapi.Wrap(err, "describe lifecycle hooks of %s", group)
}

func launchHook(h types.LifecycleHook) fleet.LaunchHook {
	seconds := func(n *int32) time.Duration { return time.Duration(aws.ToInt32(n)) * time.Second }
	return fleet.LaunchHook{
		Name: aws.ToString(h.LifecycleHookName), Heartbeat: seconds(h.HeartbeatTimeout), Global: seconds(h.GlobalTimeout),
		Continues: aws.ToString(h.DefaultResult) == "CONTINUE",
	}
}

// Heartbeat puts off the end of a hook that holds an instance by the hook's heartbeat timeout. It may be sent any number
// of times. fleet.ErrNoAction where the hook does not hold the instance.
func (c *Client) Heartbeat(ctx context.Context, group, hook, instance string) error {
	_, err := c.heartbeat(ctx, &awsasg.RecordLifecycleActionHeartbeatInput{
		AutoScalingGroupName: aws.String(group), LifecycleHookName: aws.String(hook), InstanceId: aws.String(instance),
	})
	return awsapi.Wrap(noAction(err), "record a heartbeat of hook %s for %s", hook, instance)
}

// Complete ends the wait of an instance in a hook: it proceeds into service, or its launch is abandoned and it is
// terminated. It is sent once, whatever becomes of ctx, as EnterStandby is. fleet.ErrNoAction where the hook does not
// hold the instance, also since an earlier call completed it.
func (c *Client) Complete(ctx context.Context, group, hook, instance string, proceed bool) error {
	ctx, cancel := awsapi.Once(ctx)
	defer cancel()
	result := "ABANDON"
	if proceed {
		result = "CONTINUE"
	}
	_, err := c.complete(ctx, &awsasg.CompleteLifecycleActionInput{
		AutoScalingGroupName: aws.String(group), LifecycleHookName: aws.String(hook), InstanceId: aws.String(instance),
		LifecycleActionResult: aws.String(result),
	})
	return awsapi.Wrap(noAction(err), "complete hook %s for %s", hook, instance)
}

// noAction tells the refusal that the hook does not hold the instance from all others, by its text: AWS has one code for
// them all ("No active Lifecycle Action found with instance ID i-…", seen in public transcripts).
func noAction(err error) error {
	refused, ok := errors.AsType[*awsapi.RefusedError](err)
	if ok && strings.Contains(refused.Message, "No active Lifecycle Action found") {
		return fmt.Errorf("%w: %w", fleet.ErrNoAction, err)
	}
	return err
}
