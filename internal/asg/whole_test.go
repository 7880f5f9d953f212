package asg_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/asg"
	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// answers plays AWS: it answers the nth request, counted from 0, and may look at its form.
type answers func(n int, form url.Values) string

// play runs a test against answers, in virtual time. asked counts the requests.
func play(t *testing.T, answer answers, test func(ctx context.Context, c *asg.Client, asked *int)) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_REGION": "", "AWS_PROFILE": "", "AWS_ENDPOINT_URL": "", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hush",
	} {
		t.Setenv(name, value)
	}
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		client := doer(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			form, err := url.ParseQuery(string(body))
			if err != nil {
				return nil, err
			}
			asked++
			text := answer(asked-1, form)
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}, nil
		})
		s, err := awsapi.Load(t.Context(), awsapi.Options{Region: "eu-west-1", HTTP: client, Endpoint: "http://api"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		test(ctx, asg.New(s.Config()), &asked)
	})
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// result is an answer of the query protocol.
func result(action, inside string) string {
	return fmt.Sprintf("<%sResponse><%sResult>%s</%sResult></%sResponse>", action, action, inside, action, action)
}

const (
	instances = "DescribeAutoScalingInstances"
	me        = `<member><InstanceId>i-1</InstanceId><AutoScalingGroupName>web</AutoScalingGroupName><AvailabilityZone>a</AvailabilityZone>` +
		`<LifecycleState>InService</LifecycleState><HealthStatus>HEALTHY</HealthStatus></member>`
	sizes   = `<AutoScalingGroupName>web</AutoScalingGroupName><MinSize>1</MinSize><MaxSize>3</MaxSize><DesiredCapacity>2</DesiredCapacity><HealthCheckType>EC2</HealthCheckType>`
	sources = `<LoadBalancerNames/><TargetGroupARNs/><SuspendedProcesses/>`
	member1 = `<member><InstanceId>i-1</InstanceId><AvailabilityZone>a</AvailabilityZone><LifecycleState>InService</LifecycleState><HealthStatus>Healthy</HealthStatus></member>`
	move    = `<member><ActivityId>m-1</ActivityId><StatusCode>InProgress</StatusCode><StartTime>2026-01-01T00:00:00.000Z</StartTime>` +
		`<Description>Moving EC2 instance to Standby: i-2</Description></member>`
)

// incomplete: the look failed for want of something that the answer lacked, after it was asked for again.
func incomplete(t *testing.T, err error, asked int) {
	t.Helper()
	u, ok := errors.AsType[*awsapi.UnreachableError](err)
	if !ok || u.Why != awsapi.Incomplete || failure.Of(err) != failure.Unreachable || errors.Is(err, fleet.ErrNoGroup) {
		t.Errorf("got %v, want an incomplete answer", err)
	}
	if asked < 3 || asked > 30 {
		t.Errorf("asked %d times in a minute, want a few times", asked)
	}
}

// Absence is never believed: what is missing from an answer is not missing from the world.
func TestAnInstanceIsInNoGroupOnlyByAWholeAnswer(t *testing.T) {
	for name, text := range map[string]string{
		"an empty body":              "",
		"spaces":                     " \n",
		"no result":                  "<" + instances + "Response/>",
		"an empty result":            result(instances, ""),
		"a result without its list":  result(instances, "<NextToken/>"),
		"another action's result":    result("DescribeAutoScalingGroups", "<AutoScalingGroups/>"),
		"a page of a proxy":          "<html><body>It works!</body></html>",
		"an instance without a name": result(instances, "<AutoScalingInstances><member/></AutoScalingInstances>"),
		"an instance without its group": result(instances, "<AutoScalingInstances>"+
			strings.Replace(me, "<AutoScalingGroupName>web</AutoScalingGroupName>", "", 1)+"</AutoScalingInstances>"),
		"an instance without its state": result(instances, "<AutoScalingInstances>"+
			strings.Replace(me, "<LifecycleState>InService</LifecycleState>", "", 1)+"</AutoScalingInstances>"),
		"an instance without its health": result(instances, "<AutoScalingInstances>"+
			strings.Replace(me, "<HealthStatus>HEALTHY</HealthStatus>", "", 1)+"</AutoScalingInstances>"),
		"an instance without its zone": result(instances, "<AutoScalingInstances>"+
			strings.Replace(me, "<AvailabilityZone>a</AvailabilityZone>", "", 1)+"</AutoScalingInstances>"),
		"the same page token for ever": result(instances, "<AutoScalingInstances/><NextToken>again</NextToken>"),
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(int, url.Values) string { return text }, func(ctx context.Context, c *asg.Client, asked *int) {
				m, err := c.Membership(ctx, "i-1")
				if err == nil {
					t.Fatalf("believed: %+v", m)
				}
				if failure.Of(err) != failure.Unreachable || *asked < 3 || *asked > 60 {
					t.Errorf("%v, class %v, asked %d times", err, failure.Of(err), *asked)
				}
			})
		})
	}
	t.Run("the one that counts", func(t *testing.T) {
		play(t, func(int, url.Values) string { return result(instances, "<AutoScalingInstances/>") }, func(ctx context.Context, c *asg.Client, _ *int) {
			if m, err := c.Membership(ctx, "i-1"); err != nil || m.Group != "" {
				t.Errorf("%+v, %v", m, err)
			}
		})
	})
}

// An answer that was torn once is asked for again, and nothing of it is left in the next.
func TestATornAnswerLeavesNothingBehind(t *testing.T) {
	torn := "<R><" + instances + "Result><NextToken>old</NextToken><AutoScalingInstances>" + me
	play(t, func(n int, form url.Values) string {
		if form.Get("NextToken") != "" {
			t.Errorf("request %d follows the page token of the torn answer", n)
		}
		if n == 0 {
			return torn
		}
		return result(instances, "<AutoScalingInstances/>")
	}, func(ctx context.Context, c *asg.Client, asked *int) {
		if m, err := c.Membership(ctx, "i-1"); err != nil || m.Group != "" || *asked != 2 {
			t.Errorf("%+v, %v after %d requests", m, err, *asked)
		}
	})
}

// Every describe follows its token to the end, whatever an empty page looks like.
func TestAnEmptyPageIsNotTheEnd(t *testing.T) {
	paged := func(list, last string) func(action string) answers {
		return func(action string) answers {
			return func(_ int, form url.Values) string {
				switch form.Get("NextToken") {
				case "":
					return result(action, "<"+list+"/><NextToken>2</NextToken>")
				case "2":
					return result(action, "<"+list+"/><NextToken>3</NextToken>")
				}
				return result(action, "<"+list+">"+last+"</"+list+">")
			}
		}
	}
	group := "<member>" + sizes + sources + "<Instances>" + member1 + "</Instances></member>"
	refresh := "<member><InstanceRefreshId>r-1</InstanceRefreshId><Status>InProgress</Status></member>"
	for action, c := range map[string]struct {
		answer func(string) answers
		ask    func(context.Context, *asg.Client) (found bool, err error)
	}{
		instances: {paged("AutoScalingInstances", me), func(ctx context.Context, c *asg.Client) (bool, error) {
			m, err := c.Membership(ctx, "i-1")
			return m.Group == "web" && m.State == fleet.InService, err
		}},
		"DescribeAutoScalingGroups": {paged("AutoScalingGroups", group), func(ctx context.Context, c *asg.Client) (bool, error) {
			g, err := c.Group(ctx, "web")
			return g.Desired == 2 && len(g.Members) == 1, err
		}},
		"DescribeInstanceRefreshes": {paged("InstanceRefreshes", refresh), func(ctx context.Context, c *asg.Client) (bool, error) {
			all, err := c.Refreshes(ctx, "web")
			return len(all) == 1, err
		}},
		"DescribeScalingActivities": {paged("Activities", move), func(ctx context.Context, c *asg.Client) (bool, error) {
			all, err := c.Activities(ctx, "web", func([]fleet.Activity) bool { return true })
			return len(all) == 1, err
		}},
	} {
		t.Run(action, func(t *testing.T) {
			play(t, c.answer(action), func(ctx context.Context, client *asg.Client, asked *int) {
				if found, err := c.ask(ctx, client); !found || err != nil || *asked != 3 {
					t.Errorf("found %v, %v, in %d requests, want 3", found, err, *asked)
				}
			})
		})
	}
}

// A list is read no further than what is asked needs.
func TestOneIsEnough(t *testing.T) {
	refresh := "<member><InstanceRefreshId>r-1</InstanceRefreshId><Status>InProgress</Status></member>"
	answer := func(n int, form url.Values) string {
		action, token := form.Get("Action"), fmt.Sprintf("<NextToken>%d</NextToken>", n)
		if action == "DescribeInstanceRefreshes" {
			return result(action, "<InstanceRefreshes>"+refresh+"</InstanceRefreshes>"+token)
		}
		return result(action, "<Activities>"+move+"</Activities>"+token)
	}
	play(t, answer, func(ctx context.Context, c *asg.Client, asked *int) {
		if all, err := c.Refreshes(ctx, "web"); err != nil || len(all) != 1 || *asked != 1 {
			t.Errorf("refreshes: %+v, %v after %d requests", all, err, *asked)
		}
		if all, err := c.Activities(ctx, "web", func(all []fleet.Activity) bool { return len(all) == 1 }); err != nil || len(all) != 1 || *asked != 2 {
			t.Errorf("activities: %+v, %v after %d requests", all, err, *asked-1)
		}
		if all, err := c.Activities(ctx, "web", func(all []fleet.Activity) bool { return len(all) == 3 }); err != nil || len(all) != 3 || *asked != 5 {
			t.Errorf("activities: %+v, %v after %d requests", all, err, *asked-2)
		}
	})
}

func TestAGroupThatLacksAPartIsNotASmallerGroup(t *testing.T) {
	all := sizes + sources + "<Instances>" + member1 + "</Instances>"
	for _, lost := range []string{
		"<MinSize>1</MinSize>", "<MaxSize>3</MaxSize>", "<DesiredCapacity>2</DesiredCapacity>", "<HealthCheckType>EC2</HealthCheckType>",
		"<LoadBalancerNames/>", "<TargetGroupARNs/>", "<SuspendedProcesses/>", "<Instances>" + member1 + "</Instances>",
		"<InstanceId>i-1</InstanceId>", "<LifecycleState>InService</LifecycleState>", "<HealthStatus>Healthy</HealthStatus>", "<AvailabilityZone>a</AvailabilityZone>",
	} {
		t.Run(lost, func(t *testing.T) {
			text := result("DescribeAutoScalingGroups", "<AutoScalingGroups><member>"+strings.Replace(all, lost, "", 1)+"</member></AutoScalingGroups>")
			play(t, func(int, url.Values) string { return text }, func(ctx context.Context, c *asg.Client, asked *int) {
				_, err := c.Group(ctx, "web")
				incomplete(t, err, *asked)
			})
		})
	}
	t.Run("a list of groups that is missing", func(t *testing.T) {
		play(t, func(int, url.Values) string { return result("DescribeAutoScalingGroups", "") }, func(ctx context.Context, c *asg.Client, asked *int) {
			_, err := c.Group(ctx, "web")
			incomplete(t, err, *asked)
		})
	})
}

func TestAnActivityThatLacksAPartIsNotAnotherActivity(t *testing.T) {
	for _, lost := range []string{
		"<ActivityId>m-1</ActivityId>", "<StatusCode>InProgress</StatusCode>", "<StartTime>2026-01-01T00:00:00.000Z</StartTime>",
		"<Description>Moving EC2 instance to Standby: i-2</Description>",
	} {
		t.Run(lost, func(t *testing.T) {
			text := result("DescribeScalingActivities", "<Activities>"+strings.Replace(move, lost, "", 1)+"</Activities>")
			play(t, func(int, url.Values) string { return text }, func(ctx context.Context, c *asg.Client, asked *int) {
				_, err := c.Activities(ctx, "web", func([]fleet.Activity) bool { return true })
				incomplete(t, err, *asked)
			})
		})
	}
}

// Pages without an end are left in the end.
func TestPagesEnd(t *testing.T) {
	play(t, func(n int, _ url.Values) string {
		return result("DescribeScalingActivities", fmt.Sprintf("<Activities/><NextToken>%d</NextToken>", n))
	}, func(ctx context.Context, c *asg.Client, asked *int) {
		ctx, cancel := context.WithTimeout(ctx, time.Second/10) // too short for a second try
		defer cancel()
		if _, err := c.Activities(ctx, "web", func([]fleet.Activity) bool { return false }); failure.Of(err) != failure.Unreachable {
			t.Errorf("got %v", err)
		}
		if *asked != 1000 {
			t.Errorf("asked %d times", *asked)
		}
	})
}
