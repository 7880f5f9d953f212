package sim_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	awselbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"balanced/internal/sim"
)

func TestTheTwoViewsOfAnInstance(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := r.AddGroup(sim.Group{
			Name: "web", Min: 1, Max: 5, Desired: 3, Suspended: []string{"AZRebalance"}, Grace: 5 * time.Minute,
			MinHealthyPercentage: 90, MaxHealthyPercentage: 120,
		})[0]
		w := as(t, r, id)
		out, err := w.asg.DescribeAutoScalingGroups(t.Context(), &awsasg.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"web", "unknown"}})
		if err != nil || len(out.AutoScalingGroups) != 1 {
			t.Fatalf("%v, %v; want the one known group", out, err)
		}
		g := out.AutoScalingGroups[0]
		if g.Status != nil || *g.SuspendedProcesses[0].ProcessName != "AZRebalance" || *g.HealthCheckGracePeriod != 300 ||
			*g.InstanceMaintenancePolicy.MinHealthyPercentage != 90 || *g.AutoScalingGroupARN != r.GroupARN("web") {
			t.Fatalf("group %+v", g)
		}
		own, err := w.asg.DescribeAutoScalingInstances(t.Context(), &awsasg.DescribeAutoScalingInstancesInput{InstanceIds: []string{id, "i-0ffffffffffffffff"}})
		if err != nil || len(own.AutoScalingInstances) != 1 {
			t.Fatalf("%v, %v; want the one known instance", own, err)
		}
		if a, b := *own.AutoScalingInstances[0].HealthStatus, *g.Instances[0].HealthStatus; a != "HEALTHY" || b != "Healthy" {
			t.Fatalf("health is %q and %q, want HEALTHY and Healthy", a, b)
		}
		r.DeleteGroup("web")
		out, err = w.asg.DescribeAutoScalingGroups(t.Context(), &awsasg.DescribeAutoScalingGroupsInput{IncludeInstances: aws.Bool(false)})
		if err != nil || aws.ToString(out.AutoScalingGroups[0].Status) != "Delete in progress" || len(out.AutoScalingGroups[0].Instances) != 0 {
			t.Fatalf("%+v, %v; want a deletion in progress and no instances", out, err)
		}
	})
}

func TestTrafficSources(t *testing.T) {
	for _, c := range []struct {
		name        string
		group       sim.Group
		old, states []string
		kinds       []string
	}{
		{"attached the old way", sim.Group{}, []string{"old", "app"}, []string{"Added", "Added", "Added"}, []string{"elb", "elbv2", "vpc-lattice"}},
		{"attached as traffic sources", sim.Group{TrafficSourcesOnly: true}, nil, []string{"Added", "Added", "Added"}, []string{"elb", "elbv2", "vpc-lattice"}},
		{"asked about health", sim.Group{HealthCheckType: "ELB"}, []string{"old", "app"}, []string{"InService", "InService", "InService"}, []string{"elb", "elbv2", "vpc-lattice"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
				r.AddClassic(sim.Classic{Name: "old"})
				r.AddTargetGroup(sim.TargetGroup{Name: "app"})
				c.group.Name, c.group.Desired = "web", 1
				c.group.Classic, c.group.TargetGroups = []string{"old"}, []string{"app"}
				c.group.Lattice = []string{"arn:aws:vpc-lattice:eu-west-1:123456789012:targetgroup/tg-0123456789abcdef0"}
				w := as(t, r, r.AddGroup(c.group)[0])
				name := aws.String("web")

				sources, err := w.asg.DescribeTrafficSources(t.Context(), &awsasg.DescribeTrafficSourcesInput{AutoScalingGroupName: name})
				if err != nil {
					t.Fatal(err)
				}
				var kinds, states, old []string
				for _, s := range sources.TrafficSources {
					kinds, states = append(kinds, *s.Type), append(states, *s.State)
				}
				classics, err := w.asg.DescribeLoadBalancers(t.Context(), &awsasg.DescribeLoadBalancersInput{AutoScalingGroupName: name})
				if err != nil {
					t.Fatal(err)
				}
				for _, l := range classics.LoadBalancers {
					old = append(old, *l.LoadBalancerName)
				}
				groups, err := w.asg.DescribeLoadBalancerTargetGroups(t.Context(), &awsasg.DescribeLoadBalancerTargetGroupsInput{AutoScalingGroupName: name})
				if err != nil {
					t.Fatal(err)
				}
				for _, l := range groups.LoadBalancerTargetGroups {
					if *l.LoadBalancerTargetGroupARN == r.TargetGroupARN("app") {
						old = append(old, "app")
					}
				}
				if diff := cmp.Diff([][]string{c.kinds, c.states, c.old}, [][]string{kinds, states, old}); diff != "" {
					t.Fatalf("kinds, states, old lists (-want +got):\n%s", diff)
				}
				described, err := w.asg.DescribeAutoScalingGroups(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				g := described.AutoScalingGroups[0]
				if len(g.LoadBalancerNames)+len(g.TargetGroupARNs) != len(c.old) || len(g.TrafficSources) != 3 {
					t.Fatalf("the group lists %v, %v and %v", g.LoadBalancerNames, g.TargetGroupARNs, g.TrafficSources)
				}
			})
		})
	}
}

func TestSizesAndProcessesThroughTheAPI(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		w := as(t, r, r.AddGroup(sim.Group{Name: "web", Min: 1, Max: 5, Desired: 3})[0])
		name := aws.String("web")
		_, err := w.asg.SetDesiredCapacity(t.Context(), &awsasg.SetDesiredCapacityInput{AutoScalingGroupName: name, DesiredCapacity: aws.Int32(6)})
		wantRefusal(t, err, "ValidationError", "New SetDesiredCapacity value 6 is above max value 5 for the AutoScalingGroup.")
		_, err = w.asg.SetDesiredCapacity(t.Context(), &awsasg.SetDesiredCapacityInput{AutoScalingGroupName: name, DesiredCapacity: aws.Int32(0)})
		wantRefusal(t, err, "ValidationError", "New SetDesiredCapacity value 0 is below min value 1 for the AutoScalingGroup.")
		_, err = w.asg.UpdateAutoScalingGroup(t.Context(), &awsasg.UpdateAutoScalingGroupInput{AutoScalingGroupName: name, MinSize: aws.Int32(6)})
		wantRefusal(t, err, "ValidationError", "Min bound, 6, must be less than or equal to max bound, 5.")
		if _, err := w.asg.UpdateAutoScalingGroup(t.Context(), &awsasg.UpdateAutoScalingGroupInput{AutoScalingGroupName: name, MinSize: aws.Int32(4)}); err != nil {
			t.Fatal(err)
		}
		if low, high, desired := r.Sizes("web"); low != 4 || high != 5 || desired != 4 {
			t.Fatalf("sizes %d %d %d, want the higher minimum to raise desired: 4 5 4", low, high, desired)
		}
		if _, err := w.asg.SuspendProcesses(t.Context(), &awsasg.SuspendProcessesInput{AutoScalingGroupName: name}); err != nil {
			t.Fatal(err)
		}
		r.SetSizes("web", 0, 5, 5)
		pass(10 * time.Minute)
		if inService(r) != 4 {
			t.Fatalf("%d in service although every process is suspended, want 4", inService(r))
		}
		if _, err := w.asg.ResumeProcesses(t.Context(), &awsasg.ResumeProcessesInput{AutoScalingGroupName: name, ScalingProcesses: []string{"Launch"}}); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Minute)
		if inService(r) != 5 {
			t.Fatalf("%d in service after Launch was resumed, want 5", inService(r))
		}
	})
}

func TestTerminatingThroughTheGroup(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, time.Minute)
		w := as(t, r, ids[0])
		terminate := func(id string, decrement bool) error {
			_, err := w.asg.TerminateInstanceInAutoScalingGroup(t.Context(), &awsasg.TerminateInstanceInAutoScalingGroupInput{
				InstanceId: aws.String(id), ShouldDecrementDesiredCapacity: aws.Bool(decrement),
			})
			return err
		}
		wantRefusal(t, terminate("i-0ffffffffffffffff", true), "ValidationError", "Instance Id not found - No managed instance found for instance ID i-0ffffffffffffffff")
		moving, err := w.enter(ids[0])
		if err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, terminate(ids[0], true), "ScalingActivityInProgress", "Scaling activity "+*moving.Activities[0].ActivityId+" is in progress and blocks this action")
		r.SetSizes("web", 2, 4, 2)
		wantRefusal(t, terminate(ids[1], true), "ValidationError", "Currently, desiredSize equals minSize (2). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.")
		if err := terminate(ids[1], false); err != nil {
			t.Fatal(err)
		}
		pass(5 * time.Minute)
		if r.State(ids[1]) != "" || inService(r) != 2 {
			t.Fatalf("%q, %d in service; want it gone and replaced", r.State(ids[1]), inService(r))
		}
	})
}

func TestDetaching(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, time.Minute)
		w := as(t, r, ids[0])
		out, err := w.asg.DetachInstances(t.Context(), &awsasg.DetachInstancesInput{
			AutoScalingGroupName: aws.String("web"),
			InstanceIds:          ids[:1], ShouldDecrementDesiredCapacity: aws.Bool(true),
		})
		if err != nil || *out.Activities[0].Description != "Detaching EC2 instance: "+ids[0] {
			t.Fatalf("%v, %v", out, err)
		}
		pass(30 * time.Second)
		w.wantState(ids[0], "Detaching")
		pass(time.Minute)
		w.wantState(ids[0], "")
		if len(r.Members("web")) != 2 {
			t.Fatalf("%d members, want two and no replacement", len(r.Members("web")))
		}
		_, err = w.enter(ids[0])
		wantRefusal(t, err, "ValidationError", "The instance "+ids[0]+" is not part of Auto Scaling group web.")
	})
}

func TestSetInstanceHealthRespectsGrace(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := r.AddGroup(sim.Group{Name: "web", Max: 3, Desired: 2, Grace: 2 * time.Hour})[0]
		w := as(t, r, id)
		declare := func(respect bool) {
			if _, err := w.asg.SetInstanceHealth(t.Context(), &awsasg.SetInstanceHealthInput{
				InstanceId:   aws.String(id),
				HealthStatus: aws.String("Unhealthy"), ShouldRespectGracePeriod: aws.Bool(respect),
			}); err != nil {
				t.Fatal(err)
			}
		}
		declare(true)
		w.wantState(id, "InService")
		declare(false)
		w.wantState(id, "Terminating")
	})
}

func TestClassicLoadBalancersThroughTheAPI(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddClassic(sim.Classic{Name: "old", CrossZone: true})
		id := r.AddGroup(sim.Group{Name: "web", Desired: 2, Classic: []string{"old"}})[0]
		w := as(t, r, id)
		name := aws.String("old")
		_, err := w.elb.DescribeInstanceHealth(t.Context(), &awselb.DescribeInstanceHealthInput{LoadBalancerName: aws.String("none")})
		wantRefusal(t, err, "LoadBalancerNotFound", "There is no ACTIVE Load Balancer named 'none'")
		_, err = w.elb.DescribeInstanceHealth(t.Context(), &awselb.DescribeInstanceHealthInput{LoadBalancerName: name, Instances: []elbtypes.Instance{{InstanceId: aws.String("i-0ffffffffffffffff")}}})
		wantRefusal(t, err, "InvalidInstance", "Could not find EC2 instance i-0ffffffffffffffff.")

		out, err := w.elb.DescribeLoadBalancers(t.Context(), &awselb.DescribeLoadBalancersInput{LoadBalancerNames: []string{"old"}})
		if err != nil {
			t.Fatal(err)
		}
		l := out.LoadBalancerDescriptions[0]
		if *l.HealthCheck.Target != "HTTP:80/" || *l.HealthCheck.HealthyThreshold != 10 || len(l.Instances) != 2 || len(l.AvailabilityZones) != 3 {
			t.Fatalf("load balancer %+v", l)
		}
		attributes, err := w.elb.DescribeLoadBalancerAttributes(t.Context(), &awselb.DescribeLoadBalancerAttributesInput{LoadBalancerName: name})
		if err != nil {
			t.Fatal(err)
		}
		if a := attributes.LoadBalancerAttributes; a.ConnectionDraining.Enabled || *a.ConnectionDraining.Timeout != 300 || !a.CrossZoneLoadBalancing.Enabled {
			t.Fatalf("attributes %+v, want draining disabled and its timeout shown", a)
		}
		if _, err := w.elb.ModifyLoadBalancerAttributes(t.Context(), &awselb.ModifyLoadBalancerAttributesInput{
			LoadBalancerName:       name,
			LoadBalancerAttributes: &elbtypes.LoadBalancerAttributes{ConnectionDraining: &elbtypes.ConnectionDraining{Enabled: true, Timeout: aws.Int32(40)}},
		}); err != nil {
			t.Fatal(err)
		}
		r.SetInFlight(id, time.Hour)
		named := []elbtypes.Instance{{InstanceId: aws.String(id)}}
		if _, err := w.elb.DeregisterInstancesFromLoadBalancer(t.Context(), &awselb.DeregisterInstancesFromLoadBalancerInput{LoadBalancerName: name, Instances: named}); err != nil {
			t.Fatal(err)
		}
		pass(39 * time.Second)
		w.wantInstance(id, "InService", "N/A", "Instance deregistration currently in progress.")
		pass(time.Second)
		if _, err := w.elb.RegisterInstancesWithLoadBalancer(t.Context(), &awselb.RegisterInstancesWithLoadBalancerInput{LoadBalancerName: name, Instances: named}); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Minute)
		w.wantInstance(id, "InService", "N/A", "N/A")
	})
}

func TestTargetGroupsThroughTheAPI(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "wire", Type: "network"})
		r.AddTargetGroup(sim.TargetGroup{
			Name: "tcp", Protocol: "TCP", Port: 8080, LoadBalancer: "wire", Drain: 300 * time.Second,
			Check: sim.HealthCheck{Protocol: "HTTP", Port: "9000", Path: "/up", Matcher: "200-299"},
		})
		id := r.AddGroup(sim.Group{Name: "web", Desired: 2, TargetGroups: []string{"tcp"}})[0]
		w := as(t, r, id)
		arn := aws.String(r.TargetGroupARN("tcp"))
		out, err := w.elbv2.DescribeTargetGroups(t.Context(), &awselbv2.DescribeTargetGroupsInput{TargetGroupArns: []string{*arn}})
		if err != nil {
			t.Fatal(err)
		}
		g := out.TargetGroups[0]
		if g.TargetType != "instance" || *g.Port != 8080 || *g.HealthCheckPort != "9000" || *g.HealthCheckPath != "/up" || *g.Matcher.HttpCode != "200-299" ||
			*g.HealthyThresholdCount != 5 || *g.UnhealthyThresholdCount != 2 || *g.HealthCheckIntervalSeconds != 30 {
			t.Fatalf("target group %+v", g)
		}
		balancers, err := w.elbv2.DescribeLoadBalancers(t.Context(), &awselbv2.DescribeLoadBalancersInput{LoadBalancerArns: g.LoadBalancerArns})
		if err != nil || balancers.LoadBalancers[0].Type != "network" {
			t.Fatalf("%v, %v; want the network load balancer in front", balancers, err)
		}
		crossZone, err := w.elbv2.DescribeLoadBalancerAttributes(t.Context(), &awselbv2.DescribeLoadBalancerAttributesInput{LoadBalancerArn: aws.String(g.LoadBalancerArns[0])})
		if err != nil || *crossZone.Attributes[0].Key != "load_balancing.cross_zone.enabled" || *crossZone.Attributes[0].Value != "false" {
			t.Fatalf("%v, %v; want cross-zone off", crossZone, err)
		}
		health, err := w.elbv2.DescribeTargetHealth(t.Context(), &awselbv2.DescribeTargetHealthInput{TargetGroupArn: arn})
		if err != nil || *health.TargetHealthDescriptions[0].HealthCheckPort != "9000" || *health.TargetHealthDescriptions[0].Target.Port != 8080 {
			t.Fatalf("%v, %v", health, err)
		}
		_, err = w.elbv2.DescribeTargetHealth(t.Context(), &awselbv2.DescribeTargetHealthInput{TargetGroupArn: aws.String("arn:none")})
		wantRefusal(t, err, "TargetGroupNotFound", "One or more target groups not found")
		_, err = w.elbv2.DescribeTargetHealth(t.Context(), &awselbv2.DescribeTargetHealthInput{TargetGroupArn: arn, Targets: []elbv2types.TargetDescription{{Id: aws.String("i-0ffffffffffffffff")}}})
		wantRefusal(t, err, "InvalidTarget", "The specified target does not exist, is not in the same VPC as the target group, or has an unsupported instance type.")
	})
}

func TestChangingTheDelayDoesNotAffectARunningDrain(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, time.Minute)
		w := as(t, r, ids[0])
		arn := aws.String(r.TargetGroupARN("app"))
		r.EnterStandby("web", ids[0], true)
		changed, err := w.elbv2.ModifyTargetGroupAttributes(t.Context(), &awselbv2.ModifyTargetGroupAttributesInput{
			TargetGroupArn: arn,
			Attributes:     []elbv2types.TargetGroupAttribute{{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("10")}},
		})
		if err != nil || *changed.Attributes[0].Value != "10" {
			t.Fatalf("%v, %v", changed, err)
		}
		targets := []elbv2types.TargetDescription{{Id: aws.String(ids[1])}}
		if _, err := w.elbv2.DeregisterTargets(t.Context(), &awselbv2.DeregisterTargetsInput{TargetGroupArn: arn, Targets: targets}); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second)
		w.wantTarget("app", ids[0], "draining", "Target.DeregistrationInProgress")
		w.wantTarget("app", ids[1], "unused", "Target.NotRegistered")
		if _, err := w.elbv2.RegisterTargets(t.Context(), &awselbv2.RegisterTargetsInput{TargetGroupArn: arn, Targets: targets}); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		w.wantTarget("app", ids[1], "healthy", "")
		if _, err := w.elbv2.DeregisterTargets(t.Context(), &awselbv2.DeregisterTargetsInput{TargetGroupArn: arn, Targets: targets}); err != nil {
			t.Fatal(err)
		}
		out, err := w.elbv2.DescribeTargetGroupAttributes(t.Context(), &awselbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: arn})
		if err != nil || *out.Attributes[0].Value != "10" {
			t.Fatalf("%v, %v", out, err)
		}
	})
}
