package cli

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"balanced/internal/probe"
	"balanced/internal/rotation"
)

func (p *program) inCommand() *cli.Command {
	return p.command(cli.Command{
		Name:  "in",
		Usage: "put this instance back into service",
		Description: "Returns 0 only when the instance is InService and every load balancer calls it healthy.\n" +
			"Rerun it after any failure.",
		Flags: slices.Concat(moveFlags(), inFlags(), []cli.Flag{minHealthyInFlag()}, afterwardsFlags(), globalFlags()),
	}, p.in)
}

// inFlags are those of in alone.
func inFlags() []cli.Flag {
	return []cli.Flag{
		text("probe", "auto", "what this host is asked before it returns: auto (what its load balancers will ask), off, or a `URL` instead", "auto", "off"),
		text("on-unhealthy", "standby", "`WHAT` to do with an instance that does not get healthy in time: standby (put it back, if enough peers are healthy) or leave (it in service)", "standby", "leave"),
	}
}

func (p *program) in(c *cli.Context) error {
	v := p.values(c)
	opt := v.inOptions()
	j, err := p.job(v)
	if err != nil {
		return err
	}
	if opt.DryRun {
		j.text = dryRunResult
	}
	return j.run(c.Context, func(ctx context.Context, agent *rotation.Agent) (*rotation.Report, error) {
		return agent.In(ctx, opt)
	})
}

func (v *values) inOptions() rotation.InOptions {
	opt := rotation.InOptions{
		Options:        v.options(),
		Probe:          v.probe(),
		LeaveUnhealthy: v.oneOf("on-unhealthy") == "leave",
	}
	v.takesBack(&opt)
	return opt
}

// probe reads --probe, or BALANCED_PROBE also for a command without the flag: what `in` will ask matters to `out` too.
func (v *values) probe() rotation.ProbeOptions {
	given, source := v.raw("probe")
	switch given {
	case "auto", "<nil>":
		return rotation.ProbeOptions{}
	case "off":
		return rotation.ProbeOptions{Off: true}
	default:
		check, err := probe.FromURL(given)
		if err != nil && !v.offers("probe") {
			return rotation.ProbeOptions{Off: true} // in reports it
		}
		if err != nil {
			v.wrong(source, "%v", err)
		}
		return rotation.ProbeOptions{Check: &check}
	}
}
