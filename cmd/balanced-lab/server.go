package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab/appserver"
)

// serverCommand is the server process of one instance, which the lab starts.
func serverCommand() *cli.Command {
	return &cli.Command{
		Name: "app", Hidden: true, SkipFlagParsing: true, HideHelp: true,
		Action: func(c *cli.Context) error { return appserver.Main(c.Args().Slice(), os.Stdin, os.Stdout) },
	}
}
