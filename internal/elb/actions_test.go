package elb_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"balanced/internal/awsapi"
	"balanced/internal/elb"
	"balanced/internal/sim"
)

// Each read tells whether its own action is allowed, and about nothing else.
func TestReadsTellWhatIsAllowed(t *testing.T) {
	region(t, func(t *testing.T, f threeHosts) {
		for _, read := range f.elb.Reads() {
			if err := read.Try(t.Context()); denied(err) != "" {
				t.Errorf("%s: %v, though all is allowed", read.Action, err)
			}
			f.Deny(read.Action)
			if err := read.Try(t.Context()); denied(err) != read.Action {
				t.Errorf("%s is denied, and trying it says %v", read.Action, err)
			}
			f.Allow(read.Action)
		}
	})
}

// What is asked about is of the Region and of its partition: AWS may refuse the ARN of
// another as none, whatever is allowed.
func TestReadsAreAboutTheRegion(t *testing.T) {
	hermetic(t)
	for region, begins := range map[string]string{
		"eu-west-1": "arn:aws:elasticloadbalancing:eu-west-1:", "cn-north-1": "arn:aws-cn:elasticloadbalancing:cn-north-1:",
		"us-gov-west-1": "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := sim.New(sim.Config{Name: region})
			id := r.AddGroup(sim.Group{Name: "web", Desired: 1})[0]
			client := r.Client()
			t.Cleanup(client.CloseIdleConnections)
			s, err := awsapi.Load(t.Context(), awsapi.Options{Region: region, HTTP: client, Endpoint: sim.APIEndpoint, MetadataEndpoint: sim.MetadataEndpoint(id)})
			if err != nil {
				t.Fatal(err)
			}
			for _, read := range elb.New(s.Config()).Reads() {
				_ = read.Try(t.Context()) // refused, since there is no such thing
			}
			asked := 0
			for _, c := range r.Calls() {
				if arn := c.Params.Get("TargetGroupArn"); arn != "" {
					asked++
					if !strings.HasPrefix(arn, begins) {
						t.Errorf("in %s, %s asks about %s", region, c.Action, arn)
					}
				}
			}
			if asked != 2 {
				t.Errorf("in %s, %d reads ask about an ARN, want 2", region, asked)
			}
		})
	}
}

func denied(err error) string {
	if d, ok := errors.AsType[*awsapi.DeniedError](err); ok {
		return d.Action
	}
	return ""
}

// Registrations are found whoever made them, over more than one page.
func TestRegistrations(t *testing.T) {
	region(t, func(t *testing.T, f threeHosts) {
		for i := range 401 { // one page of target groups holds 400
			f.AddTargetGroup(sim.TargetGroup{Name: fmt.Sprintf("x%03d", i), Port: 7000 + i})
		}
		f.AddClassic(sim.Classic{Name: "strange"})
		f.RegisterExtraPort("web", f.ids[0], 9999)
		f.AddTargets("x400", f.ids[0], f.ids[1])
		got, err := f.elb.Registrations(t.Context(), f.ids[0], "10.0.0.1", "")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, x := range got {
			names = append(names, fmt.Sprintf("%s %s:%d", x.Kind, x.Name, x.Target.Port))
		}
		want := []string{
			"classic old:0", "classic abrupt:0", "alb idle:80", "gwlb inspect:6081", "nlb tcp:9000", "nlb tls:9443",
			"alb web:8080", "alb web:9999", "alb x400:7400",
		}
		if !slices.Equal(names, want) {
			t.Errorf("registrations %q\nwant %q", names, want)
		}
	})
}
