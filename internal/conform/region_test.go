package conform_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"balanced/internal/conform"
	"balanced/internal/sim"
)

// world is a simulated Region in virtual time with one group "web": three instances behind an
// Application and a Classic Load Balancer, MinSize one below.
type world struct {
	*testing.T
	*sim.Region
	ids  []string
	http aws.HTTPClient // nil: the Region's own
}

func webGroup() sim.Group {
	return sim.Group{
		Name: "web", Min: 2, Max: 4, Desired: 3, Zones: []string{"eu-west-1a", "eu-west-1b"},
		Classic: []string{"old"}, TargetGroups: []string{"web"}, HealthCheckType: "ELB", Grace: 300 * time.Second,
		Settings: sim.Settings{Tags: map[string]string{conform.MovesTag: "yes"}},
	}
}

// inWorld runs a test in a bubble.
func inWorld(t *testing.T, cfg sim.Config, g sim.Group, test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, Region: sim.New(cfg)}
		w.build(g)
		test(w)
	})
}

// build adds the group and its load balancers. Requests are open for 45 s when an instance leaves.
func (w *world) build(g sim.Group) {
	check := sim.HealthCheck{Interval: 5 * time.Second, Timeout: 4 * time.Second, Healthy: 4, Unhealthy: 2, Path: "/health"}
	w.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
	w.AddLoadBalancer(sim.LoadBalancer{Name: "net", Type: "network"})
	w.AddTargetGroup(sim.TargetGroup{Name: "web", LoadBalancer: "front", Drain: 20 * time.Second, Check: check})
	w.AddTargetGroup(sim.TargetGroup{Name: "tcp", Protocol: "TCP", LoadBalancer: "net", Drain: 20 * time.Second, Check: check})
	check.Target = "HTTP:80/health"
	w.AddClassic(sim.Classic{Name: "old", Check: check, Draining: true, Drain: 20 * time.Second, CrossZone: true})
	w.ids = w.AddGroup(g)
	w.AddActivities("web", 4)
	for _, id := range w.ids {
		w.SetInFlight(id, 45*time.Second)
	}
}

// options are those of a run with all facts.
func (w *world) options() conform.Options {
	client := w.Client()
	w.Cleanup(client.CloseIdleConnections)
	through := w.http
	if through == nil {
		through = client
	}
	return conform.Options{
		Config: aws.Config{
			Region: "eu-west-1", BaseEndpoint: aws.String(sim.APIEndpoint), HTTPClient: through,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
			}),
		},
		Group: "web", Moves: true, Samples: 1,
		Times:    conform.Times{Tick: 2 * time.Second}, // fewer looks than usual
		Metadata: &conform.Metadata{Endpoint: sim.MetadataEndpoint(w.ids[0]), HTTP: client},
	}
}

// run checks the facts, those with these ids or all.
func (w *world) run(only ...string) *conform.Report {
	w.Helper()
	o := w.options()
	o.Only = only
	report, err := conform.Run(w.Context(), o)
	if err != nil {
		w.Fatal(err)
	}
	return report
}

// not are the results that have not this verdict.
func not(verdict conform.Verdict, r *conform.Report) []conform.Result {
	return slices.DeleteFunc(slices.Clone(r.Facts), func(f conform.Result) bool { return f.Verdict == verdict })
}

func find(t *testing.T, r *conform.Report, id string) conform.Result {
	t.Helper()
	i := slices.IndexFunc(r.Facts, func(f conform.Result) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("no fact %s", id)
	}
	return r.Facts[i]
}

// never are the facts for which a group like webGroup gives no occasion.
var never = []string{"throttling-code", "operator-refusal", "enter-weight"}

func TestEveryFactHoldsOfTheRegion(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		o := w.options()
		o.Times = conform.Times{}
		report, err := conform.Run(w.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range not(conform.AsModelled, report) {
			if f.Verdict != conform.NotTried || !slices.Contains(never, f.ID) {
				t.Errorf("%s: %s %q %s, modelled %q", f.ID, f.Verdict, f.Observed, f.Reason, f.Modelled)
			}
		}
		w.wantAsFound()
	})
}

// wantAsFound checks that the group is as build made it.
func (w *world) wantAsFound() {
	w.Helper()
	low, high, desired := w.Sizes("web")
	if low != 2 || high != 4 || desired != 3 {
		w.Errorf("sizes %d, %d, %d; want 2, 4, 3", low, high, desired)
	}
	serving := 0
	for _, m := range w.Members("web") {
		if m.State == "InService" {
			serving++
		} else if m.State != "Terminating" {
			w.Errorf("%s is %s", m.ID, m.State)
		}
	}
	if serving != 3 {
		w.Errorf("%d in service, want 3", serving)
	}
	if refused := w.Region.ExitStandby("web", w.ids[0]); refused == nil || refused.Error() != "ValidationError: The instance "+w.ids[0]+" is not in Standby." {
		w.Errorf("ExitStandby: %v; Launch may be suspended", refused)
	}
}

// roundTripper makes an aws.HTTPClient of a function around the Region's client.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) Do(r *http.Request) (*http.Response, error) { return f(r) }
