// Package cli turns argv and the environment into a call, and what came of it into
// text, JSON and an exit code.
package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"balanced/internal/failure"

	"github.com/urfave/cli/v2"
)

// program is one call of balanced: its streams and its environment.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}

// Main runs balanced once and returns its exit code. It does all but signals and the
// exit itself: ctx ends when the run is told to stop, its cause a Signalled. getenv
// answers for balanced's own variables; those of the AWS SDK are read by the SDK.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr, getenv: getenv}
	err := p.app().RunContext(ctx, args)
	e := endOf(err)
	if err != nil && !e.answer {
		fmt.Fprintln(stderr, lastLine(err))
	}
	return e.code
}

func (p *program) app() *cli.App {
	return &cli.App{
		Name:  "balanced",
		Usage: "takes its own EC2 instance out of service and puts it back, safely",
		UsageText: "balanced [global options] COMMAND [options]\n" +
			"balanced out && chef-client && balanced in",
		Commands: []*cli.Command{
			p.outCommand(), p.inCommand(), p.runCommand(), p.waitCommand(), p.hookCommand(),
			p.statusCommand(), p.doctorCommand(), p.policyCommand(),
			p.exitCodesCommand(), p.completionCommand(), p.versionCommand(),
		},
		Flags:           append(globalFlags(), helpFlag(), &cli.BoolFlag{Name: "version", DisableDefaultText: true, Usage: "print the version"}),
		Action:          p.root,
		OnUsageError:    usage,
		ExitErrHandler:  func(*cli.Context, error) {}, // the default one exits
		HideHelp:        true,                         // the library's own flag is a variable shared by all
		HideHelpCommand: true,
		HideVersion:     true,
		Reader:          p.stdin,
		Writer:          p.stdout,
		ErrWriter:       p.stderr,
	}
}

// command fills in what every command has. One without ArgsUsage takes no arguments.
func (p *program) command(c cli.Command, action cli.ActionFunc) *cli.Command {
	c.Flags = append(append(c.Flags, globalFlags()...), helpFlag())
	c.HideHelp, c.HideHelpCommand = true, true
	c.OnUsageError, c.Action = usage, action
	if c.ArgsUsage == "" {
		c.Action = noArguments(action)
	}
	return &c
}

func noArguments(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if unexpected := c.Args().First(); unexpected != "" {
			return usageError{command: c.Command.Name, problems: []string{fmt.Sprintf("unexpected argument %q", unexpected)}}
		}
		return action(c)
	}
}

func helpFlag() cli.Flag {
	return &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, DisableDefaultText: true, Usage: "show this help"}
}

// root is what runs without a command that is known.
func (p *program) root(c *cli.Context) error {
	switch name := c.Args().First(); {
	case name != "":
		return usageError{problems: []string{fmt.Sprintf("unknown command %q", name)}}
	case c.Bool("version"):
		return p.version(c)
	}
	return usageError{problems: []string{"a command is missing"}}
}

// usageError is a call that makes no sense, with everything that is wrong with it.
type usageError struct {
	command  string // "": none, or none that is known
	problems []string
}

func (e usageError) Error() string { return strings.Join(e.problems, ", ") }

// FailureClass and FailureHint meet package failure.
func (e usageError) FailureClass() failure.Class { return failure.Usage }

func (e usageError) FailureHint() string {
	if e.command == "" {
		return "see balanced --help"
	}
	return "see balanced " + e.command + " --help"
}

// usage takes an error of the flag parser.
func usage(c *cli.Context, err error, isSubcommand bool) error {
	e := usageError{problems: []string{plain(err)}}
	if isSubcommand {
		e.command = c.Command.Name
	}
	return e
}

// plain says what the flag parser says, in our words.
func plain(err error) string {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return "unknown flag --" + strings.TrimLeft(name, "-")
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return "--" + strings.TrimLeft(name, "-") + " needs a value"
	}
	return text
}
