// Package cli turns argv and the environment into a call, and what came of it into
// text, JSON and an exit code.
package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"balanced/internal/failure"
	"balanced/internal/targets"

	"github.com/urfave/cli/v2"
)

// program is one call of balanced: its streams and its environment.
type program struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	env            environment
	end            *ending
	outside        []targets.Name // of --targets; none: in a group
}

func (p *program) getenv(name string) string { return p.env[name] }

// Main runs balanced once and returns its exit code. It does all but signals and the
// exit itself: ctx ends when the run is told to stop, its cause a Signalled. environ are
// the variables, as os.Environ has them; those of the AWS SDK are read by the SDK.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	p := &program{args: args, stdin: stdin, stdout: stdout, stderr: stderr, env: readEnvironment(environ), end: &ending{}}
	err := p.app().RunContext(ctx, args)
	p.sayHowItEnded(err)
	return endOf(err).code
}

func (p *program) app() *cli.App {
	return &cli.App{
		Name:  "balanced",
		Usage: "takes its own EC2 instance out of service and puts it back, safely",
		UsageText: "balanced [global options] COMMAND [options]\n" +
			"balanced out && chef-client && balanced in",
		Commands: []*cli.Command{
			p.outCommand(), p.inCommand(), p.runCommand(), p.readyCommand(), p.waitCommand(), p.hookCommand(),
			p.statusCommand(), p.doctorCommand(), p.policyCommand(),
			p.exitCodesCommand(), p.explainCommand(), p.completionCommand(), p.versionCommand(), p.helpCommand(),
		},
		Flags:                 append(globalFlags(), metricsFlag(), helpFlag(), versionFlag()),
		Action:                p.root,
		OnUsageError:          usage,
		ExitErrHandler:        func(*cli.Context, error) {}, // the default one exits
		CustomAppHelpTemplate: cli.AppHelpTemplate + guides()[""].text(""),
		HideHelp:              true, // the library's own flag is a variable shared by all
		HideHelpCommand:       true,
		HideVersion:           true,
		Reader:                p.stdin,
		Writer:                p.stdout,
		ErrWriter:             p.stderr,
	}
}

// command fills in what every command has, its guide among it. One without ArgsUsage takes no arguments.
func (p *program) command(c cli.Command, action cli.ActionFunc) *cli.Command {
	c.Flags = append(c.Flags, helpFlag())
	c.CustomHelpTemplate = cli.CommandHelpTemplate + guides()[c.Name].text(c.Name)
	c.HideHelp, c.HideHelpCommand = true, true
	c.OnUsageError, c.Action = usage, action
	if c.ArgsUsage == "" {
		c.Action = noArguments(action)
	}
	return &c
}

// noArguments refuses arguments, but for `help` alone.
func noArguments(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.NArg() == 1 && c.Args().First() == "help" {
			return cli.ShowCommandHelp(c, c.Command.Name)
		}
		if unexpected := c.Args().First(); unexpected != "" {
			return usageError{command: c.Command.Name, problems: []string{fmt.Sprintf("unexpected argument %q", unexpected)}}
		}
		return action(c)
	}
}

func helpFlag() cli.Flag {
	return &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, DisableDefaultText: true, Usage: "show this help"}
}

func versionFlag() cli.Flag {
	return &cli.BoolFlag{Name: "version", Aliases: []string{"v"}, DisableDefaultText: true, Usage: "print the version"}
}

func (p *program) helpCommand() *cli.Command {
	return p.command(cli.Command{Name: "help", Usage: "show this help, or that of a command", ArgsUsage: "[COMMAND]"}, p.help)
}

func (p *program) help(c *cli.Context) error {
	name := c.Args().First()
	switch {
	case c.NArg() > 1:
		return usageError{command: "help", problems: []string{fmt.Sprintf("unexpected argument %q", c.Args().Get(1))}}
	case name == "":
		return cli.ShowAppHelp(c)
	case c.App.Command(name) == nil:
		return unknownCommand(c.App, name)
	}
	return cli.ShowCommandHelp(c, name)
}

// unknownCommand is the error about a name that is no command.
func unknownCommand(app *cli.App, name string) error {
	var known []string
	for _, command := range app.Commands {
		known = append(known, command.Name)
	}
	return usageError{problems: []string{fmt.Sprintf("unknown command %q", name) + didYouMean(name, known, "")}}
}

// root is what runs without a command that is known.
func (p *program) root(c *cli.Context) error {
	switch name := c.Args().First(); {
	case name != "":
		return unknownCommand(c.App, name)
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
	e, flags := usageError{}, c.App.Flags
	if isSubcommand {
		e.command, flags = c.Command.Name, c.Command.Flags
	}
	e.problems = []string{plain(err, flags)}
	return e
}

// plain says what the parser of these flags says, in our words.
func plain(err error, flags []cli.Flag) string {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		name = strings.TrimLeft(name, "-")
		return "unknown flag --" + name + didYouMean(name, longNames(flags), "--")
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return "--" + strings.TrimLeft(name, "-") + " needs a value"
	}
	return text
}

func longNames(flags []cli.Flag) []string {
	var all []string
	for _, f := range flags {
		all = append(all, f.Names()[0])
	}
	return all
}
