package conform

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// feedFacts are about the activity feed.
func feedFacts() []Fact {
	return []Fact{
		{
			ID: "feed-unknown-group", Sure: Recorded, Modelled: "400 ValidationError: AutoScalingGroup name not found",
			Statement: "DescribeScalingActivities of an unknown group is refused: AutoScalingGroup name not found.",
			Source:    "transcripts of Auto Scaling",
			check: func(ctx context.Context, s *session) (string, error) {
				_, err := s.calls.groups.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String(noGroup)})
				return s.unknownGroup(err)
			},
		},
		{
			ID: "feed-order", Sure: Documented, Modelled: "running first, then the newest start first",
			Statement: "DescribeScalingActivities lists running activities first, then the newest start first.",
			Source:    "API reference of Auto Scaling, DescribeScalingActivities",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.feed(ctx, func(all []asgtypes.Activity) string { return feedOrder(all) })
			},
		},
		{
			ID: "feed-pages", Sure: Documented, Modelled: "one a page, each once",
			Statement: "DescribeScalingActivities answers MaxRecords at a time, and NextToken gives the rest.",
			Source:    "API reference of Auto Scaling, DescribeScalingActivities, MaxRecords and NextToken",
			check:     feedPages,
		},
		{
			ID: "feed-times", Sure: Documented, Modelled: "StartTime to the millisecond, EndTime in whole seconds",
			Statement: "StartTime has milliseconds, EndTime whole seconds, and it is absent while the activity runs.",
			Source:    "API reference of Auto Scaling, Activity; transcripts of 2025",
			check:     feedTimes,
		},
		{
			ID: "feed-ended", Sure: Documented, Modelled: "100 with Successful, Failed or Cancelled",
			Statement: "An activity that has ended is Successful, Failed or Cancelled, and its Progress is 100.",
			Source:    "API reference of Auto Scaling, Activity; User Guide, Verify a scaling activity",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.feed(ctx, func(all []asgtypes.Activity) string {
					for _, a := range all {
						ended := slices.Contains([]string{"Successful", "Failed", "Cancelled"}, string(a.StatusCode))
						if ended != (a.EndTime != nil) || ended != (aws.ToInt32(a.Progress) == 100) {
							return fmt.Sprintf("%d with %s", aws.ToInt32(a.Progress), a.StatusCode)
						}
					}
					return "100 with Successful, Failed or Cancelled"
				})
			},
		},
		{
			ID: "feed-cause", Sure: Documented, Modelled: "At TIME sentence, two spaces between",
			Statement: "A Cause is sentences that begin with At and a time, with two spaces between them.",
			Source:    "User Guide of Auto Scaling, Verify a scaling activity",
			check: func(ctx context.Context, s *session) (string, error) {
				sentence := regexp.MustCompile(`^At TIME [a-zA-Z].*$`)
				return s.feed(ctx, func(all []asgtypes.Activity) string {
					for _, a := range all {
						for _, part := range strings.Split(s.plain(aws.ToString(a.Cause)), "  ") {
							if !sentence.MatchString(part) {
								return part
							}
						}
					}
					return "At TIME sentence, two spaces between"
				})
			},
		},
		{
			ID: "feed-details", Sure: Recorded, Modelled: "JSON with Availability Zone",
			Statement: "Details is a JSON text that names the zone.",
			Source:    "transcripts of 2025 and recorded answers of 2026",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.feed(ctx, func(all []asgtypes.Activity) string {
					for _, a := range all {
						var details map[string]string
						if err := json.Unmarshal([]byte(aws.ToString(a.Details)), &details); err != nil || details["Availability Zone"] == "" {
							return s.plain(aws.ToString(a.Details))
						}
					}
					return "JSON with Availability Zone"
				})
			},
		},
		{
			ID: "feed-group", Sure: Documented, Modelled: "AutoScalingGroupARN, InService",
			Statement: "DescribeScalingActivities adds the group's ARN and its state to every activity.",
			Source:    "API reference of Auto Scaling, Activity",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.feed(ctx, func(all []asgtypes.Activity) string {
					for _, a := range all {
						if !strings.HasPrefix(aws.ToString(a.AutoScalingGroupARN), "arn:") || aws.ToString(a.AutoScalingGroupState) != "InService" {
							return fmt.Sprintf("%q, %q", redact(aws.ToString(a.AutoScalingGroupARN)), aws.ToString(a.AutoScalingGroupState))
						}
					}
					return "AutoScalingGroupARN, InService"
				})
			},
		},
		{
			ID: "feed-filter", Sure: Documented, Modelled: "those with this status",
			Statement: "The filter Status, together with the name of a group, selects by StatusCode.",
			Source:    "API reference of Auto Scaling, DescribeScalingActivities, Filters",
			check:     feedFilter,
		},
	}
}

// feed reads the first page of the group's feed.
func (s *session) feed(ctx context.Context, then func([]asgtypes.Activity) string) (string, error) {
	if s.home == nil {
		return "", cannot("no group")
	}
	out, err := s.calls.groups.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: &s.home.name})
	if err != nil {
		return s.said(err)
	}
	if len(out.Activities) == 0 {
		return "", cannot("the feed is empty")
	}
	return then(out.Activities), nil
}

func feedOrder(all []asgtypes.Activity) string {
	for i := 1; i < len(all); i++ {
		before, this := all[i-1], all[i]
		if before.EndTime != nil && this.EndTime == nil {
			return "a running one after an ended one"
		}
		if (before.EndTime == nil) == (this.EndTime == nil) && before.StartTime.Before(*this.StartTime) {
			return "an older start before a newer one"
		}
	}
	return "running first, then the newest start first"
}

func feedPages(ctx context.Context, s *session) (string, error) {
	const some = 5 // pages; a feed goes back six weeks
	var ids []string
	text, err := s.feed(ctx, func(all []asgtypes.Activity) string {
		for _, a := range all[:min(some, len(all))] {
			ids = append(ids, aws.ToString(a.ActivityId))
		}
		return ""
	})
	if text != "" || err != nil {
		return text, err
	}
	if len(ids) < 2 {
		return "", cannot("the feed has one activity")
	}
	return s.paged(ids, func(token *string) ([]string, *string, error) {
		out, err := s.calls.groups.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{
			AutoScalingGroupName: &s.home.name, MaxRecords: aws.Int32(1), NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		var page []string
		for _, a := range out.Activities {
			page = append(page, aws.ToString(a.ActivityId))
		}
		return page, out.NextToken, nil
	})
}

// feedTimes looks at the times as they are written.
func feedTimes(ctx context.Context, s *session) (string, error) {
	ctx, raw := keeping(ctx)
	if text, err := s.feed(ctx, func([]asgtypes.Activity) string { return "" }); text != "" || err != nil {
		return text, err
	}
	written := regexp.MustCompile(`<(StartTime|EndTime)>([^<]*)<`)
	whole := map[string]*regexp.Regexp{
		"StartTime": regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)$`),
		"EndTime":   regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)$`),
	}
	for _, m := range written.FindAllStringSubmatch(raw.body, -1) {
		if !whole[m[1]].MatchString(m[2]) {
			return m[1] + " " + regexp.MustCompile(`\d`).ReplaceAllString(m[2], "0"), nil
		}
	}
	return "StartTime to the millisecond, EndTime in whole seconds", nil
}

func feedFilter(ctx context.Context, s *session) (string, error) {
	var want int
	text, err := s.feed(ctx, func(all []asgtypes.Activity) string {
		for _, a := range all {
			if a.StatusCode == asgtypes.ScalingActivityStatusCodeFailed {
				want++
			}
		}
		return ""
	})
	if text != "" || err != nil {
		return text, err
	}
	out, err := s.calls.groups.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{
		AutoScalingGroupName: &s.home.name,
		Filters:              []asgtypes.Filter{{Name: aws.String("Status"), Values: []string{"Failed"}}},
	})
	return s.saw(err, func() string {
		for _, a := range out.Activities {
			if a.StatusCode != asgtypes.ScalingActivityStatusCodeFailed {
				return "also " + string(a.StatusCode)
			}
		}
		if len(out.Activities) < want {
			return fmt.Sprintf("%d of %d", len(out.Activities), want)
		}
		return "those with this status"
	})
}
