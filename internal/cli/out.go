package cli

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"balanced/internal/rotation"
)

func (p *program) outCommand() *cli.Command {
	return p.command(cli.Command{
		Name:  "out",
		Usage: "take this instance out of service",
		Description: "Returns 0 only when the instance is in Standby, every load balancer has deregistered\n" +
			"it, and enough peers are healthy. Refuses when anything is unsafe. Rerun it after any failure.\n" +
			"Outside a group, with --targets, it deregisters the instance itself.",
		Flags: slices.Concat(moveFlags(), outFlags(), afterwardsFlags(), globalFlags()),
	}, p.out)
}

// outFlags are those of out alone.
func outFlags() []cli.Flag {
	return []cli.Flag{
		minHealthyFlag(),
		toggle("replace", "where MinSize leaves no room, leave without lowering the desired capacity; Auto Scaling launches a replacement"),
		toggle("allow-empty-zone", "leave even if no other instance is healthy in this zone"),
		text("settle", rotation.DefaultSettle.String(), "`DURATION` that AWS's answers may lag behind a move"),
	}
}

func (p *program) out(c *cli.Context) error {
	v := p.values(c)
	opt := v.outOptions()
	j, err := p.job(v)
	if err != nil {
		return err
	}
	if opt.DryRun {
		j.text = dryRunResult
	}
	return j.run(c.Context, func(ctx context.Context, agent *rotation.Agent) (*rotation.Report, error) {
		return agent.Out(ctx, opt)
	})
}

func (v *values) outOptions() rotation.OutOptions {
	opt := rotation.OutOptions{
		Options:        v.options(),
		MinHealthy:     v.minHealthy(),
		Replace:        v.bool("replace"),
		AllowEmptyZone: v.bool("allow-empty-zone"),
		Settle:         v.duration("settle"),
		Return:         v.probe(),
	}
	v.checkOutside(opt.MinHealthy)
	return opt
}

// options are those that out and in share.
func (v *values) options() rotation.Options {
	return rotation.Options{
		Wait:     v.budget("wait"),
		Timeout:  v.budget("timeout"),
		Ignore:   v.list("ignore"),
		IfMember: v.bool("if-member"),
		DryRun:   v.bool("dry-run"),
	}
}
