package main

import (
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab"
)

func deployCommand() *cli.Command {
	return command(cli.Command{
		Name:      "deploy",
		Usage:     "on an instance of a lab: stop its server and start another version",
		UsageText: "balanced-lab deploy [options] VERSION",
		Description: "Stands for chef-client or whatever else upgrades a host. Requests that are open are cut. " +
			"Returns when the new version has started; it answers 503 for half as long again.",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "takes", Value: time.Second, Usage: "`TIME` from the stop to the start"},
			&cli.BoolFlag{Name: "bad", Usage: "a version that fails its health checks and every request"},
		},
	}, 1, deploy)
}

func deploy(c *cli.Context) error {
	d := lab.Deploy{Version: c.Args().First(), Takes: c.Duration("takes"), Bad: c.Bool("bad")}
	switch {
	case d.Version == "":
		return misused("a version is missing; see balanced-lab deploy --help")
	case d.Takes < 0 || d.Takes > time.Hour:
		return misused("--takes %s: want 0s to 1h", d.Takes)
	}
	err := d.Here(c.Context)
	if errors.Is(err, lab.ErrNoInstance) {
		return misused("%v", err)
	}
	return err
}
