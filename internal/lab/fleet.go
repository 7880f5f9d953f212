// Package lab serves a fleet on loopback: an Auto Scaling group in a simulated Region, its
// load balancers, and a web server for each instance. balanced, the AWS CLI and any SDK can
// use it.
package lab

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"balanced/internal/lab/appserver"
	"balanced/internal/lab/proxy"
	"balanced/internal/lab/record"
	"balanced/internal/sim"
)

// Fleet is an Auto Scaling group and its load balancers, in a Region of their own.
type Fleet struct {
	Region     *sim.Region
	RegionName string
	Group      string // empty: there is none
	Minimum    int    // MinSize, or how many others must stay healthy where there is no group
	standalone []string
	Sources    []record.Source
	Port       int // on which every server listens
	onError    func(error)
}

// LockTable is the table for --lock, named as in the documentation of the agent.
const LockTable = "balanced-locks"

// newFleet returns a fleet whose instances are InService, registered and healthy. Their
// servers will listen on the port.
func newFleet(cfg Config, port int) (*Fleet, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	f := &Fleet{
		RegionName: cmp.Or(cfg.Region, "eu-west-1"), Group: "web", Port: port,
		onError: cfg.OnError,
	}
	region := sim.Config{Name: f.RegionName, Seed: cfg.Seed, Address: address, DataPlane: true, Timing: sim.Timing{
		MoveTime:     noneForZero(cfg.MoveTime),
		LaunchTime:   noneForZero(cfg.LaunchTime),
		RegisterTime: noneForZero(cfg.RegisterTime), TerminateTime: noneForZero(cfg.TerminateTime),
		RefreshPatience: cfg.RefreshPatience,
	}}
	if cfg.Recording != nil {
		cfg.Recording.Configure(&region)
	}
	f.Region = sim.New(region)
	f.Region.AddTable(sim.Table{Name: LockTable, Key: "group"})
	zones := f.zones(cfg)
	f.attachTargetGroups(cfg, zones)
	f.attachClassic(cfg, zones)
	min, max := cfg.sizes()
	f.Minimum = min
	if cfg.NoGroup {
		f.addStandalone(cfg.Size, zones)
		return f, nil
	}
	f.Region.AddGroup(sim.Group{
		Name: f.Group, Min: min, Max: max, Desired: cfg.Size, Zones: zones,
		Classic: f.SourceNames(Classic), TargetGroups: f.targetGroups(),
		HealthCheckType: cfg.healthChecks(), Grace: 5 * time.Minute, Hooks: cfg.hooks(),
		Settings: sim.Settings{
			Tags:    map[string]string{"balanced-check": "yes"}, // for check-aws --moves
			Metrics: []string{"GroupStandbyInstances"},          // as a well-kept group sends
		},
	})
	if cfg.Recording != nil {
		cfg.Recording.Prepare(f.Region)
	}
	return f, nil
}

func (c Config) healthChecks() string {
	if c.EC2Checks {
		return "EC2"
	}
	return "ELB"
}

func (c Config) hooks() []sim.Hook {
	if !c.LaunchHook {
		return nil
	}
	return []sim.Hook{{Name: HookName, Heartbeat: 5 * time.Minute}}
}

// addStandalone adds the instances without a group, registered with every source.
func (f *Fleet) addStandalone(size int, zones []string) {
	f.Group = ""
	for n := range size {
		f.standalone = append(f.standalone, f.Region.AddInstance(sim.Standalone{
			Zone: zones[n%len(zones)], Classic: f.SourceNames(Classic),
			TargetGroups: f.targetGroups(),
		}))
	}
}

// Targets is what balanced gets as BALANCED_TARGETS; empty where there is a group.
func (f *Fleet) Targets() string {
	if f.Group != "" {
		return ""
	}
	var all []string
	for _, s := range f.Sources {
		name := s.Name
		if s.Kind == Classic {
			name = "classic/" + name
		}
		all = append(all, name)
	}
	return strings.Join(all, ",")
}

// members are the instances of the fleet.
func (f *Fleet) members() []sim.MemberView {
	if f.Group == "" {
		return f.Region.Outside(f.standalone...)
	}
	return f.Region.Members(f.Group)
}

// noneForZero is a delay as the Region takes it: there 0 is the default, and -1 is none.
func noneForZero(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// zones are the Availability Zones that have an instance. DNS gives clients no address of a
// Network Load Balancer in other zones (User Guide for Network Load Balancers, "Target group
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
	check.Protocol, check.Path = "HTTP", appserver.HealthPath
	for i := range cfg.TargetGroups {
		name := numbered("app", i)
		f.Region.AddLoadBalancer(sim.LoadBalancer{Name: name + "-alb", Zones: zones})
		f.Region.AddTargetGroup(sim.TargetGroup{
			Name: name, LoadBalancer: name + "-alb", Port: f.Port, Drain: cfg.Drain, SlowStart: cfg.SlowStart, Check: check,
		})
		f.addSource(name, Application, cfg.Drain)
	}
	for i := range cfg.Network {
		name := numbered("net", i)
		f.Region.AddLoadBalancer(sim.LoadBalancer{Name: name + "-nlb", Type: "network", Zones: zones})
		f.Region.AddTargetGroup(sim.TargetGroup{
			Name: name, LoadBalancer: name + "-nlb", Protocol: "TCP", Port: f.Port, Drain: cfg.Drain, Check: check,
		})
		f.addSource(name, Network, cfg.Drain)
	}
	check.Port = strconv.Itoa(f.Port)
	for i := range cfg.Gateway {
		name := numbered("gate", i)
		f.Region.AddLoadBalancer(sim.LoadBalancer{Name: name + "-gwlb", Type: "gateway", Zones: zones})
		f.Region.AddTargetGroup(sim.TargetGroup{Name: name, LoadBalancer: name + "-gwlb", Protocol: "GENEVE", Drain: cfg.Drain, Check: check})
		f.addSource(name, Gateway, cfg.Drain)
	}
}

// targetGroups are the names of all target groups.
func (f *Fleet) targetGroups() []string {
	return slices.Concat(f.SourceNames(Application), f.SourceNames(Network), f.SourceNames(Gateway))
}

func (f *Fleet) attachClassic(cfg Config, zones []string) {
	check := cfg.check()
	check.Target = "HTTP:" + strconv.Itoa(f.Port) + appserver.HealthPath
	for i := range cfg.Classic {
		name := numbered("legacy", i)
		f.Region.AddClassic(sim.Classic{
			Name: name, Check: check, CrossZone: true, Zones: zones,
			Draining: cfg.Drain > 0, Drain: cfg.Drain,
		})
		f.addSource(name, Classic, cfg.Drain)
	}
}

// Kinds of sources.
const (
	Application = "application"
	Network     = "network"
	Gateway     = "gateway"
	Classic     = "classic"
)

func (f *Fleet) addSource(name, kind string, drain time.Duration) {
	f.Sources = append(f.Sources, record.Source{Name: name, Kind: kind, Drain: drain.Seconds()})
}

// SourceNames returns the names of the sources of one kind.
func (f *Fleet) SourceNames(kind string) []string {
	var names []string
	for _, s := range f.Sources {
		if s.Kind == kind {
			names = append(names, s.Name)
		}
	}
	return names
}

// proxySources returns what the proxies need to know about the sources.
func (f *Fleet) proxySources(cfg Config) []proxy.Source {
	var all []proxy.Source
	for _, s := range f.Sources {
		check := cfg.check()
		to := proxy.Source{Name: s.Name, Port: f.Port, Path: appserver.HealthPath, Interval: check.Interval, Timeout: check.Timeout}
		switch s.Kind {
		case Application:
			to.SlowStart = cfg.SlowStart
		case Network: // the default of deregistration_delay.connection_termination.enabled for TCP is false
			to.Zones, to.OutlivesDrain = f.zones(cfg), true
		}
		all = append(all, to)
	}
	return all
}

// check returns the health checks of the sources. Their timeout must be shorter than their
// interval (Elastic Load Balancing API reference, ConfigureHealthCheck and CreateTargetGroup).
func (c Config) check() sim.HealthCheck {
	return sim.HealthCheck{
		Interval: c.Interval, Timeout: max(time.Second, min(5*time.Second, c.Interval-time.Second)),
		Healthy: c.Healthy, Unhealthy: c.Unhealthy,
	}
}

// numbered is the name of the i-th source of a kind, counted from 0: app, app-2, app-3.
func numbered(name string, i int) string {
	if i == 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, i+1)
}
