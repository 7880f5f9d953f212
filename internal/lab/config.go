package lab

import (
	"fmt"
	"time"

	"balanced/internal/format"
	"balanced/internal/sim"
)

// HookName is the name of the launch hook.
const HookName = "balanced-ready"

// Derived is a size that is to be derived from the others.
const Derived = -1

// Config describes a fleet.
type Config struct {
	Region       string
	Size         int // instances
	Zones        int // Availability Zones, at most 3
	Min, Max     int // MinSize and MaxSize; Derived: Size-1, and twice Size
	TargetGroups int // each behind an Application Load Balancer of its own
	Network      int // target groups, each behind a Network Load Balancer without cross-zone load balancing
	Gateway      int // target groups, each behind a Gateway Load Balancer; no packets go through it
	Classic      int // Classic Load Balancers
	Checks
	Times
	LaunchHook bool // the group has a launch hook, HookName, that ends with ABANDON
	EC2Checks  bool // Auto Scaling does not ask the load balancers about health
	NoGroup    bool // the instances are in no Auto Scaling group

	Seed      uint64         // the same seed gives the same instance IDs
	Recording *sim.Recording // sets the Region as AWS was found to be; nil: the Region's defaults

	Program []string    // runs appserver.Main; nil: this binary, with the argument app
	OnError func(error) // gets errors that occur while the lab serves; may be nil
}

// Checks are the health checks of every load balancer.
type Checks struct {
	Interval           time.Duration
	Healthy, Unhealthy int // thresholds
}

// Times are the delays of the control plane and of the load balancers.
type Times struct {
	Drain         time.Duration // deregistration delay, or timeout of connection draining
	SlowStart     time.Duration // of the target groups behind Application Load Balancers
	MoveTime      time.Duration // the least that a move into or out of Standby takes
	LaunchTime    time.Duration // from the launch of an instance to InService
	RegisterTime  time.Duration // from a registration to its first health check
	TerminateTime time.Duration // from the end of a drain to the end of the instance
	// RefreshPatience is how long an instance refresh goes on without a new instance that comes into service. AWS's is an
	// hour; 0: that.
	RefreshPatience time.Duration
}

// Faster returns the same fleet with a control plane that is faster by a factor. The APIs
// have drains, intervals and slow start in whole seconds, so these stay whole seconds, at
// least 1.
func (c Config) Faster(factor float64) Config {
	for _, d := range []*time.Duration{&c.Drain, &c.Interval, &c.SlowStart} {
		if *d > 0 {
			*d = max(time.Second, time.Duration(float64(*d)/factor).Round(time.Second))
		}
	}
	for _, d := range []*time.Duration{&c.MoveTime, &c.LaunchTime, &c.RegisterTime, &c.TerminateTime, &c.RefreshPatience} {
		*d = time.Duration(float64(*d) / factor)
	}
	return c
}

// Check returns an error that names the flag whose value no fleet can have.
func (c Config) Check() error {
	for _, n := range []struct {
		flag             string
		got, least, most int
	}{
		{"size", c.Size, 1, 200},
		{"zones", c.Zones, 1, 3},
		{"target-groups", c.TargetGroups, 0, 10},
		{"network", c.Network, 0, 10},
		{"classic", c.Classic, 0, 10},
		{"healthy-threshold", c.Healthy, 2, 10},
		{"unhealthy-threshold", c.Unhealthy, 2, 10},
	} {
		if n.got < n.least || n.got > n.most {
			return fmt.Errorf("--%s %d: want %d to %d", n.flag, n.got, n.least, n.most)
		}
	}
	if err := c.checkTimes(); err != nil {
		return err
	}
	return c.checkSizes()
}

func (c Config) checkTimes() error {
	for _, d := range []struct {
		flag        string
		got         time.Duration
		least, most time.Duration
		whole       bool // the APIs have it in whole seconds
	}{
		{"drain", c.Drain, 0, time.Hour, true},
		{"check-interval", c.Interval, time.Second, 5 * time.Minute, true},
		{"slow-start", c.SlowStart, 0, 15 * time.Minute, true},
		{"move-time", c.MoveTime, 0, time.Hour, false},
		{"launch-time", c.LaunchTime, 0, time.Hour, false},
	} {
		if d.got < d.least || d.got > d.most {
			return fmt.Errorf("--%s %s: want %s to %s", d.flag, d.got, format.Duration(d.least), format.Duration(d.most))
		}
		if d.whole && d.got%time.Second != 0 {
			return fmt.Errorf("--%s %s: want whole seconds", d.flag, d.got)
		}
	}
	return nil
}

func (c Config) checkSizes() error {
	min, max := c.sizes()
	switch {
	case min < 0 || min > c.Size:
		return fmt.Errorf("--min %d: want 0 to %d, the size", min, c.Size)
	case max < c.Size:
		return fmt.Errorf("--max %d: want at least %d, the size", max, c.Size)
	}
	return nil
}

func (c Config) sizes() (min, max int) {
	min, max = c.Min, c.Max
	if min == Derived {
		min = c.Size - 1
	}
	if max == Derived {
		max = 2 * c.Size
	}
	return min, max
}
