package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"go.uber.org/zap"

	"balanced/internal/logging"
	"balanced/internal/rotation"
)

// job is one call of a command that has a report.
type job struct {
	*program
	command string
	json    bool // --output json
	hold    string
	text    func(*rotation.Report) string // the result, for people
	file    reportFile
	connect connector
	screen  *screen
	log     *zap.Logger
}

// verb is the command's work, once the agent is there. Its report is never nil.
type verb func(context.Context, *rotation.Agent) (*rotation.Report, error)

// job reads the global flags and makes sure of everything that can be made sure of
// without asking anybody: first all flags (64), then the report's file (73).
func (p *program) job(v *values) (*job, error) {
	j := &job{program: p, command: v.c.Command.Name, hold: v.text("hold-file"), text: result, connect: connect}
	j.json = v.oneOf("output") == "json"
	level := v.oneOf("log-level")
	format := v.oneOf("log-format")
	if err := v.err(); err != nil {
		return nil, err
	}
	j.screen = newScreen(p.stderr, p.columns(p.stderr))
	if format == "auto" {
		format = logging.Auto(p.getenv("JOURNAL_STREAM"), j.screen.terminal)
	}
	var err error
	if j.log, err = logging.New(j.screen, level, format); err != nil {
		return nil, err
	}
	j.file, err = openReport(v.text("report"))
	return j, err
}

// run does the command's work and hands over what came of it: the result on stdout,
// the report in its file. The error that it returns is the run's.
func (j *job) run(ctx context.Context, do verb) error {
	report, err := j.do(ctx, do)
	if !as[handed](err) {
		err = ours(ctx, report, err)
	}
	j.handOver(report, err)
	return err
}

// refuse hands over a run that ended before anybody was asked.
func (j *job) refuse(err error) error {
	j.handOver(unconnected(j.command, time.Now(), err), err)
	return err
}

// cutShort: a call that a signal ended does not know why, or says in its own words what
// the signal says better. A Stop has its own say.
func cutShort(err error) bool {
	if stop, ok := errors.AsType[*rotation.Stop](err); ok && stop.Class != 0 {
		return false
	}
	return as[Signalled](err) || code(err) == 1 || code(err) == 69
}

// ours makes sure that an error of our own says what our codes promise.
func ours(ctx context.Context, report *rotation.Report, err error) error {
	if err != nil && ctx.Err() != nil && cutShort(err) {
		err = context.Cause(ctx)
	}
	if report.Moved {
		err = afterMove(err)
	}
	return err
}

// do connects and works. There is a report even where the agent has none.
func (j *job) do(ctx context.Context, do verb) (*rotation.Report, error) {
	began := time.Now()
	agent, counts, err := j.connect(ctx, j.hold, j.log)
	if err != nil {
		return unconnected(j.command, began, err), err
	}
	progress, stop := j.screen.follow(ctx, j.log)
	defer stop()
	agent.Progress = progress
	report, err := do(ctx, agent)
	report.APICalls = counts()
	return report, err
}

func (j *job) handOver(report *rotation.Report, err error) {
	report.Version, report.ExitCode = version(), code(err)
	if report.APICalls == nil {
		report.APICalls = map[string]int{}
	}
	if err != nil && !answer(err) {
		report.Reason, report.Hint = reasonAndHint(err)
	}
	if err := j.show(report, err); err != nil {
		j.log.Debug("the result was not taken", logging.Error(err))
	}
	if err := j.file.write(report); err != nil {
		j.log.Warn("the report was not written", logging.Error(err))
	}
}

// unconnected is the report of a run that did not find out which instance it is on.
func unconnected(command string, began time.Time, err error) *rotation.Report {
	return &rotation.Report{
		Command: command, Outcome: "failed", Reason: err.Error(), StartedAt: began.UTC(),
		ElapsedSeconds: time.Since(began).Round(time.Millisecond).Seconds(),
		Traffic:        []rotation.TrafficReport{}, Steps: []rotation.StepReport{}, Warnings: []string{},
	}
}

// afterMove keeps the promise that codes up to 81 moved nothing, whatever went wrong
// after a move: then the state is not known.
func afterMove(err error) error {
	if c := code(err); c == 0 || c > 81 {
		return err
	}
	return &rotation.Stop{Class: rotation.Stuck, Reason: "after a move", Hint: "look with balanced status", Err: err}
}

// show prints the result: the report as JSON, or for people what there is to print.
func (j *job) show(report *rotation.Report, err error) error {
	if j.json {
		return writeJSON(j.stdout, report)
	}
	if err != nil && !answer(err) && !as[diagnosis](err) {
		return nil
	}
	_, err = io.WriteString(j.stdout, j.text(report))
	return err
}
