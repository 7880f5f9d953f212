package conform_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"balanced/internal/conform"
	"balanced/internal/sim"
)

// mutant is a Region that is wrong about one thing.
type mutant struct {
	config  func(*sim.Config)
	group   func(*sim.Group)
	prepare func(*world)
	rewrite []rewrite
}

// rewrite changes requests of an action, or their answers, that have a text in their parameters.
type rewrite struct {
	action, params string // action of an API, or method and path of the metadata service
	drop           string // parameters that the Region does not get to see, by their beginning
	from, to       string // regular expression in the answer; with status 0 and to "200" see empty
	status         int
}

// replaces changes the answers to an action.
func replaces(action, from, to string) mutant {
	return mutant{rewrite: []rewrite{{action: action, from: from, to: to}}}
}

// forgets removes an element from the answers to an action.
func forgets(action, element string) mutant {
	return replaces(action, `(?s)<`+element+`>.*?</`+element+`>`, "")
}

// accepts answers an empty list instead of a refusal.
func accepts(action, params string) mutant {
	return mutant{rewrite: []rewrite{{action: action, params: params, from: `(?s)^.*$`, to: `<R><` + action + `Result/></R>`, status: 200}}}
}

// refuses answers an error instead of a list.
func refuses(action, params string) mutant {
	return mutant{rewrite: []rewrite{{
		action: action, params: params, from: `(?s)^.*$`, status: 400,
		to: `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>no</Message></Error></ErrorResponse>`,
	}}}
}

// statusOf answers a request to the metadata service with another status.
func answers(request string, status int) mutant {
	return mutant{rewrite: []rewrite{{action: request, status: status}}}
}

const (
	groupsCall    = "DescribeAutoScalingGroups"
	instancesCall = "DescribeAutoScalingInstances"
	feedCall      = "DescribeScalingActivities"
	healthCall    = "DescribeTargetHealth"
	classicCall   = "DescribeInstanceHealth"
	tokenCall     = "PUT /latest/api/token"
	itemCall      = "GET /latest/meta-data/"
)

// mutants break each fact.
var mutants = map[string]mutant{
	"group-unknown":              refuses(groupsCall, "no-such-group"),
	"instance-unknown":           refuses(instancesCall, "i-00000000000000000"),
	"health-casing":              replaces(instancesCall, "HEALTHY", "Healthy"),
	"views-agree":                replaces(instancesCall, "<AvailabilityZone>eu-west-1a", "<AvailabilityZone>eu-west-1c"),
	"instance-pages":             forgets(instancesCall, "NextToken"),
	"instance-limit":             accepts(instancesCall, "InstanceIds.member.51"),
	"page-limit":                 accepts(instancesCall, "MaxRecords=51"),
	"token-invalid":              accepts(groupsCall, "NextToken=balanced-check"),
	"sources-union":              forgets(groupsCall, "TrafficSources"),
	"attachment-state":           replaces("DescribeTrafficSources", "<State>InService", "<State>Added"),
	"refreshes-unknown-group":    replaces("DescribeInstanceRefreshes", "name not found", "unknown"),
	"order-kept":                 {config: func(c *sim.Config) { c.Behaviour.UnstableOrder = true }},
	"feed-unknown-group":         replaces(feedCall, "name not found", "unknown"),
	"feed-order":                 replaces(feedCall, `(?s)(<member>.*?</member>)(.*)</Activities>`, "$2$1</Activities>"),
	"feed-pages":                 {rewrite: []rewrite{{action: feedCall, params: "MaxRecords=1&", drop: "NextToken"}}},
	"feed-times":                 replaces(feedCall, `\.\d{3}Z</StartTime>`, "Z</StartTime>"),
	"feed-ended":                 replaces(feedCall, "<Progress>100", "<Progress>99"),
	"feed-cause":                 replaces(feedCall, "<Cause>At ", "<Cause>"),
	"feed-details":               replaces(feedCall, `<Details>.*?</Details>`, "<Details>{}</Details>"),
	"feed-group":                 forgets(feedCall, "AutoScalingGroupARN"),
	"feed-filter":                {rewrite: []rewrite{{action: feedCall, drop: "Filters"}}},
	"wire-empty-list":            {rewrite: []rewrite{{action: groupsCall, params: "no-such-group", from: "<AutoScalingGroups></AutoScalingGroups>"}}},
	"wire-result":                forgets(groupsCall, "ResponseMetadata"),
	"wire-error":                 forgets(feedCall, "Type"),
	"wire-versions":              replaces("DescribeLoadBalancers", "2012-06-01", "2015-12-01"),
	"wire-date":                  {prepare: func(w *world) { w.SetFaults(func(sim.Call) *sim.Fault { return &sim.Fault{Skew: time.Hour} }) }},
	"throttling-code":            {prepare: throttledOnce},
	"target-group-unknown":       replaces(healthCall, "One or more target groups", "Target groups"),
	"target-healthy":             replaces(healthCall, "<State>healthy</State>", "<State>healthy</State><Reason>Elb.InternalError</Reason>"),
	"target-check-port":          replaces(healthCall, "<HealthCheckPort>80", "<HealthCheckPort>traffic-port"),
	"target-override":            forgets(healthCall, "AdministrativeOverride"),
	"target-members":             replaces("DescribeTargetGroups", "<TargetType>instance", "<TargetType>ip"),
	"target-named-unregistered":  accepts(healthCall, "Targets.member.1.Port=1"),
	"target-named-unknown":       accepts(healthCall, "i-00000000000000000"),
	"target-attributes":          replaces("DescribeTargetGroupAttributes", `(?s)<member>.*?</member>`, ""),
	"target-group-fields":        forgets("DescribeTargetGroups", "IpAddressType"),
	"target-pages":               {rewrite: []rewrite{{action: "DescribeTargetGroups", drop: "PageSize"}}},
	"classic-unknown":            replaces("DescribeLoadBalancers", "ACTIVE ", ""),
	"classic-healthy":            replaces(classicCall, "<ReasonCode>N/A", "<ReasonCode>ELB"),
	"classic-named-unknown":      replaces(classicCall, "InvalidInstance", "InvalidEndPoint"),
	"classic-draining-attribute": forgets("DescribeLoadBalancerAttributes", "Timeout"),
	"classic-check":              replaces("DescribeLoadBalancers", "HTTP:80/health", "80"),

	"imds-token":               {rewrite: []rewrite{{action: tokenCall, status: 201}}},
	"imds-token-expires":       {rewrite: []rewrite{{action: itemCall + "instance-id", status: 200}}},
	"imds-without-token":       answers(itemCall+"instance-id", 403),
	"imds-document":            replaces("GET /latest/dynamic/", `"region"`, `"area"`),
	"imds-credentials":         replaces(itemCall+"iam/security-credentials/instance-role", "Expiration", "Expires"),
	"imds-target-state":        replaces(itemCall+"autoscaling/", "InService", "Standby"),
	"imds-target-state-moving": replaces(itemCall+"autoscaling/", "Standby", "Detached"),
	"imds-no-lifetime":         answers(tokenCall, 200),
	"imds-lifetime-0":          answers(tokenCall, 200),
	"imds-lifetime-long":       answers(tokenCall, 200),
	"imds-token-path":          answers("PUT /2021-07-15/api/token", 200),
	"imds-token-wrong":         answers(itemCall+"instance-id", 200),
	"imds-forwarded":           answers(tokenCall, 200),
	"imds-absent":              replaces(itemCall+"no-such-item", "404 - Not Found", "none"),
	"imds-maintenance":         answers(itemCall+"events/maintenance/scheduled", 404),
	"imds-spot":                answers(itemCall+"spot/", 200),
	"imds-rebalance":           answers(itemCall+"events/recommendations", 200),
	"imds-text":                {rewrite: []rewrite{{action: itemCall + "placement/", status: 200, to: "application/json"}}},

	"enter-unknown-group":   replaces("EnterStandby", "name not found", "unknown"),
	"enter-not-member":      replaces("EnterStandby", "is not part of", "is not in"),
	"exit-in-service":       replaces("ExitStandby", "is not in Standby", "is in service"),
	"ids-too-many":          accepts("ExitStandby", "InstanceIds.member.21"),
	"ids-none":              {config: func(c *sim.Config) { c.Behaviour.EmptyIDsAccepted = true }},
	"operator-refusal":      {group: managedGroup, config: func(c *sim.Config) { c.Behaviour.OperatorCode = "ResourceInUse" }},
	"enter-answer":          replaces("EnterStandby", "<Progress>50", "<Progress>20"),
	"enter-cause":           replaces("EnterStandby", "from 3 to 2", "from 3 to 1"),
	"enter-weight":          {group: weighted, rewrite: []rewrite{{action: "EnterStandby", from: "from 6 to 4", to: "from 6 to 3"}}},
	"enter-description":     replaces("EnterStandby", "instance to Standby:", "instance to StandBy:"),
	"enter-details":         replaces("EnterStandby", `<Details>.*?</Details>`, "<Details>{}</Details>"),
	"enter-desired-at-once": replaces(groupsCall, "<DesiredCapacity>2", "<DesiredCapacity>3"),
	"enter-states":          replaces(instancesCall, "EnteringStandby", "Standby"),
	"enter-activity-ends":   replaces(feedCall, "<StatusCode>Successful", "<StatusCode>Cancelled"),
	"enter-again-moving":    replaces("EnterStandby", "is not in InService", "is not in service"),
	"exit-while-moving":     replaces("ExitStandby", "is not in Standby", "is not in standby"),
	"enter-again":           replaces("EnterStandby", "is not in InService", "is not in service"),
	"exit-batch":            replaces("ExitStandby", "is not in Standby", "is not in standby"),
	"min-size":              replaces("EnterStandby", "To place into standby", "To move"),
	"standby-listed":        replaces(instancesCall, "(?s)<LifecycleState>Standby</LifecycleState>(\\s*)<HealthStatus>HEALTHY", "<LifecycleState>Standby</LifecycleState><HealthStatus>UNHEALTHY"),
	"standby-counted":       replaces(groupsCall, "<DesiredCapacity>2", "<DesiredCapacity>3"),
	"target-named-gone":     accepts(healthCall, "Targets.member.1.Id"),
	"classic-named-gone":    replaces(classicCall, "is not currently registered", "is not registered"),
	"exit-suspended":        replaces("ExitStandby", "Cannot move", "Cannot take"),
	"suspension-reason":     replaces(groupsCall, "User suspended at", "Suspended at"),
	"max-size":              replaces("ExitStandby", "To remove from standby", "To move"),
	"target-draining":       replaces(healthCall, "Target deregistration", "Deregistration"),
	"target-drains-fully":   replaces("DescribeTargetGroupAttributes", "<Value>20</Value>", "<Value>60</Value>"),
	"target-vanishes":       {prepare: func(w *world) { w.neverVanishes() }},
	"classic-draining":      replaces(classicCall, "<State>InService</State><ReasonCode>N/A</ReasonCode><Description>Instance dereg", "<State>OutOfService</State><ReasonCode>ELB</ReasonCode><Description>Instance dereg"),
	"drains-together":       {config: func(c *sim.Config) { c.Behaviour.SerialDrains = true }},
	"standby-after-drain":   {config: func(c *sim.Config) { c.Behaviour.DrainTimer = 12 * time.Second }},
	"drain-status":          replaces(feedCall, "WaitingForELBConnectionDraining", "MidLifecycleAction"),
	"drain-description":     replaces(feedCall, "instance to Standby: ", "instance to Standby, draining: "),

	"exit-answer":            replaces("ExitStandby", "<Progress>30", "<Progress>50"),
	"exit-cause":             replaces("ExitStandby", "increasing", "raising"),
	"exit-description":       replaces("ExitStandby", "out of Standby:", "from Standby:"),
	"exit-again":             replaces("ExitStandby", "is not in Standby", "is not in standby"),
	"exit-states":            replaces(instancesCall, "Pending", "ExitingStandby"),
	"exit-activity-ends":     replaces(feedCall, "instance out of Standby", "instance from Standby"),
	"registered-first":       {prepare: func(w *world) { w.Suspend("web", "AddToLoadBalancer") }},
	"in-service-unchecked":   {config: func(c *sim.Config) { c.Timing.ReturnTime = time.Minute }},
	"kept-in-grace":          {prepare: breaksInStandby, group: func(g *sim.Group) { g.Grace = time.Second }, rewrite: []rewrite{{action: groupsCall, from: "<HealthCheckGracePeriod>1<", to: "<HealthCheckGracePeriod>300<"}}},
	"target-registering":     replaces(healthCall, "Target registration", "Registration"),
	"classic-registering":    replaces(classicCall, "Instance registration", "Registration"),
	"pair-one":               {group: func(g *sim.Group) { g.Min = 1 }, rewrite: []rewrite{{action: groupsCall, from: "<MinSize>1<", to: "<MinSize>2<"}}},
	"pair-loser":             {config: func(c *sim.Config) { c.Behaviour.ContentionOnConcurrentMove = true }},
	"undecremented-cause":    replaces("EnterStandby", "moved to standby", "moved out"),
	"undecremented-replaced": {prepare: func(w *world) { w.FailLaunches("web", "We currently do not have sufficient capacity") }},
	"undecremented-back":     {config: func(c *sim.Config) { c.Behaviour.SurplusTerminated = true }},
}

func managedGroup(g *sim.Group) { g.Settings.Operator = "sagemaker.amazonaws.com" }

// throttledOnce throttles one call with a code of its own.
func throttledOnce(w *world) {
	done := false
	w.SetFaults(func(c sim.Call) *sim.Fault {
		if done || c.Action != groupsCall {
			return nil
		}
		done = true
		return &sim.Fault{Status: http.StatusBadRequest, Code: "RequestLimitExceeded", Message: "Rate exceeded"}
	})
}

// breaksInStandby lets the application fail while its instance is in Standby.
func breaksInStandby(w *world) {
	w.SetFaults(func(c sim.Call) *sim.Fault {
		if c.Action == "SuspendProcesses" {
			w.SetAppHealthy(w.ids[0], false)
		}
		return nil
	})
}

// neverVanishes keeps a target draining on the list for good.
func (w *world) neverVanishes() {
	target := `<member><Target><Id>` + w.ids[0] + `</Id><Port>80</Port></Target><TargetHealth><State>draining</State></TargetHealth></member>`
	w.http = w.rewriting(rewrite{action: healthCall, from: `</TargetHealthDescriptions>`, to: target + `</TargetHealthDescriptions>`})
}

// rewriting is the Region's client with answers that are rewritten.
func (w *world) rewriting(all ...rewrite) roundTripper {
	client := w.Client()
	w.Cleanup(client.CloseIdleConnections)
	return func(req *http.Request) (*http.Response, error) {
		action, form := request(w.T, req)
		for _, r := range all {
			if r.matches(action, form) {
				return r.send(w.T, client, req, form)
			}
		}
		return client.Do(req)
	}
}

// request is the action and the parameters of a request, whose body stays readable.
func request(t *testing.T, req *http.Request) (string, url.Values) {
	if req.Body == nil {
		return req.Method + " " + req.URL.Path, nil
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Error(err)
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.Error(err)
	}
	return form.Get("Action"), form
}

func (r rewrite) matches(action string, form url.Values) bool {
	if form == nil {
		return strings.HasPrefix(action, r.action)
	}
	return action == r.action && strings.Contains(form.Encode()+"&", r.params)
}

func (r rewrite) send(t *testing.T, client *http.Client, req *http.Request, form url.Values) (*http.Response, error) {
	if r.drop != "" {
		for name := range form {
			if strings.HasPrefix(name, r.drop) {
				form.Del(name)
			}
		}
		req = req.Clone(req.Context())
		body := form.Encode()
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	if r.from != "" {
		body = regexp.MustCompile(r.from).ReplaceAll(body, []byte(r.to))
	} else if r.to != "" {
		resp.Header.Set("Content-Type", r.to)
	}
	if r.status != 0 {
		resp.StatusCode, resp.Status = r.status, strconv.Itoa(r.status)
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestABrokenRegionIsCaughtByTheFactThatItBreaks(t *testing.T) {
	for i, f := range conform.Facts() {
		m, there := mutants[f.ID]
		if !there {
			t.Errorf("no Region breaks %s", f.ID)
			continue
		}
		if testing.Short() && i%16 > 0 {
			continue
		}
		t.Run(f.ID, func(t *testing.T) {
			t.Parallel()
			cfg, group := sim.Config{}, webGroup()
			if m.config != nil {
				m.config(&cfg)
			}
			if m.group != nil {
				m.group(&group)
			}
			inWorld(t, cfg, group, func(w *world) {
				if m.prepare != nil {
					m.prepare(w)
				}
				if len(m.rewrite) > 0 {
					w.http = w.rewriting(m.rewrite...)
				}
				o := w.options()
				o.Only = []string{f.ID}
				if len(m.rewrite) > 0 {
					o.Metadata.HTTP = &http.Client{Transport: w.rewriting(m.rewrite...)}
				}
				// A Region that is broken may be one in which the group cannot be restored.
				report, err := conform.Run(w.Context(), o)
				if report == nil {
					t.Fatal(err)
				}
				if got := find(t, report, f.ID); got.Verdict != conform.Different && got.Verdict != conform.New {
					t.Errorf("%s %q %s (run: %v)", got.Verdict, got.Observed, got.Reason, err)
				}
			})
		})
	}
	for id := range mutants {
		if !isFact(id) {
			t.Errorf("a Region breaks %s, which is no fact", id)
		}
	}
}

func isFact(id string) bool {
	for _, f := range conform.Facts() {
		if f.ID == id {
			return true
		}
	}
	return false
}
