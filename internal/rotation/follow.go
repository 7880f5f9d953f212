package rotation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"balanced/internal/fleet"
	"balanced/internal/logging"
	"balanced/internal/probe"
)

// A step is one row of a command's table. The rows are asked in order, at every look;
// the first that is not settled is the one the run is at.
type step struct {
	name string
	// says is what the row does, for people: the tables in the documentation.
	says string
	// applies tells from the lifecycle state and from what this run did whether the
	// row has a say at all.
	applies func(view) bool
	// needs is how much of the group the check must have just seen.
	needs scope
	// check returns nil when the row is settled, act when its act is due, and
	// otherwise what is still missing.
	check func(view) *Stop
	// act is the row's own deed; the look that follows tells what came of it.
	act func(*run, context.Context) error
	// within is the budget that bounds the wait for the row.
	within budget
	// ends says when the wait for the row is likely to be over; nil: nobody can tell.
	ends func(view) forecast
	// moves: the act is one that a dry run must not do.
	moves bool
	// undo takes back what the rows before did, when the row ends in a Stop.
	undo func(*run, context.Context, *Stop) error
	// undone says in words what undo does: the last column of the tables.
	undone string
}

type budget int

const (
	forTurn budget = iota // --wait, from the start of the run
	forMove               // --timeout, from the beginning of the move
)

// facts are what a run knows of its own deeds, which no read can tell it: when its
// move was answered, and what that answer said.
type facts struct {
	spread    bool           // the start was put off
	fit       bool           // the host passed what it will be asked
	resumed   bool           // found in Standby: may be half upgraded, never undone
	found     time.Time      // since when it was seen on its side of Standby, out or not, on this host's clock; zero: by this run's own move
	returning bool           // found on its way back, or brought back by this run
	sent      time.Time      // when the move was answered, on this host's clock
	answer    fleet.Activity // the move as the answer told it
	doubt     error          // an answer that leaves open whether the move took effect
	refused   error          // the last answer to a move that did not take effect
	before    Observed       // the look the move was decided on
	moved     bool           // a move of this run took effect
	since     time.Time      // when the clock of the move's budget was started; zero: it stands
	still     time.Duration  // for how long all budgets had stood still by then
	spent     time.Duration  // of the move's budget, before the clock last stood
	sure      fleet.State    // this instance's state at the last look
}

// settings are what a run was asked, in full.
type settings struct {
	budgets
	limit     time.Duration
	min       MinHealthy
	replace   bool
	emptyZone bool
	settle    time.Duration
	hold      string
	dryRun    bool
	leaveSick bool
	probes    bool         // the host is asked before it returns
	instead   *probe.Check // by this, if not nil
	refreshes bool         // instance refreshes matter to this run
}

// run is one command at work.
type run struct {
	*Agent
	facts
	settings
	opt      Options
	start    time.Time
	unheld   time.Duration // held back by throttling before this run began
	paused   time.Duration // held back by throttling between calls
	began    time.Duration // for how long the budgets had stood still at the start
	group    string
	within   budget // of the row the run is at
	undoes   bool   // this run takes back what another did
	ever     bool   // a move took effect at some time, also one taken back since
	joins    bool   // an instance that no group lists yet is waited for
	proven   string // the outcome when every row is settled; empty: by the command and the moves
	gave     *Stop  // the place was given back, and why
	warnings []warning
	resolve  func(Observed) budgets // budgets, once the load balancers and the state are known; nil: they are given
	attached []string               // the sources whose settings are known; nil: none were asked for yet
	seen     Observed
	looked   time.Time
	arrived  time.Time // at the row the run is at
	stands   bool      // while the group is as it was, nothing but it need be read
	whole    time.Time // when the last look began that read all
	last     time.Time // when the look before began
	report   *Report
}

func (r *run) view() view {
	return view{Observed: r.seen, facts: r.facts, settings: r.settings, looked: r.looked}
}

// follow goes through a table until every row is settled: look, find the first row
// that is not, act once or wait, look again. It is the same loop after a crash.
func (r *run) follow(ctx context.Context, table []step) error {
	need := all
	for {
		if err := r.look(ctx, need); err != nil {
			if err := r.lost(ctx, err); err != nil {
				return err
			}
			continue
		}
		row, stop := next(table, r.view())
		if row == nil {
			r.report.done()
			return nil
		}
		r.arrive(row, stop)
		switch {
		case stop == tooLittle:
			need = widest(table, r.view())
		case stop == act:
			if r.dryRun && row.moves {
				return dryRun{would: row.says}
			}
			if err := row.act(r, ctx); err != nil {
				return err
			}
			need = needed(table, r.view())
		default:
			if err := r.wait(ctx, row, stop); err != nil {
				return err
			}
			need = row.needs
		}
	}
}

// tooLittle is what next answers when the row's check needs a wider look.
var tooLittle = &Stop{due: true}

// next finds the first row that applies and is not settled. It is a pure function of
// the view: the plan.
func next(table []step, v view) (*step, *Stop) {
	for i := range table {
		row := &table[i]
		if !row.applies(v) {
			continue
		}
		if row.needs > v.scope {
			return row, tooLittle
		}
		if stop := row.check(v); stop != nil {
			return row, stop
		}
	}
	return nil, nil
}

// needed is the scope of the first row that applies now, right after an act.
func needed(table []step, v view) scope {
	for i := range table {
		if table[i].applies(v) {
			return table[i].needs
		}
	}
	return own
}

// widest is the most that the rows that apply now want to see: one look serves them all,
// where the first is likely to be settled by it.
func widest(table []step, v view) scope {
	need := own
	for i := range table {
		if table[i].applies(v) {
			need = max(need, table[i].needs)
		}
	}
	return need
}

// wait passes the time until the next look, or ends the run at this row: when waiting
// cannot help, when the row's budget is over, or in a dry run.
func (r *run) wait(ctx context.Context, row *step, stop *Stop) error {
	if stop.throttled && r.patient() && !r.dryRun {
		r.refused = nil
		return r.pauses(ctx)
	}
	left := time.Until(r.deadline())
	catchUp := !stop.again.IsZero() && time.Until(stop.again) <= r.settle // belongs to looking
	if r.dryRun && !catchUp && row.within == forMove && !stop.hopeless() {
		return dryRun{would: row.says}
	}
	if stop.hopeless() || left <= 0 || r.dryRun && !catchUp {
		return r.end(ctx, row, stop)
	}
	pause := r.pause(row, stop)
	r.Log.Debug("waiting", logging.Step(row.name), logging.Reason(stop.Reason), logging.Wait(pause))
	r.tell(row.name, stop.Reason)
	r.spread, r.fit, r.refused, r.stands = false, false, nil, stop.stands
	return sleep(ctx, min(pause, left))
}

// tell gives a sign of life.
func (r *run) tell(step, waiting string) {
	if r.Progress != nil {
		r.Progress(Progress{Step: step, Waiting: waiting, Elapsed: time.Since(r.start), Bound: r.atMost()})
	}
}

// end closes the run at a row: the row's undo, if it has one, says how.
func (r *run) end(ctx context.Context, row *step, stop *Stop) error {
	if row.undo == nil || r.dryRun {
		return stop
	}
	return row.undo(r, ctx, stop)
}

// deadline is when the budget of the row the run is at is over, unless AWS throttles.
func (r *run) deadline() time.Time {
	if r.undoes {
		return r.start.Add(r.timeout + r.stood() - r.began)
	}
	if r.within == forTurn || r.since.IsZero() {
		return r.turnEnds()
	}
	return r.since.Add(r.timeout + r.stood() - r.still)
}

// turnEnds is when waiting for a turn is over.
func (r *run) turnEnds() time.Time { return r.start.Add(r.settings.wait + r.stood() - r.began) }

// arrive sets the clocks for a row: the move's budget stands still while a run waits
// for its turn, so that all budgets together bound the run.
func (r *run) arrive(row *step, stop *Stop) {
	r.within = row.within
	switch {
	case row.within == forMove:
		r.begin()
	case !r.since.IsZero():
		r.spent, r.since = time.Since(r.since)-(r.stood()-r.still), time.Time{}
	}
	if r.report.at(row, stop) {
		r.arrived = time.Now()
		r.Log.Info(row.says, logging.Step(row.name))
	}
}

// blind is the end of a run that could not look. Before a move the error speaks for
// itself; after one, that something is under way is what matters.
func (r *run) blind(err error) error {
	var stop *Stop
	if errors.As(err, &stop) || !r.underWay() || errors.Is(err, context.Canceled) {
		return err
	}
	return &Stop{
		Class: Unfinished, Err: err,
		Reason: fmt.Sprintf("%s was last seen %s, then AWS could not be asked", r.Self.Instance, r.sure),
		Hint:   "run it again to resume",
	}
}

// underWay: a move of this run took effect, or may have.
func (r *run) underWay() bool { return r.moved || r.doubt != nil }

// begin starts the clock of the move's budget, or starts it again.
func (r *run) begin() {
	if r.since.IsZero() {
		r.since, r.still = time.Now().Add(-r.spent), r.stood()
	}
}

// jitter spreads a wait by a fifth either way, so that many agents do not ask in step.
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
