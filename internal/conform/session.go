package conform

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// session is one run.
type session struct {
	o        Options
	calls    *calls
	home     *home // nil: no group with a member
	results  map[string]Result
	noted    notes    // answers to calls on the way, by the id of the fact
	out      *passage // transcript of the first move to Standby
	back     *passage // and of the move back
	pair     pair     // transcript of two moves at once
	surplus  surplus  // transcript of a move that is replaced
	measured measured
	touched  []string  // members that moved, or may have
	told     time.Time // of the last progress line
}

func newSession(o Options) *session {
	return &session{o: o, calls: newCalls(o.Config), results: map[string]Result{}, noted: notes{}, measured: measured{tick: o.Times.Tick}}
}

// selected are the facts with one of these needs that the run is about.
func (s *session) selected(needs ...Need) []Fact {
	return slices.DeleteFunc(Facts(), func(f Fact) bool {
		return !slices.Contains(needs, f.Needs) || len(s.o.Only) > 0 && !slices.Contains(s.o.Only, f.ID)
	})
}

// wants says whether a fact with this need is selected.
func (s *session) wants(need Need) bool {
	return slices.ContainsFunc(s.selected(Reads, OnInstance, Moves, Moves|OnInstance), func(f Fact) bool { return f.Needs&need != 0 })
}

// wantsOf says whether one of these facts is selected.
func (s *session) wantsOf(facts []Fact) bool {
	return slices.ContainsFunc(facts, func(f Fact) bool { return len(s.o.Only) == 0 || slices.Contains(s.o.Only, f.ID) })
}

// open finds the group. It makes the first calls, so that what keeps the run from AWS shows here.
func (s *session) open(ctx context.Context) error {
	in := &autoscaling.DescribeAutoScalingGroupsInput{}
	if s.o.Group != "" {
		in.AutoScalingGroupNames = []string{s.o.Group}
	}
	for {
		out, err := s.calls.groups.DescribeAutoScalingGroups(ctx, in)
		if err != nil {
			return s.classify(ctx, err)
		}
		for _, g := range out.AutoScalingGroups {
			if s.o.Group != "" || len(g.Instances) > 0 {
				s.home, err = s.readHome(ctx, g)
				if err == nil {
					s.measured.delays = s.home.delays
				}
				return err
			}
		}
		if out.NextToken == nil {
			break
		}
		in.NextToken = out.NextToken
	}
	if s.o.Group != "" {
		return fmt.Errorf("%w: there is no group %q", ErrNotReady, s.o.Group)
	}
	return nil
}

// ready says why the group cannot be used for moves.
func (s *session) ready(ctx context.Context) error {
	h := s.home
	switch {
	case s.o.Group == "" || h == nil:
		return fmt.Errorf("%w: moves need the name of a group", ErrNotReady)
	case h.tag(MovesTag) != "yes":
		return fmt.Errorf("%w: group %s is not tagged %s=yes", ErrNotReady, h.name, MovesTag)
	case h.group.Operator != nil:
		return nil // what is looked at is the refusal
	case len(h.group.Instances) < 2:
		return fmt.Errorf("%w: group %s has %d instances, want 2 at least", ErrNotReady, h.name, len(h.group.Instances))
	}
	for _, in := range h.group.Instances {
		if in.LifecycleState != asgtypes.LifecycleStateInService {
			return fmt.Errorf("%w: %s is %s, want InService", ErrNotReady, *in.InstanceId, in.LifecycleState)
		}
	}
	running, err := s.runningActivities(ctx)
	if err != nil {
		return s.classify(ctx, err)
	}
	if running != "" {
		return fmt.Errorf("%w: an activity of group %s is running: %s", ErrNotReady, h.name, running)
	}
	return nil
}

// runningActivities is the description of one that runs, or "".
func (s *session) runningActivities(ctx context.Context) (string, error) {
	out, err := s.calls.groups.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: &s.home.name})
	if err != nil {
		return "", err
	}
	for _, a := range out.Activities {
		if a.EndTime == nil {
			return *a.Description, nil
		}
	}
	return "", nil
}

// plan is what the moves are going to do.
func (s *session) plan() Plan {
	cycle := s.home.longestDelay() + 3*time.Minute
	return Plan{s.home.name, s.home.members(), time.Duration(s.o.Samples+1)*cycle + s.surplusTime()}
}

func (s *session) surplusTime() time.Duration {
	if s.canReplace() != nil || !s.wantsOf(surplusFacts()) {
		return 0
	}
	return s.home.longestDelay() + surplusWatch + 4*time.Minute
}
