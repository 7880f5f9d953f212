package sim_test

import (
	"html"
	"strings"
	"testing"

	"balanced/internal/sim"
)

// Requests that SDKs would not send and answers that they hide. A GET with a query equals a POST.
func TestRawRequests(t *testing.T) {
	const asg, elb, elbv2 = "Version=2011-01-01&Action=", "Version=2012-06-01&Action=", "Version=2015-12-01&Action="
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "gate", Type: "gateway"})
		r.AddTargetGroup(sim.TargetGroup{Name: "inspect", Protocol: "GENEVE", LoadBalancer: "gate"})
		r.AddClassic(sim.Classic{Name: "old"})
		id := r.AddGroup(sim.Group{Name: "web", Desired: 2, Max: 3, TargetGroups: []string{"inspect"}, Classic: []string{"old"}})[0]
		r.AddGroup(sim.Group{Name: "other", Desired: 1, Suspended: []string{"Terminate"}})
		arn := "TargetGroupArn=" + r.TargetGroupARN("inspect")
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		for _, c := range []struct{ query, want string }{
			{"Version=2011-06-15&Action=GetCallerIdentity", "<Arn>arn:aws:iam::123456789012:user/operator</Arn>"},
			{asg + "EnterStandby&AutoScalingGroupName=web", "Value null at 'shouldDecrementDesiredCapacity' failed to satisfy constraint: Member must not be null"},
			{asg + "ExitStandby", "Value null at 'autoScalingGroupName' failed"},
			{asg + "DescribeAutoScalingGroups&MaxRecords=many", "<Code>MalformedInput</Code>"},
			{asg + "DescribeAutoScalingGroups&NextToken=x", "<Code>InvalidNextToken</Code>"},
			{asg + "DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=none", "<AutoScalingGroups></AutoScalingGroups>"},
			{asg + "DescribeScalingActivities", "<AutoScalingGroupName>other</AutoScalingGroupName>"},
			{asg + "DescribeScalingActivities&Filters.member.1.Name=Status&Filters.member.1.Values.member.1=Failed", "can only be used with an AutoScalingGroupName"},
			{asg + "DescribeScalingActivities&Filters.member.1.Name=Mood&Filters.member.1.Values.member.1=Good", "Filter Mood is not supported"},
			{asg + "DescribeScalingActivities&Filters.member.1.Name=StartTimeLowerBound&Filters.member.1.Values.member.1=now", "now is not a valid timestamp"},
			{asg + "DescribeScalingActivities&AutoScalingGroupName=none", "AutoScalingGroup name not found - AutoScalingGroup: none not found"},
			{asg + "SuspendProcesses&AutoScalingGroupName=web&ScalingProcesses.member.1=Breathing", "<Code>ValidationError</Code>"},
			{asg + "SetInstanceHealth&HealthStatus=Fine&ShouldRespectGracePeriod=false&InstanceId=" + id, "<Code>ValidationError</Code>"},
			{asg + "UpdateAutoScalingGroup&AutoScalingGroupName=web&DesiredCapacity=9", "Desired capacity:9 must be between the specified min size:0 and max size:3"},
			{asg + "CancelInstanceRefresh&AutoScalingGroupName=web", "<Code>ActiveInstanceRefreshNotFound</Code>"},
			{asg + "StartInstanceRefresh&AutoScalingGroupName=web", "<InstanceRefreshId>"},
			{asg + "CancelInstanceRefresh&AutoScalingGroupName=web", "<InstanceRefreshId>"},
			{elbv2 + "DescribeTargetGroupAttributes&" + arn, "<Key>target_failover.on_unhealthy</Key>"},
			{elbv2 + "ModifyTargetGroupAttributes&Attributes.member.1.Key=mood&Attributes.member.1.Value=good&" + arn, "Target group attribute key 'mood' is not recognized"},
			{elbv2 + "ModifyTargetGroupAttributes&Attributes.member.1.Key=deregistration_delay.timeout_seconds&Attributes.member.1.Value=3601&" + arn, "The value '3601' is not valid"},
			{elbv2 + "DescribeTargetGroups&Names.member.1=none", "<Code>TargetGroupNotFound</Code>"},
			{elbv2 + "DescribeTargetHealth&Targets.member.1.Port=0&Targets.member.1.Id=" + id + "&" + arn, "Invalid port 0"},
			{elbv2 + "DescribeLoadBalancers&Names.member.1=none", "<Code>LoadBalancerNotFound</Code>"},
			{elbv2 + "DescribeLoadBalancerAttributes&LoadBalancerArn=none", "<Code>LoadBalancerNotFound</Code>"},
			{elb + "DescribeLoadBalancers&LoadBalancerNames.member.1=none", "There is no ACTIVE Load Balancer named 'none'"},
			{elb + "DeregisterInstancesFromLoadBalancer&LoadBalancerName=old&Instances.member.1.InstanceId=none", "<Code>InvalidInstance</Code>"},
		} {
			if _, body, _ := ask(t, client, "GET", sim.APIEndpoint+"/?"+c.query); !strings.Contains(html.UnescapeString(body), c.want) {
				t.Errorf("%s answers\n%s\nwant in it %s", c.query, body, c.want)
			}
		}
	})
}

func TestFaultsOfTheMetadataService(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := r.AddGroup(sim.Group{Name: "web", Desired: 1})[0]
		r.SetFaults(func(c sim.Call) *sim.Fault {
			if c.Service == "imds" {
				return &sim.Fault{Status: 500}
			}
			return nil
		})
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		if status, _, _ := ask(t, client, "PUT", sim.MetadataEndpoint(id)+"/latest/api/token", ttl, "60"); status != 500 {
			t.Errorf("status %d, want 500", status)
		}
		r.SetFaults(nil)
		if status, _, _ := ask(t, client, "PUT", sim.MetadataEndpoint("i-0ffffffffffffffff")+"/latest/api/token", ttl, "60"); status != 404 {
			t.Errorf("the metadata of an instance that is not there answers %d, want 404", status)
		}
		if status, _, _ := ask(t, client, "POST", sim.MetadataEndpoint(id)+"/latest/api/token"); status != 405 {
			t.Errorf("POST answers %d, want 405", status)
		}
	})
}
