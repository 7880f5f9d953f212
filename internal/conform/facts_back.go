package conform

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

const exitReference = "API reference of Auto Scaling, ExitStandby"

// returnFacts are about the move back into service.
func returnFacts() []Fact {
	facts := []Fact{
		{
			ID: "exit-answer", Sure: Documented, Modelled: "PreInService, 30, no EndTime, no AutoScalingGroupARN", Source: exitReference + ", example; transcripts of 2025",
			Statement: "ExitStandby answers one activity per instance: PreInService, 30 %.",
			check:     ofBack(func(_ *session, p *passage) (string, error) { return answered(p.activity), nil }),
		},
		{
			ID: "exit-cause", Sure: Recorded, Source: "transcripts of 2025",
			Modelled:  "At TIME instance ID was moved out of standby in response to a user request, increasing the capacity from DESIRED to DESIRED+1.",
			Statement: "The Cause says when and why, and the desired capacity before and after.",
			check:     ofBack(func(s *session, p *passage) (string, error) { return s.cause(p, 1) }),
		},
		{
			ID: "exit-description", Sure: Documented, Modelled: "Moving EC2 instance out of Standby: ID", Source: exitReference + ", example",
			Statement: "The Description names the move and the instance.",
			check:     ofBack(func(s *session, p *passage) (string, error) { return s.description(p) }),
		},
		{
			ID: "exit-again", Sure: Recorded, Modelled: notInStandby, Source: "public code that parses the answer",
			Statement: "ExitStandby is not idempotent: a second one is refused, The instance ID is not in Standby.",
			check:     notedAs("exit-again"),
		},
		{
			ID: "exit-states", Sure: Recorded, Modelled: "Pending, InService", Source: "transcripts of 2025; API reference, LifecycleState",
			Statement: "An instance goes from Standby by way of Pending to InService; there is no ExitingStandby, and no lifecycle hook runs.",
			check:     ofBack(func(_ *session, p *passage) (string, error) { return p.states(opInstances), nil }),
		},
		{
			ID: "exit-activity-ends", Sure: Documented, Modelled: "Successful|100|Moving EC2 instance out of Standby: ID", Source: "API reference of Auto Scaling, Activity",
			Statement: "When the instance is in service the activity is Successful, 100 %.",
			check:     ofBack(func(_ *session, p *passage) (string, error) { return p.track(opActivities).last(), nil }),
		},
		{
			ID: "registered-first", Sure: Documented, Modelled: "registered before InService", Source: "User Guide of Auto Scaling, Amazon EC2 Auto Scaling instance lifecycle",
			Statement: "An instance is registered with its load balancers before it is InService.",
			check:     ofBack(registeredFirst),
		},
		{
			ID: "in-service-unchecked", Sure: Documented, Modelled: "InService before the health checks pass", Source: "User Guide of Auto Scaling, Health checks for instances; transcripts",
			Statement: "InService does not wait for the load balancers' health checks.",
			check:     ofBack(inServiceUnchecked),
		},
		{
			ID: "kept-in-grace", Sure: Documented, Modelled: "kept", Source: "User Guide of Auto Scaling, Set the health check grace period: it applies again after Standby",
			Statement: "Within the grace period an instance that its load balancers do not call healthy yet is not replaced, also after Standby.",
			check:     ofBack(keptInGrace),
		},
		{
			ID: "target-registering", Sure: Documented, Modelled: "states of the guide", Source: "User Guide for Application Load Balancers, target health status",
			Statement: "On its way to healthy a target is initial or unhealthy, with the reasons and descriptions of the guide.",
			check: ofBack(func(_ *session, p *passage) (string, error) {
				return p.registering(opTargets, []string{
					"initial, Elb.RegistrationInProgress, Target registration is in progress",
					"initial, Elb.InitialHealthChecking, Initial health checks in progress",
					"unhealthy, *", "healthy", gone,
				})
			}),
		},
		{
			ID: "classic-registering", Sure: Documented, Modelled: "states of the guide", Source: "API reference of Elastic Load Balancing 2012-06-01, InstanceState",
			Statement: "On its way to InService an instance is OutOfService at a Classic Load Balancer, with the descriptions of the API reference.",
			check: ofBack(func(_ *session, p *passage) (string, error) {
				return p.registering(opClassic, []string{
					"OutOfService, ELB, Instance registration is still in progress.",
					"OutOfService, Instance, Instance registration is still in progress.",
					"OutOfService, Instance, Instance has not passed the configured HealthyThreshold number of health checks consecutively.",
					"OutOfService, Instance, Instance has failed at least the UnhealthyThreshold number of health checks consecutively.",
					"InService, N/A, N/A", gone,
				})
			}),
		},
	}
	for i := range facts {
		facts[i].Needs = Moves
	}
	return facts
}

// ofBack is the check of a fact about the first move back.
func ofBack(look func(*session, *passage) (string, error)) func(context.Context, *session) (string, error) {
	return func(_ context.Context, s *session) (string, error) {
		if s.back == nil || s.back.answered.IsZero() {
			return "", cannot("no member was moved back")
		}
		return look(s, s.back)
	}
}

// registeredFirst compares when the load balancers listed the instance with when it was InService. A
// second of read lag proves nothing.
func registeredFirst(s *session, p *passage) (string, error) {
	if len(p.balancers()) == 0 {
		return "", cannot("the group has no load balancer")
	}
	for _, t := range p.balancers() {
		if at, listed := t.first(func(text string) bool { return text != gone }); !listed || at > p.arrived+s.coarse() {
			return "InService before it is registered", nil
		}
	}
	return "registered before InService", nil
}

// slowChecks is how much later than InService a load balancer has to find an instance healthy, or how
// much earlier, for the order to mean something.
const slowChecks = 5 * time.Second

func inServiceUnchecked(_ *session, p *passage) (string, error) {
	last := time.Duration(0)
	for _, t := range p.balancers() {
		at, healthy := t.first(t.goal)
		if !healthy {
			at = time.Hour
		}
		last = max(last, at)
	}
	switch {
	case last == 0:
		return "", cannot("the group has no load balancer")
	case p.arrived < last-slowChecks:
		return "InService before the health checks pass", nil
	case last < 3*slowChecks:
		return "", cannot("the health checks passed in %s", last.Round(time.Second))
	}
	return "InService after the health checks", nil
}

func keptInGrace(s *session, p *passage) (string, error) {
	grace := s.home.group.HealthCheckGracePeriod
	if grace == nil || *grace == 0 || !strings.Contains(*s.home.group.HealthCheckType, "ELB") {
		return "", cannot("the group has no grace period, or load balancers do not count")
	}
	if text, err := inServiceUnchecked(s, p); err != nil || text != "InService before the health checks pass" {
		return "", cannot("it was healthy at once")
	}
	for _, m := range p.track(opInstances).marks {
		if m.at > p.arrived && m.text != "InService/HEALTHY" {
			return m.text, nil
		}
	}
	return "kept", nil
}

// registering compares what load balancers of a kind showed with the texts that are known. One may end
// with an asterisk.
func (p *passage) registering(op string, known []string) (string, error) {
	tried := false
	for _, t := range p.balancers() {
		if t.op != op {
			continue
		}
		for _, m := range t.marks {
			tried = tried || m.text != gone && !t.goal(m.text)
			if !slices.ContainsFunc(known, func(k string) bool {
				prefix, wild := strings.CutSuffix(k, "*")
				return m.text == k || wild && strings.HasPrefix(m.text, prefix)
			}) {
				return m.text, nil
			}
		}
	}
	if !tried {
		return "", cannot("no such load balancer, or it was healthy at once")
	}
	return "states of the guide", nil
}

// countedAs describes what a move did to the number of members and the desired capacity.
func countedAs(members int, desired int32) string {
	text := "as many members"
	if members != 0 {
		text = fmt.Sprintf("%+d members", members)
	}
	return fmt.Sprintf("%s, desired capacity %+d", text, desired)
}
