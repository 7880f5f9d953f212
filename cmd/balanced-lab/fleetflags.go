package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab"
)

// fleetFlags describe the fleet of every command that makes one.
func fleetFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "size", Value: 4, Usage: "`N` instances"},
		&cli.IntFlag{Name: "zones", Value: 2, Usage: "over `N` availability zones, at most 3"},
		&cli.IntFlag{Name: "min", Value: lab.Derived, DefaultText: "size - 1", Usage: "MinSize `N`"},
		&cli.IntFlag{Name: "max", Value: lab.Derived, DefaultText: "2 x size", Usage: "MaxSize `N`"},
		&cli.IntFlag{Name: "target-groups", Value: 1, Usage: "`N` target groups, each behind an Application Load Balancer"},
		&cli.IntFlag{Name: "network", Usage: "`N` target groups, each behind a Network Load Balancer without cross-zone load balancing"},
		&cli.IntFlag{Name: "classic", Value: 1, Usage: "`N` Classic Load Balancers"},
		&cli.DurationFlag{Name: "drain", Value: 30 * time.Second, Usage: "deregistration delay and connection draining `TIME`; 0 is none"},
		&cli.DurationFlag{Name: "check-interval", Value: 5 * time.Second, Usage: "`TIME` from one health check to the next"},
		&cli.IntFlag{Name: "healthy-threshold", Value: 2, Usage: "`N` checks in a row make healthy"},
		&cli.IntFlag{Name: "unhealthy-threshold", Value: 2, Usage: "`N` checks in a row make unhealthy"},
		&cli.DurationFlag{Name: "slow-start", Usage: "slow start `TIME` of the target groups behind Application Load Balancers"},
		&cli.DurationFlag{Name: "move-time", Value: 2 * time.Second, Usage: "the least `TIME` a move into or out of Standby takes"},
		&cli.DurationFlag{Name: "launch-time", Value: 20 * time.Second, Usage: "`TIME` from the launch of an instance to InService"},
		&cli.StringFlag{Name: "region", Value: "eu-west-1", Usage: "`NAME` of the Region"},
		&cli.Uint64Flag{Name: "seed", DefaultText: "drawn", Usage: "the same `SEED`, the same instance ids"},
	}
}

func config(c *cli.Context) (lab.Config, error) {
	cfg := lab.Config{
		Region: c.String("region"),
		Size:   c.Int("size"), Zones: c.Int("zones"),
		Min: c.Int("min"), Max: c.Int("max"),
		TargetGroups: c.Int("target-groups"), Classic: c.Int("classic"),
		Drain: c.Duration("drain"), Interval: c.Duration("check-interval"),
		Healthy: c.Int("healthy-threshold"), Unhealthy: c.Int("unhealthy-threshold"),
		SlowStart: c.Duration("slow-start"), Network: c.Int("network"),
		MoveTime: c.Duration("move-time"), LaunchTime: c.Duration("launch-time"), RegisterTime: time.Second, TerminateTime: 30 * time.Second,
		Seed: rand.Uint64(), Complain: func(err error) { fmt.Fprintf(c.App.ErrWriter, "balanced-lab: %v\n", err) },
	}
	if c.IsSet("seed") {
		cfg.Seed = c.Uint64("seed")
	}
	if c.IsSet("min") && cfg.Min == lab.Derived {
		return cfg, misused("--min %d: want 0 to the size", cfg.Min)
	}
	if err := cfg.Check(); err != nil {
		return cfg, misused("%v", err)
	}
	return cfg, nil
}
