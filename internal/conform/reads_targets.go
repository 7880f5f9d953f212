package conform

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// targetFacts are about target groups.
func targetFacts() []Fact {
	return []Fact{
		{
			ID: "target-group-unknown", Sure: Documented, Modelled: "400 TargetGroupNotFound: One or more target groups not found",
			Statement: "An ARN of no target group is refused with TargetGroupNotFound.",
			Source:    "API reference of Elastic Load Balancing 2015-12-01, DescribeTargetHealth, Errors",
			check: func(ctx context.Context, s *session) (string, error) {
				if s.home == nil || len(s.home.targets) == 0 {
					return "", cannot("no target group to take the form of the ARN from")
				}
				arn := s.home.targets[0].arn
				_, err := s.targetHealth(ctx, arn[:strings.LastIndex(arn, "/")]+"/0000000000000000")
				return s.saw(err, func() string { return "accepted" })
			},
		},
		{
			ID: "target-healthy", Sure: Documented, Modelled: "healthy, without reason and description",
			Statement: "A healthy target has neither Reason nor Description.",
			Source:    "API reference of Elastic Load Balancing 2015-12-01, TargetHealth",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.eachTarget(ctx, func(t targetGroup, d elbv2types.TargetHealthDescription) string {
					if d.TargetHealth == nil || d.TargetHealth.State != elbv2types.TargetHealthStateEnumHealthy {
						return ""
					}
					if d.TargetHealth.Reason != "" || d.TargetHealth.Description != nil {
						return "healthy, with " + string(d.TargetHealth.Reason)
					}
					return "healthy, without reason and description"
				})
			},
		},
		{
			ID: "target-check-port", Sure: Documented, Modelled: "a number",
			Statement: "DescribeTargetHealth writes the health check port as a number, also where DescribeTargetGroups says traffic-port.",
			Source:    "API reference of Elastic Load Balancing 2015-12-01, DescribeTargetHealth, examples",
			check: func(ctx context.Context, s *session) (string, error) {
				number := regexp.MustCompile(`^\d+$`)
				return s.eachTarget(ctx, func(_ targetGroup, d elbv2types.TargetHealthDescription) string {
					if port := aws.ToString(d.HealthCheckPort); !number.MatchString(port) {
						return fmt.Sprintf("%q", port)
					}
					return "a number"
				})
			},
		},
		{
			ID: "target-override", Sure: Recorded, Modelled: "no_override, AdministrativeOverride.NoOverride, No override is currently active on target",
			Statement: "Without a zonal shift a target behind a load balancer has the AdministrativeOverride no_override.",
			Source:    "recorded answers of 2026, with Application and Network Load Balancers",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.eachTarget(ctx, func(t targetGroup, d elbv2types.TargetHealthDescription) string {
					switch o := d.AdministrativeOverride; {
					case len(t.described.LoadBalancerArns) == 0:
						return ""
					case o == nil:
						return "no AdministrativeOverride"
					case o.State == elbv2types.TargetAdministrativeOverrideStateEnumZonalShiftActive:
						return "" // shifted indeed
					default:
						return fmt.Sprintf("%s, %s, %s", o.State, o.Reason, aws.ToString(o.Description))
					}
				})
			},
		},
		{
			ID: "target-members", Sure: Documented, Modelled: "instance, on the port of the target group",
			Statement: "Auto Scaling registers members by their id, on the target group's own port.",
			Source:    "User Guide of Auto Scaling, load balancers; API reference, AttachLoadBalancerTargetGroups",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.eachTarget(ctx, func(t targetGroup, d elbv2types.TargetHealthDescription) string {
					switch {
					case member(s.home.group, aws.ToString(d.Target.Id)) == nil || aws.ToInt32(d.Target.Port) != t.port:
						return "" // registered by somebody else
					case t.described.TargetType != elbv2types.TargetTypeEnumInstance:
						return string(t.described.TargetType)
					}
					return "instance, on the port of the target group"
				})
			},
		},
		{
			ID: "target-named-unregistered", Sure: Recorded, Modelled: "200, unused, Target.NotRegistered, Target is not registered to the target group",
			Statement: "A named target that was never registered is answered 200, as unused.",
			Source:    "recorded answers of 2026; User Guide for Application Load Balancers, target health status",
			check:     namedUnregistered,
		},
		{
			ID: "target-named-unknown", Sure: Inferred, Modelled: "400 InvalidTarget",
			Statement: "A named target whose instance does not exist is refused with InvalidTarget.",
			Source:    "API reference of Elastic Load Balancing 2015-12-01, DescribeTargetHealth, Errors",
			check: func(ctx context.Context, s *session) (string, error) {
				t, err := s.firstTargetGroup()
				if err != nil {
					return "", err
				}
				_, err = s.targetHealth(ctx, t.arn, elbv2types.TargetDescription{Id: aws.String(noInstance)})
				return s.code(err)
			},
		},
		{
			ID: "target-attributes", Sure: Recorded, Modelled: "application 14, network 11",
			Statement: "Target groups of type instance have 14 attributes behind an Application and 11 behind a Network Load Balancer.",
			Source:    "recorded answers of 2026",
			check:     attributeCount,
		},
		{
			ID: "target-group-fields", Sure: Documented, Modelled: "traffic-port or a number, IpAddressType, thresholds",
			Statement: "DescribeTargetGroups gives the health check's port, thresholds, interval and timeout, and the IpAddressType.",
			Source:    "API reference of Elastic Load Balancing 2015-12-01, TargetGroup",
			check:     targetGroupFields,
		},
		{
			ID: "target-pages", Sure: Documented, Modelled: "one a page",
			Statement: "DescribeTargetGroups answers PageSize at a time, and NextMarker leads to the next page.",
			Source:    "API reference of Elastic Load Balancing 2015-12-01, DescribeTargetGroups, PageSize and Marker",
			check:     targetGroupPages,
		},
	}
}

func (s *session) targetHealth(ctx context.Context, arn string, named ...elbv2types.TargetDescription) ([]elbv2types.TargetHealthDescription, error) {
	out, err := s.calls.targets.DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: &arn, Targets: named})
	if err != nil {
		return nil, err
	}
	return out.TargetHealthDescriptions, nil
}

func (s *session) firstTargetGroup() (targetGroup, error) {
	if s.home == nil || len(s.home.targets) == 0 {
		return targetGroup{}, cannot("the group has no target group")
	}
	return s.home.targets[0], nil
}

// eachTarget asks about every target of the group's target groups; "" is a target that says nothing.
func (s *session) eachTarget(ctx context.Context, look func(targetGroup, elbv2types.TargetHealthDescription) string) (string, error) {
	if _, err := s.firstTargetGroup(); err != nil {
		return "", err
	}
	var all []string
	for _, t := range s.home.targets {
		list, err := s.targetHealth(ctx, t.arn)
		if err != nil {
			return s.said(err)
		}
		for _, d := range list {
			if text := look(t, d); text != "" {
				all = append(all, text)
			}
		}
	}
	if len(all) == 0 {
		return "", cannot("no such target is registered")
	}
	return strings.Join(distinct(all), "; "), nil
}

// namedUnregistered names a member on a port that nobody has registered.
func namedUnregistered(ctx context.Context, s *session) (string, error) {
	t, err := s.firstTargetGroup()
	if err != nil {
		return "", err
	}
	list, err := s.targetHealth(ctx, t.arn, elbv2types.TargetDescription{Id: &s.home.members()[0], Port: aws.Int32(1)})
	return s.saw(err, func() string { return "200, " + healthOf(list) })
}

// healthOf is the health of the one target of a list.
func healthOf(list []elbv2types.TargetHealthDescription) string {
	if len(list) != 1 || list[0].TargetHealth == nil {
		return fmt.Sprintf("%d targets", len(list))
	}
	h := list[0].TargetHealth
	text := string(h.State)
	if h.Reason != "" {
		text += ", " + string(h.Reason)
	}
	if h.Description != nil {
		text += ", " + *h.Description
	}
	return text
}

func attributeCount(_ context.Context, s *session) (string, error) {
	if _, err := s.firstTargetGroup(); err != nil {
		return "", err
	}
	want := map[string]int{"application": 14, "network": 11}
	tried := false
	for _, t := range s.home.targets {
		kind := "network"
		if protocol := t.described.Protocol; protocol == elbv2types.ProtocolEnumHttp || protocol == elbv2types.ProtocolEnumHttps {
			kind = "application"
		} else if protocol == elbv2types.ProtocolEnumGeneve {
			continue
		}
		tried = true
		if n := len(t.attributes); n != want[kind] {
			return fmt.Sprintf("%s %d", kind, n), nil
		}
	}
	if !tried {
		return "", cannot("no target group of an Application or Network Load Balancer")
	}
	return "application 14, network 11", nil
}

// attributeOrder reads the attributes five times.
func attributeOrder(ctx context.Context, s *session) (string, error) {
	t, err := s.firstTargetGroup()
	if err != nil {
		return "", err
	}
	var orders []string
	for range 5 {
		out, err := s.calls.targets.DescribeTargetGroupAttributes(ctx, &elbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: &t.arn})
		if err != nil {
			return s.said(err)
		}
		var keys []string
		for _, a := range out.Attributes {
			keys = append(keys, aws.ToString(a.Key))
		}
		orders = append(orders, strings.Join(keys, " "))
	}
	if len(distinct(orders)) > 1 {
		return "another order", nil
	}
	return "same order in 5 answers", nil
}

func targetGroupFields(_ context.Context, s *session) (string, error) {
	if _, err := s.firstTargetGroup(); err != nil {
		return "", err
	}
	for _, t := range s.home.targets {
		d := t.described
		port := aws.ToString(d.HealthCheckPort)
		switch {
		case port != "traffic-port" && !regexp.MustCompile(`^\d+$`).MatchString(port):
			return fmt.Sprintf("HealthCheckPort %q", port), nil
		case d.IpAddressType == "":
			return "no IpAddressType", nil
		case d.HealthyThresholdCount == nil || d.UnhealthyThresholdCount == nil || d.HealthCheckIntervalSeconds == nil || d.HealthCheckTimeoutSeconds == nil:
			return "no thresholds", nil
		}
	}
	return "traffic-port or a number, IpAddressType, thresholds", nil
}

func targetGroupPages(ctx context.Context, s *session) (string, error) {
	in := &elbv2.DescribeTargetGroupsInput{PageSize: aws.Int32(1)}
	first, err := s.calls.targets.DescribeTargetGroups(ctx, in)
	if err != nil {
		return s.said(err)
	}
	if len(first.TargetGroups) > 1 {
		return fmt.Sprintf("%d on a page for one", len(first.TargetGroups)), nil
	}
	if first.NextMarker == nil || len(first.TargetGroups) == 0 {
		return "", cannot("the account has not two target groups")
	}
	in.Marker = first.NextMarker
	second, err := s.calls.targets.DescribeTargetGroups(ctx, in)
	return s.saw(err, func() string {
		if len(second.TargetGroups) != 1 || *second.TargetGroups[0].TargetGroupArn == *first.TargetGroups[0].TargetGroupArn {
			return "the next page is not the next"
		}
		return "one a page"
	})
}
