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

// Exit codes besides 0 and the rollout's own.
const (
	exitUnforeseen = 1
	exitUsage      = 64 // also a port that is taken, an agent that is not there
	exitNoLab      = 69
)

// stopped is the cause of a context that a signal ended.
type stopped struct{ os.Signal }

func (s stopped) Error() string {
	names := map[os.Signal]string{syscall.SIGHUP: "SIGHUP", syscall.SIGINT: "SIGINT", syscall.SIGTERM: "SIGTERM"}
	return "stopped by " + names[s.Signal]
}

// usageError is a call that cannot be served as given.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func misused(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// rollout is an end that has been told already: the exit code of what was run.
type rollout int

func (r rollout) Error() string { return fmt.Sprintf("exit %d", int(r)) }

// run is the whole program. It prints at most one line about what went wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := app(stdout, stderr).RunContext(ctx, args)
	if end, ok := errors.AsType[rollout](err); ok {
		return int(end)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "balanced-lab: %v\n", err)
	return code(err)
}

func code(err error) int {
	if s, ok := errors.AsType[stopped](err); ok {
		if n, ok := s.Signal.(syscall.Signal); ok {
			return 128 + int(n)
		}
	}
	if _, ok := errors.AsType[usageError](err); ok || errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES) {
		return exitUsage
	}
	if errors.Is(err, lab.ErrNoLab) {
		return exitNoLab
	}
	return exitUnforeseen
}

func app(stdout, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:      "balanced-lab",
		Usage:     "a fleet of simulated EC2 instances on loopback, to try balanced on",
		UsageText: "balanced-lab COMMAND [options]",
		Description: "Exit codes: 0; 64 for what cannot be served as given, a port that is taken included; " +
			"69 when no lab is running; rehearse, demo: that of the rollout; 128 and its number for a signal.",
		Commands:        []*cli.Command{upCommand(), envCommand(), rehearseCommand(), deployCommand(), demoCommand(), manualCommand(), serverCommand()},
		Flags:           []cli.Flag{helpFlag()},
		Action:          func(c *cli.Context) error { return noCommand(c.Args().First()) },
		OnUsageError:    onUsageError,
		ExitErrHandler:  func(*cli.Context, error) {}, // the default one exits
		HideHelp:        true,                         // the library's own flag is a variable shared by all
		HideHelpCommand: true,
		HideVersion:     true,
		Writer:          stdout,
		ErrWriter:       stderr,
	}
}

func noCommand(name string) error {
	if name == "" {
		return misused("a command is missing; see balanced-lab --help")
	}
	return misused("unknown command %q; see balanced-lab --help", name)
}

func helpFlag() cli.Flag {
	return &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show this help"}
}

// command fills in what every command has. It takes at most so many arguments.
func command(c cli.Command, args int, action cli.ActionFunc) *cli.Command {
	c.Flags = append(c.Flags, helpFlag())
	c.HideHelp, c.HideHelpCommand = true, true
	c.OnUsageError = onUsageError
	c.Action = func(c *cli.Context) error {
		if c.NArg() > args {
			return misused("stray argument %q; see balanced-lab %s --help", c.Args().Get(args), c.Command.Name)
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
	return misused("%s; see balanced-lab --help", text)
}
