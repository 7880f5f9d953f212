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
		Usage:     "run a command line on every instance of a fleet under traffic, and report lost requests",
		UsageText: "balanced-lab rehearse [options] -- 'balanced out && balanced-lab deploy v2 && balanced in'",
		Description: "The command line runs with sh, in the current directory, with the environment of the instance. " +
			"The exit code is that of the rollout.\n\n" +
			"Examples:\n\n" + rehearseExamples + "\n" +
			"Syntax of a fault: " + rehearsal.FaultUsage + ". Kinds of faults:\n\n" + rehearsal.FaultHelp(),
		Flags: append(rehearseFlags(), fleetFlags()...),
	}, 1, rehearse)
}

const rehearseExamples = `    balanced-lab rehearse --speed 10 -- 'balanced out && balanced-lab deploy v2 && balanced in'
    balanced-lab rehearse --speed 10 --compare --html rehearsal.html -- 'balanced run -- balanced-lab deploy v2'
    balanced-lab rehearse --speed 10 --fault 'peer-dies 4' -- 'balanced run -- balanced-lab deploy v2'
    balanced-lab rehearse --scenario bad-version
    balanced-lab rehearse --speed 10 --refresh --image bad --compare
`

func rehearseFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "scenario", Usage: "`FILE` with a scenario, or the name of one that comes with balanced-lab"},
		&cli.BoolFlag{Name: "refresh", Usage: "instead of an upgrade in place, roll a new AMI out with an instance refresh, and run the command on each new instance", DefaultText: "'" + rehearsal.Gate + "'"},
		&cli.StringFlag{Name: "image", Value: rehearsal.GoodImage, Usage: "with --refresh: the new AMI is `good`, or bad: its server fails every check and every request"},
		&cli.DurationFlag{Name: "refresh-patience", Value: 10 * time.Minute, Usage: "with --refresh: `TIME` without a new instance in service after which the refresh fails; AWS's is 1h"},
		&cli.StringFlag{Name: "concurrency", Value: "1", Usage: "`N` instances at a time, or P% of them"},
		&cli.BoolFlag{Name: "exit-on-error", Value: true, Usage: "after the first failure, begin on no more instances"},
		&cli.BoolFlag{Name: "naive", Usage: "put a balanced that does nothing in place of balanced"},
		&cli.BoolFlag{Name: "compare", Usage: "rehearse twice, the second time with --naive, and compare"},
		&cli.Float64Flag{Name: "speed", Value: 1, Usage: "make drains, check intervals, moves and launches `N` times faster than given"},
		&cli.IntFlag{Name: "rate", Value: 200, Usage: "`N` requests a second, through all load balancers together"},
		&cli.DurationFlag{Name: "long", Value: 2 * time.Second, DefaultText: "2s, but at most half the drain", Usage: "`TIME` that every tenth request takes"},
		&cli.StringSliceFlag{Name: "fault", Usage: "`FAULT` to inject; can be given several times"},
		&cli.StringFlag{Name: "json", Usage: "write the record to `FILE`"},
		&cli.StringFlag{Name: "html", Usage: "write the record as an HTML page to `FILE`"},
		agentFlag(),
	}
}

func agentFlag() cli.Flag {
	return &cli.StringFlag{Name: "balanced", Usage: "path `FILE` of balanced", DefaultText: "the one beside balanced-lab, or else on the PATH"}
}

func rehearse(c *cli.Context) error {
	plan, expect, err := readPlan(c)
	if err != nil {
		return err
	}
	if err := plan.Check(); err != nil {
		return usageErrorf("%v", err)
	}
	data, html, err := outputs(c.String("json"), c.String("html"))
	if err != nil {
		return err
	}
	defer data.discard()
	defer html.discard()
	rec, err := rehearseBoth(c, plan)
	if err != nil {
		return result(c, rec, err)
	}
	err = errors.Join(
		data.write(func(w io.Writer) error { return writeJSON(w, rec) }),
		html.write(func(w io.Writer) error { return page.Write(w, rec) }),
	)
	if expect != nil {
		fmt.Fprintln(c.App.Writer, expectationText(plan.Scenario, expect.Verify(rec)))
	}
	if err != nil {
		return err
	}
	return result(c, rec, nil)
}

// rehearseBoth rehearses, and with --compare once more without balanced.
func rehearseBoth(c *cli.Context, plan rehearsal.Plan) (rec record.Rehearsal, err error) {
	if rec, err = rehearseAndPrint(c, plan); err == nil && c.Bool("compare") {
		rec.Without, err = withoutBalanced(c, plan, rec)
	}
	return rec, err
}

// rehearseAndPrint rehearses, shows it, and prints the result.
func rehearseAndPrint(c *cli.Context, plan rehearsal.Plan) (record.Rehearsal, error) {
	rec, err := runPlan(c, plan)
	if err != nil {
		return rec, err
	}
	fmt.Fprintln(c.App.Writer)
	return rec, rehearsal.Print(fitting(c.App.Writer), rec)
}

// withoutBalanced rehearses the same without balanced, and prints both side by side.
func withoutBalanced(c *cli.Context, plan rehearsal.Plan, with record.Rehearsal) (*record.Rehearsal, error) {
	fmt.Fprint(c.App.Writer, "\nNow the same with a balanced that does nothing.\n\n")
	plan.Naive = true
	rec, err := rehearseAndPrint(c, plan)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(c.App.Writer)
	return &rec, rehearsal.Compare(fitting(c.App.Writer), with, rec)
}

// runPlan rehearses and shows it, on a terminal as a table and elsewhere as lines.
func runPlan(c *cli.Context, plan rehearsal.Plan) (record.Rehearsal, error) {
	ctx, stop := context.WithCancelCause(c.Context)
	defer stop(nil)
	fmt.Fprintf(c.App.Writer, "%s:\n\n    %s\n\n%s\n", where(plan), plan.Command, rehearsal.Legend)
	plan.Display = rehearsal.NewLines(c.App.Writer, stop)
	if file, isFile := c.App.Writer.(*os.File); isFile {
		if s, isTerminal := screen.On(file, os.Getenv); isTerminal {
			plan.Display = rehearsal.NewTable(s, stop)
			defer s.Close()
		}
	}
	return plan.Run(ctx)
}

// where says on which instances the command runs.
func where(p rehearsal.Plan) string {
	if p.Refresh != "" {
		return fmt.Sprintf("Instance refresh of %d instances to a %s AMI; on each new instance", p.Fleet.Size, p.Refresh)
	}
	return fmt.Sprintf("On each of %d instances, %d at a time", p.Fleet.Size, p.Concurrency.Of(p.Fleet.Size))
}

// fitting returns a writer that cuts the rows of tables at the edge of a terminal. If w is no
// terminal, it is w.
func fitting(w io.Writer) io.Writer {
	if file, isFile := w.(*os.File); isFile {
		if columns := screen.Columns(file); columns > 0 {
			return screen.CutRows(w, columns)
		}
	}
	return w
}

// preferSignal returns the signal that stopped this process, or else err.
func preferSignal(c *cli.Context, err error) error {
	if sig, ok := errors.AsType[signalled](context.Cause(c.Context)); ok {
		return sig
	}
	return err
}

func writeJSON(w io.Writer, rec record.Rehearsal) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(rec)
}

// expectationText says whether a scenario ended as it should.
func expectationText(scenario string, wrong error) string {
	if wrong == nil {
		return "scenario " + scenario + " ended as expected"
	}
	return "scenario " + scenario + " did not end as expected: " + strings.ReplaceAll(wrong.Error(), "\n", "; ")
}
