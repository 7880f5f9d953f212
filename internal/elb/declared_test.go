package elb_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/elb"
	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// Each sort of load balancer has a call of its own, and target groups are told the port.
func TestRegisterAndDeregister(t *testing.T) {
	classic := fleet.Source{Kind: fleet.Classic, Name: "old", ID: "old"}
	targets := fleet.Source{Kind: fleet.Network, Name: "web", ID: arn, Port: 8080}
	instance := map[string]string{"LoadBalancerName": "old", "Instances.member.1.InstanceId": "i-1"}
	target := map[string]string{"TargetGroupArn": arn, "Targets.member.1.Id": "i-1", "Targets.member.1.Port": "8080"}
	for name, c := range map[string]struct {
		ask    func(context.Context, *elb.Client) error
		action string
		says   map[string]string
		told   string // of a refusal
	}{
		"register with a Classic load balancer":   {func(ctx context.Context, e *elb.Client) error { return e.Register(ctx, classic, "i-1") }, "RegisterInstancesWithLoadBalancer", instance, "register i-1 with old: "},
		"deregister from a Classic load balancer": {func(ctx context.Context, e *elb.Client) error { return e.Deregister(ctx, classic, "i-1") }, "DeregisterInstancesFromLoadBalancer", instance, "deregister i-1 from old: "},
		"register with a target group":            {func(ctx context.Context, e *elb.Client) error { return e.Register(ctx, targets, "i-1") }, "RegisterTargets", target, "register i-1 with web: "},
		"deregister from a target group":          {func(ctx context.Context, e *elb.Client) error { return e.Deregister(ctx, targets, "i-1") }, "DeregisterTargets", target, "deregister i-1 from web: "},
	} {
		refuse := ""
		answer := func(action string, form url.Values) string {
			for key, want := range c.says {
				if action != c.action || form.Get(key) != want {
					t.Errorf("%s: %s with %s=%q, want %s with %q", name, action, key, form.Get(key), c.action, want)
				}
			}
			return refuse
		}
		play(t, answer, func(ctx context.Context, e *elb.Client, asked map[string]int) {
			if err := c.ask(ctx, e); err != nil || asked[c.action] != 1 {
				t.Errorf("%s: %v after %v", name, err, asked)
			}
			refuse = "!Refused"
			err := c.ask(ctx, e)
			if r, ok := errors.AsType[*awsapi.RefusedError](err); !ok || r.Code != "Refused" || !strings.HasPrefix(err.Error(), c.told) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// named answers about target groups by their names or ARNs, and refuses a question about one that is missing.
func named(missing string) func(string, url.Values) string {
	return func(action string, form url.Values) string {
		text := ""
		for i := 1; ; i++ {
			name, known := form.Get(fmt.Sprintf("Names.member.%d", i)), form.Get(fmt.Sprintf("TargetGroupArns.member.%d", i))
			if name == "" {
				_, name, _ = strings.Cut(known, "targetgroup/")
			}
			switch {
			case name == "":
				return "<TargetGroups>" + text + "</TargetGroups>"
			case name == missing:
				return "!TargetGroupNotFound"
			}
			text += strings.NewReplacer("targetgroup/web/1", "targetgroup/"+name, ">web<", ">"+name+"<").Replace(targetGroup)
		}
	}
}

func names(all []fleet.Source) string {
	var text []string
	for _, s := range all {
		text = append(text, s.Name)
	}
	return strings.Join(text, " ")
}

func TestFind(t *testing.T) {
	const tcp = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/tcp"
	for name, c := range map[string]struct {
		asked, found []string
		missing      string
		want         string // the error
		calls        int
	}{
		"by name":          {[]string{"web", "api"}, []string{"web", "api"}, "", "", 1},
		"by ARN":           {[]string{tcp}, []string{"tcp"}, "", "", 1},
		"by both":          {[]string{"web", tcp}, []string{"tcp", "web"}, "", "", 2},
		"no such name":     {[]string{"web", "api"}, nil, "api", "describe target group api: does not exist", 3},
		"no such ARN":      {[]string{tcp, "web"}, nil, "tcp", "describe target group " + tcp + ": does not exist", 1},
		"one, and missing": {[]string{"api"}, nil, "api", "describe target group api: does not exist", 1},
	} {
		play(t, named(c.missing), func(ctx context.Context, e *elb.Client, asked map[string]int) {
			all, err := e.Find(ctx, c.asked)
			if got := names(all); got != strings.Join(c.found, " ") || (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			if asked["DescribeTargetGroups"] != c.calls {
				t.Errorf("%s: %d calls, want %d", name, asked["DescribeTargetGroups"], c.calls)
			}
		})
	}
}

// AWS takes twenty names at a time. A question that it refuses as a whole, and then answers name by name, is answered.
func TestManyNames(t *testing.T) {
	var asked []string
	for i := range 45 {
		asked = append(asked, fmt.Sprintf("group-%02d", i))
	}
	var sizes []int
	answer := named("")
	refuse := false
	counted := func(action string, form url.Values) string {
		n := 0
		for key := range form {
			if strings.HasPrefix(key, "Names.") {
				n++
			}
		}
		sizes = append(sizes, n)
		if refuse && n > 1 {
			return "!TargetGroupNotFound"
		}
		return answer(action, form)
	}
	play(t, counted, func(ctx context.Context, e *elb.Client, _ map[string]int) {
		all, err := e.Find(ctx, asked)
		if err != nil || names(all) != strings.Join(asked, " ") || !slices.Equal(sizes, []int{20, 20, 5}) {
			t.Errorf("%v, in batches of %v: %s", err, sizes, names(all))
		}
		sizes, refuse = nil, true
		all, err = e.Find(ctx, asked[:3])
		if err != nil || names(all) != strings.Join(asked[:3], " ") || !slices.Equal(sizes, []int{3, 1, 1, 1}) {
			t.Errorf("%v, in batches of %v: %s", err, sizes, names(all))
		}
	})
}

// A controller that owns a target group is found by its tag, among others.
func TestControllers(t *testing.T) {
	tag := func(key, value string) string {
		return "<member><Key>" + key + "</Key><Value>" + value + "</Value></member>"
	}
	owned := "<member><ResourceArn>arn:1</ResourceArn><Tags>" + tag("Name", "web") + tag("elbv2.k8s.aws/cluster", "shop") + "</Tags></member>"
	plain := "<member><ResourceArn>arn:2</ResourceArn><Tags>" + tag("Name", "api") + "</Tags></member>"
	for name, c := range map[string]struct {
		answer string
		want   string
		class  failure.Class // of the error
	}{
		"both":         {"<TagDescriptions>" + owned + plain + "</TagDescriptions>", "map[arn:1:shop]", failure.Internal},
		"one is left":  {"<TagDescriptions>" + owned + "</TagDescriptions>", "", failure.Unreachable},
		"one is gone":  {"!TargetGroupNotFound", "", failure.Setup},
		"not tellable": {"!ValidationError", "", failure.Setup},
	} {
		answer := func(string, url.Values) string { return c.answer }
		play(t, answer, func(ctx context.Context, e *elb.Client, _ map[string]int) {
			owners, err := e.Controllers(ctx, []string{"arn:1", "arn:2"})
			if (err == nil) != (c.want != "") || err == nil && fmt.Sprint(owners) != c.want || err != nil && failure.Of(err) != c.class {
				t.Errorf("%s: %v, %v (%s)", name, owners, err, failure.Of(err))
			}
		})
	}
}

// The account's bucket holds 40 calls for all hosts, so a host has no more than four under way at a time.
func TestFourCallsAtATime(t *testing.T) {
	const n = 9
	var mu sync.Mutex
	now, most := map[string]int{}, map[string]int{}
	slow := func(action string, form url.Values) string {
		mu.Lock()
		now[action]++
		most[action] = max(most[action], now[action])
		mu.Unlock()
		<-time.After(time.Second)
		mu.Lock()
		now[action]--
		mu.Unlock()
		switch action {
		case "DescribeTargetGroups":
			text := ""
			for i := range n {
				text += strings.NewReplacer("targetgroup/web/1", fmt.Sprintf("targetgroup/%d", i), "wire/1", fmt.Sprintf("wire/%d", i)).Replace(targetGroup)
			}
			return "<TargetGroups>" + text + "</TargetGroups>"
		case "DescribeTargetHealth":
			return "<TargetHealthDescriptions/>"
		}
		return whole(action, form)
	}
	play(t, slow, func(ctx context.Context, e *elb.Client, asked map[string]int) {
		var arns []string
		for i := range n {
			arns = append(arns, fmt.Sprintf("arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/%d", i))
		}
		if _, err := e.Describe(ctx, nil, arns); err != nil {
			t.Error(err)
		}
		if _, err := e.Registrations(ctx, "i-1", "10.0.0.1", ""); err != nil {
			t.Error(err)
		}
		for _, action := range []string{"DescribeTargetGroupAttributes", "DescribeLoadBalancerAttributes", "DescribeTargetHealth"} {
			if most[action] != 4 || asked[action] != n {
				t.Errorf("%s: %d at a time, %d altogether", action, most[action], asked[action])
			}
		}
	})
}
