package cli

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"balanced/internal/rotation"
)

func (p *program) readyCommand() *cli.Command {
	return p.command(cli.Command{
		Name:  "ready",
		Usage: "let this new instance into service once it passes its load balancers' checks",
		Description: "For user data or a boot unit, in a group with a launch hook. Probes this host as its load balancers\n" +
			"will, keeps the hook waiting meanwhile, completes it, then waits until the instance is InService and\n" +
			"healthy everywhere. An instance that is in service already is waited for as `balanced wait` does.\n" +
			"May run beside other balanced commands, and again at any time.",
		Flags: slices.Concat(readyFlags(), afterwardsFlags(), watchFlags()),
	}, p.ready)
}

func readyFlags() []cli.Flag {
	return []cli.Flag{
		text("launch-hook", "auto", "`NAME` of the launch hook to complete; auto: the only one of the group, CodeDeploy's own not counted", "auto"),
		text("on-unfit", "leave", "`WHAT` to do with an instance that does not pass in time: leave (its launch hook decides when it times out) or abandon (Auto Scaling terminates and replaces it)", "leave", "abandon"),
		text("probe", "auto", "what this host is asked before it goes into service: auto (what its load balancers will ask), off, or a `URL` instead", "auto", "off"),
		text("timeout", "auto", "`DURATION` to wait at most; auto: 15 minutes for the launch and the application, and what the load balancers' checks take"),
		ignoreFlag(),
		dryRunFlag(),
	}
}

func (p *program) ready(c *cli.Context) error {
	v := p.values(c)
	opt := rotation.ReadyOptions{
		WaitOptions: rotation.WaitOptions{Timeout: v.budget("timeout"), Ignore: v.list("ignore")},
		Probe:       v.probe(),
		Abandon:     v.oneOf("on-unfit") == "abandon",
		DryRun:      v.bool("dry-run"),
	}
	if name := v.text("launch-hook"); name != "auto" {
		opt.Hook = name
	}
	j, err := p.job(v)
	if err != nil {
		return err
	}
	if opt.DryRun {
		j.text = dryRunResult
	}
	return j.run(c.Context, func(ctx context.Context, agent *rotation.Agent) (*rotation.Report, error) {
		return agent.Ready(ctx, opt)
	})
}
