package rotation_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zaptest"

	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		os.Setenv(name, os.DevNull)
	}
	os.Exit(m.Run())
}

// world is a simulated Region with one group "web" in virtual time, and the real
// agents, adapters and SDK that run against it.
type world struct {
	*testing.T
	*sim.Region
	ids []string
	// drawn seeds each agent's jitter, in the order they are made.
	drawn uint64
}

// webGroup is the group most tests want: four instances in two zones behind an ALB target
// group and a Classic load balancer, MinSize one below desired.
func webGroup() sim.Group {
	return sim.Group{
		Name: "web", Min: 3, Max: 6, Desired: 4, Zones: []string{"eu-west-1a", "eu-west-1b"},
		Classic: []string{"old"}, TargetGroups: []string{"web"}, HealthCheckType: "ELB", Grace: 300 * time.Second,
	}
}

// inWorld runs a test in a bubble: its minutes take no time.
func inWorld(t *testing.T, cfg sim.Config, g sim.Group, test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, Region: sim.New(cfg)}
		w.AddLoadBalancer(sim.LoadBalancer{Name: "front", Type: "application"})
		w.AddLoadBalancer(sim.LoadBalancer{Name: "net", Type: "network"})
		check := sim.HealthCheck{Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 2, Path: "/health"}
		w.AddTargetGroup(sim.TargetGroup{Name: "web", Protocol: "HTTP", Port: 80, LoadBalancer: "front", Drain: 300 * time.Second, Check: check})
		w.AddTargetGroup(sim.TargetGroup{Name: "tcp", Protocol: "TCP", Port: 443, LoadBalancer: "net", Drain: 60 * time.Second, Check: check})
		check.Target = "HTTP:80/health"
		w.AddClassic(sim.Classic{Name: "old", Check: check, Draining: true, Drain: 60 * time.Second, CrossZone: true})
		w.ids = w.AddGroup(g)
		test(w)
	})
}

// agent is a process on one instance, with everything real but the network.
func (w *world) agent(id string) *rotation.Agent {
	w.Helper()
	w.drawn++
	host := &fleettest.Host{
		Region: w.Region, ID: id, HTTP: w.Client(), Log: zaptest.NewLogger(w),
		Rand: fleettest.Rand(w.drawn),
	}
	w.Cleanup(host.HTTP.CloseIdleConnections)
	agent, _, err := host.Process(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	return agent
}

func outOptions() rotation.OutOptions {
	return rotation.OutOptions{Options: rotation.Options{Wait: rotation.Auto, Timeout: rotation.Auto}, Settle: rotation.DefaultSettle}
}

func inOptions() rotation.InOptions {
	return rotation.InOptions{Options: rotation.Options{Wait: rotation.Auto, Timeout: rotation.Auto}}
}

func (w *world) out(id string) (*rotation.Report, error) {
	return w.agent(id).Out(context.Background(), outOptions())
}

func (w *world) in(id string) (*rotation.Report, error) {
	return w.agent(id).In(context.Background(), inOptions())
}

// moves are the mutating calls that took effect, by action.
func (w *world) moves() []string {
	var done []string
	for _, c := range w.Calls() {
		if c.Effect {
			done = append(done, c.Action)
		}
	}
	return done
}

func (w *world) wantMoves(want ...string) {
	w.Helper()
	if got := w.moves(); !slices.Equal(got, want) {
		w.Errorf("mutating calls that took effect: %v, want %v", got, want)
	}
}

func (w *world) wantState(id, want string) {
	w.Helper()
	if got := w.State(id); got != want {
		w.Errorf("%s is %s, want %s", id, got, want)
	}
}

// wantClass checks what kind of end a run came to.
func (w *world) wantClass(err error, want rotation.Class) *rotation.Stop {
	w.Helper()
	var stop *rotation.Stop
	if !errors.As(err, &stop) || stop.Class != want {
		w.Fatalf("ended with %v, want class %v", err, want)
	}
	return stop
}

func (w *world) must(_ *rotation.Report, err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// pass lets virtual time go by.
func (w *world) pass(d time.Duration) { <-time.After(d) }

// api makes faults happen to API calls; the metadata service stays sound.
func (w *world) api(fault func(sim.Call) *sim.Fault) {
	w.SetFaults(func(c sim.Call) *sim.Fault {
		if c.Service == "imds" {
			return nil
		}
		return fault(c)
	})
}
