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
		Usage:     "install a version on the instance that this shell acts as",
		UsageText: "balanced-lab deploy [options] VERSION",
		Description: "Takes the place of chef-client, or of whatever else upgrades an instance. It stops the server of " +
			"the instance, which cuts off open requests, starts the new version, and returns. For half of " +
			"--takes the new version answers 503.",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "takes", Value: time.Second, Usage: "`TIME` from the stop of the server to its start"},
			&cli.BoolFlag{Name: "bad", Usage: "install a version that fails every request and health check"},
		},
	}, 1, deploy)
}

func deploy(c *cli.Context) error {
	d := lab.Deploy{Version: c.Args().First(), Takes: c.Duration("takes"), Bad: c.Bool("bad")}
	switch {
	case d.Version == "":
		return usageErrorf("VERSION is missing; see balanced-lab deploy --help")
	case d.Takes < 0 || d.Takes > time.Hour:
		return usageErrorf("--takes %s: want 0s to 1h", d.Takes)
	}
	err := d.Send(c.Context)
	if errors.Is(err, lab.ErrNoInstance) {
		return usageErrorf("%v", err)
	}
	return err
}
