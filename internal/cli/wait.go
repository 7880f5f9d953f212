package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"balanced/internal/rotation"
)

func (p *program) waitCommand() *cli.Command {
	return p.command(cli.Command{
		Name:  "wait",
		Usage: "wait until this instance is InService and healthy at every load balancer",
		Description: "For user data and cfn-signal -e $?. Waits through a launch and its lifecycle hooks, and while\n" +
			"no group lists the instance yet. Changes nothing, and may run beside other balanced commands.\n" +
			"0: it is healthy, or in the warm pool. 75: not in time, or in Standby, from where nothing comes\n" +
			"back by itself. 81: it is leaving the group.",
		Flags: append([]cli.Flag{
			text("timeout", "auto", "`DURATION` to wait at most; auto: 15 minutes for a launch and its hooks, and what the load balancers' checks take"),
			ignoreFlag(),
			targetsFlag(),
		}, append(afterwardsFlags(), watchFlags()...)...),
	}, p.wait)
}

func (p *program) wait(c *cli.Context) error {
	v := p.values(c)
	opt := rotation.WaitOptions{Timeout: v.budget("timeout"), Ignore: v.list("ignore")}
	j, err := p.job(v)
	if err != nil {
		return err
	}
	return j.run(c.Context, func(ctx context.Context, agent *rotation.Agent) (*rotation.Report, error) {
		return agent.Wait(ctx, opt)
	})
}
