package rotation

import (
	"context"
	"sync"
	"time"

	"balanced/internal/format"
)

// clock measures budgets. They stand still while AWS throttles, for mostStill at most. All stopwatches of a run, and of
// its rollbacks, share one.
type clock struct {
	throttled func() time.Duration // how long throttling has held calls back; nil: never
	atStart   time.Duration        // what it had held back before the run began
	mostStill time.Duration        // for how long the budgets may stand still

	mu     sync.Mutex
	paused time.Duration // between two tries of a move that was throttled
}

func newClock(throttled func() time.Duration) *clock {
	c := &clock{throttled: throttled, mostStill: throttling}
	if throttled != nil {
		c.atStart = throttled()
	}
	return c
}

// heldBack is how long AWS's throttling has held this run back so far.
func (c *clock) heldBack() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.throttled == nil {
		return c.paused
	}
	return c.throttled() - c.atStart + c.paused
}

// stoodStill is how long the budgets have stood still.
func (c *clock) stoodStill() time.Duration { return min(c.heldBack(), c.mostStill) }

// mayStandStill: the budgets may stand still for longer.
func (c *clock) mayStandStill() bool { return c.heldBack() < c.mostStill }

func (c *clock) pause(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused += d
}

// A stopwatch measures what a budget has used. It stands still with its clock, and while it is stopped.
type stopwatch struct {
	clock *clock
	began time.Time     // zero: it is stopped
	stood time.Duration // for how long the clock had stood still by then
	used  time.Duration // before it was last started
}

func (w *stopwatch) running() bool { return !w.began.IsZero() }

// start starts it, or lets it go on.
func (w *stopwatch) start() {
	if !w.running() {
		w.began, w.stood = time.Now(), w.clock.stoodStill()
	}
}

// stop keeps what was used.
func (w *stopwatch) stop() {
	if w.running() {
		w.used, w.began = w.elapsed(), time.Time{}
	}
}

// cancel forgets what was used since it was last started: nothing was begun after all.
func (w *stopwatch) cancel() { w.began = time.Time{} }

// elapsed is what was used so far.
func (w *stopwatch) elapsed() time.Duration {
	if !w.running() {
		return w.used
	}
	return w.used + time.Since(w.began) - (w.clock.stoodStill() - w.stood)
}

// ends is when a budget will have been used up, unless AWS throttles.
func (w *stopwatch) ends(budget time.Duration) time.Time {
	return time.Now().Add(budget - w.elapsed())
}

// limitSoFar is the time limit of the run as far as one can tell: with what AWS has throttled so far.
func (r *run) limitSoFar() time.Duration { return r.unthrottled() + r.stoodStill() }

// pauses waits because AWS throttles a move.
func (r *run) pauses(ctx context.Context) error {
	pause := r.jitter(retryMove)
	r.clock.pause(pause)
	return sleep(ctx, pause)
}

// until ends a context at a deadline that moves on while the budgets stand still, and tells what a look that is held
// back waits for: who is asked.
func (r *run) until(ctx context.Context, deadline time.Time, who string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	// What the look changes is read before it begins.
	began := time.Now()
	before, limit, atMost := r.heldBack(), r.limitSoFar(), max(r.mostStill-r.heldBack(), 0)
	watch.Go(func() {
		for last := before; ; {
			held := r.heldBack()
			stood := min(held-before, atMost)
			left := time.Until(deadline) + stood
			if left <= 0 {
				cancel(errBudget)
				return
			}
			waited := time.Since(began)
			if r.Progress != nil && (held > last || waited >= ReportSilence) {
				r.Progress(Progress{Step: "look", Waiting: slowLook(who, held > last, left), Elapsed: time.Since(r.report.StartedAt), Limit: limit + stood})
			}
			last = held
			pause := reportAgain
			if waited < ReportSilence {
				pause = ReportSilence - waited
			}
			if sleep(ctx, min(max(left, checkDeadline), pause)) != nil {
				return
			}
		}
	})
	return ctx, func() { cancel(context.Canceled); watch.Wait() }
}

const (
	// checkDeadline is the least time between two looks at a deadline that may move on.
	checkDeadline = 100 * time.Millisecond
	// ReportSilence is how long a look may take before it says what it waits for: within ten seconds of any wait.
	ReportSilence = 8 * time.Second
	// reportAgain is how often it says so.
	reportAgain = 20 * time.Second
)

// slowLook is what a look that takes long waits for.
func slowLook(who string, throttled bool, left time.Duration) string {
	if throttled {
		return "AWS throttles"
	}
	return who + " does not answer; giving up in " + format.Duration(left)
}

// errBudget is the cause of a context that a budget ended: a deadline.
var errBudget error = budgetOver{}

type budgetOver struct{}

func (budgetOver) Error() string        { return "the run's budget ended" }
func (budgetOver) Is(target error) bool { return target == context.DeadlineExceeded }
