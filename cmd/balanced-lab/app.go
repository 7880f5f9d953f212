package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab"
)

// Exit codes besides 0 and that of the rollout.
const (
	exitInternal = 1
	exitUsage    = 64 // also if the port is in use, or balanced is not found
	exitNoLab    = 69
)

// signalled is the cause of a context that a signal ended.
type signalled struct{ os.Signal }

func (s signalled) Error() string {
	names := map[os.Signal]string{syscall.SIGHUP: "SIGHUP", syscall.SIGINT: "SIGINT", syscall.SIGTERM: "SIGTERM"}
	return "stopped by " + names[s.Signal]
}

// usageError means that the command line has to be changed.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usageErrorf(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// exitStatus is the exit code of a rollout whose result has been printed.
type exitStatus int

func (r exitStatus) Error() string { return fmt.Sprintf("exit %d", int(r)) }

// run is the whole program. It prints at most one line about an error.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := app(stdout, stderr).RunContext(ctx, args)
	if end, ok := errors.AsType[exitStatus](err); ok {
		return int(end)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "balanced-lab: %v\n", err)
	failEval(args, exitCode(err), stdout)
	return exitCode(err)
}

func exitCode(err error) int {
	if s, ok := errors.AsType[signalled](err); ok {
		if n, ok := s.Signal.(syscall.Signal); ok {
			return 128 + int(n)
		}
	}
	if end, ok := errors.AsType[checkEnd](err); ok {
		return end.code
	}
	if _, ok := errors.AsType[usageError](err); ok || errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES) {
		return exitUsage
	}
	if errors.Is(err, lab.ErrNoLab) {
		return exitNoLab
	}
	return exitInternal
}

func app(stdout, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:      "balanced-lab",
		Usage:     "a fleet of simulated EC2 instances on this machine, to try balanced and rehearse rollouts",
		UsageText: "balanced-lab COMMAND [options]",
		Description: "Exit codes: 0; 64 if the command line has to be changed, also if the port is in use; " +
			"69 if no lab is running; 128 plus its number for a signal; rehearse and demo: that of the rollout.",
		Commands:        []*cli.Command{upCommand(), envCommand(), rehearseCommand(), deployCommand(), demoCommand(), helpCommand(), checkAWSCommand(), manualCommand(), serverCommand()},
		Flags:           []cli.Flag{helpFlag()},
		Action:          func(c *cli.Context) error { return noCommand(c.Args().First()) },
		OnUsageError:    onUsageError,
		ExitErrHandler:  func(*cli.Context, error) {}, // the default one calls os.Exit
		HideHelp:        true,                         // the library's own help flag is a global variable
		HideHelpCommand: true,
		HideVersion:     true,
		Writer:          stdout,
		ErrWriter:       stderr,
	}
}

func noCommand(name string) error {
	if name == "" {
		return usageErrorf("the command is missing; see balanced-lab --help")
	}
	return usageErrorf("unknown command %q; see balanced-lab --help", name)
}

// helpCommand is what people type who do not know --help.
func helpCommand() *cli.Command {
	return command(cli.Command{Name: "help", Usage: "show the help of a command", ArgsUsage: "[COMMAND]", Hidden: true}, 1, func(c *cli.Context) error {
		name := c.Args().First()
		switch {
		case name == "":
			return cli.ShowAppHelp(c)
		case c.App.Command(name) == nil:
			return noCommand(name)
		}
		return cli.ShowCommandHelp(c.Lineage()[1], name)
	})
}

func helpFlag() cli.Flag {
	return &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show this help"}
}

// command adds what all commands have in common. args is the number of arguments that it
// takes at most.
func command(c cli.Command, args int, action cli.ActionFunc) *cli.Command {
	c.Flags = append(c.Flags, helpFlag())
	c.HideHelp, c.HideHelpCommand = true, true
	c.OnUsageError = onUsageError
	c.Action = func(c *cli.Context) error {
		if c.NArg() > args {
			return usageErrorf("unexpected argument %q; see balanced-lab %s --help", c.Args().Get(args), c.Command.Name)
		}
		return action(c)
	}
	return &c
}

func onUsageError(_ *cli.Context, err error, _ bool) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		text = "unknown flag --" + strings.TrimLeft(name, "-")
	}
	return usageErrorf("%s; see balanced-lab --help", text)
}
