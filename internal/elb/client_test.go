package elb_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/awsapi"
	"balanced/internal/elb"
	"balanced/internal/fleet"
	"balanced/internal/sim"
)

// threeHosts is a group of three behind one load balancer of every sort.
type threeHosts struct {
	*sim.Region
	elb     *elb.Client
	ids     []string
	classic []string
	targets []string // ARNs
	counts  func() map[string]int
}

// hermetic keeps the machine's own AWS settings out of a test.
func hermetic(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
}

// region runs a test against a fleet, in virtual time.
func region(t *testing.T, test func(*testing.T, threeHosts)) {
	t.Helper()
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		r := sim.New(sim.Config{})
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		r.AddLoadBalancer(sim.LoadBalancer{Name: "wire", Type: "network"})
		r.AddLoadBalancer(sim.LoadBalancer{Name: "gate", Type: "gateway", CrossZone: true})
		r.AddTargetGroup(sim.TargetGroup{
			Name: "web", LoadBalancer: "front", Port: 8080, Drain: 2 * time.Minute,
			Check: sim.HealthCheck{Path: "/up", Matcher: "200-299", Interval: 10 * time.Second, Timeout: 3 * time.Second, Healthy: 2, Unhealthy: 3},
		})
		r.AddTargetGroup(sim.TargetGroup{Name: "tcp", LoadBalancer: "wire", Protocol: "TCP", Port: 9000, Drain: time.Minute, ConnectionTermination: true})
		r.AddTargetGroup(sim.TargetGroup{Name: "tls", LoadBalancer: "wire", Protocol: "TLS", Port: 9443, Drain: time.Minute, CrossZone: "true"})
		r.AddTargetGroup(sim.TargetGroup{Name: "inspect", LoadBalancer: "gate", Protocol: "GENEVE"})
		r.AddTargetGroup(sim.TargetGroup{Name: "idle"}) // behind no listener
		r.AddClassic(sim.Classic{Name: "old", Draining: true, Drain: 90 * time.Second, CrossZone: true, Check: sim.HealthCheck{Target: "HTTP:80/up", Healthy: 3}})
		r.AddClassic(sim.Classic{Name: "abrupt", Check: sim.HealthCheck{Target: "TCP:22"}})
		f := threeHosts{Region: r, classic: []string{"old", "abrupt"}}
		groups := []string{"web", "tcp", "tls", "inspect", "idle"}
		f.ids = r.AddGroup(sim.Group{Name: "web", Min: 1, Desired: 3, Classic: f.classic, TargetGroups: groups})
		for _, name := range groups {
			f.targets = append(f.targets, r.TargetGroupARN(name))
		}
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		s, err := awsapi.Load(t.Context(), awsapi.Options{
			Region: "eu-west-1", HTTP: client, Endpoint: sim.APIEndpoint, MetadataEndpoint: sim.MetadataEndpoint(f.ids[0]),
		})
		if err != nil {
			t.Fatal(err)
		}
		f.elb, f.counts = elb.New(s.Config()), s.Counts
		test(t, f)
	})
}

func (f threeHosts) sources(t *testing.T) map[string]fleet.Source {
	t.Helper()
	all, err := f.elb.Describe(t.Context(), f.classic, f.targets)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]fleet.Source{}
	for _, s := range all {
		byName[s.Name] = s
	}
	return byName
}

func TestDescribe(t *testing.T) {
	region(t, func(t *testing.T, f threeHosts) {
		got, err := f.elb.Describe(t.Context(), f.classic, f.targets)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range got {
			names = append(names, s.Name)
		}
		if diff := cmp.Diff([]string{"abrupt", "old", "idle", "inspect", "tcp", "tls", "web"}, names); diff != "" {
			t.Fatalf("order\n%s", diff)
		}
		defaults := fleet.Thresholds{DNS: fleet.Threshold{Count: 1}, Routing: fleet.Threshold{Count: 1}}
		want := map[string]fleet.Source{
			"abrupt": {
				Kind: fleet.Classic, Name: "abrupt", ID: "abrupt", CutsFlows: true,
				Check: fleet.HealthCheck{Protocol: "TCP", Port: "22", Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 10, Unhealthy: 2},
			},
			"old": {
				Kind: fleet.Classic, Name: "old", ID: "old", CutsFlows: true, CrossZone: true, Drain: 90 * time.Second,
				Check: fleet.HealthCheck{Protocol: "HTTP", Port: "80", Path: "/up", Matcher: "200", Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 2},
			},
			"web": {
				TargetType: "instance", Protocol: "HTTP", Version: "HTTP1", Thresholds: defaults, Kind: fleet.Application, Name: "web", ID: f.targets[0], Port: 8080, CutsFlows: true, CrossZone: true, Drain: 2 * time.Minute,
				Check: fleet.HealthCheck{Protocol: "HTTP", Port: "traffic-port", Path: "/up", Matcher: "200-299", Interval: 10 * time.Second, Timeout: 3 * time.Second, Healthy: 2, Unhealthy: 3},
			},
			"tcp": {
				TargetType: "instance", Protocol: "TCP", Thresholds: defaults, Kind: fleet.Network, Name: "tcp", ID: f.targets[1], Port: 9000, CutsFlows: true, Drain: time.Minute,
				Check: fleet.HealthCheck{Protocol: "TCP", Port: "traffic-port", Interval: 30 * time.Second, Timeout: 10 * time.Second, Healthy: 5, Unhealthy: 2},
			},
			"tls": {
				TargetType: "instance", Protocol: "TLS", Thresholds: defaults, Kind: fleet.Network, Name: "tls", ID: f.targets[2], Port: 9443, CrossZone: true, Drain: time.Minute,
				Check: fleet.HealthCheck{Protocol: "TCP", Port: "traffic-port", Interval: 30 * time.Second, Timeout: 10 * time.Second, Healthy: 5, Unhealthy: 2},
			},
			"inspect": {
				TargetType: "instance", Protocol: "GENEVE", Kind: fleet.Gateway, Name: "inspect", ID: f.targets[3], Port: 6081, CrossZone: true,
				Check: fleet.HealthCheck{Protocol: "TCP", Port: "80", Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 5, Unhealthy: 2},
			},
		}
		for _, s := range got {
			if w, ok := want[s.Name]; ok {
				if diff := cmp.Diff(w, s); diff != "" {
					t.Errorf("%s\n%s", s.Name, diff)
				}
			}
		}
	})
}

// The account's bucket holds 40 calls for all hosts together.
func TestDescribeSparesTheAPI(t *testing.T) {
	region(t, func(t *testing.T, f threeHosts) {
		f.sources(t)
		want := map[string]int{
			"elasticloadbalancing.DescribeLoadBalancers":            1,
			"elasticloadbalancing.DescribeLoadBalancerAttributes":   2,
			"elasticloadbalancingv2.DescribeTargetGroups":           1,
			"elasticloadbalancingv2.DescribeTargetGroupAttributes":  5,
			"elasticloadbalancingv2.DescribeLoadBalancerAttributes": 2, // the NLB and the GWLB, once each
		}
		if diff := cmp.Diff(want, f.counts()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatDoesNotExistIsNamed(t *testing.T) {
	region(t, func(t *testing.T, f threeHosts) {
		gone := strings.Replace(f.targets[0], "targetgroup/web", "targetgroup/gone", 1)
		for missing, ask := range map[string]func() error{
			"describe Classic load balancer lost": func() error { _, err := f.elb.Describe(t.Context(), append(f.classic, "lost"), nil); return err },
			"describe target group " + gone:       func() error { _, err := f.elb.Describe(t.Context(), nil, append(f.targets, gone)); return err },
			"describe health in target group gone": func() error {
				_, err := f.elb.Health(t.Context(), fleet.Source{Kind: fleet.Application, Name: "gone", ID: gone})
				return err
			},
			"describe health in Classic load balancer past": func() error {
				_, err := f.elb.HealthOf(t.Context(), fleet.Source{Kind: fleet.Classic, Name: "past", ID: "past"}, f.ids[0])
				return err
			},
		} {
			if err := ask(); !errors.Is(err, fleet.ErrNoSource) || !strings.HasPrefix(err.Error(), missing+": does not exist") {
				t.Errorf("%s: %v", missing, err)
			}
		}
		if all, err := f.elb.Describe(t.Context(), nil, nil); len(all) != 0 || err != nil {
			t.Errorf("nothing attached: %v, %v", all, err)
		}
	})
}

func TestHealthThroughADrain(t *testing.T) {
	region(t, func(t *testing.T, f threeHosts) {
		sources := f.sources(t)
		me := f.ids[0]
		expect := func(when string, want map[string]fleet.Health) {
			t.Helper()
			for name, health := range want {
				s := sources[name]
				got, err := f.elb.HealthOf(t.Context(), s, me)
				if err != nil || got.Health != health || got.Instance != me || got.Port != s.Port {
					t.Errorf("%s, %s: %+v, %v; want %s", when, name, got, err, health)
				}
				all, err := f.elb.Health(t.Context(), s)
				if err != nil {
					t.Error(err)
				}
				listed := fleet.Unregistered
				for _, x := range all {
					if x.Instance == me {
						listed = x.Health
					}
				}
				if listed != health {
					t.Errorf("%s, %s: listed as %s, want %s", when, name, listed, health)
				}
			}
		}
		expect("in service", map[string]fleet.Health{"old": fleet.Healthy, "web": fleet.Healthy, "tcp": fleet.Healthy, "idle": fleet.NotInUse})
		f.SetInFlight(me, time.Hour) // busy, so that the Classic one drains too
		if err := f.EnterStandby("web", me, true); err != nil {
			t.Fatal(err)
		}
		<-time.After(30 * time.Second)
		expect("draining", map[string]fleet.Health{"old": fleet.Draining, "abrupt": fleet.Unregistered, "web": fleet.Draining, "tcp": fleet.Draining})
		<-time.After(10 * time.Minute)
		expect("out", map[string]fleet.Health{"old": fleet.Unregistered, "web": fleet.Unregistered, "tcp": fleet.Unregistered})
		f.SetAppHealthy(me, false)
		if err := f.ExitStandby("web", me); err != nil {
			t.Fatal(err)
		}
		<-time.After(2500 * time.Millisecond)
		expect("coming back", map[string]fleet.Health{"old": fleet.Initial, "web": fleet.Initial})
		<-time.After(10 * time.Minute)
		expect("back, but broken", map[string]fleet.Health{"old": fleet.Unhealthy, "web": fleet.Unhealthy})
	})
}

func TestHealthListsEveryRegistration(t *testing.T) {
	region(t, func(t *testing.T, f threeHosts) {
		f.AddTargets("web", "i-0stranger")
		f.RegisterExtraPort("web", f.ids[0], 8081)
		all, err := f.elb.Health(t.Context(), f.sources(t)["web"])
		if err != nil || len(all) != 5 {
			t.Errorf("%+v, %v; want three members, a stranger and a second port", all, err)
		}
		if got, err := f.elb.HealthOf(t.Context(), f.sources(t)["web"], f.ids[0]); err != nil || got.Port != 8080 || got.Health != fleet.Healthy {
			t.Errorf("%+v, %v", got, err)
		}
		for _, name := range []string{"web", "old"} {
			got, err := f.elb.HealthOf(t.Context(), f.sources(t)[name], "i-0unknown")
			if err != nil || got.Health != fleet.Unregistered && got.Health != fleet.Unavailable {
				t.Errorf("unknown to %s: %+v, %v", name, got, err)
			}
		}
	})
}

func TestAnInstanceTheServiceDoesNotKnowIsNotRegistered(t *testing.T) {
	region(t, func(t *testing.T, f threeHosts) {
		sources := f.sources(t)
		for name, code := range map[string]string{"web": "InvalidTarget", "old": "InvalidInstance"} {
			f.SetFaults(func(c sim.Call) *sim.Fault {
				if strings.HasSuffix(c.Action, "Health") {
					return &sim.Fault{Code: code, Message: "no such thing"}
				}
				return nil
			})
			if got, err := f.elb.HealthOf(t.Context(), sources[name], f.ids[0]); err != nil || got.Health != fleet.Unregistered {
				t.Errorf("%s: %+v, %v", code, got, err)
			}
			if _, err := f.elb.Health(t.Context(), sources[name]); err == nil {
				t.Errorf("%s: no error without an instance", code)
			}
		}
	})
}

func TestADeniedReadNamesItsPermission(t *testing.T) {
	region(t, func(t *testing.T, f threeHosts) {
		f.Deny("elasticloadbalancing:DescribeTargetGroupAttributes")
		_, err := f.elb.Describe(t.Context(), f.classic, f.targets)
		if d, ok := errors.AsType[*awsapi.DeniedError](err); !ok || d.Action != "elasticloadbalancing:DescribeTargetGroupAttributes" {
			t.Errorf("got %v", err)
		}
	})
}

func TestASignalEndsADescribe(t *testing.T) {
	region(t, func(t *testing.T, f threeHosts) {
		f.SetFaults(func(c sim.Call) *sim.Fault {
			if strings.HasSuffix(c.Action, "Attributes") {
				return sim.Throttled()
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		if _, err := f.elb.Describe(ctx, f.classic, f.targets); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
