package fleettest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"balanced/internal/failure"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// World is a simulated Region with one group "web" in virtual time, and the real
// agents, adapters and SDK that run against it.
type World struct {
	*testing.T
	*sim.Region
	IDs     []string
	Lock    string // what --lock says to the agents that are made from then on; empty: none
	Targets string // what agents are given as --targets, outside a group
	// drawn seeds each agent's jitter, in the order they are made.
	drawn uint64
}

// WebGroup is the group most tests want: four instances in two zones behind an ALB target
// group and a Classic load balancer, MinSize one below desired.
func WebGroup() sim.Group {
	return sim.Group{
		Name: "web", Min: 3, Max: 6, Desired: 4, Zones: []string{"eu-west-1a", "eu-west-1b"},
		Classic: []string{"old"}, TargetGroups: []string{"web"}, HealthCheckType: "ELB", Grace: 300 * time.Second,
		Settings: sim.Settings{Metrics: []string{"GroupStandbyInstances"}},
	}
}

// InWorld runs a test in a bubble: its minutes take no time.
func InWorld(t *testing.T, cfg sim.Config, g sim.Group, test func(*World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &World{T: t, Region: sim.New(cfg)}
		w.AddLoadBalancer(sim.LoadBalancer{Name: "front", Type: "application"})
		w.AddLoadBalancer(sim.LoadBalancer{Name: "net", Type: "network"})
		check := sim.HealthCheck{Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 2, Path: "/health"}
		w.AddTargetGroup(sim.TargetGroup{Name: "web", Protocol: "HTTP", Port: 80, LoadBalancer: "front", Drain: 300 * time.Second, Check: check})
		w.AddTargetGroup(sim.TargetGroup{Name: "tcp", Protocol: "TCP", Port: 443, LoadBalancer: "net", Drain: 60 * time.Second, Check: check})
		check.Target = "HTTP:80/health"
		w.AddClassic(sim.Classic{Name: "old", Check: check, Draining: true, Drain: 60 * time.Second, CrossZone: true})
		w.IDs = w.AddGroup(g)
		test(w)
	})
}

// Agent is a process on one instance, with everything real but the network.
func (w *World) Agent(id string) *rotation.Agent {
	w.Helper()
	w.drawn++
	host := &Host{
		Region: w.Region, ID: id, HTTP: w.Client(), Log: w.log(),
		Rand: Rand(w.drawn), Lock: w.Lock, Targets: w.Targets,
	}
	w.Cleanup(host.HTTP.CloseIdleConnections)
	agent, _, err := host.Process(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	return agent
}

// log is what agents say. Their API calls are told only where tests are verbose: writing them takes a third of the time.
func (w *World) log() *zap.Logger {
	level := zap.InfoLevel
	if testing.Verbose() {
		level = zap.DebugLevel
	}
	return zaptest.NewLogger(w, zaptest.Level(level))
}

// OutOptions are the defaults of out.
func OutOptions() rotation.OutOptions {
	return rotation.OutOptions{Options: rotation.Options{Wait: rotation.Auto, Timeout: rotation.Auto}, Settle: rotation.DefaultSettle}
}

// InOptions are the defaults of in.
func InOptions() rotation.InOptions {
	return rotation.InOptions{Options: rotation.Options{Wait: rotation.Auto, Timeout: rotation.Auto}}
}

// Out takes an instance out.
func (w *World) Out(id string) (*rotation.Report, error) {
	return w.Agent(id).Out(context.Background(), OutOptions())
}

// In brings an instance back.
func (w *World) In(id string) (*rotation.Report, error) {
	return w.Agent(id).In(context.Background(), InOptions())
}

// Moves are the mutating calls that took effect, by action, but for those to a lock.
func (w *World) Moves() []string {
	var done []string
	for _, c := range w.Calls() {
		if c.Effect && c.Service != "dynamodb" {
			done = append(done, c.Action)
		}
	}
	return done
}

// WantMoves checks which mutating calls took effect, in order.
func (w *World) WantMoves(want ...string) {
	w.Helper()
	if got := w.Moves(); !slices.Equal(got, want) {
		w.Errorf("mutating calls that took effect: %v, want %v", got, want)
	}
}

// WantState checks an instance's lifecycle state.
func (w *World) WantState(id, want string) {
	w.Helper()
	if got := w.State(id); got != want {
		w.Errorf("%s is %s, want %s", id, got, want)
	}
}

// WantClass checks what kind of end a run came to.
func (w *World) WantClass(err error, want failure.Class) *failure.Refusal {
	w.Helper()
	var stop *failure.Refusal
	if !errors.As(err, &stop) || stop.Class != want {
		w.Fatalf("ended with %v, want class %v", err, want)
	}
	return stop
}

// Must ends the test with an error.
func (w *World) Must(_ *rotation.Report, err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// Pass lets virtual time go by.
func (w *World) Pass(d time.Duration) { <-time.After(d) }

// API makes faults happen to API calls; the metadata service is spared.
func (w *World) API(fault func(sim.Call) *sim.Fault) {
	w.SetFaults(func(c sim.Call) *sim.Fault {
		if c.Service == "imds" {
			return nil
		}
		return fault(c)
	})
}
