// Package lab is a fleet on loopback: an Auto Scaling group in a simulated Region,
// served so that balanced, the AWS CLI and any SDK can be pointed at it, and rollouts
// over its instances.
package lab

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"balanced/internal/lab/host"
	"balanced/internal/lab/plane"
	"balanced/internal/lab/record"
	"balanced/internal/sim"
)

// Fleet is one Auto Scaling group and its load balancers in a Region of their own.
type Fleet struct {
	Region     *sim.Region
	RegionName string
	Group      string
	Sources    []record.Source
	Port       int // of every server, and of every health check
	complain   func(error)
}

// newFleet makes a fleet whose instances are InService, registered and healthy. Their
// load balancers look for the servers at the port.
func newFleet(cfg Config, port int) (*Fleet, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	f := &Fleet{
		RegionName: cmp.Or(cfg.Region, "eu-west-1"), Group: "web", Port: port,
		complain: cfg.Complain,
	}
	f.Region = sim.New(sim.Config{Name: f.RegionName, Seed: cfg.Seed, Address: address, DataPlane: true, Timing: sim.Timing{
		MoveTime:     orNone(cfg.MoveTime),
		LaunchTime:   orNone(cfg.LaunchTime),
		RegisterTime: orNone(cfg.RegisterTime), TerminateTime: orNone(cfg.TerminateTime),
	}})
	zones := f.zones(cfg)
	f.attachTargetGroups(cfg, zones)
	f.attachClassic(cfg, zones)
	min, max := cfg.sizes()
	f.Region.AddGroup(sim.Group{
		Name: f.Group, Min: min, Max: max, Desired: cfg.Size, Zones: zones,
		Classic: f.Named(Classic), TargetGroups: append(f.Named(Application), f.Named(Network)...),
		HealthCheckType: "ELB", Grace: 5 * time.Minute,
	})
	return f, nil
}

// orNone: the Region takes 0 for its default.
func orNone(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// zones are those that have an instance. DNS gives clients no address of a Network Load
// Balancer in one that has none (User Guide for Network Load Balancers, "Target group
// health", DNS failover).
func (f *Fleet) zones(cfg Config) []string {
	var zones []string
	for _, letter := range "abc"[:min(cfg.Zones, cfg.Size)] {
		zones = append(zones, f.RegionName+string(letter))
	}
	return zones
}

func (f *Fleet) attachTargetGroups(cfg Config, zones []string) {
	check := cfg.check()
	check.Protocol, check.Path = "HTTP", host.HealthPath
	for i := range cfg.TargetGroups {
		name := numbered("app", i)
		f.Region.AddLoadBalancer(sim.LoadBalancer{Name: name + "-alb", Zones: zones})
		f.Region.AddTargetGroup(sim.TargetGroup{
			Name: name, LoadBalancer: name + "-alb", Port: f.Port, Drain: cfg.Drain, SlowStart: cfg.SlowStart, Check: check,
		})
		f.attach(name, Application, cfg.Drain)
	}
	for i := range cfg.Network {
		name := numbered("net", i)
		f.Region.AddLoadBalancer(sim.LoadBalancer{Name: name + "-nlb", Type: "network", Zones: zones})
		f.Region.AddTargetGroup(sim.TargetGroup{
			Name: name, LoadBalancer: name + "-nlb", Protocol: "TCP", Port: f.Port, Drain: cfg.Drain, Check: check,
		})
		f.attach(name, Network, cfg.Drain)
	}
}

func (f *Fleet) attachClassic(cfg Config, zones []string) {
	check := cfg.check()
	check.Target = "HTTP:" + strconv.Itoa(f.Port) + host.HealthPath
	for i := range cfg.Classic {
		name := numbered("legacy", i)
		f.Region.AddClassic(sim.Classic{
			Name: name, Check: check, CrossZone: true, Zones: zones,
			Draining: cfg.Drain > 0, Drain: cfg.Drain,
		})
		f.attach(name, Classic, cfg.Drain)
	}
}

// Kinds of sources.
const (
	Application = "application"
	Network     = "network"
	Classic     = "classic"
)

func (f *Fleet) attach(name, kind string, drain time.Duration) {
	f.Sources = append(f.Sources, record.Source{Name: name, Kind: kind, Drain: drain.Seconds()})
}

// Named are the names of the sources of a kind.
func (f *Fleet) Named(kind string) []string {
	var names []string
	for _, s := range f.Sources {
		if s.Kind == kind {
			names = append(names, s.Name)
		}
	}
	return names
}

// routes are the sources as their proxies have to know them.
func (f *Fleet) routes(cfg Config) []plane.Source {
	var all []plane.Source
	for _, s := range f.Sources {
		check := cfg.check()
		to := plane.Source{Name: s.Name, Port: f.Port, Path: host.HealthPath, Interval: check.Interval, Timeout: check.Timeout}
		switch s.Kind {
		case Application:
			to.SlowStart = cfg.SlowStart
		case Network: // deregistration_delay.connection_termination.enabled is off for TCP
			to.Zones, to.Lasting = f.zones(cfg), true
		}
		all = append(all, to)
	}
	return all
}

// check: AWS wants the timeout of a check shorter than its interval.
func (c Config) check() sim.HealthCheck {
	return sim.HealthCheck{
		Interval: c.Interval, Timeout: max(time.Second, min(5*time.Second, c.Interval-time.Second)),
		Healthy: c.Healthy, Unhealthy: c.Unhealthy,
	}
}

// numbered names the first one plainly, the others with their number.
func numbered(name string, i int) string {
	if i == 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, i+1)
}
