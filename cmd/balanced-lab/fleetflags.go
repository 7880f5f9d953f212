package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab"
)

// fleetFlags are the flags of every command that starts a fleet.
func fleetFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "size", Value: 4, Usage: "number `N` of instances"},
		&cli.IntFlag{Name: "zones", Value: 2, Usage: "number `N` of Availability Zones, at most 3"},
		&cli.IntFlag{Name: "min", Value: lab.Derived, DefaultText: "size - 1", Usage: "MinSize `N`"},
		&cli.IntFlag{Name: "max", Value: lab.Derived, DefaultText: "2 x size", Usage: "MaxSize `N`"},
		&cli.BoolFlag{Name: "no-group", Usage: "instances outside an Auto Scaling group; --min is BALANCED_MIN_HEALTHY then"},
		&cli.IntFlag{Name: "target-groups", Value: 1, Usage: "number `N` of target groups, each behind an Application Load Balancer"},
		&cli.IntFlag{Name: "network", Usage: "number `N` of target groups, each behind a Network Load Balancer without cross-zone load balancing"},
		&cli.IntFlag{Name: "classic", Value: 1, Usage: "number `N` of Classic Load Balancers"},
		&cli.DurationFlag{Name: "drain", Value: 30 * time.Second, Usage: "deregistration delay, or timeout of connection draining, `TIME`; 0 turns it off"},
		&cli.DurationFlag{Name: "check-interval", Value: 5 * time.Second, Usage: "`TIME` from one health check to the next"},
		&cli.IntFlag{Name: "healthy-threshold", Value: 2, Usage: "`N` successful checks in a row make an instance healthy"},
		&cli.IntFlag{Name: "unhealthy-threshold", Value: 2, Usage: "`N` failed checks in a row make it unhealthy"},
		&cli.DurationFlag{Name: "slow-start", Usage: "slow start `TIME` of the target groups behind Application Load Balancers"},
		&cli.DurationFlag{Name: "move-time", Value: 2 * time.Second, Usage: "least `TIME` that a move into or out of Standby takes"},
		&cli.DurationFlag{Name: "launch-time", Value: 20 * time.Second, Usage: "`TIME` from the launch of an instance to InService"},
		&cli.StringFlag{Name: "region", Value: "eu-west-1", Usage: "`NAME` of the Region"},
		&cli.Uint64Flag{Name: "seed", DefaultText: "random", Usage: "the same `SEED` gives the same instance IDs"},
	}
}

// readConfig returns the fleet that the flags describe.
func readConfig(c *cli.Context) (lab.Config, error) {
	cfg := lab.Config{
		Region: c.String("region"),
		Size:   c.Int("size"), Zones: c.Int("zones"),
		Min: c.Int("min"), Max: c.Int("max"), NoGroup: c.Bool("no-group"),
		TargetGroups: c.Int("target-groups"), Network: c.Int("network"), Classic: c.Int("classic"),
		Checks: lab.Checks{
			Interval: c.Duration("check-interval"), Healthy: c.Int("healthy-threshold"), Unhealthy: c.Int("unhealthy-threshold"),
		},
		Times: lab.Times{
			Drain: c.Duration("drain"), SlowStart: c.Duration("slow-start"), MoveTime: c.Duration("move-time"), LaunchTime: c.Duration("launch-time"),
			RegisterTime: time.Second, TerminateTime: 30 * time.Second,
		},
		Seed:    rand.Uint64(),
		OnError: func(err error) { fmt.Fprintf(c.App.ErrWriter, "balanced-lab: %v\n", err) },
	}
	if c.IsSet("seed") {
		cfg.Seed = c.Uint64("seed")
	}
	if c.IsSet("min") && cfg.Min == lab.Derived {
		return cfg, usageErrorf("--min %d: want 0 to the size", cfg.Min)
	}
	if err := cfg.Check(); err != nil {
		return cfg, usageErrorf("%v", err)
	}
	return cfg, nil
}
