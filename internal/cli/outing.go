package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"balanced/internal/fleet"
	"balanced/internal/rotation"
)

// outing is one call of run: out, the operator's command, in.
type outing struct {
	*job
	argv       []string
	leaving    rotation.OutOptions
	returning  rotation.InOptions
	ok, reboot []int // exit codes
	report     *rotation.Report
	ended      string // how the command ended, for people: "chef-client exited 0"
}

// run is the whole of it. One balanced is at work on this host meanwhile, the command
// included.
func (o *outing) run(ctx context.Context, agent *rotation.Agent) (*rotation.Report, error) {
	defer alone(agent)()
	if err := o.out(ctx, agent); err != nil {
		return o.report, fmt.Errorf("not started: %w", err)
	}
	if o.leaving.DryRun {
		return o.report, nil
	}
	end := o.work(ctx)
	if stay := o.judge(end); stay != nil {
		return o.report, stay
	}
	err := o.in(ctx, agent)
	switch {
	case err != nil:
		return o.report, err
	case end.refused != nil:
		o.report.Outcome = "not started"
		return o.report, o.unstartable(end.refused)
	}
	return o.report, nil
}

// alone takes the host once for all parts. Where another has it, out says so.
func alone(agent *rotation.Agent) (release func()) {
	take := agent.Alone
	if take == nil {
		take = rotation.Alone
	}
	release, err := take(agent.Self.Instance)
	if err != nil {
		release = func() {}
	}
	agent.Alone = func(string) (func(), error) { return func() {}, err }
	return release
}

func (o *outing) out(ctx context.Context, agent *rotation.Agent) error {
	progress, stop := o.screen.follow(ctx, o.log)
	defer stop()
	agent.Progress = progress
	report, err := agent.Out(ctx, o.leaving)
	o.add("out", report, err)
	return err
}

func (o *outing) in(ctx context.Context, agent *rotation.Agent) error {
	progress, stop := o.screen.follow(ctx, o.log)
	defer stop()
	agent.Progress = progress
	report, err := agent.In(ctx, o.returning)
	wasOut := o.isOut()
	o.add("in", report, err)
	if err == nil {
		return nil
	}
	if !wasOut {
		return fmt.Errorf("%s, then: %w", o.ended, err)
	}
	_, hint := reasonAndHint(err)
	return &rotation.Stop{
		Class: notBack(err), Err: err, Reason: o.ended + ", not back in service",
		Hint: strings.ReplaceAll(hint, "run it again", "run balanced in"),
	}
}

// work runs the command.
func (o *outing) work(ctx context.Context) ending {
	began := time.Now()
	end := (&child{program: o.program, argv: o.argv}).run(ctx)
	part := rotation.PartReport{Name: "command", ExitCode: end.code, Outcome: "failed", ElapsedSeconds: since(began)}
	name := commandName(o.argv)
	o.ended = fmt.Sprintf("%s exited %d", name, end.code)
	switch {
	case end.refused != nil:
		part.Outcome, o.ended = "not started", name+" was not started"
	case end.signal != 0:
		part.Outcome = "ended by a signal"
		o.ended = fmt.Sprintf("%s was ended by signal %d (%s)", name, int(end.signal), end.signal)
	case slices.Contains(o.reboot, end.code):
		part.Outcome = "reboot due"
	case end.code == 0 || slices.Contains(o.ok, end.code):
		part.Outcome = "done"
	}
	o.report.Parts = append(o.report.Parts, part)
	o.report.ElapsedSeconds = since(o.report.StartedAt)
	return end
}

// judge says why the instance must not come back, or nil.
func (o *outing) judge(end ending) error {
	part := o.report.Parts[len(o.report.Parts)-1]
	switch {
	case end.refused != nil:
		return o.unstarted(end)
	case part.Outcome == "reboot due":
		o.report.Outcome = part.Outcome
		return handed{end.code, o.ended + ": a reboot is due, " + o.left(), "balanced in belongs to the next boot"}
	case part.Outcome != "done":
		o.report.Outcome = "command " + part.Outcome
		return handed{end.code, o.ended + ", " + o.left(), "mend it, then " + o.next()}
	case end.told != nil:
		return o.interrupted(end.told)
	}
	return nil
}

// unstarted: nothing was done to the instance, so what this run took out comes back.
// What was found in Standby may be half upgraded by an earlier run.
func (o *outing) unstarted(end ending) error {
	switch {
	case end.told != nil:
		return o.interrupted(end.told)
	case o.report.Moved:
		return nil
	}
	o.report.Outcome = "not started"
	return o.unstartable(end.refused)
}

// unstartable names the command that does not start.
func (o *outing) unstartable(err error) error {
	where := "nothing was moved"
	switch {
	case o.report == nil:
	case o.isOut():
		where = "instance left out, as it was found"
	case o.report.Moved:
		where = "instance is in service again"
	}
	return handed{ofRefusal(err), "not started: " + plainly(o.argv, err).Error(), where + "; mend the command line, then run it again"}
}

// interrupted: whoever sends a signal wants no more to be done.
func (o *outing) interrupted(told error) error {
	o.report.Outcome = rotation.Interrupted.String()
	return &rotation.Stop{Class: rotation.Interrupted, Reason: o.ended + ", " + o.left(), Hint: "to go on: " + o.next(), Err: told}
}

func (o *outing) isOut() bool { return o.report.Instance.State == string(fleet.Standby) }

// left is where the instance is when it does not come back.
func (o *outing) left() string {
	if o.isOut() {
		return "instance left out"
	}
	return "nothing was moved"
}

func (o *outing) next() string {
	if o.isOut() {
		return "balanced in"
	}
	return "run it again"
}

// add notes how out or in ended, and makes one report of both.
func (o *outing) add(name string, report *rotation.Report, err error) {
	part := rotation.PartReport{Name: name, ExitCode: code(err), Outcome: report.Outcome, ElapsedSeconds: report.ElapsedSeconds}
	if before := o.report; before != nil {
		report.StartedAt, report.Parts = before.StartedAt, before.Parts
		report.Steps = append(before.Steps, report.Steps...)
		report.Moved = report.Moved || before.Moved
		report.BoundSeconds += before.BoundSeconds
		report.BoundThrottledSeconds += before.BoundThrottledSeconds
		report.ThrottledSeconds += before.ThrottledSeconds
		report.ElapsedSeconds = since(before.StartedAt)
		known := func(text string) bool { return slices.Contains(before.Warnings, text) }
		report.Warnings = append(before.Warnings, slices.DeleteFunc(report.Warnings, known)...)
	}
	report.Command = o.command
	report.Parts = append(report.Parts, part)
	o.report = report
}

func since(t time.Time) float64 { return time.Since(t).Round(time.Millisecond).Seconds() }

// line is the result for people.
func (o *outing) line(r *rotation.Report) string {
	if o.leaving.DryRun {
		return fmt.Sprintf("dry run, nothing changed: %s; then %s, then in\n", outcome(r), commandName(o.argv))
	}
	return fmt.Sprintf("%s; %s\n", o.ended, outcome(r))
}
