package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab"
	"balanced/internal/lab/record"
	"balanced/internal/lab/rehearsal"
	"balanced/internal/lab/traffic"
)

func demoCommand() *cli.Command {
	return command(cli.Command{
		Name:        "demo",
		Usage:       "rehearse an upgrade of four instances, then the same without balanced",
		Description: "Exits with the code of the rollout.",
		Flags: []cli.Flag{
			agentFlag(),
			&cli.BoolFlag{Name: "verbose", Usage: "show the agent's own progress too"},
		},
	}, 0, demo)
}

const demoLine = "balanced out && balanced-lab deploy v2 && balanced in"

// demoFleet has production's figures; the demo is ten times faster. Its ids are new each
// time, since two agents for one id would keep each other out on this machine.
func demoFleet() lab.Config {
	return lab.Config{
		Size: 4, Zones: 2, Min: lab.Derived, Max: lab.Derived, TargetGroups: 1, Classic: 1,
		Drain: 20 * time.Second, Interval: 10 * time.Second, Healthy: 2, Unhealthy: 5,
		MoveTime: 5 * time.Second, LaunchTime: 90 * time.Second, RegisterTime: time.Second, TerminateTime: 30 * time.Second, Seed: rand.Uint64(),
	}
}

func demo(c *cli.Context) error {
	p := rehearsal.Plan{
		Fleet: demoFleet(), Speed: 10, Command: demoLine, ExitOnError: true, Trace: true,
		Concurrency: rehearsal.OneByOne(), Load: traffic.Load{Rate: 200, Long: time.Second},
	}
	if err := place(c, &p); err != nil {
		return err
	}
	p.Environ = demoEnviron(c.Bool("verbose"))
	ctx, stop := context.WithCancelCause(c.Context)
	defer stop(nil)
	p.Show = rehearsal.NewLines(c.App.Writer, stop)
	fmt.Fprintf(c.App.Writer, demoIntro, demoLine, rehearsal.Legend)
	with, err := act(ctx, p, c.App.Writer)
	if err != nil || with.Exit != 0 {
		return ended(c, with, err)
	}
	fmt.Fprint(c.App.Writer, "\nNow the same, with a balanced on the PATH that does nothing:\n\n")
	p.Naive, p.Fleet.Seed = true, rand.Uint64()
	without, err := act(ctx, p, c.App.Writer)
	if err != nil {
		return ended(c, without, err)
	}
	fmt.Fprintln(c.App.Writer)
	return rehearsal.Compare(c.App.Writer, with, without)
}

const demoIntro = `Four simulated instances on loopback, each a server process of its own, behind an Application
and a Classic Load Balancer, with 200 requests a second through both. Deregistration delay 20 s,
health checks every 10 s, all ten times faster. On each instance in turn, with the real binary:

    %s

%s
`

// act is one of the two rehearsals.
func act(ctx context.Context, p rehearsal.Plan, out io.Writer) (record.Rehearsal, error) {
	rec, err := p.Run(ctx)
	if err != nil {
		return rec, err
	}
	fmt.Fprintln(out)
	return rec, rehearsal.Print(out, rec)
}

// ended turns the end of a rehearsal into that of the program.
func ended(c *cli.Context, rec record.Rehearsal, err error) error {
	switch {
	case err != nil:
		return told(c, err)
	case rec.Exit != 0:
		return rollout(rec.Exit)
	}
	return nil
}

// demoEnviron leaves the caller's own settings of the agent out: a demo is the same for
// everyone.
func demoEnviron(verbose bool) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BALANCED_") })
	if !verbose {
		env = append(env, "BALANCED_LOG_LEVEL=warn")
	}
	return env
}
