package lab

import (
	"strings"
	"testing"
	"time"
)

func TestCheckNamesTheFlagThatIsWrong(t *testing.T) {
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Size = 0 }, "--size 0"},
		{func(c *Config) { c.Zones = 4 }, "--zones 4"},
		{func(c *Config) { c.Min = 4 }, "--min 4"},
		{func(c *Config) { c.Max = 2 }, "--max 2"},
		{func(c *Config) { c.TargetGroups = -1 }, "--target-groups -1"},
		{func(c *Config) { c.Drain = -time.Second }, "--drain -1s"},
		{func(c *Config) { c.Drain = 1500 * time.Millisecond }, "--drain 1.5s"},
		{func(c *Config) { c.Interval = 0 }, "--check-interval 0s"},
		{func(c *Config) { c.LaunchTime = -1 }, "--launch-time -1ns"},
	} {
		cfg := small()
		c.change(&cfg)
		if err := cfg.Check(); err == nil || !strings.HasPrefix(err.Error(), c.want+": ") {
			t.Errorf("got %v, want it to begin with %q", err, c.want)
		}
	}
}

func TestZonesWithoutInstancesAreLeftOut(t *testing.T) {
	cfg := small()
	cfg.Size, cfg.Zones, cfg.Network = 1, 3, 1
	f, err := newFleet(cfg, 80)
	if err != nil {
		t.Fatal(err)
	}
	if p := f.Snapshot(); p.Healthy != 1 || p.Min != 0 {
		t.Errorf("got %+v, want one healthy instance and MinSize 0", p)
	}
	for n, s := range f.proxySources(cfg) {
		if len(s.Zones) > 1 {
			t.Errorf("%s has zones %v, which have no instance", s.Name, s.Zones[1:])
		}
		if network := f.Sources[n].Kind == Network; s.OutlivesDrain != network {
			t.Errorf("open requests through a %s load balancer outlive the drain: %v", f.Sources[n].Kind, s.OutlivesDrain)
		}
	}
}

// What a Gateway Load Balancer sends goes to port 6081 (GENEVE), wherever it checks health.
func TestAGatewayLoadBalancerSendsToItsOwnPort(t *testing.T) {
	cfg := small()
	cfg.Size, cfg.Gateway = 1, 1
	f, err := newFleet(cfg, 8080)
	if err != nil {
		t.Fatal(err)
	}
	targets := f.Region.Registrations("gate")
	if len(targets) != 1 || targets[0].Port != 6081 || f.SourceNames(Gateway)[0] != "gate" {
		t.Errorf("targets %+v, sources %v", targets, f.Sources)
	}
}
