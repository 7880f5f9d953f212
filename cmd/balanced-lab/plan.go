package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab/rehearsal"
	"balanced/internal/lab/traffic"
)

// readPlan reads the command line and the scenario. The command line takes precedence.
func readPlan(c *cli.Context) (p rehearsal.Plan, expect *rehearsal.Expect, err error) {
	var s rehearsal.Scenario
	if name := c.String("scenario"); name != "" {
		if s, err = rehearsal.ReadScenario(name); err != nil {
			return p, nil, usageErrorf("%v", err)
		}
		if err := setScenarioFlags(c, s); err != nil {
			return p, nil, usageErrorf("scenario %s: %v", name, err)
		}
		p.Scenario, expect = s.Name, &s.Expect
	}
	if p.Command = c.Args().First(); p.Command == "" {
		p.Command = s.Command
	}
	if c.Bool("refresh") {
		p.Refresh, p.Command = c.String("image"), cmp.Or(p.Command, rehearsal.Gate)
	}
	if p.Command == "" {
		return p, nil, usageErrorf("the command line to rehearse is missing; see balanced-lab rehearse --help")
	}
	if p.Fleet, err = readConfig(c); err != nil {
		return p, nil, err
	}
	for _, text := range slices.Concat(s.Faults, c.StringSlice("fault")) {
		f, err := rehearsal.ParseFault(text)
		if err == nil {
			err = f.Check(p.Fleet.Size)
		}
		if err != nil {
			return p, nil, usageErrorf("%v", err)
		}
		p.Faults = append(p.Faults, f)
	}
	if err := checkRefresh(c, p); err != nil {
		return p, nil, err
	}
	p.Fleet.RefreshPatience = c.Duration("refresh-patience")
	return p, expect, setRehearseFlags(c, &p)
}

// checkRefresh returns an error about flags that make no sense with or without --refresh.
func checkRefresh(c *cli.Context, p rehearsal.Plan) error {
	switch image := c.String("image"); {
	case p.Refresh == "" && (c.IsSet("image") || c.IsSet("refresh-patience")):
		return usageErrorf("--image and --refresh-patience are for --refresh")
	case image != rehearsal.GoodImage && image != rehearsal.BadImage:
		return usageErrorf("--image %q: want good or bad", image)
	case p.Refresh != "" && len(p.Faults) > 0:
		return usageErrorf("--fault and --refresh: faults are for upgrades in place")
	case c.Duration("refresh-patience") < time.Minute:
		return usageErrorf("--refresh-patience %s: want 1m or more", c.Duration("refresh-patience"))
	}
	return nil
}

// setScenarioFlags sets the flags that are in a scenario and not on the command line.
func setScenarioFlags(c *cli.Context, s rehearsal.Scenario) error {
	allowed := []string{"refresh", "image", "refresh-patience", "concurrency", "exit-on-error", "naive", "speed", "rate", "long"}
	for _, f := range fleetFlags() {
		allowed = append(allowed, f.Names()[0])
	}
	given := map[string]bool{}
	for name := range s.Flags {
		if !slices.Contains(allowed, name) {
			return fmt.Errorf("flags: unknown flag %q", name)
		}
		given[name] = c.IsSet(name)
	}
	for name, value := range s.Flags {
		if given[name] {
			continue
		}
		if err := c.Set(name, value); err != nil {
			return fmt.Errorf("flags: %s %s: %w", name, value, err)
		}
	}
	return nil
}

// setRehearseFlags reads the flags of a rehearsal other than those of the fleet.
func setRehearseFlags(c *cli.Context, p *rehearsal.Plan) (err error) {
	p.Naive, p.ExitOnError, p.Speed = c.Bool("naive"), c.Bool("exit-on-error"), c.Float64("speed")
	p.Load = traffic.Load{Rate: c.Int("rate"), Long: c.Duration("long")}
	if p.Concurrency, err = rehearsal.ParseConcurrency(c.String("concurrency")); err != nil {
		return usageErrorf("--%v", err)
	}
	switch {
	case p.Naive && c.Bool("compare"):
		return usageErrorf("--compare and --naive: --compare already rehearses with --naive, as the second of two")
	case !(p.Speed >= 1 && p.Speed <= 1000):
		return usageErrorf("--speed %g: want 1 to 1000", p.Speed)
	case p.Load.Rate < 10 || p.Load.Rate > 2000:
		return usageErrorf("--rate %d: want 10 to 2000", p.Load.Rate)
	case p.Load.Long < 0 || p.Load.Long > time.Hour:
		return usageErrorf("--long %s: want 0s to 1h", p.Load.Long)
	case p.Fleet.TargetGroups+p.Fleet.Network+p.Fleet.Classic == 0:
		return usageErrorf("--target-groups 0, --network 0 and --classic 0: requests need a load balancer")
	case !c.IsSet("long"):
		p.Load.Long = min(p.Load.Long, p.Fleet.Faster(p.Speed).Drain/2)
	}
	return setPrograms(c, p)
}

// setPrograms sets where the command runs and which programs it finds.
func setPrograms(c *cli.Context, p *rehearsal.Plan) (err error) {
	p.Environ = os.Environ()
	if p.Dir, err = os.Getwd(); err != nil {
		return err
	}
	if p.Lab, err = os.Executable(); err != nil {
		return err
	}
	if p.Balanced, err = findAgent(c.String("balanced")); err != nil && !p.Naive {
		return err
	}
	return nil
}
