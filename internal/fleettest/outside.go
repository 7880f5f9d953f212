package fleettest

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/asg"
	"balanced/internal/elb"
	"balanced/internal/fleet"
	"balanced/internal/rotation"
	"balanced/internal/sim"
	"balanced/internal/targets"
)

// outside lets an agent work on what the host is given as --targets.
func (h *Host) outside(agent *rotation.Agent, groups *asg.Client, balancers *elb.Client) error {
	if h.Targets == "" {
		return nil
	}
	names, err := targets.Parse(strings.Split(h.Targets, ","))
	self := targets.Self{Instance: agent.Self.Instance, Zone: agent.Self.Zone, IPv4: agent.Self.PrivateIP, IPv6: agent.Self.IPv6}
	adapter := targets.New(self, names, groups, balancers)
	agent.Groups, agent.Mover, agent.Balancers = adapter, adapter, adapter
	return err
}

// Outside is --targets of InOutside: behind an Application, a Network and a Classic Load Balancer, one with a port
// override and one that holds addresses.
const Outside = "web,api:8081,addr,tcp,classic/old"

// AddOutside adds load balancers, and n instances that no group has, registered with all of Outside.
func AddOutside(r *sim.Region, n int) (ids []string) {
	r.AddLoadBalancer(sim.LoadBalancer{Name: "front", Type: "application"})
	r.AddLoadBalancer(sim.LoadBalancer{Name: "net", Type: "network", CrossZone: true})
	check := sim.HealthCheck{Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 2, Path: "/health"}
	for _, name := range []string{"web", "api", "addr"} {
		t := sim.TargetGroup{Name: name, Protocol: "HTTP", Port: 80, LoadBalancer: "front", Drain: 30 * time.Second, Check: check}
		if name == "addr" {
			t.TargetType = "ip"
		}
		r.AddTargetGroup(t)
	}
	r.AddTargetGroup(sim.TargetGroup{Name: "tcp", Protocol: "TCP", Port: 443, LoadBalancer: "net", Drain: 60 * time.Second, Check: check})
	check.Target = "HTTP:80/health"
	r.AddClassic(sim.Classic{Name: "old", Check: check, Draining: true, Drain: 20 * time.Second, CrossZone: true})
	for range n {
		ids = append(ids, r.AddInstance(sim.Standalone{Classic: []string{"old"}, TargetGroups: []string{"web", "api:8081", "addr", "tcp"}}))
	}
	return ids
}

// InOutside runs a test in a bubble with n instances outside a group.
func InOutside(t *testing.T, cfg sim.Config, n int, test func(*World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &World{T: t, Region: sim.New(cfg), Targets: Outside}
		w.IDs = AddOutside(w.Region, n)
		test(w)
	})
}

// OutWith are the defaults of out with a minimum.
func OutWith(minimum string) rotation.OutOptions {
	opt := OutOptions()
	rule, err := fleet.ParseMinHealthy(minimum)
	if err != nil {
		panic(err)
	}
	opt.MinHealthy = rule
	return opt
}
