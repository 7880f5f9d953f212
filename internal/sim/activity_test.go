package sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/google/go-cmp/cmp"

	"balanced/internal/sim"
)

// feed is group web's activity feed through the API.
func (w *world) feed() []asgtypes.Activity {
	w.t.Helper()
	out, err := w.asg.DescribeScalingActivities(w.t.Context(), &awsasg.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String("web")})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Activities
}

// say is the text of an activity.
func say(a asgtypes.Activity) []string {
	end := "running"
	if a.EndTime != nil {
		end = a.EndTime.Format(time.RFC3339Nano)
	}
	return []string{aws.ToString(a.Description), string(a.StatusCode), end, aws.ToString(a.Cause)}
}

func TestTheActivityOfAMoveOut(t *testing.T) {
	for _, c := range []struct {
		name      string
		behaviour sim.Behaviour
		suffix    string
		code      string
	}{
		{"as it is", sim.Behaviour{}, "", "WaitingForELBConnectionDraining"},
		{"as a termination", sim.Behaviour{DrainSuffix: true}, " - Waiting For ELB Connection Draining.", "WaitingForELBConnectionDraining"},
		{"in the newer words", sim.Behaviour{DrainCode: "WaitingForConnectionDraining"}, "", "WaitingForConnectionDraining"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, sim.Config{Behaviour: c.behaviour}, func(t *testing.T, r *sim.Region) {
				id := albGroup(r, time.Minute)[0]
				w := as(t, r, id)
				pass(400 * time.Millisecond)
				out, err := w.enter(id)
				if err != nil {
					t.Fatal(err)
				}
				const cause = "At 2000-01-01T00:00:00Z instance INSTANCE was moved to standby in response to a user request, shrinking the capacity from 3 to 2."
				want := []string{"Moving EC2 instance to Standby: " + id, "InProgress", "running", strings.ReplaceAll(cause, "INSTANCE", id)}
				answer := out.Activities[0]
				if diff := cmp.Diff(want, say(answer)); diff != "" || aws.ToInt32(answer.Progress) != 50 || answer.AutoScalingGroupARN != nil {
					t.Fatalf("answer (-want +got):\n%s progress %d, ARN %v", diff, *answer.Progress, answer.AutoScalingGroupARN)
				}
				pass(30 * time.Second)
				want[0], want[1] = want[0]+c.suffix, c.code
				if diff := cmp.Diff(want, say(w.feed()[0])); diff != "" {
					t.Fatalf("while it drains (-want +got):\n%s", diff)
				}
				pass(time.Minute)
				over := w.feed()[0]
				want = []string{"Moving EC2 instance to Standby: " + id, "Successful", "2000-01-01T00:01:00Z", want[3]}
				if diff := cmp.Diff(want, say(over)); diff != "" || aws.ToInt32(over.Progress) != 100 {
					t.Fatalf("when it is over (-want +got):\n%s progress %d", diff, *over.Progress)
				}
				if got := over.StartTime.Format(time.RFC3339Nano); got != "2000-01-01T00:00:00.4Z" {
					t.Fatalf("started %s, want millisecond precision", got)
				}
				wantDetails := `{"Availability Zone ID":"euw1-az1","Subnet ID":"subnet-eu-west-1a","Availability Zone":"eu-west-1a"}`
				if aws.ToString(over.Details) != wantDetails || aws.ToString(over.AutoScalingGroupState) != "InService" {
					t.Fatalf("details %s, group state %s", *over.Details, aws.ToString(over.AutoScalingGroupState))
				}
			})
		})
	}
}

func TestTheActivityOfAMoveBack(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := albGroup(r, 0)[0]
		r.EnterStandby("web", id, true)
		pass(time.Minute)
		w := as(t, r, id)
		out, err := w.exit(id)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"Moving EC2 instance out of Standby: " + id, "PreInService", "running",
			"At 2000-01-01T00:01:00Z instance " + id + " was moved out of standby in response to a user request, increasing the capacity from 2 to 3.",
		}
		if diff := cmp.Diff(want, say(out.Activities[0])); diff != "" || aws.ToInt32(out.Activities[0].Progress) != 30 {
			t.Fatalf("answer (-want +got):\n%s", diff)
		}
		pass(6400*time.Millisecond - 1)
		if got := w.feed()[0]; got.StatusCode != "PreInService" {
			t.Fatalf("%s before it is in service, want PreInService", got.StatusCode)
		}
		pass(1)
		if got := w.feed()[0]; got.StatusCode != "Successful" {
			t.Fatalf("%s when in service, want Successful", got.StatusCode)
		}
	})
}

func TestCausesOfScaling(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Min: 1, Max: 5, Desired: 1})
		r.SetSizes("web", 1, 5, 2)
		pass(2 * time.Minute)
		newest := r.Activities("web")[0]
		want := "At 2000-01-01T00:00:00Z a user request update of AutoScalingGroup constraints to min: 1, max: 5, desired: 2 changing the desired capacity from 1 to 2.  " +
			"At 2000-01-01T00:00:00Z an instance was started in response to a difference between desired and actual capacity, increasing the capacity from 1 to 2."
		if newest.Cause != want || newest.StatusCode != "Successful" || !strings.HasPrefix(newest.Description, "Launching a new EC2 instance: i-") {
			t.Fatalf("scale-out activity %+v, want cause\n%s", newest, want)
		}
		r.ScaleByPolicy("web", 1)
		newest = r.Activities("web")[0]
		want = "At 2000-01-01T00:02:00Z a monitor alarm load in state ALARM triggered policy load changing the desired capacity from 2 to 1.  " +
			"At 2000-01-01T00:02:00Z an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from 2 to 1.  " +
			"At 2000-01-01T00:02:00Z instance " + ids[0] + " was selected for termination."
		if newest.Cause != want || newest.Description != "Terminating EC2 instance: "+ids[0] {
			t.Fatalf("scale-in activity %+v, want cause\n%s", newest, want)
		}
	})
}

func TestRunningActivitiesComeFirst(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, 10*time.Minute)
		w := as(t, r, ids[0])
		r.EnterStandby("web", ids[0], true) // drains for ten minutes
		pass(time.Minute)
		r.SetSizes("web", 1, 5, 3) // launches, over in 92 s
		pass(2 * time.Minute)
		feed := w.feed()
		if !strings.HasPrefix(*feed[0].Description, "Moving EC2 instance to Standby") || !strings.HasPrefix(*feed[1].Description, "Launching") {
			t.Fatalf("first two are %q and %q, want the running move before the newer, finished launch", *feed[0].Description, *feed[1].Description)
		}
	})
}

func TestActivityFilters(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, 10*time.Minute)
		w := as(t, r, ids[0])
		pass(time.Minute)
		r.EnterStandby("web", ids[0], true)
		filtered := func(name, value string) int {
			out, err := w.asg.DescribeScalingActivities(t.Context(), &awsasg.DescribeScalingActivitiesInput{
				AutoScalingGroupName: aws.String("web"),
				Filters:              []asgtypes.Filter{{Name: aws.String(name), Values: []string{value}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return len(out.Activities)
		}
		for _, c := range []struct {
			name, value string
			want        int
		}{
			{"Status", "Successful", 3},
			{"Status", "InProgress", 1},
			{"StartTimeLowerBound", "2000-01-01T00:01:00Z", 1},
			{"StartTimeLowerBound", "2000-01-01T00:01:01", 0},
			{"StartTimeUpperBound", "2000-01-01T02:00:59+02:00", 3},
		} {
			if got := filtered(c.name, c.value); got != c.want {
				t.Errorf("%s=%s finds %d activities, want %d", c.name, c.value, got, c.want)
			}
		}
	})
}
