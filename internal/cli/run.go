package cli

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"
)

func (p *program) runCommand() *cli.Command {
	return p.command(cli.Command{
		Name:      "run",
		Usage:     "take this instance out of service, run COMMAND, put it back",
		ArgsUsage: "-- COMMAND [ARG...]",
		Description: "COMMAND runs without a shell, with this program's own streams and environment, and only\n" +
			"after out has returned 0. When it exits with 0, or with a code of --ok, the instance comes\n" +
			"back. Otherwise it stays out and the code is COMMAND's: fix it, then run balanced in.\n\n" +
			"126 or 127: COMMAND did not start, and the instance is back if this run took it out.\n" +
			"With nothing to take out (Pending:Wait, Warmed:*, --if-member outside a group) COMMAND\n" +
			"runs all the same.\n\n" +
			"A first signal goes to COMMAND as it is, a second as SIGTERM to its whole process group, a\n" +
			"third as SIGKILL; run waits for its end, and the instance stays out. In the foreground of a\n" +
			"terminal COMMAND has what is typed there (Ctrl-C) from the terminal itself.\n\n" +
			"--wait and --timeout apply to leaving and to returning, each. COMMAND has no limit.",
		Flags: slices.Concat(moveFlags(), outFlags(), inFlags(), []cli.Flag{
			list("ok", "exit `CODE` of COMMAND that is a success: 213 of a Chef that upgraded itself"),
			list("reboot", "exit `CODE` of COMMAND that asks for a reboot: a success, but the instance stays out; run balanced in after the reboot: 35,37 of Chef"),
		}, afterwardsFlags(), globalFlags()),
	}, p.run)
}

func (p *program) run(c *cli.Context) error {
	if c.NArg() == 1 && c.Args().First() == "help" && !slices.Contains(p.args, "--") {
		return cli.ShowCommandHelp(c, c.Command.Name)
	}
	v := p.values(c)
	r := &runCommand{argv: c.Args().Slice(), leaving: v.outOptions(), returning: v.inOptions()}
	r.ok, r.reboot = v.exitCodes("ok", 1), v.exitCodes("reboot", 1)
	r.check(v)
	var err error
	if r.job, err = p.job(v); err != nil {
		return err
	}
	r.text, r.child = r.line, commandName(r.argv)
	if err := startable(r.argv); err != nil {
		return r.refuse(r.notStarted(err))
	}
	return r.job.run(c.Context, r.run)
}

// check notes what is wrong with the command line as a whole.
func (r *runCommand) check(v *values) {
	if len(r.argv) == 0 || r.argv[0] == "" {
		v.problems = append(v.problems, "a COMMAND is missing: balanced run -- COMMAND")
	}
	for _, code := range r.ok {
		if slices.Contains(r.reboot, code) {
			v.problems = append(v.problems, fmt.Sprintf("--ok and --reboot both have %d", code))
		}
	}
}
