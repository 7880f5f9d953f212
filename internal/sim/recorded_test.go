package sim_test

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/sim"
)

// The elements of recorded AWS answers of September 2026, of a group behind no load balancer: their
// names only, sorted. AWS leaves out what does not apply, so a name too many is as wrong as one that
// is missing.
func TestElementsOfRecordedAnswers(t *testing.T) {
	const asg, elbv2 = "Version=2011-01-01&Action=", "Version=2015-12-01&Action="
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddTargetGroup(sim.TargetGroup{Name: "spare"})
		id := r.AddGroup(sim.Group{Name: "web", Max: 2, Desired: 1, Settings: sim.Settings{DefaultWarmup: time.Minute}})[0]
		r.StartRefresh("web", "")
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		for _, c := range []struct{ name, query, path, want string }{
			{
				"group", asg + "DescribeAutoScalingGroups", "AutoScalingGroups/member",
				"AutoScalingGroupARN AutoScalingGroupName AvailabilityZoneDistribution AvailabilityZoneIds AvailabilityZones CapacityReservationSpecification CreatedTime " +
					"DefaultCooldown DefaultInstanceWarmup DesiredCapacity EnabledMetrics HealthCheckGracePeriod HealthCheckType InstanceLifecyclePolicy Instances " +
					"LaunchTemplate LoadBalancerNames MaxSize MinSize NewInstancesProtectedFromScaleIn ServiceLinkedRoleARN SuspendedProcesses Tags TargetGroupARNs " +
					"TerminationPolicies TrafficSources VPCZoneIdentifier",
			},
			{
				"member", asg + "DescribeAutoScalingGroups", "AutoScalingGroups/member/Instances/member",
				"AvailabilityZone AvailabilityZoneId HealthStatus InstanceId InstanceType LaunchTemplate LifecycleState ProtectedFromScaleIn",
			},
			{
				"instance", asg + "DescribeAutoScalingInstances", "AutoScalingInstances/member",
				"AutoScalingGroupName AvailabilityZone AvailabilityZoneId HealthStatus InstanceId InstanceType LaunchTemplate LifecycleState ProtectedFromScaleIn",
			},
			{
				"ended activity", asg + "DescribeScalingActivities&AutoScalingGroupName=web", "Activities/member",
				"ActivityId AutoScalingGroupARN AutoScalingGroupName AutoScalingGroupState Cause Description Details EndTime Progress StartTime StatusCode",
			},
			{
				"pending refresh", asg + "DescribeInstanceRefreshes&AutoScalingGroupName=web", "InstanceRefreshes/member",
				"AutoScalingGroupName InstanceRefreshId Preferences Status Strategy",
			},
			{
				"preferences", asg + "DescribeInstanceRefreshes&AutoScalingGroupName=web", "InstanceRefreshes/member/Preferences",
				"AlarmSpecification AutoRollback MinHealthyPercentage SkipMatching",
			},
			{
				"unregistered target", elbv2 + "DescribeTargetHealth&TargetGroupArn=" + r.TargetGroupARN("spare") + "&Targets.member.1.Id=" + id, "TargetHealthDescriptions/member",
				"HealthCheckPort Target TargetHealth",
			},
		} {
			_, body, _ := ask(t, client, "GET", sim.APIEndpoint+"/?"+c.query)
			if diff := cmp.Diff(strings.Fields(c.want), elementsAt(t, body, c.path)); diff != "" {
				t.Errorf("elements of a %s (-recorded +got):\n%s", c.name, diff)
			}
		}
	})
}

// elementsAt are the names of the elements in the first element at a path below the result, sorted.
func elementsAt(t *testing.T, document, path string) []string {
	t.Helper()
	var here, names []string
	found := false
	for d := xml.NewDecoder(strings.NewReader(document)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if len(here) > 2 && !found && strings.Join(here[2:], "/") == path {
				names = append(names, e.Name.Local)
			}
			here = append(here, e.Name.Local)
		case xml.EndElement:
			found = found || len(here) > 2 && strings.Join(here[2:], "/") == path
			here = here[:len(here)-1]
		}
	}
	slices.Sort(names)
	return names
}
