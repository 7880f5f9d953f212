package cli

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"balanced/internal/failure"
	"balanced/internal/logging"
	"balanced/internal/rotation"
)

// An ending is what is known of a run when it is over, besides its error.
type ending struct {
	report        *rotation.Report // nil: it ended before there was one
	format, level string           // of the log; "": it ended before they were read
}

// sayHowItEnded writes the last line of a failed run or, where stderr is JSON, the last event of any run.
func (p *program) sayHowItEnded(err error) {
	failed := err != nil && !endOf(err).answer
	if cmp.Or(p.end.format, p.stderrFormat()) == logging.JSON {
		if failed || p.end.report != nil {
			p.logEnd(err, failed)
		}
		return
	}
	if failed {
		fmt.Fprintln(p.stderr, lastLine(err))
	}
}

// logEnd writes the last event. A failure is an error, which every level shows.
func (p *program) logEnd(err error, failed bool) {
	log, invalid := logging.New(p.stderr, cmp.Or(p.end.level, "info"), logging.JSON)
	if invalid != nil {
		return // the level was read before, or is ours
	}
	if failed {
		log.Error("finished", p.endFields(err)...)
		return
	}
	log.Info("finished", p.endFields(err)...)
}

func (p *program) endFields(err error) []zap.Field {
	report := p.end.report
	if report == nil {
		report = &rotation.Report{Command: commandOf(err), Outcome: failure.Of(err).String()}
	}
	fields := []zap.Field{
		logging.Command(report.Command), logging.ExitCode(endOf(err).code), logging.Outcome(report.Outcome), logging.Moved(report.Moved),
		logging.Instance(report.Instance.ID), logging.Group(report.Group.Name),
	}
	if err != nil && !as[ownCode](err) {
		fields = append(fields, logging.Class(failure.Of(err).String()))
	}
	if err != nil && !endOf(err).answer {
		reason, hint := lastWords(err)
		fields = append(fields, logging.Reason(reason), logging.Hint(hint))
	}
	return append(fields, logging.Elapsed(seconds(report.ElapsedSeconds)), logging.TimeLimit(seconds(report.TimeLimitSeconds)))
}

// commandOf is the command whose flags were wrong.
func commandOf(err error) string {
	if e, ok := errors.AsType[usageError](err); ok {
		return e.command
	}
	return ""
}

// stderrFormat is the format of the log as far as it can be told without the parser: a command line that the parser
// refuses is still answered in the format it asks for.
func (p *program) stderrFormat() string {
	format := cmp.Or(p.getenv(variable("log-format")), "auto")
	for i, arg := range p.args {
		if arg == "--" {
			break
		}
		name, value, given := strings.Cut(arg, "=")
		if strings.TrimLeft(name, "-") != "log-format" {
			continue
		}
		if !given && i+1 < len(p.args) {
			value = p.args[i+1]
		}
		format = value
	}
	if format == "auto" {
		return logging.Auto(p.getenv("JOURNAL_STREAM"), p.columns(p.stderr) > 0)
	}
	return format
}

// remark is a line on stderr from a command without a log.
func (p *program) remark(text string) {
	if p.stderrFormat() != logging.JSON {
		fmt.Fprintln(p.stderr, "balanced: "+text)
		return
	}
	if log, err := logging.New(p.stderr, "info", logging.JSON); err == nil {
		log.Warn(text)
	}
}
