package sim_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"balanced/internal/sim"
)

func TestTwoRegionsInOneProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := sim.New(sim.Config{Seed: 1}), sim.New(sim.Config{Seed: 1})
		idsA, idsB := albGroup(a, 0), albGroup(b, 0)
		if !slices.Equal(idsA, idsB) {
			t.Fatalf("the same seed made %v and %v", idsA, idsB)
		}
		if other := albGroup(sim.New(sim.Config{Seed: 2}), 0); other[0] == idsA[0] {
			t.Fatalf("two seeds made the same id %s", other[0])
		}
		as(t, a, idsA[0]).enter(idsA[0])
		pass(time.Minute)
		if a.State(idsA[0]) != "Standby" || b.State(idsB[0]) != "InService" || len(b.Calls()) != 0 {
			t.Fatalf("a move in one Region: %s there, %s and %d calls here", a.State(idsA[0]), b.State(idsB[0]), len(b.Calls()))
		}
	})
}

func TestMinSizeHoldsWithManyCallersAtOnce(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Min: 90, Max: 100, Desired: 100})
		var all sync.WaitGroup
		for _, id := range ids {
			w := as(t, r, id)
			all.Go(func() { w.enter(id) })
		}
		all.Wait()
		effects := 0
		for _, c := range callsOf(r, "EnterStandby") {
			if c.Effect {
				effects++
			}
		}
		if _, _, desired := r.Sizes("web"); effects != 10 || desired != 90 {
			t.Fatalf("%d of 100 left at once and desired is %d, want MinSize to allow 10", effects, desired)
		}
	})
}

// With 2,000 members anything quadratic in the Region would take minutes.
func TestALargeGroup(t *testing.T) {
	inBubble(t, sim.Config{MaxLag: 10 * time.Second}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front", Drain: time.Minute})
		ids := r.AddGroup(sim.Group{Name: "web", Max: 2000, Desired: 2000, TargetGroups: []string{"app"}})
		for i, id := range ids {
			if i%2 == 0 {
				r.SetAppHealthy(id, false)
			}
			if i%4 == 1 {
				r.EnterStandby("web", id, true)
			}
		}
		pass(2 * time.Minute)
		takes := 0
		for _, id := range ids {
			if r.RoutedBy(id) != nil {
				takes++
			}
		}
		w := as(t, r, ids[0])
		out, err := w.asg.DescribeAutoScalingGroups(t.Context(), &awsasg.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"web"}})
		if err != nil || len(out.AutoScalingGroups[0].Instances) != 2000 || takes != 500 || aws.ToInt32(out.AutoScalingGroups[0].DesiredCapacity) != 1500 {
			t.Fatalf("%d members, %d get traffic, %v; want 2000, 500 healthy and in service", len(out.AutoScalingGroups[0].Instances), takes, err)
		}
	})
}

func BenchmarkDescribeGroupOf1000(b *testing.B) {
	r := sim.New(sim.Config{})
	r.AddGroup(sim.Group{Name: "web", Desired: 1000})
	client := r.Client()
	defer client.CloseIdleConnections()
	for b.Loop() {
		resp, err := client.Get(sim.APIEndpoint + "/?Action=DescribeAutoScalingGroups&Version=2011-01-01")
		if err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}
