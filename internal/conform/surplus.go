package conform

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// surplusWatch is how long the run watches whether Auto Scaling removes a surplus instance. It acts on a
// difference within a minute or two.
const surplusWatch = 3 * time.Minute

// surplus is what was seen of a move that does not lower the desired capacity.
type surplus struct {
	cause    string
	replaced string
	after    string // the desired capacity at the end
}

// surplusFacts are about EnterStandby without decrement.
func surplusFacts() []Fact {
	seen := func(look func(*surplus) string) func(context.Context, *session) (string, error) {
		return func(_ context.Context, s *session) (string, error) {
			if err := s.canReplace(); err != nil {
				return "", err
			}
			if text := look(&s.surplus); text != "" {
				return text, nil
			}
			return "", cannot("the group gave no occasion")
		}
	}
	return []Fact{
		{
			ID: "undecremented-cause", Sure: Documented, Needs: Moves, Modelled: "At TIME instance ID was moved to standby in response to a user request.", Source: "AWS Tools for PowerShell, Enter-ASStandby, example",
			Statement: "The Cause of a move that keeps the desired capacity has no numbers.",
			check:     seen(func(u *surplus) string { return u.cause }),
		},
		{
			ID: "undecremented-replaced", Sure: Documented, Needs: Moves, Modelled: "a replacement is launched", Source: enterReference + ", ShouldDecrementDesiredCapacity",
			Statement: "Where the desired capacity is kept, Auto Scaling launches a replacement.",
			check:     seen(func(u *surplus) string { return u.replaced }),
		},
		{
			ID: "undecremented-back", Sure: Open, Needs: Moves, Modelled: "one larger", Source: "User Guide of Auto Scaling: until 2023 it said that an instance is terminated, now it is silent",
			Settings:  []Setting{{"back at the size before", "Behaviour.SurplusTerminated"}},
			Statement: "When such an instance comes back the group stays one larger.",
			check:     seen(func(u *surplus) string { return u.after }),
		},
	}
}

// canReplace says why a replacement cannot be launched and come back from.
func (s *session) canReplace() error {
	if s.home == nil || s.home.max() <= s.home.desired() {
		return cannot("MaxSize leaves no room for a replacement")
	}
	if s.home.group.InstanceMaintenancePolicy != nil || len(s.home.group.Instances) > 0 && s.home.group.Instances[0].WeightedCapacity != nil {
		return cannot("a group with weights or a maintenance policy")
	}
	return nil
}

// withReplacement moves a member out without decrement, waits for the replacement, and moves it back.
func (s *session) withReplacement(ctx context.Context) error {
	if s.canReplace() != nil {
		return nil
	}
	id := s.home.members()[0]
	s.progress("moving %s to Standby without lowering the desired capacity: a replacement is launched", id)
	activities, err := s.enter(ctx, false, id)
	if err != nil {
		return s.cannotMove(err)
	}
	if len(activities) > 0 {
		s.surplus.cause = s.plain(aws.ToString(activities[0].Cause))
	}
	replaced, err := s.await(ctx, "a replacement of "+id, func(g asgtypes.AutoScalingGroup) bool {
		m := member(g, id)
		return m != nil && m.LifecycleState == asgtypes.LifecycleStateStandby && inService(g) >= len(s.home.group.Instances)
	})
	if err != nil {
		return err
	}
	if !replaced {
		s.surplus.replaced = "no replacement in service within " + s.o.Times.Patience.String()
		return nil
	}
	s.surplus.replaced = "a replacement is launched"
	return s.backAsSurplus(ctx, id)
}

// backAsSurplus moves the member back into a group that is full.
func (s *session) backAsSurplus(ctx context.Context, id string) error {
	if _, err := s.exit(ctx, id); err != nil {
		return s.cannotMove(err)
	}
	back, err := s.await(ctx, id+" in service", func(g asgtypes.AutoScalingGroup) bool {
		m := member(g, id) // which may be the one that is terminated
		return m == nil || m.LifecycleState != asgtypes.LifecycleStateStandby && m.LifecycleState != asgtypes.LifecycleStatePending
	})
	if err != nil || !back {
		return err
	}
	return s.watchSurplus(ctx, s.home.desired()+1)
}

// watchSurplus waits for Auto Scaling to remove the surplus instance, or not.
func (s *session) watchSurplus(ctx context.Context, larger int32) error {
	s.surplus.after = "one larger"
	for until := time.Now().Add(surplusWatch); time.Now().Before(until); {
		s.progress("group %s is one larger; watching for %s more", s.home.name, time.Until(until).Round(time.Second))
		g, err := s.now(ctx)
		if err != nil {
			return err
		}
		if aws.ToInt32(g.DesiredCapacity) < larger {
			s.surplus.after = "back at the size before"
			return nil
		}
		if err := sleep(ctx, 20*s.o.Times.Tick); err != nil {
			return err
		}
	}
	return nil
}

// inService counts the members in service.
func inService(g asgtypes.AutoScalingGroup) int {
	n := 0
	for _, in := range g.Instances {
		if in.LifecycleState == asgtypes.LifecycleStateInService {
			n++
		}
	}
	return n
}

// await waits until the group is as wanted, or patience is over.
func (s *session) await(ctx context.Context, what string, wanted func(asgtypes.AutoScalingGroup) bool) (bool, error) {
	began := time.Now()
	for {
		g, err := s.now(ctx)
		if err != nil {
			return false, err
		}
		if wanted(g) {
			return true, nil
		}
		if time.Since(began) > s.o.Times.Patience+s.home.allDelays() {
			return false, nil
		}
		if s.silent() {
			s.progress("waiting for %s, %s so far: %s", what, time.Since(began).Round(time.Second), membersOf(g))
		}
		if err := sleep(ctx, 4*s.o.Times.Tick); err != nil {
			return false, err
		}
	}
}

// membersOf lists the members that are not in service.
func membersOf(g asgtypes.AutoScalingGroup) string {
	var all []string
	for _, in := range g.Instances {
		if in.LifecycleState != asgtypes.LifecycleStateInService {
			all = append(all, aws.ToString(in.InstanceId)+" is "+string(in.LifecycleState))
		}
	}
	if len(all) == 0 {
		return "all members are InService"
	}
	return strings.Join(all, ", ")
}

// removeSurplus terminates the instances that were not there before, while the desired capacity is
// larger than before.
func (s *session) removeSurplus(ctx context.Context, g asgtypes.AutoScalingGroup) error {
	over := aws.ToInt32(g.DesiredCapacity) - s.home.desired()
	for _, in := range g.Instances {
		if over <= 0 {
			return nil
		}
		if member(s.home.group, aws.ToString(in.InstanceId)) != nil || in.LifecycleState != asgtypes.LifecycleStateInService {
			continue
		}
		_, err := s.calls.groups.TerminateInstanceInAutoScalingGroup(ctx, &autoscaling.TerminateInstanceInAutoScalingGroupInput{
			InstanceId: in.InstanceId, ShouldDecrementDesiredCapacity: aws.Bool(true),
		}, once)
		if err != nil {
			return err
		}
		over--
	}
	return nil
}
