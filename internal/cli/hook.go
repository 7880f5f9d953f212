package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/logging"
	"balanced/internal/rotation"
)

// lifecycleEvent is the variable in which CodeDeploy names the event a hook is for.
const lifecycleEvent = "LIFECYCLE_EVENT"

func (p *program) hookCommand() *cli.Command {
	return p.command(cli.Command{
		Name:  "hook",
		Usage: "out or in, as a hook of CodeDeploy asks by its LIFECYCLE_EVENT",
		Description: "ApplicationStop and BeforeInstall: out. ApplicationStart and ValidateService: in. Any other\n" +
			"event: 64. In Pending:Wait, as in the deployment to a new instance, there is nothing to do: 0.\n" +
			"Logs warnings only, unless --log-level says otherwise, and never 2,048 bytes or more in all:\n" +
			"that is what CodeDeploy keeps.",
		Flags: slices.Concat([]cli.Flag{
			text("timeout", "auto", "`DURATION` the hook has: its timeout in appspec.yml. Waiting until the move may begin takes what the move leaves; a move that does not fit is refused. auto: no such limit"),
		}, withoutTimeout(moveFlags()), outFlags(), inFlags(), afterwardsFlags(), globalFlags()),
	}, p.hook)
}

// withoutTimeout drops the flag that means something else to a hook.
func withoutTimeout(flags []cli.Flag) []cli.Flag {
	return slices.DeleteFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), "timeout") })
}

func (p *program) hook(c *cli.Context) error {
	p = p.terse()
	v := p.values(c)
	do := v.hookWork(p.getenv(lifecycleEvent))
	j, err := p.job(v)
	if err != nil {
		return hookError{err}
	}
	if v.bool("dry-run") {
		j.text = dryRunResult
	}
	err = j.run(c.Context, func(ctx context.Context, agent *rotation.Agent) (*rotation.Report, error) {
		report, err := do(ctx, agent)
		report.Command = j.command
		return report, err
	})
	if err != nil {
		return hookError{err}
	}
	return nil
}

// hookWork is what an event asks for. Both sides' flags are read, so that a mistake in
// one shows at the first event.
func (v *values) hookWork(event string) work {
	out, in := v.outOptions(), v.inOptions()
	if limit := v.budget("timeout"); limit != rotation.Auto {
		if v.notification() != nil {
			limit -= notifyTime // it comes after the run, and the hook's time is then over
		}
		out.Limit, in.Limit = max(limit, time.Nanosecond), max(limit, time.Nanosecond) // 0 is no time, not no limit
	}
	out.Timeout, in.Timeout = rotation.Auto, rotation.Auto
	switch event {
	case "ApplicationStop", "BeforeInstall":
		return func(ctx context.Context, agent *rotation.Agent) (*rotation.Report, error) { return agent.Out(ctx, out) }
	case "ApplicationStart", "ValidateService":
		return func(ctx context.Context, agent *rotation.Agent) (*rotation.Report, error) { return agent.In(ctx, in) }
	case "":
		v.problems = append(v.problems, lifecycleEvent+" is not set: hook is for CodeDeploy")
	default:
		v.problems = append(v.problems, fmt.Sprintf("%s %q: want ApplicationStop or BeforeInstall, ApplicationStart or ValidateService", lifecycleEvent, event))
	}
	return nil
}

// terse is the same program with little to say: what CodeDeploy keeps of a hook's
// output is 2,048 bytes, and the last line, which Main prints, must be among them.
func (p *program) terse() *program {
	copied := *p
	more := moreOmitted
	if p.stderrFormat() == logging.JSON {
		more = moreOmittedJSON
	}
	copied.stderr = &limitWriter{w: p.stderr, left: hookLogLimit, more: more}
	if level := variable("log-level"); p.getenv(level) == "" {
		copied.env = maps.Clone(p.env)
		copied.env[level] = "warn"
	}
	return &copied
}
