package elb

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv1 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	v1types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	v2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// Health lists every registration of a source, in one call, with instances that do
// not belong to our group among them. What the load balancer has deregistered is not listed.
func (c *Client) Health(ctx context.Context, s fleet.Source) ([]fleet.Target, error) {
	return c.health(ctx, s, "")
}

// HealthOf asks about one instance, on the source's own port. One that the source
// does not know is Unregistered, not an error; an answer that leaves it out is none, for silence proves nothing.
func (c *Client) HealthOf(ctx context.Context, s fleet.Source, instance string) (fleet.Target, error) {
	found := fleet.Target{Instance: instance, Port: s.Port, Health: fleet.Unregistered}
	all, err := c.health(ctx, s, instance)
	if refused(err, "InvalidTarget", "InvalidInstance") {
		return found, nil
	}
	if err != nil {
		return fleet.Target{}, err
	}
	for _, t := range all {
		if t.Instance == instance {
			found = t
			if t.Port == s.Port {
				break
			}
		}
	}
	return found, nil
}

// health asks about one instance, or about all where instance is empty.
func (c *Client) health(ctx context.Context, s fleet.Source, instance string) ([]fleet.Target, error) {
	if s.Kind == fleet.Classic {
		return c.classicHealth(ctx, s, instance)
	}
	return c.targetHealth(ctx, s, instance)
}

func (c *Client) classicHealth(ctx context.Context, s fleet.Source, instance string) ([]fleet.Target, error) {
	in := &elbv1.DescribeInstanceHealthInput{LoadBalancerName: aws.String(s.ID)}
	if instance != "" {
		in.Instances = []v1types.Instance{{InstanceId: aws.String(instance)}}
	}
	all, err := complete(ctx, c, "DescribeInstanceHealth", func(ctx context.Context) ([]fleet.Target, error) {
		out, err := c.classic.health(ctx, in)
		if err != nil {
			return nil, err
		}
		var all []fleet.Target
		for _, i := range out.InstanceStates {
			t := fleet.Target{Instance: aws.ToString(i.InstanceId)}
			// The description is "N/A" where there is nothing to say; else it may say that it drains.
			if t.Instance == "" || i.Description == nil || aws.ToString(i.State) == "" {
				return nil, awsapi.Lacks("id, state or description of an instance")
			}
			t.Health, t.Reason = classicState(aws.ToString(i.State), aws.ToString(i.Description))
			all = append(all, t)
		}
		return all, lists(all, instance)
	})
	if err != nil {
		return nil, wrap(err, "describe health in Classic load balancer", s.Name)
	}
	return all, nil
}

func (c *Client) targetHealth(ctx context.Context, s fleet.Source, instance string) ([]fleet.Target, error) {
	in := &elbv2.DescribeTargetHealthInput{TargetGroupArn: aws.String(s.ID)}
	if instance != "" {
		in.Targets = []v2types.TargetDescription{{Id: aws.String(instance), Port: aws.Int32(int32(s.Port))}}
	}
	if s.AnomalyMitigation { // left out unless it is asked for
		in.Include = []v2types.DescribeTargetHealthInputIncludeEnum{v2types.DescribeTargetHealthInputIncludeEnumAnomaly}
	}
	all, err := complete(ctx, c, "DescribeTargetHealth", func(ctx context.Context) ([]fleet.Target, error) {
		out, err := c.targets.health(ctx, in)
		if err != nil {
			return nil, err
		}
		var all []fleet.Target
		for _, d := range out.TargetHealthDescriptions {
			if d.Target == nil || aws.ToString(d.Target.Id) == "" || d.Target.Port == nil {
				return nil, awsapi.Lacks("id or port of a target")
			}
			if d.TargetHealth == nil || d.TargetHealth.State == "" {
				return nil, awsapi.Lacks("health of target %s", aws.ToString(d.Target.Id))
			}
			all = append(all, target(d))
		}
		return all, lists(all, instance)
	})
	if err != nil {
		return nil, wrap(err, "describe health in target group", s.Name)
	}
	return all, nil
}

// lists: the instance that was asked for is in the answer.
func lists(all []fleet.Target, instance string) error {
	if instance == "" || slices.ContainsFunc(all, func(t fleet.Target) bool { return t.Instance == instance }) {
		return nil
	}
	return awsapi.Lacks("health of %s", instance)
}

// target is one registration, of an answer that is whole.
func target(d v2types.TargetHealthDescription) fleet.Target {
	t := fleet.Target{Instance: aws.ToString(d.Target.Id), Port: int(aws.ToInt32(d.Target.Port))}
	h := d.TargetHealth
	t.Health, t.Reason = targetState(string(h.State), string(h.Reason), aws.ToString(h.Description))
	if o := d.AdministrativeOverride; o != nil && o.State != "" && o.State != noOverride {
		t.Shifted = o.State == shiftActive
		t.Override = strings.TrimSuffix(string(o.State)+": "+aws.ToString(o.Description), ": ")
	}
	if a := d.AnomalyDetection; a != nil {
		t.Mitigated = a.MitigationInEffect == v2types.MitigationInEffectEnumYes
	}
	return t
}

// States of an override, which is independent of the health (API reference, AdministrativeOverride). A target of a zone
// that was shifted away stays healthy and gets no new traffic.
const (
	noOverride  = v2types.TargetAdministrativeOverrideStateEnumNoOverride
	shiftActive = v2types.TargetAdministrativeOverrideStateEnumZonalShiftActive
)

// sentences of DescribeInstanceHealth, which may join several in one description: the
// one that keeps an instance longest comes first, so that "deregistered" is never read out
// of a text that says anything else too.
var sentences = []struct {
	says   string
	health fleet.Health
}{
	{"deregistration currently in progress", fleet.Draining}, // reported with the state InService
	{"has failed at least the unhealthythreshold", fleet.Unhealthy},
	{"registration is still in progress", fleet.Initial},
	{"has not passed the configured healthythreshold", fleet.Initial},
	{"in stopped state", fleet.Unhealthy},
	{"in pending state", fleet.Initial},
	{"not configured to route traffic", fleet.NotInUse},
	{"is not currently registered", fleet.Unregistered},
}

// classicState reads a state and a description of DescribeInstanceHealth. Only
// InService without a remark is healthy.
func classicState(state, description string) (fleet.Health, string) {
	reason := description
	if reason == "N/A" {
		reason = ""
	}
	if state == "InService" && reason == "" {
		return fleet.Healthy, ""
	}
	lower := strings.ToLower(reason)
	for _, s := range sentences {
		if strings.Contains(lower, s.says) && (s.health == fleet.Draining || state == "OutOfService") {
			return s.health, reason
		}
	}
	if state == "OutOfService" {
		return fleet.Unhealthy, reason
	}
	return fleet.Unavailable, strings.TrimSpace(state + " " + reason)
}

// targetState reads a state, a reason code and a description of DescribeTargetHealth.
func targetState(state, code, description string) (fleet.Health, string) {
	reason := cmp.Or(description, code)
	switch state {
	case "healthy":
		return fleet.Healthy, reason
	case "unhealthy", "unhealthy.draining": // draining because it is unhealthy: still registered
		return fleet.Unhealthy, reason
	case "initial":
		return fleet.Initial, reason
	case "draining":
		return fleet.Draining, reason
	case "unavailable":
		return fleet.Unavailable, reason
	case "unused":
		switch code {
		case "Target.NotRegistered":
			return fleet.Unregistered, reason
		case "Target.NotInUse":
			return fleet.NotInUse, reason
		case "Target.InvalidState", "Target.IpUnusable":
			return fleet.Unhealthy, reason
		}
	}
	return fleet.Unavailable, strings.TrimSpace(state + " " + reason)
}
