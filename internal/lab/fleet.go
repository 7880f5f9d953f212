// Package lab is a fleet on loopback: an Auto Scaling group in a simulated Region,
// served so that balanced, the AWS CLI and any SDK can be pointed at it, and rollouts
// over its instances.
package lab

import (
	"cmp"
	"fmt"
	"strconv"
	"sync"
	"time"

	"balanced/internal/sim"
)

// Fleet is one Auto Scaling group and its load balancers in a Region of their own.
type Fleet struct {
	Region       *sim.Region
	RegionName   string
	Group        string
	TargetGroups []string // names
	Classic      []string // names
	Port         int      // of every application, and of every health check
	size         int
	app          App

	mu   sync.Mutex
	sick map[string]bool // applications, by instance
}

// newFleet makes a fleet whose instances are InService, registered and healthy. Their
// load balancers look for the applications at the port.
func newFleet(cfg Config, port int) (*Fleet, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	f := &Fleet{
		RegionName: cmp.Or(cfg.Region, "eu-west-1"), Group: "web", Port: port,
		size: cfg.Size, app: cfg.App, sick: map[string]bool{},
	}
	f.Region = sim.New(sim.Config{Name: f.RegionName, Seed: cfg.Seed, Address: address, Behaviour: sim.Behaviour{
		MoveTime:   orNone(cfg.MoveTime),
		LaunchTime: orNone(cfg.LaunchTime),
	}})
	zones := f.zones(cfg.Zones)
	f.attachTargetGroups(cfg, zones)
	f.attachClassic(cfg, zones)
	min, max := cfg.sizes()
	ids := f.Region.AddGroup(sim.Group{
		Name: f.Group, Min: min, Max: max, Desired: cfg.Size, Zones: zones,
		Classic: f.Classic, TargetGroups: f.TargetGroups,
		HealthCheckType: "ELB", Grace: 5 * time.Minute,
	})
	for _, id := range ids {
		f.Region.SetInFlight(id, cfg.InFlight)
	}
	return f, nil
}

// orNone: the Region takes 0 for its default.
func orNone(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

func (f *Fleet) zones(n int) []string {
	var zones []string
	for _, letter := range "abc"[:n] {
		zones = append(zones, f.RegionName+string(letter))
	}
	return zones
}

func (f *Fleet) attachTargetGroups(cfg Config, zones []string) {
	check := cfg.check()
	check.Path = HealthPath
	for i := range cfg.TargetGroups {
		name := numbered("app", i)
		f.Region.AddLoadBalancer(sim.LoadBalancer{Name: name + "-alb", Zones: zones})
		f.Region.AddTargetGroup(sim.TargetGroup{Name: name, LoadBalancer: name + "-alb", Port: f.Port, Drain: cfg.Drain, Check: check})
		f.TargetGroups = append(f.TargetGroups, name)
	}
}

func (f *Fleet) attachClassic(cfg Config, zones []string) {
	check := cfg.check()
	check.Target = "HTTP:" + strconv.Itoa(f.Port) + HealthPath
	for i := range cfg.Classic {
		name := numbered("legacy", i)
		f.Region.AddClassic(sim.Classic{
			Name: name, Check: check, CrossZone: true, Zones: zones,
			Draining: cfg.Drain > 0, Drain: cfg.Drain,
		})
		f.Classic = append(f.Classic, name)
	}
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
