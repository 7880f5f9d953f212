package bench

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		os.Setenv(name, os.DevNull)
	}
	os.Unsetenv("AWS_CA_BUNDLE") // read anew for every process, for nothing
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// A scene is a group to measure in. MinSize is one below desired, so that no start is
// put off.
type scene struct {
	size    int           // instances
	sources int           // target groups of one Application Load Balancer
	drain   time.Duration // of each
	classic bool          // and a Classic load balancer with the same
	behaves sim.Behaviour
	// unfenced: MinSize is 0, so that it does not hold the minimum; crowds only.
	unfenced bool
	returns  time.Duration // from Pending to InService on the way back; 0: 2 s
}

// callTime is how long an API call takes, where time is virtual. Those to the metadata
// service take none: a lock inside its client would stop the clock of a bubble.
const callTime = 100 * time.Millisecond

func slowly(c sim.Call) *sim.Fault {
	if c.Service == "imds" {
		return nil
	}
	return &sim.Fault{Delay: callTime}
}

var check = sim.HealthCheck{Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 2, Path: "/health"}

// region makes a scene.
func (s scene) region(seed uint64) (*sim.Region, []string) {
	// The page's figures were measured with moves of 2 s in both directions.
	region := sim.New(sim.Config{Seed: seed, Behaviour: s.behaves, Timing: sim.Timing{MoveTime: 2 * time.Second, ReturnTime: s.returns}})
	region.AddLoadBalancer(sim.LoadBalancer{Name: "front", Type: "application"})
	g := sim.Group{Name: "web", Min: s.size - 1, Max: s.size + 2, Desired: s.size, HealthCheckType: "EC2"}
	for i := range s.sources {
		name := fmt.Sprintf("web-%02d", i)
		region.AddTargetGroup(sim.TargetGroup{Name: name, Protocol: "HTTP", Port: 8000 + i, LoadBalancer: "front", Drain: s.drain, Check: check})
		g.TargetGroups = append(g.TargetGroups, name)
	}
	if s.classic {
		with := check
		with.Target = "HTTP:80/health"
		region.AddClassic(sim.Classic{Name: "old", Check: with, Draining: true, Drain: s.drain, CrossZone: true})
		g.Classic = []string{"old"}
	}
	region.SetFaults(slowly)
	return region, region.AddGroup(g)
}

// A host is the first instance of a scene, in virtual time.
type host struct {
	*testing.T
	*sim.Region
	id    string
	fleet *fleettest.Host
}

// inScene runs a test in a bubble: its minutes take no time.
func inScene(t *testing.T, s scene, seed uint64, test func(*host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		region, ids := s.region(seed)
		client := region.Client()
		defer client.CloseIdleConnections()
		test(&host{T: t, Region: region, id: ids[0], fleet: &fleettest.Host{
			Region: region, ID: ids[0], HTTP: client, Log: zap.NewNop(), Rand: fleettest.Rand(seed),
		}})
	})
}

// agent is a process on the host.
func (h *host) agent() *rotation.Agent {
	h.Helper()
	agent, _, err := h.fleet.Process(context.Background())
	if err != nil {
		h.Fatal(err)
	}
	return agent
}

var auto = rotation.Options{Wait: rotation.Auto, Timeout: rotation.Auto}

func (h *host) out() {
	h.Helper()
	if _, err := h.agent().Out(context.Background(), rotation.OutOptions{Options: auto, Settle: rotation.DefaultSettle}); err != nil {
		h.Fatalf("out: %v", err)
	}
}

func (h *host) in() {
	h.Helper()
	if _, err := h.agent().In(context.Background(), rotation.InOptions{Options: auto}); err != nil {
		h.Fatalf("in: %v", err)
	}
}
