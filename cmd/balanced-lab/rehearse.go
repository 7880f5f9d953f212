package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab/record"
	"balanced/internal/lab/rehearsal"
)

func rehearseCommand() *cli.Command {
	c := command(cli.Command{
		Name:      "rehearse",
		Usage:     "run a command line on every instance of a fleet under traffic, and see what users would have felt",
		UsageText: "balanced-lab rehearse [options] -- 'balanced out && ./deploy.sh && balanced in'",
		Description: "The command line runs with sh, in this directory, with the environment of the instance. Exits with the code of the rollout.\n\n" +
			"Faults, " + rehearsal.FaultUsage + ":\n\n" + rehearsal.FaultHelp(),
		Flags: append(rehearseFlags(), fleetFlags()...),
	}, 1, rehearse)
	return c
}

func rehearseFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "scenario", Usage: "`FILE` or the name of a scenario that comes with balanced-lab"},
		&cli.StringFlag{Name: "concurrency", Value: "1", Usage: "`N` or P% instances at a time"},
		&cli.BoolFlag{Name: "exit-on-error", Value: true, Usage: "begin on no more instances after the first failure"},
		&cli.BoolFlag{Name: "naive", Usage: "the same with a balanced that does nothing"},
		&cli.Float64Flag{Name: "speed", Value: 1, Usage: "drains, check intervals, moves and launches take one `N`th of what is given"},
		&cli.IntFlag{Name: "rate", Value: 200, Usage: "`N` requests a second through all load balancers together"},
		&cli.DurationFlag{Name: "long", Value: 2 * time.Second, DefaultText: "2s, but at most half the drain", Usage: "`TIME` that every tenth request takes"},
		&cli.StringSliceFlag{Name: "fault", Usage: "`FAULT` that befalls the fleet, can be given again"},
		&cli.StringFlag{Name: "json", Usage: "write the record to `FILE`"},
		agentFlag(),
	}
}

func agentFlag() cli.Flag {
	return &cli.StringFlag{Name: "balanced", Usage: "the agent's `FILE`", DefaultText: "the one beside balanced-lab, or else on the PATH"}
}

func rehearse(c *cli.Context) error {
	plan, expect, err := plan(c)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(c.Context)
	defer stop(nil)
	plan.Show = rehearsal.NewLines(c.App.Writer, stop)
	fmt.Fprintf(c.App.Writer, "On each of %d instances, %d at a time:\n\n    %s\n\n%s\n", plan.Fleet.Size, plan.Concurrency.Of(plan.Fleet.Size), plan.Command, rehearsal.Legend)
	rec, err := plan.Run(ctx)
	if err != nil {
		return ended(c, rec, err)
	}
	fmt.Fprintln(c.App.Writer)
	if err := errors.Join(rehearsal.Print(c.App.Writer, rec), write(c.String("json"), rec)); err != nil {
		return err
	}
	if expect != nil {
		fmt.Fprintln(c.App.Writer, said(plan.Scenario, expect.Met(rec)))
	}
	return ended(c, rec, nil)
}

// told prefers the signal that ended a run to what came of it.
func told(c *cli.Context, err error) error {
	if sig, ok := errors.AsType[stopped](context.Cause(c.Context)); ok {
		return sig
	}
	return err
}

func write(file string, rec record.Rehearsal) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(rec, "", "  ")
	if err != nil {
		return fmt.Errorf("--json: %w", err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("--json: %w", err)
	}
	return nil
}

// said is whether a scenario ended as it should.
func said(scenario string, wrong error) string {
	if wrong == nil {
		return "This is how " + scenario + " should end."
	}
	return "This is not how " + scenario + " should end: " + strings.ReplaceAll(wrong.Error(), "\n", "; ") + "."
}
