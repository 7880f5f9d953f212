package cli

import (
	"cmp"
	"context"
	"io"
	"runtime"
	"slices"
	"time"

	"go.uber.org/zap"

	"balanced/internal/failure"
	"balanced/internal/hostlock"
	"balanced/internal/imds"
	"balanced/internal/logging"
	"balanced/internal/rotation"
)

// job is one call of a command that has a report.
type job struct {
	*program
	command string
	json    bool // --output json
	hold    []string
	text    func(*rotation.Report) string // the result, for people
	// document is what is written as JSON; nil: the report itself.
	document func(*rotation.Report) any
	file     reportFile
	lockAt   lockAt
	child    string         // the name of the operator's command, of run
	host     *hostlock.Lock // once it is taken
	screen   *screen
	log      *zap.Logger
	warnings []string // of the command line itself
	after    afterwards
	startUp  time.Duration // how long a metadata service that does not answer yet is waited for
	progress func(rotation.Progress)
}

// work is what a command does, once the agent is there. Its report is never nil.
type work func(context.Context, *rotation.Agent) (*rotation.Report, error)

// job reads the global flags and checks everything that can be checked without asking anyone: first all flags (64),
// then the files (73).
func (p *program) job(v *values) (*job, error) {
	j := &job{program: p, command: v.c.Command.Name, hold: v.holdFiles(), text: result}
	j.json, j.lockAt, j.startUp = v.oneOf("output") == "json", v.lockAt(), v.startUp()
	p.outside = v.targets()
	v.checkLockOutside()
	after, afterErr := v.afterwards()
	if err := j.openLog(v); err != nil {
		return nil, err
	}
	j.warnOf(v)
	file, err := openReport(v.text("report"))
	// What can be written is, also about a run that ends because something else cannot.
	j.file, j.after = file, after
	if err := cmp.Or(afterErr, err); err != nil {
		return nil, j.refuse(err)
	}
	return j, nil
}

// openLog makes the screen and the log, once all flags were read.
func (j *job) openLog(v *values) error {
	level, format, quiet := v.oneOf("log-level"), v.oneOf("log-format"), v.bool("quiet")
	if err := v.err(); err != nil {
		return err
	}
	columns := j.columns(j.stderr)
	if format == "auto" {
		format = logging.Auto(j.getenv("JOURNAL_STREAM"), columns > 0)
	}
	if quiet && level != "error" {
		level = "warn"
	}
	if quiet || format == logging.JSON {
		columns = 0 // no line that is drawn again and again
	}
	*j.end = ending{format: format, level: level}
	j.screen = newScreen(j.stderr, columns)
	var err error
	j.log, err = logging.New(j.screen, level, format)
	return err
}

// warnOf warns of variables that are not known, and of a move from a system without a lock for its host.
func (j *job) warnOf(v *values) {
	if text := j.unknownVariables(); text != "" {
		j.warn(text)
	}
	if text := elsewhere(runtime.GOOS); v.has("dry-run") && text != "" {
		j.warn(text)
	}
}

// warn is a warning of the command line itself, on stderr and in the report.
func (j *job) warn(text string) {
	j.log.Warn(text)
	j.warnings = append(j.warnings, text)
}

// run does the command's work and hands over what came of it: the result on stdout, the report in its file. The error
// that it returns is the run's.
func (j *job) run(ctx context.Context, do work) error {
	report, err := j.connectAndDo(ctx, do)
	return j.finish(ctx, report, err)
}

// finish hands over what came of the work.
func (j *job) finish(ctx context.Context, report *rotation.Report, err error) error {
	err = promised(ctx, report, err)
	j.handOver(report, err)
	return err
}

// refuse hands over a run that ended before anyone was asked.
func (j *job) refuse(err error) error {
	j.handOver(rotation.NewReport(j.command, time.Now(), err), err)
	return err
}

// promised makes sure that an error of our own says what the codes promise: the signal, where one cut a call short that
// does not know why; and after a move never a class that moved nothing, whatever went wrong. Then the state is not known.
func promised(ctx context.Context, report *rotation.Report, err error) error {
	if err == nil || as[ownCode](err) {
		return err
	}
	cutShort := !as[*failure.Refusal](err) || failure.Is(err, failure.Internal, failure.Unreachable)
	if ctx.Err() != nil && cutShort {
		err = context.Cause(ctx)
	}
	if class := failure.Of(err); report.Moved && (class == failure.Internal || class.MovedNothing()) {
		return &failure.Refusal{Class: failure.Unknown, Reason: "after a move", Hint: "look with balanced status", Err: err}
	}
	return err
}

// connectAndDo makes the agent and lets it work. There is a report even where there is no agent.
func (j *job) connectAndDo(ctx context.Context, do work) (*rotation.Report, error) {
	began := time.Now()
	progress, stop := j.screen.follow(ctx, j.log)
	defer stop()
	j.progress = progress
	agent, counts, err := j.connectBy(ctx, j.log, j.lockAt, func(metadata *imds.Client) (imds.Identity, error) { return j.identify(ctx, metadata) })
	if err != nil {
		return rotation.NewReport(j.command, began, err), err
	}
	agent.Hold, agent.Alone, agent.Began, agent.Progress = j.hold, j.takeHost, began, progress
	report, err := do(ctx, agent)
	report.APICalls = counts()
	return report, err
}

func (j *job) handOver(report *rotation.Report, err error) {
	e := endOf(err)
	report.Version, report.ExitCode, j.end.report = version(), e.code, report
	if report.APICalls == nil {
		report.APICalls = map[string]int{}
	}
	report.Warnings = slices.Insert(report.Warnings, 0, j.warnings...)
	if err != nil && !e.answer {
		report.Reason, report.Hint = e.reason, e.hint
	}
	if err := j.show(report, e); err != nil {
		j.log.Debug("the result could not be written", logging.Error(err))
	}
	if err := j.file.write(j.whole(report)); err != nil {
		j.log.Warn("the report was not written", logging.Error(err))
	}
	j.tell(report, e)
}

// whole is the report as it is written as JSON.
func (j *job) whole(report *rotation.Report) any {
	if j.document == nil {
		return report
	}
	return j.document(report)
}

// show prints the result: the report as JSON, or for people what there is to print.
func (j *job) show(report *rotation.Report, e end) error {
	if j.json {
		return writeJSON(j.stdout, j.whole(report))
	}
	if !e.shows {
		return nil
	}
	_, err := io.WriteString(j.stdout, j.text(report))
	return err
}
