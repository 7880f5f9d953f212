package conform

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

const (
	enterReference = "API reference of Auto Scaling, EnterStandby"
	notInService   = "400 ValidationError: The instance ID is not in InService."
	notInStandby   = "400 ValidationError: The instance ID is not in Standby."
)

// enterFacts are about the move to Standby and its answer.
func enterFacts() []Fact {
	facts := []Fact{
		{
			ID: "enter-answer", Sure: Documented, Modelled: "InProgress, 50, no EndTime, no AutoScalingGroupARN", Source: enterReference + ", example; transcripts of 2025",
			Statement: "EnterStandby answers one activity per instance: InProgress, 50 %, without EndTime and AutoScalingGroupARN.",
			check:     ofOut(func(p *passage) (string, error) { return answered(p.activity), nil }),
		},
		{
			ID: "enter-cause", Sure: Recorded, Source: "transcripts of 2025",
			Modelled:  "At TIME instance ID was moved to standby in response to a user request, shrinking the capacity from DESIRED to DESIRED-1.",
			Statement: "The Cause says when and why, and the desired capacity before and after.",
			check: func(_ context.Context, s *session) (string, error) {
				return s.cause(s.out, -1)
			},
		},
		{
			ID: "enter-weight", Sure: Open, Modelled: "by the weight", Source: "the API reference of EnterStandby does not mention weights", Settings: []Setting{{"by one", "Behaviour.DecrementByOne"}},
			Statement: "In a weighted group EnterStandby lowers the desired capacity by the instance's weight.",
			check:     decrementOf,
		},
		{
			ID: "enter-description", Sure: Documented, Modelled: "Moving EC2 instance to Standby: ID", Source: enterReference + ", example",
			Statement: "The Description names the move and the instance.",
			check: func(_ context.Context, s *session) (string, error) {
				return s.description(s.out)
			},
		},
		{
			ID: "enter-details", Sure: Recorded, Modelled: "Availability Zone", Source: "transcripts of 2025 and recorded answers of 2026",
			Statement: "Details of the answer is a JSON text that names the zone.",
			check: ofOut(func(p *passage) (string, error) {
				if regexp.MustCompile(`^\{.*"Availability Zone":"[a-z0-9-]+".*\}$`).MatchString(aws.ToString(p.activity.Details)) {
					return "Availability Zone", nil
				}
				return aws.ToString(p.activity.Details), nil
			}),
		},
		{
			ID: "enter-desired-at-once", Sure: Inferred, Modelled: "lower while EnteringStandby", Source: "the answer's Cause has the lower number",
			Statement: "The desired capacity falls with the answer, before the instance is in Standby.",
			check: ofOut(func(p *passage) (string, error) {
				for _, m := range p.track(opGroups).marks {
					if state, rest, _ := strings.Cut(m.text, "/"); state == "EnteringStandby" {
						if strings.HasSuffix(rest, fmt.Sprintf("/%d", p.desired)) {
							return "not lower while EnteringStandby", nil
						}
						return "lower while EnteringStandby", nil
					}
				}
				return "", cannot("the move was over at once")
			}),
		},
		{
			ID: "enter-states", Sure: Documented, Modelled: "EnteringStandby, Standby", Source: "User Guide of Auto Scaling, Amazon EC2 Auto Scaling instance lifecycle",
			Statement: "An instance goes from InService by way of EnteringStandby to Standby.",
			check:     ofOut(func(p *passage) (string, error) { return p.states(opInstances), nil }),
		},
		{
			ID: "enter-activity-ends", Sure: Documented, Modelled: "Successful|100|Moving EC2 instance to Standby: ID", Source: "API reference of Auto Scaling, Activity",
			Statement: "When the instance is in Standby the activity is Successful, 100 %.",
			check:     ofOut(func(p *passage) (string, error) { return p.track(opActivities).last(), nil }),
		},
		{
			ID: "enter-again-moving", Sure: Inferred, Modelled: notInService, Source: "transcripts of EnterStandby of an instance in Standby",
			Statement: "EnterStandby is not idempotent: while the instance is EnteringStandby it is refused, The instance ID is not in InService.",
			check:     notedAs("enter-again-moving"),
		},
		{
			ID: "exit-while-moving", Sure: Recorded, Modelled: notInStandby, Source: "transcripts of ExitStandby",
			Statement: "A move to Standby cannot be cancelled: ExitStandby is refused while the instance is EnteringStandby, The instance ID is not in Standby.",
			check:     notedAs("exit-while-moving"),
		},
	}
	for i := range facts {
		facts[i].Needs = Moves
	}
	return facts
}

// standbyFacts are about an instance in Standby.
func standbyFacts() []Fact {
	facts := []Fact{
		{
			ID: "enter-again", Sure: Recorded, Modelled: notInService, Source: "transcripts of 2022",
			Statement: "EnterStandby of an instance in Standby is refused: The instance ID is not in InService.",
		},
		{
			ID: "exit-batch", Sure: Recorded, Modelled: notInStandby, Source: "transcripts of 2022",
			Statement: "A call for several instances is all or nothing: ExitStandby of one in Standby and one in service is refused.",
		},
		{
			ID: "min-size", Sure: Recorded, Source: "transcripts of 2025; older ones have the plural",
			Modelled:  "400 ValidationError: AutoScalingGroup NAME has min-size=MIN, max-size=MAX, and desired-size=DESIRED. To place into standby 1 instance, please update the AutoScalingGroup sizes appropriately.",
			Settings:  []Setting{{"400 ValidationError: AutoScalingGroup NAME has min-size=MIN, max-size=MAX, and desired-size=DESIRED. To place into standby 1 instances, please update the AutoScalingGroup sizes appropriately.", "Behaviour.AlwaysPlural"}},
			Statement: "EnterStandby that would take the desired capacity below MinSize is refused, with the three sizes.",
		},
		{
			ID: "standby-listed", Sure: Recorded, Modelled: "Standby/HEALTHY and Standby/Healthy", Source: "transcripts of 2025; User Guide, Temporarily remove instances from your Auto Scaling group",
			Statement: "Both lists show an instance in Standby, with the health it had.",
		},
		{
			ID: "standby-counted", Sure: Recorded, Modelled: "as many members, desired capacity -1", Source: enterReference + "; transcripts of 2025",
			Statement: "An instance in Standby is still a member, and the desired capacity no longer counts it.",
		},
		{
			ID: "target-named-gone", Sure: Recorded, Modelled: "200, unused, Target.NotRegistered, Target is not registered to the target group", Source: "recorded answers of 2026; the SDK's waiter TargetDeregistered",
			Statement: "When it is named, a target that was deregistered is unused; it is not left out.",
		},
		{
			ID: "classic-named-gone", Sure: Documented, Modelled: "OutOfService, Instance, Instance is not currently registered with the LoadBalancer.", Source: "API reference of Elastic Load Balancing 2012-06-01, DescribeInstanceHealth; transcripts",
			Statement: "When it is named, an instance that was deregistered is OutOfService, with this Description.",
		},
		{
			ID: "exit-suspended", Sure: Recorded, Source: "recorded answers of 2026",
			Modelled:  "400 ValidationError: Cannot move instances out of Standby for AutoScalingGroup NAME while the Launch process is suspended",
			Statement: "ExitStandby is refused at once while Launch is suspended.",
		},
		{
			ID: "suspension-reason", Sure: Documented, Modelled: "User suspended at TIME", Source: "API reference of Auto Scaling, SuspendedProcess",
			Statement: "DescribeAutoScalingGroups lists a suspended process with the reason User suspended at and the time.",
		},
		{
			ID: "max-size", Sure: Open, Source: "User Guide of Auto Scaling, Considerations of Standby: it fails; the text is that of AttachInstances with another verb",
			Modelled:  "400 ValidationError: AutoScalingGroup NAME has min-size=MIN, max-size=MAX, and desired-size=DESIRED. To remove from standby 1 instance, please update the AutoScalingGroup sizes appropriately.",
			Settings:  []Setting{{"400 ValidationError: AutoScalingGroup NAME has min-size=MIN, max-size=MAX, and desired-size=DESIRED. To remove from standby 1 instances, please update the AutoScalingGroup sizes appropriately.", "Behaviour.AlwaysPlural"}},
			Statement: "ExitStandby that would take the desired capacity above MaxSize is refused, with the three sizes.",
		},
	}
	for i := range facts {
		facts[i].Needs, facts[i].check = Moves, notedAs(facts[i].ID)
	}
	return facts
}

// ofOut is the check of a fact about the first move to Standby.
func ofOut(look func(*passage) (string, error)) func(context.Context, *session) (string, error) {
	return func(_ context.Context, s *session) (string, error) {
		if s.out == nil || s.out.answered.IsZero() {
			return "", cannot("no member was moved to Standby")
		}
		return look(s.out)
	}
}

// answered is the shape of the activity that a move answers.
func answered(a asgtypes.Activity) string {
	text := fmt.Sprintf("%s, %d", a.StatusCode, aws.ToInt32(a.Progress))
	if a.EndTime == nil {
		text += ", no EndTime"
	}
	if a.AutoScalingGroupARN == nil {
		text += ", no AutoScalingGroupARN"
	}
	return text
}

var fromTo = regexp.MustCompile(`the capacity from (\d+) to (\d+)`)

// cause is a move's Cause with the numbers of the group by their meaning. sign is the direction.
func (s *session) cause(p *passage, sign int32) (string, error) {
	if p == nil || p.answered.IsZero() {
		return "", cannot("no member was moved")
	}
	weight := s.weight(p.id)
	return fromTo.ReplaceAllStringFunc(s.plain(aws.ToString(p.activity.Cause)), func(found string) string {
		var from, to int32
		fmt.Sscanf(found, "the capacity from %d to %d", &from, &to)
		step := to - from
		if from != p.desired || step != sign && step != sign*weight {
			return found
		}
		return fmt.Sprintf("the capacity from DESIRED to DESIRED%+d", sign)
	}), nil
}

// stepOf is by how much a move changed the desired capacity, by its own words; 1 where it has none.
func stepOf(p *passage) int32 {
	from, to := int32(0), int32(1)
	if m := fromTo.FindStringSubmatch(aws.ToString(p.activity.Cause)); m != nil {
		fmt.Sscan(m[1]+" "+m[2], &from, &to)
	}
	return max(from-to, to-from)
}

// decrementOf is by how much the first move lowered the desired capacity.
func decrementOf(_ context.Context, s *session) (string, error) {
	if s.out == nil || s.weight(s.out.id) == 1 {
		return "", cannot("the instance has no weight above 1")
	}
	switch step := stepOf(s.out); step {
	case s.weight(s.out.id):
		return "by the weight", nil
	case 1:
		return "by one", nil
	default:
		return fmt.Sprintf("by %d of %d", step, s.weight(s.out.id)), nil
	}
}

func (s *session) description(p *passage) (string, error) {
	if p == nil || p.answered.IsZero() {
		return "", cannot("no member was moved")
	}
	return s.plain(aws.ToString(p.activity.Description)), nil
}

// states are the lifecycle states that a call showed, without the one before the move.
func (p *passage) states(op string) string {
	t := p.track(op)
	before, _, _ := strings.Cut(t.before, "/")
	var all []string
	for _, m := range t.marks {
		state, _, _ := strings.Cut(m.text, "/")
		if len(all) > 0 || state != before {
			all = append(all, state)
		}
	}
	return strings.Join(distinct(all), ", ")
}
