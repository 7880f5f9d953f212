package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

func envCommand() *cli.Command {
	return command(cli.Command{
		Name:        "env",
		Usage:       "print what makes a shell an instance of the running lab, for eval; without INSTANCE list them",
		UsageText:   `eval "$(balanced-lab env INSTANCE)"`,
		ArgsUsage:   "[INSTANCE]",
		Description: "Settings of the shell that would win over the instance's own are unset.",
	}, 1, env)
}

func env(c *cli.Context) error {
	instances, err := find(c.Context)
	if err != nil {
		return err
	}
	id := c.Args().First()
	if id == "" {
		t := tabwriter.NewWriter(c.App.Writer, 0, 0, 3, ' ', 0)
		fmt.Fprintln(t, "INSTANCE\tZONE\tSTATE")
		for _, i := range instances {
			fmt.Fprintf(t, "%s\t%s\t%s\n", i.ID, i.Zone, i.State)
		}
		return t.Flush()
	}
	for _, i := range instances {
		if i.ID == id {
			_, err := fmt.Fprint(c.App.Writer, i.Export())
			return err
		}
	}
	return misused("%s is not in the running lab; balanced-lab env lists those that are", id)
}
