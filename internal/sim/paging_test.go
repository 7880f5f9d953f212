package sim_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	awselbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"balanced/internal/sim"
)

func TestInstancesComeInPagesOfFifty(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Desired: 250})
		w := as(t, r, ids[0])
		pages, seen := 0, map[string]bool{}
		for p := awsasg.NewDescribeAutoScalingInstancesPaginator(w.asg, nil); p.HasMorePages(); pages++ {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, in := range out.AutoScalingInstances {
				seen[*in.InstanceId] = true
			}
		}
		if pages != 5 || len(seen) != 250 {
			t.Fatalf("%d instances on %d pages, want 250 on 5", len(seen), pages)
		}
		_, err := w.asg.DescribeAutoScalingInstances(t.Context(), &awsasg.DescribeAutoScalingInstancesInput{MaxRecords: aws.Int32(51)})
		wantRefusal(t, err, "ValidationError", "1 validation error detected: Value '51' at 'maxRecords' failed to satisfy constraint: Member must have value less than or equal to 50")
		_, err = w.asg.DescribeAutoScalingInstances(t.Context(), &awsasg.DescribeAutoScalingInstancesInput{InstanceIds: ids[:51]})
		wantRefusal(t, err, "ValidationError", "1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: Member must have length less than or equal to 50")
	})
}

func TestNewActivitiesDoNotShiftPages(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 10, Desired: 4})
		r.AddActivities("web", 350)
		w := as(t, r, ids[0])
		r.EnterStandby("web", ids[0], true)
		pages, seen := 0, map[string]bool{}
		for p := awsasg.NewDescribeScalingActivitiesPaginator(w.asg, &awsasg.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String("web")}); p.HasMorePages(); pages++ {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range out.Activities {
				if seen[*a.ActivityId] {
					t.Fatalf("page %d repeats %s", pages+1, *a.Description)
				}
				seen[*a.ActivityId] = true
			}
			if pages < 3 {
				r.EnterStandby("web", ids[pages+1], true)
			}
		}
		if pages != 4 || len(seen) != 355 {
			t.Fatalf("%d activities on %d pages, want 350 old, 4 launches and the first move on 4", len(seen), pages)
		}
		_, err := w.asg.DescribeScalingActivities(t.Context(), &awsasg.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String("web"), NextToken: aws.String("made up")})
		wantRefusal(t, err, "InvalidNextToken", "The token 'made up' is invalid.")
	})
}

func TestPagesOfLoadBalancersAndGroups(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		for i := range 7 {
			r.AddTargetGroup(sim.TargetGroup{Name: fmt.Sprintf("app%d", i)})
			r.AddGroup(sim.Group{Name: fmt.Sprintf("web%d", i)})
		}
		id := r.AddGroup(sim.Group{Name: "web", Desired: 1})[0]
		w := as(t, r, id)
		seen := 0
		for p := awselbv2.NewDescribeTargetGroupsPaginator(w.elbv2, &awselbv2.DescribeTargetGroupsInput{PageSize: aws.Int32(3)}); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seen += len(out.TargetGroups)
		}
		for p := awsasg.NewDescribeAutoScalingGroupsPaginator(w.asg, &awsasg.DescribeAutoScalingGroupsInput{MaxRecords: aws.Int32(3)}); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seen += len(out.AutoScalingGroups)
		}
		if seen != 15 {
			t.Fatalf("%d target groups and groups on pages of three, want 15", seen)
		}
	})
}
