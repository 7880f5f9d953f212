package conform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// restore leaves the group as it was found: processes resumed, MaxSize as before, the members that were
// moved in service again, surplus instances gone. It goes by what the group shows and not by what the run
// believes to have done, and it works after the end of the run's context too.
func (s *session) restore(ctx context.Context) error {
	if len(s.touched) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		s.progress("leaving group %s as it was found; this takes until its load balancers have deregistered what is leaving", s.home.name)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*(s.o.Times.Patience+s.home.allDelays()))
	defer cancel()
	// A look that is older than the last move would find everything as it was.
	err := errors.Join(s.settle(ctx), s.restoreSettings(ctx), s.restoreMembers(ctx))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotRestored, err)
	}
	s.home.expect(s.home.min(), s.home.max(), s.home.desired())
	s.touched = nil
	return nil
}

func (s *session) restoreSettings(ctx context.Context) error {
	g, err := s.now(ctx)
	if err != nil {
		return err
	}
	if suspends(g, "Launch") && !suspends(s.home.group, "Launch") {
		_, err = s.calls.groups.ResumeProcesses(ctx, &autoscaling.ResumeProcessesInput{AutoScalingGroupName: &s.home.name, ScalingProcesses: []string{"Launch"}})
	}
	if aws.ToInt32(g.MaxSize) != s.home.max() {
		err = errors.Join(err, s.setMax(ctx, s.home.max()))
	}
	return err
}

// restoreMembers waits until every member that was moved is in service, and moves back those that are in
// Standby. One that leaves cannot be stopped before its load balancers are done.
func (s *session) restoreMembers(ctx context.Context) error {
	var sent []string
	var refused error
	fine, err := s.await(ctx, "the group as it was found", func(g asgtypes.AutoScalingGroup) bool {
		for _, id := range s.touched {
			m := member(g, id)
			if m == nil || m.LifecycleState != asgtypes.LifecycleStateStandby || slices.Contains(sent, id) {
				continue
			}
			if _, err := s.exit(ctx, id); err != nil {
				refused = err
				continue
			}
			sent = append(sent, id)
		}
		if err := s.removeSurplus(ctx, g); err != nil {
			refused = err
		}
		return s.asFound(g) == ""
	})
	switch {
	case err != nil:
		return err
	case fine:
		return s.restingAgain(ctx)
	}
	g, err := s.now(ctx)
	return errors.Join(refused, err, errors.New(s.asFound(g)))
}

// asFound says what differs from the group as it was found, or "".
func (s *session) asFound(g asgtypes.AutoScalingGroup) string {
	for _, id := range s.touched {
		if m := member(g, id); m != nil && m.LifecycleState != asgtypes.LifecycleStateInService {
			return id + " is " + string(m.LifecycleState)
		}
	}
	switch desired := aws.ToInt32(g.DesiredCapacity); {
	case desired != s.home.desired():
		return fmt.Sprintf("the desired capacity is %d, and was %d", desired, s.home.desired())
	case inService(g) != len(s.home.group.Instances):
		return fmt.Sprintf("%d instances are in service, and %d were", inService(g), len(s.home.group.Instances))
	}
	return ""
}

// restingAgain waits for the activities, so that the next move finds a quiet group. What is still
// running after that is none of the run's.
func (s *session) restingAgain(ctx context.Context) error {
	for until := time.Now().Add(s.o.Times.Patience); time.Now().Before(until); {
		running, err := s.runningActivities(ctx)
		if err != nil || running == "" {
			return err
		}
		if s.silent() {
			s.progress("waiting for an activity to end: %s", running)
		}
		if err := sleep(ctx, 10*s.o.Times.Tick); err != nil {
			return err
		}
	}
	return nil
}
