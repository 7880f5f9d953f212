package sim_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	awselbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"balanced/internal/sim"
)

// list is a paged describe call: the names in a page and the token of the next page.
type list func(w *world, token *string) (names []string, next *string, err error)

func pagedCalls() map[string]list {
	return map[string]list{
		"DescribeAutoScalingInstances": func(w *world, token *string) (names []string, next *string, err error) {
			out, err := w.asg.DescribeAutoScalingInstances(w.t.Context(), &awsasg.DescribeAutoScalingInstancesInput{NextToken: token})
			for _, i := range out.AutoScalingInstances {
				names = append(names, *i.InstanceId)
			}
			return names, out.NextToken, err
		},
		"DescribeAutoScalingGroups": func(w *world, token *string) (names []string, next *string, err error) {
			out, err := w.asg.DescribeAutoScalingGroups(w.t.Context(), &awsasg.DescribeAutoScalingGroupsInput{NextToken: token, AutoScalingGroupNames: []string{"web"}})
			for _, g := range out.AutoScalingGroups {
				names = append(names, *g.AutoScalingGroupName)
			}
			return names, out.NextToken, err
		},
		"DescribeScalingActivities": func(w *world, token *string) (names []string, next *string, err error) {
			out, err := w.asg.DescribeScalingActivities(w.t.Context(), &awsasg.DescribeScalingActivitiesInput{NextToken: token, AutoScalingGroupName: aws.String("web")})
			for _, a := range out.Activities {
				names = append(names, *a.ActivityId)
			}
			return names, out.NextToken, err
		},
		"DescribeTrafficSources": func(w *world, token *string) (names []string, next *string, err error) {
			out, err := w.asg.DescribeTrafficSources(w.t.Context(), &awsasg.DescribeTrafficSourcesInput{NextToken: token, AutoScalingGroupName: aws.String("web")})
			for _, s := range out.TrafficSources {
				names = append(names, *s.Identifier)
			}
			return names, out.NextToken, err
		},
		"DescribeTargetGroups": func(w *world, token *string) (names []string, next *string, err error) {
			out, err := w.elbv2.DescribeTargetGroups(w.t.Context(), &awselbv2.DescribeTargetGroupsInput{Marker: token})
			for _, g := range out.TargetGroups {
				names = append(names, *g.TargetGroupName)
			}
			return names, out.NextMarker, err
		},
		"DescribeLoadBalancers": func(w *world, token *string) (names []string, next *string, err error) {
			out, err := w.elb.DescribeLoadBalancers(w.t.Context(), &awselb.DescribeLoadBalancersInput{Marker: token, LoadBalancerNames: []string{"old"}})
			for _, l := range out.LoadBalancerDescriptions {
				names = append(names, *l.LoadBalancerName)
			}
			return names, out.NextMarker, err
		},
	}
}

// distorted runs a test once for each paged call, with a distortion of that call's answers.
func distorted(t *testing.T, d sim.Distortion, test func(t *testing.T, w *world, call list)) {
	for action, call := range pagedCalls() {
		t.Run(action, func(t *testing.T) {
			inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
				r.AddTargetGroup(sim.TargetGroup{Name: "app"})
				r.AddClassic(sim.Classic{Name: "old"})
				id := r.AddGroup(sim.Group{Name: "web", Desired: 1, TargetGroups: []string{"app"}})[0]
				r.SetFaults(on(action, &sim.Fault{Answer: d}))
				test(t, as(t, r, id), call)
			})
		})
	}
}

func TestAnEmptyFirstPage(t *testing.T) {
	distorted(t, sim.Distortion{EmptyFirstPage: true}, func(t *testing.T, w *world, call list) {
		names, next, err := call(w, nil)
		if err != nil || len(names) != 0 || next == nil {
			t.Fatalf("first page %v, token %v, %v; want an empty page and a token", names, next, err)
		}
		names, next, err = call(w, next)
		if err != nil || len(names) != 1 || next != nil {
			t.Fatalf("second page %v, token %v, %v; want everything and no token", names, next, err)
		}
	})
}

func TestATokenThatNeverEnds(t *testing.T) {
	distorted(t, sim.Distortion{RepeatToken: true}, func(t *testing.T, w *world, call list) {
		_, first, err := call(w, nil)
		if err != nil || first == nil {
			t.Fatalf("token %v, %v", first, err)
		}
		for range 3 {
			names, next, err := call(w, first)
			if err != nil || len(names) != 1 || aws.ToString(next) != *first {
				t.Fatalf("page %v, token %q, %v; want the same page and token %q", names, aws.ToString(next), err, *first)
			}
		}
	})
}

func TestOmittedElements(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddClassic(sim.Classic{Name: "old"})
		ids := albGroup(r, 0)
		w := as(t, r, ids[0])
		gone := []string{"web", ids[1], r.TargetGroupARN("app"), "old"}
		r.SetFaults(func(c sim.Call) *sim.Fault {
			if c.Service == "imds" {
				return nil
			}
			return &sim.Fault{Answer: sim.Distortion{Omit: gone}}
		})
		for action, call := range pagedCalls() {
			names, _, err := call(w, nil)
			if want := map[string]int{"DescribeAutoScalingInstances": 2, "DescribeScalingActivities": 3}[action]; err != nil || len(names) != want {
				t.Errorf("%s answers %v, %v; want %d elements", action, names, err, want)
			}
		}
		if n := w.listedTargets("app"); n != 2 {
			t.Errorf("%d targets listed, want 2", n)
		}
		out, err := w.asg.DescribeAutoScalingInstances(t.Context(), &awsasg.DescribeAutoScalingInstancesInput{InstanceIds: ids[1:2]})
		if err != nil || len(out.AutoScalingInstances) != 0 {
			t.Errorf("%v, %v; want the named instance left out", out.AutoScalingInstances, err)
		}
		gone = []string{ids[1]}
		if m := w.group("web").Instances; len(m) != 2 {
			t.Errorf("%d members in the group, want 2", len(m))
		}
	})
}

func TestAnEmptyBody(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := albGroup(r, 0)[0]
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		r.SetFaults(on("EnterStandby", &sim.Fault{Answer: sim.Distortion{EmptyBody: true}}))
		status, body, _ := ask(t, client, "POST", sim.APIEndpoint+"/?Version=2011-01-01&Action=EnterStandby&AutoScalingGroupName=web&ShouldDecrementDesiredCapacity=true&InstanceIds.member.1="+id)
		if status != 200 || body != "" || r.State(id) != "EnteringStandby" {
			t.Errorf("%d %q, state %s; want 200, no body, and the move made", status, body, r.State(id))
		}
		if c := callsOf(r, "EnterStandby")[0]; !c.Effect {
			t.Errorf("recorded as %+v, want an effect", c)
		}
	})
}

func TestAProxysPage(t *testing.T) {
	for _, status := range []int{200, 302, 403, 502} {
		inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
			id := albGroup(r, 0)[0]
			w := as(t, r, id)
			r.SetFaults(on("EnterStandby", &sim.Fault{Twice: true, Answer: sim.Distortion{ProxyStatus: status}}))
			_, err := w.enter(id)
			var answer *awshttp.ResponseError
			if err == nil || errors.As(err, &answer) && answer.HTTPStatusCode() != status {
				t.Errorf("error %v, want one of a page with status %d", err, status)
			}
			w.wantState(id, "InService")
			if calls := callsOf(r, "EnterStandby"); len(calls) != 1 || calls[0].Effect || calls[0].Status != status {
				t.Errorf("recorded as %+v, want one call without effect and status %d", calls, status)
			}
			client := r.Client()
			t.Cleanup(client.CloseIdleConnections)
			got, body, header := ask(t, client, "GET", sim.APIEndpoint+"/?Version=2011-01-01&Action=EnterStandby")
			if got != status || !strings.HasPrefix(body, "<html>") || header.Get("Content-Type") != "text/html" {
				t.Errorf("%d %q %q, want an HTML page with %d", got, header.Get("Content-Type"), body, status)
			}
		})
	}
}

func TestASlowToken(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := r.AddGroup(sim.Group{Name: "web", Desired: 1})[0]
		r.SetMetadata(id, sim.Metadata{TokenTime: 2200 * time.Millisecond})
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		began := time.Now()
		status, token, _ := ask(t, client, http.MethodPut, sim.MetadataEndpoint(id)+"/latest/api/token", ttl, "60")
		if took := time.Since(began); status != 200 || took != 2200*time.Millisecond {
			t.Errorf("%d after %v, want a token after 2.2 s", status, took)
		}
		began = time.Now()
		if status, _, _ := ask(t, client, http.MethodGet, sim.MetadataEndpoint(id)+"/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", token); status != 200 || time.Since(began) != 0 {
			t.Errorf("%d after %v, want the item at once", status, time.Since(began))
		}
	})
}

func TestCredentialsThatAppearLate(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := r.AddGroup(sim.Group{Name: "web", Desired: 1})[0]
		r.UpdateMetadata(id, func(m *sim.Metadata) { m.CredentialsFrom = time.Now().Add(time.Minute) })
		w := as(t, r, id)
		for _, path := range []string{"iam/security-credentials/", "iam/security-credentials/instance-role", "iam/info"} {
			if text, err := w.item(path); err == nil {
				t.Errorf("%s answers %q before the credentials are there", path, text)
			}
		}
		pass(time.Minute)
		if text, err := w.item("iam/security-credentials/"); err != nil || text != "instance-role" {
			t.Errorf("a minute later: %q, %v; want the role", text, err)
		}
	})
}
