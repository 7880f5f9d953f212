package conform

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// askInStandby makes the calls that an instance in Standby refuses or that show it.
func (s *session) askInStandby(ctx context.Context, p *passage) error {
	_, err := s.enter(ctx, true, p.id)
	if err := s.refuse("enter-again", err); err != nil {
		return err
	}
	peer := s.other(p.id)
	_, err = s.exit(ctx, p.id, peer)
	if err := s.refuse("exit-batch", err); err != nil {
		return err
	}
	if s.home.current["desired"]-min(stepOf(p), s.weight(peer)) < s.home.min() {
		_, err = s.enter(ctx, true, peer)
		if err := s.refuse("min-size", err); err != nil {
			return err
		}
	}
	if err := s.lookInStandby(ctx, p); err != nil {
		return err
	}
	if err := s.exitSuspended(ctx, p.id); err != nil {
		return err
	}
	if err := sleep(ctx, againAfter); err != nil {
		return err
	}
	if err := s.exitAboveMax(ctx, p.id); err != nil {
		return err
	}
	return sleep(ctx, againAfter)
}

// exitSuspended asks for the way back while Launch is suspended.
func (s *session) exitSuspended(ctx context.Context, id string) (err error) {
	launch := &autoscaling.SuspendProcessesInput{AutoScalingGroupName: &s.home.name, ScalingProcesses: []string{"Launch"}}
	if suspends(s.home.group, "Launch") {
		return nil
	}
	if _, err := s.calls.groups.SuspendProcesses(ctx, launch); err != nil {
		return s.refuse("exit-suspended", err)
	}
	defer func() { err = errors.Join(err, s.resumeLaunch(ctx)) }()
	if err := s.lookAtSuspension(ctx); err != nil {
		return err
	}
	_, err = s.exit(ctx, id)
	return s.refuse("exit-suspended", err)
}

func (s *session) lookAtSuspension(ctx context.Context) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	g, err := s.now(ctx)
	if err != nil {
		return err
	}
	for _, p := range g.SuspendedProcesses {
		if aws.ToString(p.ProcessName) == "Launch" {
			s.noted["suspension-reason"] = outcome{text: s.plain(aws.ToString(p.SuspensionReason))}
		}
	}
	return nil
}

func (s *session) resumeLaunch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), moveTime)
	defer cancel()
	_, err := s.calls.groups.ResumeProcesses(ctx, &autoscaling.ResumeProcessesInput{AutoScalingGroupName: &s.home.name, ScalingProcesses: []string{"Launch"}})
	return err
}

func suspends(g asgtypes.AutoScalingGroup, process string) bool {
	for _, p := range g.SuspendedProcesses {
		if aws.ToString(p.ProcessName) == process {
			return true
		}
	}
	return false
}

// exitAboveMax asks for the way back with no room below MaxSize.
func (s *session) exitAboveMax(ctx context.Context, id string) error {
	desired := s.home.current["desired"]
	if desired < s.home.min() || desired < 1 {
		return nil
	}
	if err := s.setMax(ctx, desired); err != nil {
		return s.refuse("max-size", err)
	}
	s.home.expect(s.home.min(), desired, desired)
	_, err := s.exit(ctx, id)
	err = s.refuse("max-size", err)
	restored := s.setMax(ctx, s.home.max())
	s.home.expect(s.home.min(), s.home.max(), desired)
	if err != nil {
		return err
	}
	return restored
}

func (s *session) setMax(ctx context.Context, size int32) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), moveTime)
	defer cancel()
	_, err := s.calls.groups.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: &s.home.name, MaxSize: &size}, once)
	return err
}

// lookInStandby reads what is shown of an instance in Standby.
func (s *session) lookInStandby(ctx context.Context, p *passage) error {
	g, err := s.now(ctx)
	if err != nil {
		return err
	}
	listed := "not in both lists"
	if m := member(g, p.id); m != nil && strings.HasPrefix(p.track(opInstances).last(), "Standby/") {
		listed = p.track(opInstances).last() + " and " + string(m.LifecycleState) + "/" + aws.ToString(m.HealthStatus)
	}
	s.noted["standby-listed"] = outcome{text: listed}
	if s.weight(p.id) == 1 {
		s.noted["standby-counted"] = outcome{text: countedAs(len(g.Instances)-len(s.home.group.Instances), aws.ToInt32(g.DesiredCapacity)-p.desired)}
	}
	for _, t := range s.home.targets {
		list, err := s.targetHealth(ctx, t.arn, asTarget(t, p.id))
		if err := s.look("target-named-gone", err, func() string { return "200, " + healthOf(list) }); err != nil {
			return err
		}
	}
	for _, name := range s.home.classics {
		states, err := s.instanceHealth(ctx, name, p.id)
		if err := s.look("classic-named-gone", err, func() string {
			if len(states) != 1 {
				return gone
			}
			return classicState(states[0])
		}); err != nil {
			return err
		}
	}
	return nil
}

// look keeps what a read showed, for a fact that is checked later.
func (s *session) look(fact string, err error, then func() string) error {
	text, err := s.saw(err, then)
	if err != nil {
		return err
	}
	s.noted[fact] = outcome{text: text}
	return nil
}
