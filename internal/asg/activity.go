package asg

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// Activities reads the group's feed: what is running first, then the newest first
// (API reference, DescribeScalingActivities). It asks for page after page of 100
// until enough, called with all read so far, says so, or the feed's six weeks end.
func (c *Client) Activities(ctx context.Context, group string, enough func([]fleet.Activity) bool) ([]fleet.Activity, error) {
	all, err := awsapi.Complete(ctx, c.cfg, "autoscaling:DescribeScalingActivities", func(ctx context.Context) (all []fleet.Activity, err error) {
		err = awsapi.Pages(func(token string) (next string, done bool, err error) {
			out, err := c.activities(ctx, &awsasg.DescribeScalingActivitiesInput{
				AutoScalingGroupName: aws.String(group), // without it the call spans the account and times out
				MaxRecords:           aws.Int32(100),
				NextToken:            page(token),
			})
			if err != nil {
				return "", false, err
			}
			for _, a := range out.Activities {
				if err := whole(a); err != nil {
					return "", false, err
				}
				all = append(all, activity(a))
			}
			// An empty page that has a successor shows nothing, so it is never enough.
			return aws.ToString(out.NextToken), len(out.Activities) > 0 && enough(all), nil
		})
		return all, err
	})
	return all, awsapi.Wrap(err, "describe activities of %s", group)
}

// whole: an activity without its start would be older than any other, and one without its description nobody's.
func whole(a types.Activity) error {
	switch {
	case aws.ToString(a.ActivityId) == "":
		return awsapi.Lacks("id of an activity")
	case a.StartTime == nil:
		return awsapi.Lacks("start of activity %s", *a.ActivityId)
	case a.StatusCode == "":
		return awsapi.Lacks("status of activity %s", *a.ActivityId)
	case a.Description == nil:
		return awsapi.Lacks("description of activity %s", *a.ActivityId)
	}
	return nil
}

func activity(a types.Activity) fleet.Activity {
	out := fleet.Activity{
		ID:      aws.ToString(a.ActivityId),
		Status:  string(a.StatusCode),
		Start:   aws.ToTime(a.StartTime),
		End:     aws.ToTime(a.EndTime),
		Text:    aws.ToString(a.Description),
		Cause:   aws.ToString(a.Cause),
		Message: aws.ToString(a.StatusMessage),
	}
	if out.Message == "" {
		_, reason, _ := strings.Cut(out.Text, "Status Reason: ")
		out.Message = strings.TrimSpace(reason)
	}
	out.Kind, out.Instance = classify(out.Text)
	out.From, out.To, out.Moved = capacity(out.Cause)
	return out
}

// kinds by the beginning of the description; the longer beginning comes first. Case
// does not count: older feeds write StandBy.
var kinds = []struct {
	begins string
	kind   fleet.ActivityKind
}{
	{"moving ec2 instance to standby", fleet.ToStandby},
	{"moving ec2 instance out of standby", fleet.FromStandby},
	{"launching a new ec2 instance into warm pool", fleet.WarmLaunch},
	{"launching a new ec2 instance", fleet.Launch},
	{"terminating ec2 instance", fleet.Terminate},
}

// instanceID is the first sentence's: the reason of a failure, which comes after it, may name others.
var instanceID = regexp.MustCompile(`^[^:.]*: (i-[0-9a-z]+)`)

// classify reads a description such as "Terminating EC2 instance: i-0ab - Waiting For
// ELB Connection Draining." or "Launching a new EC2 instance: i-0ab.  Status Reason: …". A launch that failed early names
// no instance.
func classify(text string) (kind fleet.ActivityKind, instance string) {
	lower := strings.ToLower(text)
	if m := instanceID.FindStringSubmatch(text); m != nil {
		instance = m[1]
	}
	for _, k := range kinds {
		if strings.HasPrefix(lower, k.begins) {
			return k.kind, instance
		}
	}
	return fleet.OtherActivity, instance
}

var moved = regexp.MustCompile(`(?:shrinking|increasing) the capacity from (\d{1,9}) to (\d{1,9})`)

// capacity reads the desired capacity before and after from a cause. A policy that
// changed it and the move that followed are two sentences of one cause; the move's
// is meant.
func capacity(cause string) (from, to int, ok bool) {
	m := moved.FindStringSubmatch(cause)
	if m == nil {
		return 0, 0, false
	}
	from, _ = strconv.Atoi(m[1])
	to, _ = strconv.Atoi(m[2])
	return from, to, true
}
