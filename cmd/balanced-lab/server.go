package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab/host"
)

// serverCommand is the process of one instance; the lab starts it.
func serverCommand() *cli.Command {
	return &cli.Command{
		Name: "app", Hidden: true, SkipFlagParsing: true, HideHelp: true,
		Action: func(c *cli.Context) error { return host.Main(c.Args().Slice(), os.Stdin, os.Stdout) },
	}
}
