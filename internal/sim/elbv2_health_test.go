package sim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awselbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"balanced/internal/sim"
)

// described is the whole description of one named target.
func (w *world) described(name, id string, include ...elbv2types.DescribeTargetHealthInputIncludeEnum) elbv2types.TargetHealthDescription {
	w.t.Helper()
	out, err := w.elbv2.DescribeTargetHealth(w.t.Context(), &awselbv2.DescribeTargetHealthInput{
		TargetGroupArn: aws.String(w.TargetGroupARN(name)), Include: include,
		Targets: []elbv2types.TargetDescription{{Id: aws.String(id)}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.TargetHealthDescriptions[0]
}

// override is a target's AdministrativeOverride as text, "" if it has none.
func (w *world) override(name, id string) string {
	w.t.Helper()
	o := w.described(name, id).AdministrativeOverride
	if o == nil {
		return ""
	}
	return string(o.State) + "|" + string(o.Reason) + "|" + aws.ToString(o.Description)
}

const noOverride = "no_override|AdministrativeOverride.NoOverride|No override is currently active on target"

func TestAdministrativeOverrideByTargetGroup(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		r.AddLoadBalancer(sim.LoadBalancer{Name: "wire", Type: "network"})
		r.AddLoadBalancer(sim.LoadBalancer{Name: "gate", Type: "gateway"})
		r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front"})
		r.AddTargetGroup(sim.TargetGroup{Name: "tcp", Protocol: "TCP", LoadBalancer: "wire"})
		r.AddTargetGroup(sim.TargetGroup{Name: "inspect", Protocol: "GENEVE", LoadBalancer: "gate"})
		r.AddTargetGroup(sim.TargetGroup{Name: "spare"})
		id := r.AddGroup(sim.Group{Name: "web", Desired: 1, TargetGroups: []string{"app", "tcp", "inspect", "spare"}})[0]
		other := r.AddGroup(sim.Group{Name: "other", Desired: 1})[0]
		w := as(t, r, id)
		for name, want := range map[string]string{"app": noOverride, "tcp": noOverride, "inspect": "", "spare": ""} {
			if got := w.override(name, id); got != want {
				t.Errorf("override of a target of %s is %q, want %q", name, got, want)
			}
		}
		if got := w.override("app", other); got != "" {
			t.Errorf("override of a target that was never registered is %q, want none", got)
		}
		r.SetAppHealthy(id, false)
		pass(2 * time.Minute)
		w.wantTarget("app", id, "unhealthy", "Target.ResponseCodeMismatch")
		if got := w.override("app", id); got != noOverride {
			t.Errorf("override of an unhealthy target is %q, want %q", got, noOverride)
		}
	})
}

func TestZonalShift(t *testing.T) {
	inBubble(t, sim.Config{MaxLag: time.Minute}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, 0) // one in each zone
		w := as(t, r, ids[0])
		pass(time.Minute)
		r.ShiftZone("front", "eu-west-1a")
		want := "zonal_shift_active|AdministrativeOverride.ZonalShiftActive|Zonal shift is active in target Availability Zone"
		if got := w.override("app", ids[0]); got != want {
			t.Errorf("override in the shifted zone is %q, want %q", got, want)
		}
		w.wantTarget("app", ids[0], "healthy", "")
		if got := w.override("app", ids[1]); got != noOverride {
			t.Errorf("override in another zone is %q, want %q", got, noOverride)
		}
		if len(r.RoutedBy(ids[0])) != 0 || len(r.RoutedBy(ids[1])) != 1 {
			t.Errorf("routed by %v in the shifted zone and by %v elsewhere, want none and one", r.RoutedBy(ids[0]), r.RoutedBy(ids[1]))
		}
		if shown := r.Registrations("app"); shown[0].Routed || !shown[0].Shifted || shown[1].Shifted {
			t.Errorf("registrations %+v, want the first one shifted and not routed", shown)
		}
		for _, id := range ids[1:] {
			r.KillInstance(id)
		}
		if len(r.RoutedBy(ids[0])) != 0 {
			t.Error("a target of the shifted zone gets traffic when it is the only healthy one")
		}
		r.SetFaults(on("DescribeTargetHealth", &sim.Fault{Lag: 30 * time.Second}))
		if got := w.override("app", ids[0]); got != noOverride {
			t.Errorf("30 s ago the override was %q, want %q", got, noOverride)
		}
		r.SetFaults(nil)
		r.EndShift("front", "eu-west-1a")
		if len(r.RoutedBy(ids[0])) != 1 || w.override("app", ids[0]) != noOverride {
			t.Errorf("after the shift: routed by %v, override %q", r.RoutedBy(ids[0]), w.override("app", ids[0]))
		}
	})
}

func TestOtherOverridesDoNotKeepTrafficAway(t *testing.T) {
	for _, state := range []string{"zonal_shift_delegated_to_dns", "unknown"} {
		inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
			ids := albGroup(r, 0)
			r.SetOverride("front", "eu-west-1a", state)
			w := as(t, r, ids[0])
			if got := string(w.described("app", ids[0]).AdministrativeOverride.State); got != state || len(r.RoutedBy(ids[0])) != 1 {
				t.Errorf("override %s, routed by %v; want %s and traffic", got, r.RoutedBy(ids[0]), state)
			}
		})
	}
}

func TestAnomalyDetectionOnlyWithInclude(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front", Attributes: map[string]string{"load_balancing.algorithm.anomaly_mitigation": "on"}})
		ids := r.AddGroup(sim.Group{Name: "web", Desired: 2, TargetGroups: []string{"app"}})
		r.SetAnomalous("app", ids[0], true)
		w := as(t, r, ids[0])
		if got := w.described("app", ids[0]).AnomalyDetection; got != nil {
			t.Errorf("without Include: %+v, want nothing", got)
		}
		first, second := w.described("app", ids[0], "AnomalyDetection").AnomalyDetection, w.described("app", ids[1], "All").AnomalyDetection
		if first.Result != "anomalous" || first.MitigationInEffect != "yes" || second.Result != "normal" || second.MitigationInEffect != "no" {
			t.Errorf("%+v and %+v, want anomalous and mitigated, and normal", first, second)
		}
	})
}

func TestHealthCheckPortOfUnusedTargets(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddTargetGroup(sim.TargetGroup{Name: "spare", Port: 8080})
		ids := r.AddGroup(sim.Group{Name: "web", Desired: 1, TargetGroups: []string{"spare"}})
		never := r.AddGroup(sim.Group{Name: "other", Desired: 1})[0]
		w := as(t, r, ids[0])
		for _, id := range []string{ids[0], never} {
			if got := w.described("spare", id); got.TargetHealth.State != "unused" || aws.ToString(got.HealthCheckPort) != "8080" {
				t.Errorf("%s with health check port %q, want unused and 8080", got.TargetHealth.State, aws.ToString(got.HealthCheckPort))
			}
		}
		w.wantTarget("spare", never, "unused", "Target.NotRegistered")
	})
}

func TestTerminatedTargets(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := albGroup(r, time.Minute)
		w := as(t, r, ids[0])
		r.KillInstance(ids[0])
		w.wantTarget("app", ids[0], "draining", "Target.DeregistrationInProgress")
		if n := w.listedTargets("app"); n != 2 {
			t.Errorf("%d targets listed, want the other two", n)
		}
		pass(10*time.Minute - time.Second)
		w.wantTarget("app", ids[0], "draining", "Target.DeregistrationInProgress")
		pass(time.Minute)
		w.wantTarget("app", ids[0], "unused", "Target.NotRegistered")
		_, err := w.elbv2.RegisterTargets(t.Context(), &awselbv2.RegisterTargetsInput{
			TargetGroupArn: aws.String(r.TargetGroupARN("app")), Targets: []elbv2types.TargetDescription{{Id: aws.String(ids[0])}},
		})
		wantRefusal(t, err, "InvalidTarget", "The following targets are not in a running state and cannot be registered: '"+ids[0]+"'")
	})
}

// attributes are a target group's attributes.
func (w *world) attributes(name string) map[string]string {
	w.t.Helper()
	out, err := w.elbv2.DescribeTargetGroupAttributes(w.t.Context(), &awselbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: aws.String(w.TargetGroupARN(name))})
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]string{}
	for _, a := range out.Attributes {
		all[*a.Key] = *a.Value
	}
	return all
}

func TestTargetGroupAttributes(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		r.AddLoadBalancer(sim.LoadBalancer{Name: "wire", Type: "network"})
		r.AddLoadBalancer(sim.LoadBalancer{Name: "gate", Type: "gateway"})
		r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front", Drain: 30 * time.Second, SlowStart: time.Minute})
		r.AddTargetGroup(sim.TargetGroup{Name: "tcp", Protocol: "TCP", LoadBalancer: "wire", ConnectionTermination: true})
		r.AddTargetGroup(sim.TargetGroup{Name: "inspect", Protocol: "GENEVE", LoadBalancer: "gate"})
		w := as(t, r, r.AddGroup(sim.Group{Name: "web", Desired: 1})[0])
		const health = "target_group_health."
		shared := map[string]string{
			"load_balancing.cross_zone.enabled":                                   "use_load_balancer_configuration",
			health + "dns_failover.minimum_healthy_targets.count":                 "1",
			health + "dns_failover.minimum_healthy_targets.percentage":            "off",
			health + "unhealthy_state_routing.minimum_healthy_targets.count":      "1",
			health + "unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
			"stickiness.enabled": "false",
		}
		for name, want := range map[string]map[string]string{
			"app": {
				"deregistration_delay.timeout_seconds": "30", "stickiness.type": "lb_cookie", "slow_start.duration_seconds": "60",
				"stickiness.lb_cookie.duration_seconds": "86400", "stickiness.app_cookie.duration_seconds": "86400", "stickiness.app_cookie.cookie_name": "",
				"load_balancing.algorithm.type": "round_robin", "load_balancing.algorithm.anomaly_mitigation": "off",
			},
			"tcp": {
				"deregistration_delay.timeout_seconds": "0", "stickiness.type": "source_ip", "proxy_protocol_v2.enabled": "false",
				"preserve_client_ip.enabled": "true", "deregistration_delay.connection_termination.enabled": "true",
			},
			"inspect": {
				"deregistration_delay.timeout_seconds": "0", "stickiness.enabled": "false", "stickiness.type": "source_ip_dest_ip_proto",
				"target_failover.on_deregistration": "no_rebalance", "target_failover.on_unhealthy": "no_rebalance",
			},
		} {
			if name != "inspect" {
				for key, value := range shared {
					want[key] = value
				}
			}
			if diff := cmp.Diff(want, w.attributes(name)); diff != "" {
				t.Errorf("attributes of %s (-want +got):\n%s", name, diff)
			}
		}
		if n, m := len(w.attributes("app")), len(w.attributes("tcp")); n != 14 || m != 11 {
			t.Errorf("%d and %d attributes, want 14 and 11", n, m)
		}
	})
}

func (w *world) modify(name string, pairs ...string) error {
	var all []elbv2types.TargetGroupAttribute
	for pair := range slices.Chunk(pairs, 2) {
		all = append(all, elbv2types.TargetGroupAttribute{Key: aws.String(pair[0]), Value: aws.String(pair[1])})
	}
	_, err := w.elbv2.ModifyTargetGroupAttributes(w.t.Context(), &awselbv2.ModifyTargetGroupAttributesInput{
		TargetGroupArn: aws.String(w.TargetGroupARN(name)), Attributes: all,
	})
	return err
}

func TestModifyTargetGroupAttributes(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "gate", Type: "gateway"})
		r.AddTargetGroup(sim.TargetGroup{Name: "inspect", Protocol: "GENEVE", LoadBalancer: "gate"})
		ids := albGroup(r, time.Minute)
		w := as(t, r, ids[0])
		wantRefusal(t, w.modify("app", "slow_start.duration_seconds", "29"), "ValidationError", "The value '29' is not valid for target group attribute 'slow_start.duration_seconds'")
		wantRefusal(t, w.modify("app", "proxy_protocol_v2.enabled", "true"), "ValidationError", "Target group attribute key 'proxy_protocol_v2.enabled' is not recognized")
		wantRefusal(t, w.modify("app", "slow_start.duration_seconds", "30", "mood", "good"), "ValidationError", "Target group attribute key 'mood' is not recognized")
		if got := w.attributes("app")["slow_start.duration_seconds"]; got != "0" {
			t.Errorf("slow start %s after a refused change, want 0", got)
		}
		wantRefusal(t, w.modify("inspect", "target_failover.on_deregistration", "rebalance"), "ValidationError",
			"Target group attributes 'target_failover.on_deregistration' and 'target_failover.on_unhealthy' must have the same value")
		if err := w.modify("inspect", "target_failover.on_deregistration", "rebalance", "target_failover.on_unhealthy", "rebalance", "send_tcp_reset.on_deregistration.enabled", "true"); err != nil {
			t.Fatal(err)
		}
		if got := w.attributes("inspect"); got["target_failover.on_deregistration"] != "rebalance" || got["send_tcp_reset.on_deregistration.enabled"] != "true" {
			t.Errorf("attributes %v", got)
		}
	})
}

func TestUnhealthyStateRouting(t *testing.T) {
	for _, c := range []struct {
		name, key, value string
		wantTraffic      bool // of an unhealthy target while two of three are healthy
	}{
		{"one healthy target is enough", "count", "1", false},
		{"two are enough", "count", "2", false},
		{"three are too few", "count", "3", true},
		{"66 percent of three are two", "percentage", "66", false},
		{"67 percent of three are three", "percentage", "67", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
				r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
				r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front", Drain: time.Minute, Attributes: map[string]string{
					"target_group_health.unhealthy_state_routing.minimum_healthy_targets." + c.key: c.value,
				}})
				ids := r.AddGroup(sim.Group{Name: "web", Max: 3, Desired: 3, TargetGroups: []string{"app"}})
				r.SetAppHealthy(ids[0], false)
				pass(2 * time.Minute)
				if got := len(r.RoutedBy(ids[0])) > 0; got != c.wantTraffic {
					t.Errorf("unhealthy target gets traffic: %t, want %t", got, c.wantTraffic)
				}
			})
		})
	}
}

func TestIPv6TargetGroup(t *testing.T) {
	inBubble(t, sim.Config{IPv6: func(n int) string { return "2001:db8::" + string(rune('1'+n)) }}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		r.AddTargetGroup(sim.TargetGroup{Name: "six", LoadBalancer: "front", IPv6: true})
		r.AddTargetGroup(sim.TargetGroup{Name: "four", LoadBalancer: "front"})
		ids := r.AddGroup(sim.Group{Name: "web", Desired: 2, TargetGroups: []string{"six", "four"}})
		w := as(t, r, ids[0])
		out, err := w.elbv2.DescribeTargetGroups(t.Context(), &awselbv2.DescribeTargetGroupsInput{})
		if err != nil || out.TargetGroups[0].IpAddressType != "ipv6" || out.TargetGroups[1].IpAddressType != "ipv4" {
			t.Fatalf("%+v, %v; want ipv6 and ipv4", out, err)
		}
		if six, four := r.Registrations("six")[1].Address, r.Registrations("four")[1].Address; six != "2001:db8::2" || four != r.Address(ids[1]) {
			t.Errorf("addresses %s and %s, want the IPv6 and the IPv4 address", six, four)
		}
		if got := r.IPv6(ids[0]); got != "2001:db8::1" {
			t.Errorf("IPv6 address %s", got)
		}
	})
}

func TestUnstableOrderOfAGroupsLists(t *testing.T) {
	inBubble(t, sim.Config{Behaviour: sim.Behaviour{UnstableOrder: true}}, func(t *testing.T, r *sim.Region) {
		w := as(t, r, r.AddGroup(sim.Group{
			Name: "web", Desired: 1, Suspended: []string{"Launch", "Terminate", "AZRebalance"},
			Settings: sim.Settings{Metrics: []string{"GroupMinSize", "GroupMaxSize", "GroupStandbyInstances"}},
		})[0])
		seen := map[string]map[string]bool{"subnets": {}, "suspended": {}, "metrics": {}}
		for range 20 {
			g := w.group("web")
			seen["subnets"][*g.VPCZoneIdentifier] = true
			seen["suspended"][*g.SuspendedProcesses[0].ProcessName] = true
			seen["metrics"][*g.EnabledMetrics[0].Metric] = true
		}
		for list, orders := range seen {
			if len(orders) < 2 {
				t.Errorf("%s come in one order: %v", list, orders)
			}
		}
	})
}

// Recorded answers list these in another order each time.
func TestUnstableOrder(t *testing.T) {
	orders := func(seed uint64, unstable bool) (all []string) {
		inBubble(t, sim.Config{Seed: seed, Behaviour: sim.Behaviour{UnstableOrder: unstable}}, func(t *testing.T, r *sim.Region) {
			w := as(t, r, albGroup(r, 0)[0])
			for range 5 {
				out, err := w.elbv2.DescribeTargetGroupAttributes(t.Context(), &awselbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: aws.String(r.TargetGroupARN("app"))})
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, *out.Attributes[0].Key)
			}
		})
		return all
	}
	if got := slices.Compact(orders(1, false)); len(got) != 1 {
		t.Errorf("first attributes %v, want the same one each time", got)
	}
	if got := slices.Compact(slices.Sorted(slices.Values(orders(1, true)))); len(got) < 2 {
		t.Errorf("first attributes %v, want different ones", got)
	}
	if diff := cmp.Diff(orders(1, true), orders(1, true)); diff != "" {
		t.Errorf("the same seed gives another order:\n%s", diff)
	}
}
