package sim_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/smithy-go"

	"balanced/internal/sim"
)

// on makes a fault of every call of one action.
func on(action string, f *sim.Fault) func(sim.Call) *sim.Fault {
	return func(c sim.Call) *sim.Fault {
		if c.Action == action {
			return f
		}
		return nil
	}
}

// callsOf are the recorded calls of one action.
func callsOf(r *sim.Region, action string) []sim.Call {
	var calls []sim.Call
	for _, c := range r.Calls() {
		if c.Action == action {
			calls = append(calls, c)
		}
	}
	return calls
}

func TestALostReplyThenARefusal(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := albGroup(r, time.Minute)[0]
		w := as(t, r, id)
		r.SetFaults(on("EnterStandby", &sim.Fault{LoseReply: true}))
		_, err := w.enter(id)
		var api smithy.APIError
		if err == nil || errors.As(err, &api) {
			t.Fatalf("error %v, want a closed connection", err)
		}
		w.wantState(id, "EnteringStandby")
		r.SetFaults(nil)
		_, err = w.enter(id)
		wantRefusal(t, err, "ValidationError", "The instance "+id+" is not in InService.")
		calls := callsOf(r, "EnterStandby")
		if !calls[0].Effect || !calls[0].Lost || calls[1].Effect || calls[1].Code != "ValidationError" {
			t.Fatalf("recorded as %+v, want the first one lost after its effect and the second refused", calls)
		}
	})
}

func TestARequestDeliveredTwice(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := albGroup(r, time.Minute)[0]
		w := as(t, r, id)
		r.SetFaults(on("EnterStandby", &sim.Fault{Twice: true}))
		_, err := w.enter(id)
		wantRefusal(t, err, "ValidationError", "The instance "+id+" is not in InService.")
		w.wantState(id, "EnteringStandby")
		if calls := callsOf(r, "EnterStandby"); len(calls) != 2 || !calls[0].Effect || calls[1].Effect {
			t.Fatalf("recorded as %+v, want two, the first with effect", calls)
		}
	})
}

func TestAResetHasNoEffect(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := albGroup(r, time.Minute)[0]
		w := as(t, r, id)
		r.SetFaults(on("EnterStandby", &sim.Fault{Reset: true}))
		if _, err := w.enter(id); err == nil {
			t.Fatal("an answer over a closed connection")
		}
		w.wantState(id, "InService")
		if c := callsOf(r, "EnterStandby")[0]; c.Effect || !c.Lost || c.Status != 0 {
			t.Fatalf("recorded as %+v, want it lost before it was served", c)
		}
	})
}

func TestASlowCallWhoseCallerGivesUp(t *testing.T) {
	for _, late := range []bool{false, true} {
		inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
			id := albGroup(r, time.Minute)[0]
			w := as(t, r, id)
			r.SetFaults(on("EnterStandby", &sim.Fault{Delay: 30 * time.Second, LateEffect: late}))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := w.asg.EnterStandby(ctx, &awsasg.EnterStandbyInput{
				AutoScalingGroupName: aws.String("web"),
				InstanceIds:          []string{id}, ShouldDecrementDesiredCapacity: aws.Bool(true),
			})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("error %v, want the deadline", err)
			}
			pass(19 * time.Second)
			w.wantState(id, "InService")
			pass(2 * time.Second)
			w.wantState(id, map[bool]string{false: "InService", true: "EnteringStandby"}[late])
			if c := callsOf(r, "EnterStandby")[0]; !c.Lost || c.Effect != late {
				t.Fatalf("recorded as %+v, want it lost and effect %t", c, late)
			}
		})
	}
}

func TestASlowCallIsServed(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := albGroup(r, time.Minute)[0]
		w := as(t, r, id)
		r.SetFaults(on("EnterStandby", &sim.Fault{Delay: 30 * time.Second}))
		began := time.Now()
		if _, err := w.enter(id); err != nil || time.Since(began) != 30*time.Second {
			t.Fatalf("%v after %v, want success after 30 s", err, time.Since(began))
		}
	})
}

func TestCallTime(t *testing.T) {
	inBubble(t, sim.Config{Timing: sim.Timing{CallTime: 200 * time.Millisecond}}, func(t *testing.T, r *sim.Region) {
		w := as(t, r, albGroup(r, 0)[0])
		w.feed() // with the credentials before it
		began := time.Now()
		w.feed()
		if took := time.Since(began); took != 200*time.Millisecond {
			t.Fatalf("a call took %v, want 200 ms", took)
		}
	})
}

func TestFaultsThatRefuse(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := albGroup(r, time.Minute)[0]
		w := as(t, r, id)
		r.SetFaults(on("EnterStandby", sim.Throttled()))
		_, err := w.enter(id)
		wantRefusal(t, err, "Throttling", "Rate exceeded")
		r.SetFaults(on("EnterStandby", &sim.Fault{Status: 503}))
		_, err = w.enter(id)
		wantRefusal(t, err, "ServiceUnavailable", "Service is unable to handle request.")
		w.wantState(id, "InService")
	})
}

func TestStaleReads(t *testing.T) {
	inBubble(t, sim.Config{MaxLag: 10 * time.Second}, func(t *testing.T, r *sim.Region) {
		id := albGroup(r, time.Minute)[0]
		w := as(t, r, id)
		pass(time.Minute)
		r.EnterStandby("web", id, true)
		pass(time.Second)
		seen := func(lag time.Duration) (inGroup, own string, desired int32, target string, newest string) {
			r.SetFaults(func(sim.Call) *sim.Fault { return &sim.Fault{Lag: lag} })
			groups, err := w.asg.DescribeAutoScalingGroups(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			instances, err := w.asg.DescribeAutoScalingInstances(t.Context(), &awsasg.DescribeAutoScalingInstancesInput{InstanceIds: []string{id}})
			if err != nil {
				t.Fatal(err)
			}
			g := groups.AutoScalingGroups[0]
			return string(g.Instances[0].LifecycleState), *instances.AutoScalingInstances[0].LifecycleState, *g.DesiredCapacity,
				string(w.target("app", id).State), *w.feed()[0].Description
		}
		for _, c := range []struct {
			lag     time.Duration
			state   string
			desired int32
			target  string
			moving  bool
		}{
			{0, "EnteringStandby", 2, "draining", true},
			{time.Second, "EnteringStandby", 2, "draining", true},
			{1500 * time.Millisecond, "InService", 3, "healthy", false},
			{10 * time.Second, "InService", 3, "healthy", false},
		} {
			inGroup, own, desired, target, newest := seen(c.lag)
			if inGroup != c.state || own != c.state || desired != c.desired || target != c.target || strings.HasPrefix(newest, "Moving") != c.moving {
				t.Errorf("%v ago: %s, %s, desired %d, target %s, newest activity %q; want %+v", c.lag, inGroup, own, desired, target, newest, c)
			}
		}
		pass(10 * time.Second)
		r.SetFaults(nil)
		if n := w.listedTargets("app"); n != 3 {
			t.Fatalf("%d targets listed while one drains, want 3", n)
		}
		pass(50 * time.Second)
		if n := w.listedTargets("app"); n != 2 {
			t.Fatalf("%d targets listed just after the drain, want the others: 2", n)
		}
		if state, _, _, _, _ := seen(time.Hour); state != "EnteringStandby" {
			t.Fatalf("a lag of an hour shows %s, want it clipped to the history of ten seconds", state)
		}
	})
}

func TestStaleReadsShowFormerMembers(t *testing.T) {
	inBubble(t, sim.Config{MaxLag: 10 * time.Second, Timing: sim.Timing{TerminateTime: -1}}, func(t *testing.T, r *sim.Region) {
		id := albGroup(r, 0)[0]
		w := as(t, r, id)
		r.Detach(id)
		pass(5 * time.Second)
		count := func() int {
			out, err := w.asg.DescribeAutoScalingInstances(t.Context(), &awsasg.DescribeAutoScalingInstancesInput{InstanceIds: []string{id}})
			if err != nil {
				t.Fatal(err)
			}
			return len(out.AutoScalingInstances)
		}
		if count() != 0 {
			t.Fatal("a detached instance is still a member")
		}
		r.SetFaults(on("DescribeAutoScalingInstances", &sim.Fault{Lag: 6 * time.Second}))
		if count() != 1 {
			t.Fatal("six seconds ago it was a member")
		}
		pass(time.Minute)
		if count() != 0 || len(r.Members("web")) != 2 {
			t.Fatal("stale reads show it beyond MaxLag")
		}
	})
}

func TestABucketThrottlesAndRefills(t *testing.T) {
	for _, c := range []struct {
		service   string
		behaviour sim.Behaviour
		code      string
		call      func(w *world) error
	}{
		{"autoscaling", sim.Behaviour{}, "Throttling", describeGroups},
		{"autoscaling", sim.Behaviour{ThrottlingExceptionCode: true}, "ThrottlingException", describeGroups},
		{"elasticloadbalancingv2", sim.Behaviour{}, "ThrottlingException", func(w *world) error {
			_, err := w.elbv2.DescribeLoadBalancers(w.t.Context(), nil)
			return err
		}},
	} {
		t.Run(c.service+" "+c.code, func(t *testing.T) {
			inBubble(t, sim.Config{Behaviour: c.behaviour}, func(t *testing.T, r *sim.Region) {
				w := as(t, r, albGroup(r, 0)[0])
				r.SetBucket(c.service, 2, 0.5)
				for range 2 {
					if err := c.call(w); err != nil {
						t.Fatal(err)
					}
				}
				wantRefusal(t, c.call(w), c.code, "Rate exceeded")
				pass(2 * time.Second)
				if err := c.call(w); err != nil {
					t.Fatalf("after a refill of one: %v", err)
				}
				wantRefusal(t, c.call(w), c.code, "Rate exceeded")
				pass(time.Hour) // fills it, and no more than that
				for range 2 {
					if err := c.call(w); err != nil {
						t.Fatal(err)
					}
				}
				wantRefusal(t, c.call(w), c.code, "Rate exceeded")
			})
		})
	}
}

func describeGroups(w *world) error {
	_, err := w.asg.DescribeAutoScalingGroups(w.t.Context(), nil)
	return err
}

func TestDenials(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := albGroup(r, 0)[0]
		w := as(t, r, id)
		user := "User: arn:aws:sts::123456789012:assumed-role/instance-role/" + id + " is not authorized to perform: "
		r.Deny("autoscaling:EnterStandby")
		_, err := w.enter(id)
		wantRefusal(t, err, "AccessDenied", user+"autoscaling:EnterStandby on resource: "+r.GroupARN("web")+
			" because no identity-based policy allows the autoscaling:EnterStandby action")
		if c := callsOf(r, "EnterStandby")[0]; c.Status != 403 {
			t.Fatalf("status %d, want 403", c.Status)
		}
		r.Allow("autoscaling:EnterStandby")
		if _, err := w.enter(id); err != nil {
			t.Fatal(err)
		}
		r.AllowOnly("elasticloadbalancing:Describe*")
		wantRefusal(t, describeGroups(w), "AccessDenied", user+"autoscaling:DescribeAutoScalingGroups because no identity-based policy allows the autoscaling:DescribeAutoScalingGroups action")
		w.target("app", id)
		r.Allow("autoscaling:Describe*")
		if err := describeGroups(w); err != nil {
			t.Fatal(err)
		}
	})
}

func TestUnknownActions(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		for query, want := range map[string]string{
			"Action=StopTheWorld&Version=2011-01-01":          "<Code>InvalidAction</Code><Message>Could not find operation StopTheWorld for version 2011-01-01</Message>",
			"Action=DescribeAutoScalingGroups&Version=1999":   "<Code>InvalidAction</Code>",
			"Version=2011-01-01":                              "<Code>MissingAction</Code>",
			"Action=EnterStandby&Version=2011-01-01":          "<Code>ValidationError</Code>",
			"Action=DescribeLoadBalancers&Version=2012-06-01": `<DescribeLoadBalancersResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/"><DescribeLoadBalancersResult><LoadBalancerDescriptions></LoadBalancerDescriptions></DescribeLoadBalancersResult>`,
			"Action=DescribeLoadBalancers&Version=2015-12-01": `<DescribeLoadBalancersResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DescribeLoadBalancersResult><LoadBalancers></LoadBalancers></DescribeLoadBalancersResult>`,
		} {
			if _, body, header := ask(t, client, "GET", sim.APIEndpoint+"/?"+query); !strings.Contains(body, want) || header.Get("Date") == "" {
				t.Errorf("%s answers\n%s\nwant in it\n%s", query, body, want)
			}
		}
		_, err := client.Get("http://elsewhere.example/")
		if dns := new(net.DNSError); !errors.As(err, &dns) || !dns.IsNotFound {
			t.Errorf("a host that is not of this Region: %v, want no such host", err)
		}
	})
}
