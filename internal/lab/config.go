package lab

import (
	"fmt"
	"time"
)

// Derived asks for a size that follows from the others.
const Derived = -1

// Config is a fleet as one asks for it.
type Config struct {
	Region       string
	Size         int // how many instances
	Zones        int // over how many availability zones, at most 3
	Min, Max     int // MinSize and MaxSize; Derived: Size-1, and twice Size
	TargetGroups int // each behind an Application Load Balancer of its own
	Network      int // target groups, each behind a Network Load Balancer with cross-zone off
	Classic      int // Classic Load Balancers
	Drain        time.Duration
	// Interval, Healthy and Unhealthy are the health checks of every load balancer.
	Interval           time.Duration
	Healthy, Unhealthy int
	SlowStart          time.Duration // of the target groups behind Application Load Balancers
	MoveTime           time.Duration // the least a move into or out of Standby takes
	LaunchTime         time.Duration // from the launch of an instance to InService
	RegisterTime       time.Duration // from a registration to its first health check
	TerminateTime      time.Duration // from the end of a drain to the end of an instance
	Seed               uint64        // the same seed, the same instance ids

	Program  []string    // runs host.Main; nil: this binary, with app
	Complain func(error) // is told what goes wrong while the lab runs; nil: nobody
}

// Faster is the same fleet with a control plane so many times faster. What the wire
// carries stays in whole seconds, and at least one.
func (c Config) Faster(times float64) Config {
	for _, d := range []*time.Duration{&c.Drain, &c.Interval, &c.SlowStart} {
		if *d > 0 {
			*d = max(time.Second, time.Duration(float64(*d)/times).Round(time.Second))
		}
	}
	for _, d := range []*time.Duration{&c.MoveTime, &c.LaunchTime, &c.RegisterTime, &c.TerminateTime} {
		*d = time.Duration(float64(*d) / times)
	}
	return c
}

// Check says what of a Config no fleet can have, in the words of the flags.
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

// checkTimes: the wire carries drains and intervals in whole seconds.
func (c Config) checkTimes() error {
	for _, d := range []struct {
		flag        string
		got         time.Duration
		least, most time.Duration
		whole       bool
	}{
		{"drain", c.Drain, 0, time.Hour, true},
		{"check-interval", c.Interval, time.Second, 5 * time.Minute, true},
		{"slow-start", c.SlowStart, 0, 15 * time.Minute, true},
		{"move-time", c.MoveTime, 0, time.Hour, false},
		{"launch-time", c.LaunchTime, 0, time.Hour, false},
	} {
		if d.got < d.least || d.got > d.most {
			return fmt.Errorf("--%s %s: want %s to %s", d.flag, d.got, d.least, d.most)
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
		return fmt.Errorf("--min %d: want 0 to the size, %d", min, c.Size)
	case max < c.Size:
		return fmt.Errorf("--max %d: want at least the size, %d", max, c.Size)
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
