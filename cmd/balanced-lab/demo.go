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
		Description: "The exit code is that of the rollout with balanced.",
		Flags: []cli.Flag{
			agentFlag(),
			&cli.BoolFlag{Name: "verbose", Usage: "show the progress that balanced prints, too"},
		},
	}, 0, demo)
}

const demoLine = "balanced out && balanced-lab deploy v2 && balanced in"

// demoFleet has delays as in production; the demo is ten times faster. Its instance IDs are new
// each time: two runs of balanced for one ID on this machine would exclude each other.
func demoFleet() lab.Config {
	return lab.Config{
		Size: 4, Zones: 2, Min: lab.Derived, Max: lab.Derived, TargetGroups: 1, Classic: 1,
		Checks: lab.Checks{Interval: 10 * time.Second, Healthy: 2, Unhealthy: 5},
		Times: lab.Times{
			Drain: 20 * time.Second, MoveTime: 5 * time.Second, LaunchTime: 90 * time.Second,
			RegisterTime: time.Second, TerminateTime: 30 * time.Second,
		},
		Seed: rand.Uint64(),
	}
}

func demo(c *cli.Context) error {
	p := rehearsal.Plan{
		Fleet: demoFleet(), Speed: 10, Command: demoLine, ExitOnError: true, Trace: true,
		Concurrency: rehearsal.OneByOne(), Load: traffic.Load{Rate: 200, Long: time.Second},
	}
	if err := setPrograms(c, &p); err != nil {
		return err
	}
	p.Environ = demoEnviron(c.Bool("verbose"))
	ctx, stop := context.WithCancelCause(c.Context)
	defer stop(nil)
	out := fitting(c.App.Writer)
	p.Display = rehearsal.NewLines(c.App.Writer, stop)
	fmt.Fprintf(out, demoIntro, demoLine, rehearsal.Legend)
	with, err := rehearseOnce(ctx, p, out)
	if err != nil || with.Exit != 0 {
		return result(c, with, err)
	}
	fmt.Fprint(out, "\nNow the same with a balanced on the PATH that does nothing:\n\n")
	p.Naive, p.Fleet.Seed = true, rand.Uint64()
	without, err := rehearseOnce(ctx, p, out)
	if err != nil {
		return result(c, without, err)
	}
	fmt.Fprintln(out)
	return rehearsal.Compare(out, with, without)
}

const demoIntro = `Four simulated instances on this machine, each with a server process of its own, behind an
Application and a Classic Load Balancer that get 200 requests a second. The deregistration delay
is 20s and there is a health check every 10s, all ten times faster. On one instance after another
the real balanced runs:

    %s

%s
`

// rehearseOnce runs one of the two rehearsals and prints its result.
func rehearseOnce(ctx context.Context, p rehearsal.Plan, out io.Writer) (record.Rehearsal, error) {
	rec, err := p.Run(ctx)
	if err != nil {
		return rec, err
	}
	fmt.Fprintln(out)
	return rec, rehearsal.Print(out, rec)
}

// result is the error that gives this program the exit code of a rehearsal.
func result(c *cli.Context, rec record.Rehearsal, err error) error {
	switch {
	case err != nil:
		return preferSignal(c, err)
	case rec.Exit != 0:
		return exitStatus(rec.Exit)
	}
	return nil
}

// demoEnviron is the environment without the user's own settings of balanced, so that the demo
// is the same for everyone.
func demoEnviron(verbose bool) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BALANCED_") })
	if !verbose {
		env = append(env, "BALANCED_LOG_LEVEL=warn")
	}
	return env
}
