package sim_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"balanced/internal/sim"
)

// The desired capacity was lowered when the instance entered Standby, so MinSize does not matter.
func TestDetachingFromStandbyIgnoresMinSize(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Min: 2, Max: 4, Desired: 3})
		w := as(t, r, ids[0])
		detach := func(id string) error {
			_, err := w.asg.DetachInstances(t.Context(), &awsasg.DetachInstancesInput{
				AutoScalingGroupName: aws.String("web"), InstanceIds: []string{id}, ShouldDecrementDesiredCapacity: aws.Bool(true),
			})
			return err
		}
		if _, err := w.enter(ids[0]); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		wantRefusal(t, detach(ids[1]), "ValidationError", "AutoScalingGroup web has min-size=2, max-size=4, and desired-size=2. To detach 1 instance, please update the AutoScalingGroup sizes appropriately.")
		if err := detach(ids[0]); err != nil {
			t.Error(err)
		}
		if _, _, desired := r.Sizes("web"); desired != 2 {
			t.Errorf("desired %d, want 2 as before", desired)
		}
	})
}

func TestSuspendingTwiceKeepsTheFirstTime(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		w := as(t, r, r.AddGroup(sim.Group{Name: "web", Desired: 1})[0])
		want := "User suspended at " + time.Now().UTC().Format("2006-01-02T15:04:05Z")
		r.Suspend("web", "Launch")
		pass(time.Hour)
		r.Suspend("web", "Launch", "Terminate", "Terminate")
		out, err := w.asg.DescribeAutoScalingGroups(t.Context(), &awsasg.DescribeAutoScalingGroupsInput{})
		if err != nil {
			t.Fatal(err)
		}
		suspended := out.AutoScalingGroups[0].SuspendedProcesses
		if got := aws.ToString(suspended[0].SuspensionReason); got != want {
			t.Errorf("an hour later: %q, want %q", got, want)
		}
		if len(suspended) != 2 {
			t.Errorf("%d processes suspended, want two: one that is named twice is one", len(suspended))
		}
	})
}

// Groups have no tags here, so a tag filter must find none.
func TestTagFiltersFindNoGroup(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		w := as(t, r, r.AddGroup(sim.Group{Name: "web", Desired: 1})[0])
		out, err := w.asg.DescribeAutoScalingGroups(t.Context(), &awsasg.DescribeAutoScalingGroupsInput{
			Filters: []types.Filter{{Name: aws.String("tag:role"), Values: []string{"web"}}},
		})
		if err != nil || len(out.AutoScalingGroups) != 0 {
			t.Errorf("%d groups, %v", len(out.AutoScalingGroups), err)
		}
	})
}
