package rotation

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"go.uber.org/zap"

	"balanced/internal/fleet"
	"balanced/internal/logging"
	"balanced/internal/probe"
)

// request is what a run was asked, in full.
type request struct {
	Options
	min            fleet.MinHealthy
	replace        bool
	emptyZone      bool
	settle         time.Duration
	hold           []string
	leaveUnhealthy bool
	probes         bool         // the host is probed before it returns
	probe          *probe.Check // by this check, if not nil
	refreshes      bool         // instance refreshes matter to this run
	awaitsGroup    bool         // an instance that no group lists yet is waited for
	foresees       bool         // the host is probed before it leaves, to know whether it could return
	locks          bool         // a slot is taken before the move
	isRollback     bool         // this run takes back what another did
	launch         launchRequest
}

// watches say where a run is in its time.
type watches struct {
	turn, moving stopwatch // of the wait and of the move
	within       budget    // of the row the run is at
	arrived      time.Time // at that row
	toLog        bool      // that it came there
}

// view is what a row of a table sees: the last look, what this run did so far, and what it was asked.
type view struct {
	reading
	attempt
	request
	budgets
}

// run is one command at work. A rollback is a run of its own, which shares the reader, the clock and the report.
type run struct {
	*Agent
	request
	*reader
	*clock
	budgets
	attempt
	report *Report

	watches
	underWayAtStart bool   // a move that an earlier run began was under way at the first look
	outcome         string // how the run ended well, where the table says so
	proven          string // the outcome when every row is settled; empty: by the command and the moves
	rolledBack      error  // the move was taken back, and why
	warnings        []warning
	resolve         func(reading) budgets // the budgets, once the load balancers and the state are known; nil: they are given
}

func (r *run) view() view {
	return view{reading: r.seen, attempt: r.attempt, request: r.request, budgets: r.budgets}
}

// follow goes through a table until every row is settled: look, find the first row that is not, act once or wait, look
// again. It is the same loop after a crash.
func (r *run) follow(ctx context.Context, table []step) error {
	for need := whole; r.outcome == ""; {
		if err := r.look(ctx, need); err != nil {
			if err := r.onReadError(ctx, err); err != nil {
				return err
			}
			continue
		}
		row, judged := firstUnsettled(table, r.view())
		if row == nil {
			r.report.done()
			return nil
		}
		r.arrive(row, judged)
		switch {
		case judged.kind == lookWide:
			need = widest(table, r.view())
			continue
		case judged.kind == act:
			if err := r.perform(ctx, row); err != nil {
				return err
			}
			need = needed(table, row, r.view())
		default:
			if err := r.wait(ctx, row, judged); err != nil {
				return err
			}
			need = row.needs
		}
	}
	return nil
}

// perform does what a row is for.
func (r *run) perform(ctx context.Context, row *step) error {
	switch {
	case row.outcome != "":
		r.outcome = row.outcome
		return nil
	case r.DryRun && row.moves:
		r.outcome = would(row, r.view())
		return nil
	}
	return row.act(r, ctx)
}

// dryPrefix begins the outcome of a dry run.
const dryPrefix = "dry run: would "

// would is how a dry run ends: at the first thing it would have done.
func would(row *step, v view) string {
	does, _ := row.says(v)
	return dryPrefix + does
}

// wait passes the time until the next look, or ends the run at this row: when waiting cannot help, when the row's
// budget is over, or in a dry run.
func (r *run) wait(ctx context.Context, row *step, judged verdict) error {
	if judged.throttled && r.mayStandStill() && !r.DryRun {
		r.refused = nil
		return r.pauses(ctx)
	}
	left := time.Until(r.deadline())
	catchUp := !judged.nextLook.IsZero() && time.Until(judged.nextLook) <= r.settle // belongs to looking
	if r.DryRun && !catchUp && row.within == budgetMove && !judged.hopeless() {
		r.outcome = would(row, r.view())
		return nil
	}
	if judged.hopeless() || left <= 0 || r.DryRun && !catchUp {
		return r.end(ctx, row, judged)
	}
	pause := r.pause(row, judged)
	r.Log.Debug("waiting", logging.Step(row.name), logging.Reason(judged.reason()), logging.Wait(pause))
	r.reportWait(row, judged)
	r.jittered, r.probePassed, r.refused, r.slot.refused = false, false, nil, nil
	r.groupAlone = judged.groupAlone
	return sleep(ctx, min(pause, left))
}

// reportWait tells what the run waits for at a row. Where it has just arrived, the log says so too.
func (r *run) reportWait(row *step, judged verdict) {
	p := Progress{Waiting: judged.reason(), Left: r.left(row), Logged: r.toLog}
	if row.ends != nil {
		p.Balancers = atBalancers(r.seen.Snapshot, row.needs)
	}
	if r.toLog {
		_, doing := row.says(r.view())
		r.Log.Info(doing+": "+p.Waiting, logging.Step(row.name), logging.Left(p.Left))
	}
	r.toLog = false
	r.reportProgress(row.name, p)
}

// atBalancers is what each load balancer says of this instance or, where only its state was looked at and it is leaving,
// for how long it drains.
func atBalancers(s fleet.Snapshot, read scope) string {
	switch {
	case read < ownDrain && s.State.Draining():
		return drainTimes(s.Traffic)
	case read < ownDrain:
		return ""
	}
	var parts []string
	for _, t := range s.Traffic {
		if !t.Counts() {
			continue
		}
		health := string(t.Own(s.ID).Health)
		if health == string(fleet.Unregistered) && s.State.Out() {
			health = "deregistered"
		}
		parts = append(parts, t.Name+" "+health)
	}
	return strings.Join(parts, ", ")
}

// reportProgress gives a sign of life.
func (r *run) reportProgress(step string, p Progress) {
	p.Step, p.Elapsed, p.Limit = step, time.Since(r.report.StartedAt), r.limitSoFar()
	if r.Progress != nil {
		r.Progress(p)
	}
}

// left is how long the wait for a row is likely to go on; 0 where nobody can tell, or it is overdue.
func (r *run) left(row *step) time.Duration {
	if row.ends == nil {
		return 0
	}
	return row.ends(r.view()).left(r.sinceMove())
}

// end closes the run at a row: the row's rollback, if it has one, says how.
func (r *run) end(ctx context.Context, row *step, judged verdict) error {
	if r.partOut(judged) {
		return r.rollBackPart(ctx, judged)
	}
	if row.rollBack == nil || r.DryRun {
		return judged.refusal
	}
	return row.rollBack(r, ctx, judged)
}

// deadline is when the budget of the row the run is at is over, unless AWS throttles.
func (r *run) deadline() time.Time {
	if r.isRollback {
		return r.turn.ends(r.budgets.timeout)
	}
	if r.within == budgetWait || !r.moving.running() {
		return r.turnEnds()
	}
	return r.moving.ends(r.budgets.timeout)
}

// turnEnds is when waiting until the move may begin is over.
func (r *run) turnEnds() time.Time { return r.turn.ends(r.budgets.wait) }

// arrive sets the stopwatches for a row: that of the move stands still while a run waits for its turn, so that all
// budgets together bound the run.
func (r *run) arrive(row *step, judged verdict) {
	r.within = row.within
	if row.within == budgetMove {
		r.moving.start()
	} else {
		r.moving.stop()
	}
	if r.report.at(row, judged) {
		r.arrived, r.toLog = time.Now(), true
	}
	if r.toLog && judged.kind != blocked && judged.kind != lookWide {
		_, doing := row.says(r.view())
		r.Log.Info(doing, logging.Step(row.name))
		r.toLog = false
	}
}

// jitter spreads a wait by a fifth either way, so that many agents do not ask at the same time.
func (r *run) jitter(d time.Duration) time.Duration {
	return d + time.Duration((r.draw()-0.5)*0.4*float64(d))
}

// draw is a random number from 0 up to 1.
func (r *run) draw() float64 {
	if r.Jitter == nil {
		return rand.Float64()
	}
	return r.Jitter.Float64()
}

// sleep waits, or returns why the run was told to stop.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// note writes a line of the log that names the instance and its group.
func (r *run) note(msg string, fields ...zap.Field) {
	r.Log.Info(msg, append(fields, logging.Instance(r.Self.Instance), logging.Group(r.group))...)
}
