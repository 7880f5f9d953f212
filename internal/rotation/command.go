package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
	"balanced/internal/logging"
)

// ErrNotMember: the instance is in no Auto Scaling group.
var ErrNotMember = errors.New("in no Auto Scaling group")

// errNothing ends a run that has nothing to do.
var errNothing = errors.New("nothing to do")

// dryRun ends a run at the first thing it would have done.
type dryRun struct{ would string }

func (d dryRun) Error() string { return "would " + d.would }

func (a *Agent) newRun(command string, opt Options) *run {
	now := time.Now()
	r := &run{Agent: a, opt: opt, start: now, report: newReport(command, now, a.Self)}
	if a.Throttled != nil {
		r.unheld = a.Throttled()
	}
	r.hold, r.dryRun, r.limit = a.Hold, opt.DryRun, opt.Limit
	r.budgets = budgets{wait: orAuto(opt.Wait, turnSlack), throttled: throttling}.fit(opt.Limit, 0)
	return r
}

// command runs a table on this host, alone, and tells what came of it.
func (r *run) command(ctx context.Context, table []step) (*Report, error) {
	alone := Alone
	if r.Agent.Alone != nil {
		alone = r.Agent.Alone
	}
	release, err := alone(r.Self.Instance)
	if err != nil {
		return r.finish(ctx, err)
	}
	defer release()
	if stop := heldBy(r.hold); stop != nil {
		return r.finish(ctx, stop)
	}
	return r.finish(ctx, r.follow(ctx, table))
}

func (r *run) nothingToDo(context.Context) error { return errNothing }

// finish turns the end of a run into the report and the error that names its class.
func (r *run) finish(ctx context.Context, err error) (*Report, error) {
	var dry dryRun
	outcome := ""
	switch {
	case err == nil && r.proven != "":
		outcome = r.proven
	case err == nil && r.ever:
		outcome = r.report.Command
	case err == nil:
		outcome = "already " + r.report.Command
	case errors.Is(err, errNothing):
		outcome, err = "nothing to do", nil
	case errors.As(err, &dry):
		outcome, err = "dry run: "+dry.Error(), nil
	case errors.Is(err, ErrNotMember) && r.opt.IfMember:
		outcome, err = "not a member", nil
	case ctx.Err() != nil:
		err = r.interrupted(ctx)
	case r.gave != nil && !r.underWay() && !errors.Is(err, error(r.gave)):
		err = &Stop{Class: GaveBack, Reason: r.gave.Reason + "; then", Hint: r.gave.Hint, Err: err}
	}
	r.report.close(r, outcome, err)
	return r.report, err
}

// interrupted says where the instance is now. The run was told to stop, so this last
// question has a short time of its own.
func (r *run) interrupted(ctx context.Context) error {
	cause := context.Cause(ctx)
	if r.sure == "" {
		return &Stop{Class: Interrupted, Reason: "nothing was moved", Err: cause}
	}
	last, cancel := context.WithTimeout(awsapi.Hurry(context.WithoutCancel(ctx)), confirm)
	defer cancel()
	o := r.seen
	where := fmt.Sprintf("%s was last seen %s", r.Self.Instance, r.sure)
	if err := r.lookAtMe(last, &o); err != nil {
		r.Log.Warn("the last look failed", logging.Error(err))
	} else {
		r.seen, r.sure = o, o.State
		where = fmt.Sprintf("%s is %s", r.Self.Instance, o.State)
	}
	return &Stop{Class: Interrupted, Reason: where, Hint: r.next(), Err: cause}
}

// next is what to run after an interruption.
func (r *run) next() string {
	if r.sure.Out() && r.report.Command == "out" {
		return "run balanced out again to go on, or balanced in to return"
	}
	return "run balanced " + r.report.Command + " again"
}

// lost decides what an error of a look means: nil to look again.
func (r *run) lost(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errReread):
		return nil
	case errors.Is(err, ErrNotMember) && r.joins && r.group == "":
		return r.unlisted(ctx)
	case errors.Is(err, ErrNotMember):
		return r.absent(ctx)
	}
	return r.blind(err)
}

// absent: no group lists this instance, twice. Before anything was seen, the metadata
// service has a say too: where it names a state that Auto Scaling wants, the lists are
// old, or those of another Region or account. That is not "in no group": a run that is
// content outside one would leave the host in service.
func (r *run) absent(ctx context.Context) error {
	switch {
	case r.underWay() || r.resumed || r.returning:
		return stopf(Gone, "nothing is left to repair", "%s is in no Auto Scaling group any more", r.Self.Instance)
	case r.group != "":
		return stopf(Leaving, "nothing was moved", "%s left its Auto Scaling group", r.Self.Instance)
	}
	notices, err := r.Metadata.Notices(ctx)
	if err != nil {
		return err
	}
	switch target := notices.Target; {
	case target == string(fleet.Terminated):
		return stopf(Leaving, "nothing was moved", "Auto Scaling is bringing %s to %s", r.Self.Instance, target)
	case target == "", target == string(fleet.Detached): // which it stays, as what comes last
		return &Stop{Class: Setup, Reason: r.Self.Instance, Hint: "attach it to a group, or say --if-member", Err: ErrNotMember}
	case time.Now().Add(confirm).Before(r.deadline()):
		r.tell("join", r.Self.Instance+" is in no Auto Scaling group, which wants it "+target)
		return nil // another look takes a second read to be sure
	default:
		return stopf(Setup, "check AWS_REGION, and whose credentials these are",
			"no group lists %s, yet its metadata service says that Auto Scaling wants it %s", r.Self.Instance, target)
	}
}

func waitField(d time.Duration) zap.Field { return logging.Wait(d) }
func reasonField(err error) zap.Field     { return logging.Reason(err.Error()) }
func errorField(err error) zap.Field      { return logging.Error(err) }
func detailField(text string) zap.Field   { return logging.Detail(text) }
func stateField(s fleet.State) zap.Field  { return logging.State(string(s)) }
