package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/manual"
)

// manualCommand prints the man page, which is part of the packages.
func manualCommand() *cli.Command {
	return command(cli.Command{
		Name:   "manual",
		Usage:  "print the man page",
		Hidden: true,
		Flags: []cli.Flag{
			&cli.Int64Flag{Name: "date", Usage: "date of the page, in `SECONDS` since 1970"},
			&cli.StringFlag{Name: "release", Usage: "`VERSION` that the page is for", Value: "devel"},
		},
	}, 0, func(c *cli.Context) error {
		return manual.Page{
			App: c.App, Version: c.String("release"), Date: time.Unix(c.Int64("date"), 0),
			Sections: []manual.Section{{Title: "SEE ALSO", Text: "balanced(1), and /usr/share/doc/balanced-lab."}},
		}.Write(c.App.Writer)
	})
}
