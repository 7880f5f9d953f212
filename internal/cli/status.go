package cli

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"
	"go.uber.org/zap"

	"balanced/internal/logging"
	"balanced/internal/rotation"
)

// standing is what status found where that is not "serving": an answer, not a failure.
type standing rotation.Standing

func (s standing) Error() string { return rotation.Standing(s).String() }

func (p *program) statusCommand() *cli.Command {
	return p.command(cli.Command{
		Name:        "status",
		Usage:       "show what this instance and its peers look like, from the group and from every load balancer",
		Description: "Exits with 0 when this instance serves, 3 when it is out, 4 when it is in no group.",
		Flags: []cli.Flag{
			toggle("watch", "show it again every five seconds"),
			minHealthyFlag(),
		},
	}, p.status)
}

func (p *program) status(c *cli.Context) error {
	v := p.values(c)
	least, watch := v.minHealthy(), v.bool("watch")
	j, err := p.job(v)
	if err != nil {
		return err
	}
	if !j.json {
		// The table has the warnings; a log of them above it would say them twice.
		j.log = j.log.WithOptions(zap.IncreaseLevel(zap.ErrorLevel))
	}
	columns := p.columns(p.stdout)
	j.text = page{color: columns > 0 && p.getenv("NO_COLOR") == "", redraw: columns > 0 && watch, again: watch}.text
	show := &view{job: j, least: least}
	if !watch {
		return show.once(c.Context)
	}
	return show.again(c.Context)
}

// view shows the state of the group, once or again and again.
type view struct {
	*job
	least rotation.MinHealthy
}

const showEvery = 5 * time.Second

func (s *view) once(ctx context.Context) error {
	return s.run(ctx, func(ctx context.Context, agent *rotation.Agent) (*rotation.Report, error) {
		report, found, err := agent.Status(ctx, s.least)
		if err == nil && found != rotation.Serving {
			err = standing(found)
		}
		return report, err
	})
}

// again shows it until a signal comes, or until something is wrong that will not pass.
func (s *view) again(ctx context.Context) error {
	tick := time.NewTicker(showEvery)
	defer tick.Stop()
	for {
		err := s.once(ctx)
		if err != nil && !answer(err) && code(err) != 69 {
			return err
		}
		if err != nil && !answer(err) {
			s.log.Error("no answer this time", logging.Error(err))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
