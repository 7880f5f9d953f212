package conform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// moveTime is the longest that one call that changes something may take. The end of the run's context
// does not end it, because then nobody would know whether it took effect.
const moveTime = 30 * time.Second

// enter calls EnterStandby once. Members that it names may have moved, whatever it answers.
func (s *session) enter(ctx context.Context, decrement bool, ids ...string) ([]asgtypes.Activity, error) {
	s.touch(ids)
	return s.enterUntouched(ctx, decrement, ids...)
}

// enterUntouched is enter for calls side by side, whose ids the caller has touched.
func (s *session) enterUntouched(ctx context.Context, decrement bool, ids ...string) ([]asgtypes.Activity, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), moveTime)
	defer cancel()
	out, err := s.calls.groups.EnterStandby(ctx, &autoscaling.EnterStandbyInput{
		AutoScalingGroupName: &s.home.name, InstanceIds: ids, ShouldDecrementDesiredCapacity: &decrement,
	}, once)
	if err != nil {
		return nil, err
	}
	return out.Activities, nil
}

// exit calls ExitStandby once.
func (s *session) exit(ctx context.Context, ids ...string) ([]asgtypes.Activity, error) {
	s.touch(ids)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), moveTime)
	defer cancel()
	out, err := s.calls.groups.ExitStandby(ctx, &autoscaling.ExitStandbyInput{AutoScalingGroupName: &s.home.name, InstanceIds: ids}, once)
	if err != nil {
		return nil, err
	}
	return out.Activities, nil
}

func (s *session) touch(ids []string) {
	for _, id := range ids {
		if member(s.home.group, id) != nil && !slices.Contains(s.touched, id) {
			s.touched = append(s.touched, id)
		}
	}
}

// notes are the answers to calls on the way, by the id of the fact that is about them.
type notes map[string]outcome

type outcome struct {
	text string
	err  error // why it was not tried
}

// refuse keeps the answer to a call that has to be refused. Only what is not AWS's answer ends the run.
func (s *session) refuse(fact string, err error) error {
	text, err := s.saw(err, func() string { return "accepted" })
	var not untried
	if err != nil && !errors.As(err, &not) {
		return err
	}
	s.noted[fact] = outcome{text, err}
	return nil
}

// notedAs is the check of a fact that is a refusal.
func notedAs(fact string) func(context.Context, *session) (string, error) {
	return func(_ context.Context, s *session) (string, error) {
		o, tried := s.noted[fact]
		if !tried {
			return "", cannot("the group gave no occasion")
		}
		return o.text, o.err
	}
}

// asNoted makes a fact of a refusal.
func asNoted(f Fact) Fact {
	f.Needs, f.check = Moves, notedAs(f.ID)
	return f
}

// refusalFacts are calls that are refused whatever the state of the group, so that nothing moves.
func refusalFacts() []Fact {
	const standbyErrors = "API reference of Auto Scaling, EnterStandby and ExitStandby"
	facts := []Fact{
		{
			ID: "enter-unknown-group", Sure: Inferred, Modelled: "400 ValidationError: AutoScalingGroup name not found", Source: "transcripts of sibling calls of Auto Scaling",
			Statement: "EnterStandby of an unknown group is refused: AutoScalingGroup name not found.",
		},
		{
			ID: "enter-not-member", Sure: Inferred, Modelled: "400 ValidationError: The instance ID is not part of Auto Scaling group NAME.", Source: "transcripts of DetachInstances and SetInstanceProtection",
			Statement: "EnterStandby of an instance that is not a member is refused: The instance ID is not part of Auto Scaling group NAME.",
		},
		{
			ID: "exit-in-service", Sure: Recorded, Modelled: "400 ValidationError: The instance ID is not in Standby.", Source: "public code that parses the answer of ExitStandby",
			Statement: "ExitStandby of a member in service is refused: The instance ID is not in Standby.",
		},
		{
			ID: "ids-too-many", Sure: Documented, Modelled: "400 ValidationError", Source: standbyErrors + ", InstanceIds",
			Statement: "A Standby call with more than 20 ids is refused with ValidationError.",
		},
		{
			ID: "ids-none", Sure: Open, Modelled: "400 ValidationError", Source: standbyErrors + ", InstanceIds", Settings: []Setting{{"accepted", "Behaviour.EmptyIDsAccepted"}},
			Statement: "A Standby call without ids is refused with ValidationError.",
		},
		{
			ID: "operator-refusal", Sure: Open, Modelled: "403 AccessDenied", Source: "API reference of Auto Scaling, Operator, since 2026-08", Settings: []Setting{{"400 *", "Behaviour.OperatorCode"}},
			Statement: "A change of a group that an AWS service manages is refused with 403 AccessDenied.",
		},
	}
	for i := range facts {
		facts[i] = asNoted(facts[i])
	}
	return facts
}

// collectRefusals makes the calls of refusalFacts. Nothing is in Standby yet, so that ExitStandby
// without ids could move nothing.
func (s *session) collectRefusals(ctx context.Context) error {
	id := s.home.members()[0]
	unknown := *s.home
	unknown.name = noGroup
	elsewhere := *s
	elsewhere.home = &unknown
	_, unknownGroup := elsewhere.enter(ctx, true, id)
	_, notMember := s.enter(ctx, true, noInstance)
	_, inService := s.exit(ctx, id)
	_, tooMany := s.exit(ctx, unusedIDs(21)...)
	_, none := s.exit(ctx)
	for _, c := range []struct {
		fact string
		err  error
		cut  string // where the established part of the text ends; "": nowhere
	}{
		{"enter-unknown-group", unknownGroup, " - "},
		{"enter-not-member", notMember, ""},
		{"exit-in-service", inService, ""},
		{"ids-too-many", tooMany, ": "},
		{"ids-none", none, ": "},
	} {
		if err := s.refuse(c.fact, c.err); err != nil {
			return err
		}
		s.noted.cut(c.fact, c.cut)
	}
	return nil
}

// cut shortens a text to what is established of it.
func (r notes) cut(fact, at string) {
	o := r[fact]
	if before, _, found := strings.Cut(o.text, at); found && at != "" {
		o.text = before
		r[fact] = o
	}
}

// episodes makes the moves, from refusals that move nothing to a launch. After each the group is as it
// was found.
func (s *session) episodes(ctx context.Context) error {
	if s.home.group.Operator != nil {
		return s.managed(ctx)
	}
	for _, e := range []struct {
		facts []Fact
		play  func(context.Context) error
	}{
		{refusalFacts(), s.collectRefusals},
		{slices.Concat(enterFacts(), standbyFacts(), drainFacts(), returnFacts(), metadataMoves()), s.outAndBack},
		{pairFacts(), s.twoAtOnce},
		{surplusFacts(), s.withReplacement},
	} {
		if !s.wantsOf(e.facts) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		err := e.play(ctx)
		var not untried
		if errors.As(err, &not) {
			err = nil
		}
		if err != nil {
			err = s.classify(ctx, err)
		}
		if err := errors.Join(err, s.restore(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// metadataMoves are the facts of the metadata service that need a move.
func metadataMoves() []Fact {
	return slices.DeleteFunc(metadataFacts(), func(f Fact) bool { return f.Needs&Moves == 0 })
}

// managed asks a group that an AWS service manages for a move that it has to refuse.
func (s *session) managed(ctx context.Context) error {
	_, err := s.enter(ctx, true, s.home.members()[0])
	if status := statusOf(err); denied(err) {
		s.noted["operator-refusal"] = outcome{text: fmt.Sprintf("%d %s", status, codeOf(err))}
		return nil
	}
	err = s.refuse("operator-refusal", err)
	s.noted.cut("operator-refusal", ": ")
	return err
}

// mover is the member that moves first: this instance, if it is one.
func (s *session) mover(ctx context.Context) (string, error) {
	self, err := s.o.Metadata.self(ctx)
	if err != nil {
		return "", err
	}
	if member(s.home.group, self) != nil {
		return self, nil
	}
	return s.home.members()[0], nil
}

// other is a member besides this one.
func (s *session) other(id string) string {
	for _, m := range s.home.members() {
		if m != id {
			return m
		}
	}
	return ""
}

// weight is how much of the desired capacity a member counts for.
func (s *session) weight(id string) int32 {
	weight := int32(1)
	if m := member(s.home.group, id); m != nil && m.WeightedCapacity != nil {
		fmt.Sscan(aws.ToString(m.WeightedCapacity), &weight)
	}
	return weight
}
