package elb_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"balanced/internal/elb"
	"balanced/internal/fleet"
)

// listed are the answers about targets, one after another.
func listed(targets ...string) string {
	return "<TargetHealthDescriptions>" + strings.Join(targets, "") + "</TargetHealthDescriptions>"
}

func registered(id string, port int, state string) string {
	return fmt.Sprintf("<member><Target><Id>%s</Id><Port>%d</Port></Target><TargetHealth>%s</TargetHealth></member>", id, port, state)
}

// An instance is known by its id, or by its address in target groups of addresses. Only those that can hold it are asked,
// and what has been deregistered is none.
func TestRegistrationsByIDAndAddress(t *testing.T) {
	const healthy, unused = "<State>healthy</State>", "<State>unused</State><Reason>Target.NotRegistered</Reason>"
	group := func(name, kind, family string) string {
		text := strings.NewReplacer("targetgroup/web/1", "targetgroup/"+name, ">web<", ">"+name+"<", "instance", kind).Replace(targetGroup)
		return strings.Replace(text, "<Port>80</Port>", "<Port>80</Port><IpAddressType>"+family+"</IpAddressType>", 1)
	}
	everyone := listed(registered("i-1", 80, healthy), registered("10.0.0.1", 80, healthy), registered("fd00:0::1", 80, healthy), registered("i-2", 80, healthy))
	answer := func(action string, form url.Values) string {
		switch action {
		case "DescribeLoadBalancers":
			if form.Get("Marker") == "" {
				return "<LoadBalancerDescriptions>" + strings.Replace(classic, "<Instances/>", "<Instances><member><InstanceId>i-2</InstanceId></member></Instances>", 1) +
					"</LoadBalancerDescriptions><NextMarker>2</NextMarker>"
			}
			return "<LoadBalancerDescriptions>" + strings.Replace(classic, "<Instances/>", "<Instances><member><InstanceId>i-1</InstanceId></member></Instances>", 1) + "</LoadBalancerDescriptions>"
		case "DescribeTargetGroups":
			return "<TargetGroups>" + group("ids", "instance", "ipv4") + group("ids6", "instance", "ipv6") + group("ips", "ip", "ipv4") + group("ips6", "ip", "ipv6") +
				group("past", "instance", "ipv4") + group("behind", "alb", "ipv4") + "</TargetGroups>"
		}
		switch arn := form.Get("TargetGroupArn"); {
		case strings.HasSuffix(arn, "/behind"):
			t.Error("a target group of load balancers was asked for instances")
		case strings.HasSuffix(arn, "/past"):
			return listed(registered("i-1", 80, unused))
		}
		return everyone
	}
	play(t, answer, func(ctx context.Context, c *elb.Client, _ map[string]int) {
		all, err := c.Registrations(ctx, "i-1", "10.0.0.1", "fd00::1")
		var got []string
		for _, r := range all {
			got = append(got, r.Name+" "+r.Instance)
		}
		if want := "old i-1, ids i-1, ids6 i-1, ips 10.0.0.1, ips6 fd00:0::1"; err != nil || strings.Join(got, ", ") != want {
			t.Errorf("%v, %v, want %s", err, got, want)
		}
	})
}

// Of several registrations the one on the group's port counts, wherever it is in the list.
func TestTheRegistrationOnTheGroupsPort(t *testing.T) {
	const healthy, draining = "<State>healthy</State>", "<State>draining</State>"
	for name, c := range map[string]struct {
		text string
		want fleet.Health
		port int
	}{
		"first":      {listed(registered("i-1", 80, healthy), registered("i-1", 81, draining)), fleet.Healthy, 80},
		"last":       {listed(registered("i-1", 81, draining), registered("i-1", 80, healthy)), fleet.Healthy, 80},
		"in between": {listed(registered("i-1", 81, draining), registered("i-1", 80, healthy), registered("i-1", 82, draining)), fleet.Healthy, 80},
		"not there":  {listed(registered("i-2", 80, healthy), registered("i-1", 81, draining)), fleet.Draining, 81},
	} {
		play(t, func(string, url.Values) string { return c.text }, func(ctx context.Context, client *elb.Client, _ map[string]int) {
			got, err := client.HealthOf(ctx, fleet.Source{Kind: fleet.Application, Name: "web", ID: arn, Port: 80}, "i-1")
			if err != nil || got.Health != c.want || got.Port != c.port {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		})
	}
}

// A target group that takes the setting over is cross-zone where all of its load balancers are, each of which is asked
// once, and one behind none is not.
func TestCrossZoneOfTheLoadBalancers(t *testing.T) {
	for name, c := range map[string]struct {
		behind []string // the load balancers of two target groups
		want   string
		asked  int
	}{
		"the same":        {[]string{"on", "on"}, "true true", 1},
		"two":             {[]string{"on", "off"}, "true false", 2},
		"none":            {[]string{"", "on"}, "false true", 1},
		"on and off":      {[]string{"on off", "on"}, "false true", 2},
		"off and then on": {[]string{"off on", "off"}, "false false", 2},
	} {
		answer := func(action string, form url.Values) string {
			switch action {
			case "DescribeTargetGroups":
				text := ""
				for i, behind := range c.behind {
					arns := ""
					for _, arn := range strings.Fields(behind) {
						arns += "<member>" + arn + "</member>"
					}
					text += strings.NewReplacer("targetgroup/web/1", fmt.Sprint("targetgroup/", i), ">web<", fmt.Sprintf(">%d<", i), "<member>"+front+"</member>", arns).Replace(targetGroup)
				}
				return "<TargetGroups>" + text + "</TargetGroups>"
			case "DescribeLoadBalancerAttributes":
				if form.Get("LoadBalancerArn") == "off" {
					return "<Attributes>" + strings.Replace(zone, "true", "false", 1) + "</Attributes>"
				}
			}
			return whole(action, form)
		}
		play(t, answer, func(ctx context.Context, client *elb.Client, asked map[string]int) {
			const arns = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/"
			all, err := client.Describe(ctx, nil, []string{arns + "0", arns + "1"})
			var got []string
			for _, s := range all {
				got = append(got, fmt.Sprint(s.CrossZone))
			}
			if err != nil || strings.Join(got, " ") != c.want || asked["DescribeLoadBalancerAttributes"] != c.asked {
				t.Errorf("%s: %v, %v after %d calls; want %s after %d", name, err, got, asked["DescribeLoadBalancerAttributes"], c.want, c.asked)
			}
		})
	}
}
