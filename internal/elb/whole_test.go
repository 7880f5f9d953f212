package elb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/elb"
	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// play runs a test against a script of AWS's answers by action, in virtual time. An answer that begins with "!" is the
// code of a refusal.
func play(t *testing.T, answer func(action string, form url.Values) string, test func(ctx context.Context, c *elb.Client, asked map[string]int)) {
	t.Helper()
	hermetic(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		asked := map[string]int{}
		client := doer(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			form, err := url.ParseQuery(string(body))
			if err != nil {
				return nil, err
			}
			action := form.Get("Action")
			mu.Lock()
			asked[action]++
			mu.Unlock()
			said, status := answer(action, form), http.StatusOK
			text := fmt.Sprintf("<R><%sResult>%s</%sResult></R>", action, said, action)
			if code, refused := strings.CutPrefix(said, "!"); refused {
				status, text = http.StatusBadRequest, "<ErrorResponse><Error><Code>"+code+"</Code><Message>no</Message></Error></ErrorResponse>"
			}
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}, nil
		})
		s, err := awsapi.Load(t.Context(), awsapi.Options{Region: "eu-west-1", HTTP: client, Endpoint: "http://api"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		test(ctx, elb.New(s.Config()), asked)
	})
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

const (
	arn         = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/1"
	front       = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/wire/1"
	targetGroup = "<member><TargetGroupArn>" + arn + "</TargetGroupArn><TargetGroupName>web</TargetGroupName><Protocol>TCP</Protocol><Port>80</Port>" +
		"<TargetType>instance</TargetType><LoadBalancerArns><member>" + front + "</member></LoadBalancerArns><HealthCheckProtocol>TCP</HealthCheckProtocol>" +
		"<HealthCheckPort>traffic-port</HealthCheckPort><HealthCheckIntervalSeconds>10</HealthCheckIntervalSeconds></member>"
	classic = "<member><LoadBalancerName>old</LoadBalancerName><Instances/><HealthCheck><Target>TCP:80</Target><Interval>30</Interval></HealthCheck></member>"
	delay   = "<member><Key>deregistration_delay.timeout_seconds</Key><Value>60</Value></member>"
	zone    = "<member><Key>load_balancing.cross_zone.enabled</Key><Value>true</Value></member>"
	drain   = "<ConnectionDraining><Enabled>true</Enabled><Timeout>60</Timeout></ConnectionDraining>"
	cross   = "<CrossZoneLoadBalancing><Enabled>true</Enabled></CrossZoneLoadBalancing>"
)

// whole answers everything about one Classic load balancer and one target group.
func whole(action string, form url.Values) string {
	classicOne := form.Get("Version") == "2012-06-01"
	switch action {
	case "DescribeLoadBalancers":
		return "<LoadBalancerDescriptions>" + classic + "</LoadBalancerDescriptions>"
	case "DescribeTargetGroups":
		return "<TargetGroups>" + targetGroup + "</TargetGroups>"
	case "DescribeTargetGroupAttributes":
		return "<Attributes>" + delay + "</Attributes>"
	case "DescribeLoadBalancerAttributes":
		if classicOne {
			return "<LoadBalancerAttributes>" + drain + cross + "</LoadBalancerAttributes>"
		}
		return "<Attributes>" + zone + "</Attributes>"
	}
	return ""
}

func TestDescribeFromWholeAnswers(t *testing.T) {
	play(t, whole, func(ctx context.Context, c *elb.Client, _ map[string]int) {
		all, err := c.Describe(ctx, []string{"old"}, []string{arn})
		if err != nil || len(all) != 2 || all[0].Drain != time.Minute || !all[1].CrossZone || all[1].Drain != time.Minute {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// A timeout that is left out is the documented default.
func TestADrainWithoutATimeout(t *testing.T) {
	silent := func(action string, form url.Values) string {
		return strings.Replace(whole(action, form), "<Timeout>60</Timeout>", "", 1)
	}
	play(t, silent, func(ctx context.Context, c *elb.Client, _ map[string]int) {
		if all, err := c.Describe(ctx, []string{"old"}, nil); err != nil || all[0].Drain != 5*time.Minute {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// What was asked for by name and is not in the answer is a failed look, not a smaller world.
func TestALoadBalancerThatIsMissingIsAFailedLook(t *testing.T) {
	without := func(action, part string) func(string, url.Values) string {
		return func(asked string, form url.Values) string {
			text := whole(asked, form)
			if asked == action {
				text = strings.Replace(text, part, "", 1)
			}
			return text
		}
	}
	for name, answer := range map[string]func(string, url.Values) string{
		"a Classic load balancer":                     without("DescribeLoadBalancers", classic),
		"the list of Classic load balancers":          without("DescribeLoadBalancers", "<LoadBalancerDescriptions>"+classic+"</LoadBalancerDescriptions>"),
		"the name of a Classic load balancer":         without("DescribeLoadBalancers", "<LoadBalancerName>old</LoadBalancerName>"),
		"its health check":                            without("DescribeLoadBalancers", "<HealthCheck><Target>TCP:80</Target><Interval>30</Interval></HealthCheck>"),
		"the target of its health check":              without("DescribeLoadBalancers", "<Target>TCP:80</Target>"),
		"its attributes":                              without("DescribeLoadBalancerAttributes", "<LoadBalancerAttributes>"+drain+cross+"</LoadBalancerAttributes>"),
		"its connection draining":                     without("DescribeLoadBalancerAttributes", drain),
		"its cross-zone setting":                      without("DescribeLoadBalancerAttributes", cross),
		"a target group":                              without("DescribeTargetGroups", targetGroup),
		"the list of target groups":                   without("DescribeTargetGroups", "<TargetGroups>"+targetGroup+"</TargetGroups>"),
		"its port":                                    without("DescribeTargetGroups", "<Port>80</Port>"),
		"its protocol":                                without("DescribeTargetGroups", "<Protocol>TCP</Protocol>"),
		"its load balancers":                          without("DescribeTargetGroups", "<LoadBalancerArns><member>"+front+"</member></LoadBalancerArns>"),
		"its health check's protocol":                 without("DescribeTargetGroups", "<HealthCheckProtocol>TCP</HealthCheckProtocol>"),
		"its set of attributes":                       without("DescribeTargetGroupAttributes", "<Attributes>"+delay+"</Attributes>"),
		"its deregistration delay":                    without("DescribeTargetGroupAttributes", delay),
		"the cross-zone setting of its load balancer": without("DescribeLoadBalancerAttributes", zone),
		"a page that has a successor of the same name": func(asked string, form url.Values) string {
			if asked == "DescribeTargetGroups" {
				return "<TargetGroups/><NextMarker>again</NextMarker>"
			}
			return whole(asked, form)
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, answer, func(ctx context.Context, c *elb.Client, asked map[string]int) {
				all, err := c.Describe(ctx, []string{"old"}, []string{arn})
				u, ok := errors.AsType[*awsapi.UnreachableError](err)
				if !ok || u.Why != awsapi.Incomplete || errors.Is(err, fleet.ErrNoSource) {
					t.Errorf("%+v, %v", all, err)
				}
				for action, n := range asked {
					if n > 60 {
						t.Errorf("%s was asked %d times in a minute", action, n)
					}
				}
			})
		})
	}
}

func TestAnEmptyPageIsNotTheEnd(t *testing.T) {
	paged := func(action string, form url.Values) string {
		if form.Get("Marker") == "" {
			switch action {
			case "DescribeLoadBalancers":
				return "<LoadBalancerDescriptions/><NextMarker>2</NextMarker>"
			case "DescribeTargetGroups":
				return "<TargetGroups/><NextMarker>2</NextMarker>"
			}
		}
		return whole(action, form)
	}
	play(t, paged, func(ctx context.Context, c *elb.Client, asked map[string]int) {
		all, err := c.Describe(ctx, []string{"old"}, []string{arn})
		if err != nil || len(all) != 2 || asked["DescribeTargetGroups"] != 2 || asked["DescribeLoadBalancers"] != 2 {
			t.Errorf("%+v, %v after %v", all, err, asked)
		}
	})
}

// A check that cannot be read is somebody's to change: it is no fault of balanced itself.
func TestACheckNobodyCanReadIsASetting(t *testing.T) {
	odd := func(action string, form url.Values) string {
		return strings.Replace(whole(action, form), "TCP:80", "UDP:53", 1)
	}
	play(t, odd, func(ctx context.Context, c *elb.Client, _ map[string]int) {
		_, err := c.Describe(ctx, []string{"old"}, nil)
		if failure.Of(err) != failure.Setup || !strings.Contains(err.Error(), "old") || !strings.Contains(err.Error(), "UDP:53") || failure.Hint(err) == "" {
			t.Errorf("class %v, %v; %s", failure.Of(err), err, failure.Hint(err))
		}
	})
}

// A health that is missing is not a good one, and not that of a target that has left.
func TestAHealthThatIsMissingIsAFailedLook(t *testing.T) {
	const state = "<TargetHealth><State>healthy</State></TargetHealth>"
	target := "<member><Target><Id>i-1</Id><Port>80</Port></Target>" + state + "</member>"
	instance := "<member><InstanceId>i-1</InstanceId><State>InService</State><Description>N/A</Description></member>"
	for name, c := range map[string]struct {
		kind  fleet.SourceKind
		list  string
		whole string
		lost  string
		want  fleet.Health // empty: a failed look
	}{
		"of a target":                  {fleet.Network, "TargetHealthDescriptions", target, state, ""},
		"the state of a target":        {fleet.Network, "TargetHealthDescriptions", target, "<State>healthy</State>", ""},
		"the id of a target":           {fleet.Network, "TargetHealthDescriptions", target, "<Id>i-1</Id>", ""},
		"the port of a target":         {fleet.Network, "TargetHealthDescriptions", target, "<Port>80</Port>", ""},
		"a target that was asked for":  {fleet.Network, "TargetHealthDescriptions", target, target, ""},
		"the state of an instance":     {fleet.Classic, "InstanceStates", instance, "<State>InService</State>", ""},
		"the words about an instance":  {fleet.Classic, "InstanceStates", instance, "<Description>N/A</Description>", ""},
		"the id of an instance":        {fleet.Classic, "InstanceStates", instance, "<InstanceId>i-1</InstanceId>", ""},
		"an instance that was asked":   {fleet.Classic, "InstanceStates", instance, instance, ""},
		"all about a target":           {fleet.Network, "TargetHealthDescriptions", target, "<Target><Id>i-1</Id><Port>80</Port></Target>", ""},
		"nothing of a target":          {fleet.Network, "TargetHealthDescriptions", target, "nothing", fleet.Healthy},
		"nothing of a Classic balance": {fleet.Classic, "InstanceStates", instance, "nothing", fleet.Healthy},
	} {
		t.Run(name, func(t *testing.T) {
			answer := func(string, url.Values) string {
				return "<" + c.list + ">" + strings.Replace(c.whole, c.lost, "", 1) + "</" + c.list + ">"
			}
			play(t, answer, func(ctx context.Context, client *elb.Client, _ map[string]int) {
				source := fleet.Source{Kind: c.kind, Name: "web", ID: arn}
				if c.kind != fleet.Classic {
					source.Port = 80
				}
				if c.lost != c.whole { // a list of all does not have to name anybody
					short, cancel := context.WithTimeout(ctx, 10*time.Second)
					defer cancel()
					if all, err := client.Health(short, source); (err != nil) != (c.want == "") {
						t.Errorf("of all: %+v, %v", all, err)
					}
				}
				got, err := client.HealthOf(ctx, source, "i-1")
				if (err != nil) != (c.want == "") || got.Health != c.want {
					t.Errorf("%+v, %v, want %q", got, err, c.want)
				}
				if c.want == "" && failure.Of(err) != failure.Unreachable {
					t.Errorf("class %v of %v", failure.Of(err), err)
				}
			})
		})
	}
}

// A registration is not missed because an answer lacks where it would be.
func TestRegistrationsAreNotMissed(t *testing.T) {
	for name, lost := range map[string]string{
		"the instances of a Classic load balancer": "<Instances/>",
		"the type of a target group":               "<TargetType>instance</TargetType>",
		"nothing":                                  "nothing",
	} {
		t.Run(name, func(t *testing.T) {
			answer := func(action string, form url.Values) string {
				if action == "DescribeTargetHealth" {
					return "<TargetHealthDescriptions/>"
				}
				return strings.Replace(whole(action, form), lost, "", 1)
			}
			play(t, answer, func(ctx context.Context, c *elb.Client, _ map[string]int) {
				all, err := c.Registrations(ctx, "i-1", "10.0.0.1", "")
				if whole := lost == "nothing"; len(all) != 0 || (err == nil) != whole || !whole && failure.Of(err) != failure.Unreachable {
					t.Errorf("%+v, %v", all, err)
				}
			})
		})
	}
}
