package cli

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"
	"go.uber.org/zap"

	"balanced/internal/fleet"
	"balanced/internal/rotation"
)

// notInService is what status found where the instance is not in service: an answer, not a failure.
type notInService rotation.Standing

func (s notInService) Error() string     { return rotation.Standing(s).String() }
func (s notInService) isAnswer() bool    { return true }
func (s notInService) showsResult() bool { return true }

func (s notInService) exitCode() int {
	if rotation.Standing(s) == rotation.NotMember {
		return 4
	}
	return 3
}

func (p *program) statusCommand() *cli.Command {
	return p.command(cli.Command{
		Name:        "status",
		Usage:       "show what this instance and its peers look like, from the group and from every load balancer",
		Description: "Exits with 0 when this instance is in service and healthy everywhere, 3 when it is not, 4 when it is in no group.",
		Flags: slices.Concat([]cli.Flag{
			toggle("watch", "show it again every five seconds"),
			minHealthyFlag(),
			targetsFlag(),
		}, lockFlags(), globalFlags()),
	}, p.status)
}

func (p *program) status(c *cli.Context) error {
	v := p.values(c)
	least, watch, noColor := v.minHealthy(), v.bool("watch"), v.bool("no-color")
	j, err := p.job(v)
	if err != nil {
		return err
	}
	show := &statusView{job: j, least: least}
	show.color = p.getenv("NO_COLOR") == "" && !noColor
	j.text = show.table
	if !watch {
		return show.once(c.Context)
	}
	return show.watch(c.Context)
}

// statusView shows the state of the group, once or again and again.
type statusView struct {
	*job
	least fleet.MinHealthy
	color bool
	above string // the line above each table of --watch
	ends  string // the end of that line, where a key ends the watch
}

// table is asked for anew each time: a terminal may have been made wider.
func (s *statusView) table(r *rotation.Report) string {
	columns := s.columns(s.stdout)
	return statusTable{color: s.color && columns > 0, width: columns, above: s.above, clear: columns > 0 && s.above != ""}.text(r)
}

// look asks for the state of the group.
func (s *statusView) look(ctx context.Context, agent *rotation.Agent) (*rotation.Report, error) {
	if !s.json {
		// The table has the warnings; a log of them above it would say them twice.
		agent.Log = agent.Log.WithOptions(zap.IncreaseLevel(zap.ErrorLevel))
	}
	report, found, err := agent.Status(ctx, s.least)
	report.HostTakenBy = hostTakenBy(report.Instance.ID)
	if err == nil && found != rotation.InService {
		err = notInService(found)
	}
	return report, err
}

func (s *statusView) once(ctx context.Context) error { return s.run(ctx, s.look) }
