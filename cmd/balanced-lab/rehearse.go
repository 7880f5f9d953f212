package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab/page"
	"balanced/internal/lab/record"
	"balanced/internal/lab/rehearsal"
	"balanced/internal/lab/screen"
)

func rehearseCommand() *cli.Command {
	return command(cli.Command{
		Name:      "rehearse",
		Usage:     "run a command line on every instance of a fleet under traffic, and see what users would have felt",
		UsageText: "balanced-lab rehearse [options] -- 'balanced out && ./deploy.sh && balanced in'",
		Description: "The command line runs with sh, in this directory, with the environment of the instance. Exits with the code of the rollout.\n\n" +
			"Faults, " + rehearsal.FaultUsage + ":\n\n" + rehearsal.FaultHelp(),
		Flags: append(rehearseFlags(), fleetFlags()...),
	}, 1, rehearse)
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
		&cli.StringFlag{Name: "html", Usage: "write the record as one page to `FILE`"},
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
	if err := plan.Check(); err != nil {
		return misused("%v", err)
	}
	data, html, err := outputs(c.String("json"), c.String("html"))
	if err != nil {
		return err
	}
	defer data.release()
	defer html.release()
	rec, err := perform(c, plan)
	if err != nil {
		return ended(c, rec, err)
	}
	fmt.Fprintln(c.App.Writer)
	err = errors.Join(
		rehearsal.Print(c.App.Writer, rec),
		data.write(func(w io.Writer) error { return inJSON(w, rec) }),
		html.write(func(w io.Writer) error { return page.Write(w, rec) }),
	)
	if expect != nil {
		fmt.Fprintln(c.App.Writer, said(plan.Scenario, expect.Met(rec)))
	}
	if err != nil {
		return err
	}
	return ended(c, rec, nil)
}

// perform rehearses, with a table on a terminal and lines elsewhere.
func perform(c *cli.Context, plan rehearsal.Plan) (record.Rehearsal, error) {
	ctx, stop := context.WithCancelCause(c.Context)
	defer stop(nil)
	fmt.Fprintf(c.App.Writer, "On each of %d instances, %d at a time:\n\n    %s\n\n%s\n",
		plan.Fleet.Size, plan.Concurrency.Of(plan.Fleet.Size), plan.Command, rehearsal.Legend)
	plan.Show = rehearsal.NewLines(c.App.Writer, stop)
	file, _ := c.App.Writer.(*os.File)
	if s, terminal := screen.On(file, os.Getenv); file != nil && terminal {
		plan.Show = rehearsal.NewTable(s, stop)
		defer s.Close()
	}
	return plan.Run(ctx)
}

// told prefers the signal that ended a run to what came of it.
func told(c *cli.Context, err error) error {
	if sig, ok := errors.AsType[stopped](context.Cause(c.Context)); ok {
		return sig
	}
	return err
}

func inJSON(w io.Writer, rec record.Rehearsal) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(rec)
}

// said is whether a scenario ended as it should.
func said(scenario string, wrong error) string {
	if wrong == nil {
		return "This is how " + scenario + " should end."
	}
	return "This is not how " + scenario + " should end: " + strings.ReplaceAll(wrong.Error(), "\n", "; ") + "."
}
