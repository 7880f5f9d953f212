package conform

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// Names that nobody has.
const (
	noGroup    = "balanced-check-no-such-group"
	noInstance = "i-00000000000000000"
	noClassic  = "balanced-check-none"
)

// groupFacts are about groups and their members.
func groupFacts() []Fact {
	return []Fact{
		{
			ID: "group-unknown", Sure: Inferred, Modelled: "200, 0 groups",
			Statement: "DescribeAutoScalingGroups leaves out a name that no group has, and answers 200.",
			Source:    "API reference of Auto Scaling, DescribeAutoScalingGroups",
			check: func(ctx context.Context, s *session) (string, error) {
				out, err := s.calls.groups.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{noGroup}})
				return s.saw(err, func() string { return fmt.Sprintf("200, %d groups", len(out.AutoScalingGroups)) })
			},
		},
		{
			ID: "instance-unknown", Sure: Documented, Modelled: "200, 0 instances",
			Statement: "DescribeAutoScalingInstances leaves out an id that no group has, and answers 200.",
			Source:    "API reference of Auto Scaling, DescribeAutoScalingInstances, InstanceIds",
			check: func(ctx context.Context, s *session) (string, error) {
				out, err := s.instances(ctx, noInstance)
				return s.saw(err, func() string { return fmt.Sprintf("200, %d instances", len(out)) })
			},
		},
		{
			ID: "health-casing", Sure: Recorded, Modelled: "HEALTHY and Healthy",
			Statement: "DescribeAutoScalingInstances writes HEALTHY where DescribeAutoScalingGroups writes Healthy.",
			Source:    "API reference of Auto Scaling, the examples of both calls; transcripts of 2025",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.bothViews(ctx, func(a asgtypes.AutoScalingInstanceDetails, b asgtypes.Instance) string {
					return aws.ToString(a.HealthStatus) + " and " + aws.ToString(b.HealthStatus)
				})
			},
		},
		{
			ID: "views-agree", Sure: Documented, Modelled: "same state, zone and group",
			Statement: "Both calls show the same lifecycle state and zone of a member, and DescribeAutoScalingInstances names its group.",
			Source:    "API reference of Auto Scaling, AutoScalingInstanceDetails and Instance",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.bothViews(ctx, func(a asgtypes.AutoScalingInstanceDetails, b asgtypes.Instance) string {
					if aws.ToString(a.LifecycleState) != string(b.LifecycleState) || aws.ToString(a.AvailabilityZone) != aws.ToString(b.AvailabilityZone) ||
						aws.ToString(a.AutoScalingGroupName) != s.home.name {
						return "they differ"
					}
					return "same state, zone and group"
				})
			},
		},
		{
			ID: "instance-pages", Sure: Documented, Modelled: "one a page, each once",
			Statement: "DescribeAutoScalingInstances answers MaxRecords at a time, also of named ids, and NextToken gives the rest.",
			Source:    "API reference of Auto Scaling, DescribeAutoScalingInstances, MaxRecords and NextToken",
			check: func(ctx context.Context, s *session) (string, error) {
				if s.home == nil || len(s.home.members()) < 2 {
					return "", cannot("no group with two members")
				}
				return s.paged(s.home.members(), func(token *string) ([]string, *string, error) {
					out, err := s.calls.groups.DescribeAutoScalingInstances(ctx, &autoscaling.DescribeAutoScalingInstancesInput{
						InstanceIds: s.home.members(), MaxRecords: aws.Int32(1), NextToken: token,
					})
					if err != nil {
						return nil, nil, err
					}
					var ids []string
					for _, in := range out.AutoScalingInstances {
						ids = append(ids, aws.ToString(in.InstanceId))
					}
					return ids, out.NextToken, nil
				})
			},
		},
		{
			ID: "instance-limit", Sure: Documented, Modelled: "400 ValidationError",
			Statement: "DescribeAutoScalingInstances refuses more than 50 ids.",
			Source:    "API reference of Auto Scaling, DescribeAutoScalingInstances, InstanceIds",
			check: func(ctx context.Context, s *session) (string, error) {
				_, err := s.instances(ctx, unusedIDs(51)...)
				return s.code(err)
			},
		},
		{
			ID: "page-limit", Sure: Documented, Modelled: "400 ValidationError",
			Statement: "DescribeAutoScalingInstances refuses MaxRecords above 50.",
			Source:    "API reference of Auto Scaling, DescribeAutoScalingInstances, MaxRecords",
			check: func(ctx context.Context, s *session) (string, error) {
				_, err := s.calls.groups.DescribeAutoScalingInstances(ctx, &autoscaling.DescribeAutoScalingInstancesInput{
					InstanceIds: []string{noInstance}, MaxRecords: aws.Int32(51),
				})
				return s.code(err)
			},
		},
		{
			ID: "token-invalid", Sure: Documented, Modelled: "400 InvalidNextToken",
			Statement: "A NextToken that AWS has not given is refused with InvalidNextToken.",
			Source:    "API reference of Auto Scaling, DescribeAutoScalingGroups, Errors",
			check: func(ctx context.Context, s *session) (string, error) {
				_, err := s.calls.groups.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{NextToken: aws.String("balanced-check")})
				return s.code(err)
			},
		},
		{
			ID: "sources-union", Sure: Inferred, Modelled: "all in TrafficSources",
			Statement: "Load balancers and target groups that were attached by the older calls are in TrafficSources too.",
			Source:    "API reference of Auto Scaling, AutoScalingGroup, TrafficSources",
			check: func(_ context.Context, s *session) (string, error) {
				if s.home == nil || len(s.home.group.LoadBalancerNames)+len(s.home.group.TargetGroupARNs) == 0 {
					return "", cannot("no load balancer is attached by the older calls")
				}
				for _, id := range append(slices.Clone(s.home.group.LoadBalancerNames), s.home.group.TargetGroupARNs...) {
					if !slices.ContainsFunc(s.home.group.TrafficSources, func(t asgtypes.TrafficSourceIdentifier) bool { return aws.ToString(t.Identifier) == id }) {
						return "not all in TrafficSources", nil
					}
				}
				return "all in TrafficSources", nil
			},
		},
		{
			ID: "attachment-state", Sure: Documented, Modelled: "InService with ELB checks, Added without",
			Statement: "An attachment rests at InService where load balancer health checks count for the group and an instance passes, and at Added where they do not count.",
			Source:    "API reference of Auto Scaling, TrafficSourceState",
			check:     attachmentState,
		},
		{
			ID: "refreshes-unknown-group", Sure: Inferred, Modelled: "400 ValidationError: AutoScalingGroup name not found",
			Statement: "DescribeInstanceRefreshes of an unknown group is refused: AutoScalingGroup name not found.",
			Source:    "transcripts of sibling calls of Auto Scaling",
			check: func(ctx context.Context, s *session) (string, error) {
				_, err := s.calls.groups.DescribeInstanceRefreshes(ctx, &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String(noGroup)})
				return s.unknownGroup(err)
			},
		},
		{
			ID: "order-kept", Sure: Open, Modelled: "same order in 5 answers", Settings: []Setting{{"another order", "Behaviour.UnstableOrder"}},
			Statement: "The attributes of a target group come in the same order in every answer.",
			Source:    "recorded answers of 2026: EnabledMetrics, SuspendedProcesses and VPCZoneIdentifier came in different orders",
			check:     attributeOrder,
		},
	}
}

// instances are those of the named instances that are in a group.
func (s *session) instances(ctx context.Context, ids ...string) ([]asgtypes.AutoScalingInstanceDetails, error) {
	out, err := s.calls.groups.DescribeAutoScalingInstances(ctx, &autoscaling.DescribeAutoScalingInstancesInput{InstanceIds: ids})
	if err != nil {
		return nil, err
	}
	return out.AutoScalingInstances, nil
}

// bothViews compares what both calls show of every member. What they say of all of them is one text.
func (s *session) bothViews(ctx context.Context, compare func(asgtypes.AutoScalingInstanceDetails, asgtypes.Instance) string) (string, error) {
	if s.home == nil || len(s.home.members()) == 0 {
		return "", cannot("no group with a member")
	}
	list, err := s.instances(ctx, s.home.members()[:min(50, len(s.home.members()))]...)
	if err != nil {
		return s.said(err)
	}
	var all []string
	for _, a := range list {
		if b := member(s.home.group, aws.ToString(a.InstanceId)); b != nil {
			all = append(all, compare(a, *b))
		}
	}
	if len(all) == 0 {
		return "members are not listed", nil
	}
	return strings.Join(distinct(all), "; "), nil
}

// paged reads a list page by page, of one item each, and compares it with all.
func (s *session) paged(all []string, page func(token *string) ([]string, *string, error)) (string, error) {
	var got []string
	var token *string
	for {
		items, next, err := page(token)
		if err != nil {
			return s.said(err)
		}
		if len(items) > 1 {
			return fmt.Sprintf("%d on a page for one", len(items)), nil
		}
		got = append(got, items...)
		if next == nil || len(got) >= len(all) {
			break
		}
		if token != nil && *next == *token {
			return "the same token twice", nil
		}
		token = next
	}
	slices.Sort(got)
	if !slices.Equal(got, slices.Sorted(slices.Values(all))) {
		return fmt.Sprintf("%d of %d", len(distinct(got)), len(all)), nil
	}
	return "one a page, each once", nil
}

// code is the status and code of a refusal, where the text is not established.
func (s *session) code(err error) (string, error) {
	text, err := s.saw(err, func() string { return "accepted" })
	code, _, _ := strings.Cut(text, ":")
	return code, err
}

// unknownGroup is a refusal up to where its two known forms part.
func (s *session) unknownGroup(err error) (string, error) {
	text, err := s.saw(err, func() string { return "accepted" })
	if before, _, found := strings.Cut(text, " - "); found {
		return before, err
	}
	return text, err
}

func unusedIDs(n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf("i-0000000000000%04x", i))
	}
	return ids
}

func attachmentState(ctx context.Context, s *session) (string, error) {
	if s.home == nil || len(s.home.group.TrafficSources) == 0 {
		return "", cannot("the group has no load balancer")
	}
	out, err := s.calls.groups.DescribeTrafficSources(ctx, &autoscaling.DescribeTrafficSourcesInput{AutoScalingGroupName: &s.home.name})
	if err != nil {
		return s.said(err)
	}
	want := "Added"
	if strings.Contains(aws.ToString(s.home.group.HealthCheckType), "ELB") {
		want = "InService"
	}
	var got []string
	for _, source := range out.TrafficSources {
		got = append(got, aws.ToString(source.State))
	}
	if text := strings.Join(distinct(got), ", "); text != want {
		return fmt.Sprintf("%q with HealthCheckType %s", text, aws.ToString(s.home.group.HealthCheckType)), nil
	}
	return "InService with ELB checks, Added without", nil
}
