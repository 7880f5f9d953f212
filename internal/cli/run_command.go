package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
	"balanced/internal/rotation"
)

// runCommand is one call of run: out, the operator's command, in.
type runCommand struct {
	*job
	argv       []string
	leaving    rotation.OutOptions
	returning  rotation.InOptions
	ok, reboot []int // exit codes
	report     *rotation.Report
	ended      string // how the command ended, for people: "chef-client exited 0"
}

// run is the whole of it. The host is taken throughout, while the command runs too.
func (r *runCommand) run(ctx context.Context, agent *rotation.Agent) (*rotation.Report, error) {
	if release, err := agent.TakeHost(); err == nil { // otherwise out says so
		defer release()
	}
	if err := r.out(ctx, agent); err != nil {
		return r.report, fmt.Errorf("not started: %w", err)
	}
	if r.leaving.DryRun {
		return r.report, nil
	}
	end := r.work(ctx)
	if stay := r.judge(end); stay != nil {
		return r.report, stay
	}
	err := r.in(ctx, agent)
	switch {
	case err != nil:
		return r.report, err
	case end.startErr != nil:
		r.report.Outcome = "not started"
		return r.report, r.notStarted(end.startErr)
	}
	return r.report, nil
}

func (r *runCommand) out(ctx context.Context, agent *rotation.Agent) error {
	progress, stop := r.screen.follow(ctx, r.log)
	defer stop()
	agent.Progress = progress
	report, err := agent.Out(ctx, r.leaving)
	r.add("out", report, err)
	return err
}

func (r *runCommand) in(ctx context.Context, agent *rotation.Agent) error {
	progress, stop := r.screen.follow(ctx, r.log)
	defer stop()
	agent.Progress = progress
	report, err := agent.In(ctx, r.returning)
	wasOut := r.isOut()
	r.add("in", report, err)
	if err == nil {
		return nil
	}
	if !wasOut {
		return fmt.Errorf("%s, then: %w", r.ended, err)
	}
	return &failure.Refusal{
		Class: notBack(err), Err: err, Reason: r.ended + ", not back in service",
		Hint: strings.ReplaceAll(endOf(err).hint, "run it again", "run balanced in"),
	}
}

// notBack is the class of a return that failed after the same run had left: what moved nothing by itself is a move half
// done.
func notBack(err error) failure.Class {
	switch c := failure.Of(err); c {
	case failure.Unfit, failure.Unhealthy:
		return failure.Unhealthy
	case failure.Leaving, failure.Gone:
		return failure.Gone
	case failure.Internal, failure.Unknown:
		return failure.Unknown
	case failure.Interrupted:
		return c
	}
	return failure.Unfinished
}

// work runs the command.
func (r *runCommand) work(ctx context.Context) childEnd {
	began := time.Now()
	end := (&child{program: r.program, argv: r.argv, keep: r.keepHost}).run(ctx)
	part := rotation.PartReport{Name: "command", ExitCode: end.code, Outcome: "failed", ElapsedSeconds: since(began)}
	name := commandName(r.argv)
	r.ended = fmt.Sprintf("%s exited %d", name, end.code)
	switch {
	case end.startErr != nil:
		part.Outcome, r.ended = "not started", name+" was not started"
	case end.signal != 0:
		part.Outcome = "ended by a signal"
		r.ended = fmt.Sprintf("%s was ended by signal %d (%s)", name, int(end.signal), end.signal)
	case slices.Contains(r.reboot, end.code):
		part.Outcome = "reboot due"
	case end.code == 0 || slices.Contains(r.ok, end.code):
		part.Outcome = "done"
	}
	r.report.Parts = append(r.report.Parts, part)
	r.report.ElapsedSeconds = since(r.report.StartedAt)
	return end
}

// keepHost starts the operator's command in a way that keeps the host taken for as long as it lives, also when this
// process is killed.
func (r *runCommand) keepHost(cmd *exec.Cmd) error {
	if r.host == nil {
		return cmd.Start()
	}
	keeper, err := r.host.Keep()
	if err != nil {
		return err
	}
	return keeper.Start(cmd)
}

// judge says why the instance must not come back, or nil.
func (r *runCommand) judge(end childEnd) error {
	part := r.report.Parts[len(r.report.Parts)-1]
	switch {
	case end.startErr != nil:
		return r.stayAfterNoStart(end)
	case part.Outcome == "reboot due":
		r.report.Outcome = part.Outcome
		return childExit{end.code, r.ended + ": a reboot is due, " + r.whereItIs(), r.afterReboot()}
	case part.Outcome != "done" && end.stoppedBy != nil:
		r.report.Outcome = "command " + part.Outcome
		return r.stopped(end)
	case part.Outcome != "done":
		r.report.Outcome = "command " + part.Outcome
		return childExit{end.code, r.ended + ", " + r.whereItIs(), "fix it, then " + r.resume()}
	case end.stoppedBy != nil:
		return r.interrupted(end.stoppedBy)
	}
	return nil
}

func (r *runCommand) afterReboot() string {
	if r.isOut() {
		return "run balanced in after the reboot"
	}
	return "reboot this host"
}

// stopped: a signal came while the command worked, and it did not end well. Nothing is known to be broken, but its work
// may be half done, so the hint does not begin with a move into traffic.
func (r *runCommand) stopped(end childEnd) error {
	hint := "its work may be half done: run it again"
	where := r.whereItIs()
	if r.isOut() {
		where = "instance is in " + r.report.Instance.State
		hint += ", or finish the work and then run balanced in"
	}
	return childExit{end.code, fmt.Sprintf("%v: %s, %s", end.stoppedBy, r.ended, where), hint}
}

// stayAfterNoStart: nothing was done to the instance, so what this run took out comes back. What was found in Standby
// may be half upgraded by an earlier run.
func (r *runCommand) stayAfterNoStart(end childEnd) error {
	switch {
	case end.stoppedBy != nil:
		return r.interrupted(end.stoppedBy)
	case r.report.Moved:
		return nil
	}
	r.report.Outcome = "not started"
	return r.notStarted(end.startErr)
}

// notStarted names the command that does not start.
func (r *runCommand) notStarted(err error) error {
	where := "nothing was moved"
	switch {
	case r.report == nil:
	case r.isOut():
		where = "instance left out, as it was found"
	case r.report.Moved:
		where = "instance is in service again"
	}
	return childExit{startCode(err), "not started: " + startReason(r.argv, err).Error(), where + "; " + startHint(r.argv) + ", then run it again"}
}

// startHint is what to do about a command that does not start.
func startHint(argv []string) string {
	switch line := argv[0]; {
	case len(argv) > 1 || !strings.ContainsAny(line, " \t\n"):
		return "fix the command line"
	case strings.ContainsAny(line, "|&;<>$`*"):
		return "put it behind sh -c: balanced run -- sh -c " + format.ShellWord(line)
	}
	return "drop the quotes: each argument is a word of its own"
}

// startCode is what a shell says of a command that does not start.
func startCode(err error) int {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		return 127
	}
	return 126
}

// interrupted: a signal asks that no more be done.
func (r *runCommand) interrupted(cause error) error {
	r.report.Outcome = failure.Interrupted.String()
	return &failure.Refusal{Class: failure.Interrupted, Reason: r.ended + ", " + r.whereItIs(), Hint: "to go on: " + r.resume(), Err: cause}
}

func (r *runCommand) isOut() bool { return fleet.State(r.report.Instance.State).Settled() }

// whereItIs is where the instance is when it does not come back.
func (r *runCommand) whereItIs() string {
	if r.isOut() {
		return "instance left out"
	}
	return "nothing was moved"
}

func (r *runCommand) resume() string {
	if r.isOut() {
		return "run balanced in"
	}
	return "run it again"
}

// add notes how out or in ended, and makes one report of both.
func (r *runCommand) add(name string, report *rotation.Report, err error) {
	part := rotation.PartReport{Name: name, ExitCode: endOf(err).code, Outcome: report.Outcome, ElapsedSeconds: report.ElapsedSeconds}
	if before := r.report; before != nil {
		report.StartedAt, report.Parts = before.StartedAt, before.Parts
		report.Steps = append(before.Steps, report.Steps...)
		report.Moved = report.Moved || before.Moved
		report.TimeLimitSeconds += before.TimeLimitSeconds
		report.ThrottlingLimitSeconds += before.ThrottlingLimitSeconds
		report.ThrottledSeconds += before.ThrottledSeconds
		report.ElapsedSeconds = since(before.StartedAt)
		known := func(text string) bool { return slices.Contains(before.Warnings, text) }
		report.Warnings = append(before.Warnings, slices.DeleteFunc(report.Warnings, known)...)
	}
	report.Command = r.command
	report.Parts = append(report.Parts, part)
	r.report = report
}

func since(t time.Time) float64 { return time.Since(t).Round(time.Millisecond).Seconds() }

// line is the result for people.
func (r *runCommand) line(report *rotation.Report) string {
	if r.leaving.DryRun {
		return fmt.Sprintf("dry run, nothing changed: %s; then %s, then in\n", outcome(report), commandName(r.argv))
	}
	return fmt.Sprintf("%s; %s\n", r.ended, outcome(report))
}

// childExit is an end whose code is not balanced's own but that of the operator's command, passed on: it promises
// nothing about moves.
type childExit struct {
	code         int
	reason, hint string
}

func (c childExit) Error() string       { return c.reason }
func (c childExit) FailureHint() string { return c.hint }
func (c childExit) exitCode() int       { return c.code }
func (c childExit) isAnswer() bool      { return false }
func (c childExit) showsResult() bool   { return false }
