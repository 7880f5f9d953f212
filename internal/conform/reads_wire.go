package conform

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// wireFacts are about the documents themselves.
func wireFacts() []Fact {
	return []Fact{
		{
			ID: "wire-empty-list", Sure: Documented, Modelled: "<AutoScalingGroups/>",
			Statement: "An empty list is an empty element, not a missing one.",
			Source:    "API reference of Auto Scaling, sample responses",
			check: func(ctx context.Context, s *session) (string, error) {
				ctx, raw := keeping(ctx)
				_, err := s.calls.groups.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{noGroup}})
				return s.saw(err, func() string {
					if regexp.MustCompile(`<AutoScalingGroups(\s*/>|>\s*</AutoScalingGroups>)`).MatchString(raw.body) {
						return "<AutoScalingGroups/>"
					}
					return "no such element"
				})
			},
		},
		{
			ID: "wire-result", Sure: Documented, Modelled: "Response, Result, ResponseMetadata with RequestId",
			Statement: "An answer is ActionResponse with ActionResult and ResponseMetadata, which has the RequestId.",
			Source:    "API reference of Auto Scaling, sample responses; the query protocol",
			check: func(ctx context.Context, s *session) (string, error) {
				ctx, raw := keeping(ctx)
				_, err := s.calls.groups.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{noGroup}})
				return s.saw(err, func() string {
					return missing(raw.body, resultParts, "Response, Result, ResponseMetadata with RequestId")
				})
			},
		},
		{
			ID: "wire-error", Sure: Recorded, Modelled: "ErrorResponse, Error with Type Sender, Code, Message, RequestId",
			Statement: "An error is ErrorResponse with Error (Type Sender, Code, Message) and RequestId.",
			Source:    "transcripts of Auto Scaling",
			check: func(ctx context.Context, s *session) (string, error) {
				ctx, raw := keeping(ctx)
				_, err := s.calls.groups.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String(noGroup)})
				if err == nil {
					return "no error", nil
				}
				if _, err := s.said(err); err != nil {
					return "", err
				}
				return missing(raw.body, errorParts, "ErrorResponse, Error with Type Sender, Code, Message, RequestId"), nil
			},
		},
		{
			ID: "wire-versions", Sure: Documented, Modelled: "2012-06-01 and 2015-12-01",
			Statement: "Both generations of Elastic Load Balancing answer at one host name, told apart by the Version of the request.",
			Source:    "API references of Elastic Load Balancing, 2012-06-01 and 2015-12-01",
			check:     bothGenerations,
		},
		{
			ID: "wire-date", Sure: Documented, Modelled: "a Date within 5 minutes",
			Statement: "Every answer has a Date header, from which the SDK corrects a wrong clock.",
			Source:    "Signature Version 4: requests older than 15 minutes are refused",
			check: func(ctx context.Context, s *session) (string, error) {
				ctx, raw := keeping(ctx)
				if _, err := s.instances(ctx, noInstance); err != nil {
					return s.said(err)
				}
				at, err := time.Parse(time.RFC1123, raw.header.Get("Date"))
				if err != nil {
					return "Date: " + raw.header.Get("Date"), nil
				}
				if off := time.Since(at).Abs(); off > 5*time.Minute {
					return "a Date that is off", nil
				}
				return "a Date within 5 minutes", nil
			},
		},
		{
			ID: "throttling-code", passive: true, Sure: Open, Modelled: "Throttling", Settings: []Setting{{"ThrottlingException", "Behaviour.ThrottlingExceptionCode"}},
			Statement: "Auto Scaling throttles with 400 Throttling, Rate exceeded.",
			Source:    "transcripts have Throttling; the API reference, Common Errors, has ThrottlingException. Not provoked, only noticed",
			check: func(ctx context.Context, s *session) (string, error) {
				if codes := s.calls.throttles(); codes != "" {
					return codes, nil
				}
				return "", cannot("nothing was throttled, and nothing is to be")
			},
		},
	}
}

// part is something that a document must have.
type part struct{ name, pattern string }

var (
	resultParts = []part{
		{"Response", `<DescribeAutoScalingGroupsResponse xmlns="https?://autoscaling\.amazonaws\.com/doc/2011-01-01/"`},
		{"Result", `<DescribeAutoScalingGroupsResult>`},
		{"ResponseMetadata", `<ResponseMetadata>\s*<RequestId>[0-9a-fA-F-]+</RequestId>`},
	}
	errorParts = []part{
		{"ErrorResponse", `<ErrorResponse xmlns="https?://autoscaling\.amazonaws\.com/doc/2011-01-01/"`},
		{"Type Sender", `<Error>(.|\n)*<Type>Sender</Type>`},
		{"Code", `<Code>\w+</Code>`},
		{"Message", `<Message>[^<]+</Message>`},
		{"RequestId", `</Error>\s*<RequestId>[0-9a-fA-F-]+</RequestId>`},
	}
)

// missing names the parts that a document lacks.
func missing(body string, parts []part, whole string) string {
	var lacks []string
	for _, p := range parts {
		if !regexp.MustCompile(p.pattern).MatchString(body) {
			lacks = append(lacks, "no "+p.name)
		}
	}
	if len(lacks) > 0 {
		return strings.Join(lacks, ", ")
	}
	return whole
}

// bothGenerations compares the namespaces of the two DescribeLoadBalancers.
func bothGenerations(ctx context.Context, s *session) (string, error) {
	namespace := regexp.MustCompile(`xmlns="[^"]*/doc/([0-9-]+)/?"`)
	version := func(a *answer) string {
		if m := namespace.FindStringSubmatch(a.body); m != nil {
			return m[1]
		}
		return "none"
	}
	one, raw1 := keeping(ctx)
	if _, err := s.describeClassic(one, noClassic); err == nil || denied(err) {
		return s.saw(err, func() string { return "a Classic Load Balancer that is not there" })
	}
	two, raw2 := keeping(ctx)
	_, err := s.calls.targets.DescribeLoadBalancers(two, &elbv2.DescribeLoadBalancersInput{Names: []string{noClassic}})
	if err == nil || denied(err) {
		return s.saw(err, func() string { return "a load balancer that is not there" })
	}
	return version(raw1) + " and " + version(raw2), nil
}
