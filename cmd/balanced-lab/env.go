package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab"
	"balanced/internal/lab/record"
)

// startWait is how long env waits for a lab that is starting. A lab of 200 instances starts in
// about 2 s on a machine with 2 cores.
const startWait = 10 * time.Second

const envName = "env"

func envCommand() *cli.Command {
	return command(cli.Command{
		Name:      envName,
		Usage:     "print the variables that make a shell act as an instance of the running lab, for eval",
		UsageText: `eval "$(balanced-lab env [INSTANCE])"`,
		ArgsUsage: "[INSTANCE]",
		Description: "Without INSTANCE it is the first one. Variables that would take precedence over those of the instance " +
			"are unset. If env fails, the eval fails too, and the shell stays as it was.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "list", Usage: "list the instances"},
			&cli.DurationFlag{Name: "wait", Value: startWait, Usage: "wait up to `TIME` for a lab to start"},
		},
	}, 1, printEnv)
}

func printEnv(c *cli.Context) error {
	id, list := c.Args().First(), c.Bool("list")
	switch {
	case list && id != "":
		return usageErrorf("--list and %s: give only one of them", id)
	case c.Duration("wait") < 0:
		return usageErrorf("--wait %s: want at least 0s", c.Duration("wait"))
	}
	instances, err := waitForInstances(c.Context, c.Duration("wait"), c.App.ErrWriter)
	if err != nil {
		return preferSignal(c, err)
	}
	if list {
		return listInstances(c.App.Writer, instances)
	}
	for _, i := range instances {
		if id == "" || i.ID == id {
			_, err := io.WriteString(c.App.Writer, i.ExportScript())
			fmt.Fprintf(c.App.ErrWriter, "balanced-lab: %s in %s, of %d instances of the lab at %s\n", i.ID, i.Zone, len(instances), i.API)
			return err
		}
	}
	if id == "" {
		return fmt.Errorf("%w: the group of the running lab has no instance", lab.ErrNoLab)
	}
	return usageErrorf("%s is not an instance of the running lab; balanced-lab env --list lists them", id)
}

// waitForInstances returns the instances of the running lab, or of one that starts within
// limit.
func waitForInstances(ctx context.Context, limit time.Duration, stderr io.Writer) ([]lab.Instance, error) {
	path, err := lab.StateFile()
	if err != nil {
		return nil, err
	}
	return lab.WaitFor(ctx, path, limit, func() {
		fmt.Fprintf(stderr, "balanced-lab: waiting up to %s for a lab to start\n", record.Duration(limit.Seconds()))
	})
}

func listInstances(w io.Writer, instances []lab.Instance) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "INSTANCE\tSTATE\tZONE")
	for _, i := range instances {
		fmt.Fprintf(t, "%s\t%s\t%s\n", i.ID, i.State, i.Zone)
	}
	return t.Flush()
}

// failEval prints what makes eval "$(balanced-lab env ...)" fail with the exit code of env.
// Without it the eval of an empty text would succeed, and the next command would run against
// whatever the shell was set up for before. It prints nothing for other commands.
func failEval(args []string, code int, stdout io.Writer) {
	if len(args) > 1 && args[1] == envName {
		fmt.Fprintf(stdout, "(exit %d)\n", code)
	}
}
