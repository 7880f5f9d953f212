package rotation

import (
	"context"
	"errors"
	"sync"
	"time"

	"balanced/internal/awsapi"
)

// freshEnough is how old what was read may be when a move is asked for, where MinSize
// keeps the floor.
const freshEnough = time.Minute

// tryAgain is the time between two tries of a move that was throttled.
const tryAgain = time.Second

// held is for how long AWS's throttling has held this run back so far.
func (r *run) held() time.Duration {
	if r.Throttled == nil {
		return r.paused
	}
	return r.Throttled() - r.unheld + r.paused
}

// stood is how long the budgets have stood still.
func (r *run) stood() time.Duration { return min(r.held(), r.budgets.throttled) }

// atMost is the bound as far as one can tell: with what AWS has throttled so far.
func (r *run) atMost() time.Duration { return r.unthrottled() + r.stood() }

// patient: the budgets may stand still for longer.
func (r *run) patient() bool { return r.held() < r.budgets.throttled }

// pauses waits because AWS throttles.
func (r *run) pauses(ctx context.Context) error {
	pause := r.jitter(tryAgain)
	r.paused += pause
	return sleep(ctx, pause)
}

// until ends a context at a deadline that moves while the budgets stand still, and tells
// what a look that is held back waits for.
func (r *run) until(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	// What the look changes is read before it begins.
	before, bound, atMost := r.held(), r.atMost(), max(r.budgets.throttled-r.held(), 0)
	watch.Go(func() {
		for last := before; ; {
			held := r.held()
			stood := min(held-before, atMost)
			left := time.Until(deadline) + stood
			if left <= 0 {
				cancel(errBudget)
				return
			}
			if held > last && r.Progress != nil {
				r.Progress(Progress{Step: "look", Waiting: "AWS throttles", Elapsed: time.Since(r.report.StartedAt), Bound: bound + stood})
			}
			last = held
			if sleep(ctx, min(max(left, oftenEnough), speakAgain)) != nil {
				return
			}
		}
	})
	return ctx, func() { cancel(context.Canceled); watch.Wait() }
}

const (
	oftenEnough = 100 * time.Millisecond
	speakAgain  = 20 * time.Second
)

// errBudget is the cause of a context that a budget ended: a deadline.
var errBudget error = budgetOver{}

type budgetOver struct{}

func (budgetOver) Error() string        { return "the run's budget ended" }
func (budgetOver) Is(target error) bool { return target == context.DeadlineExceeded }

// throttledOff: AWS turned a call away because it is asked too often.
func throttledOff(err error) bool {
	away, ok := errors.AsType[*awsapi.UnreachableError](err)
	return ok && away.Why == awsapi.Throttled && !away.Landed
}

// freshFor is how old what was read may be when a move is asked for. Where MinSize does
// not keep the floor, agents that read the same must ask within what reads lag, or more
// of them leave than there are places.
func (v view) freshFor() time.Duration {
	if inService(v.State) && !v.fenced() {
		return max(v.settle, DefaultSettle) // a look takes its time however little reads lag
	}
	return max(freshEnough, v.settle)
}

// stale: reading took so long that what came first is too old to move by.
func stale(v view) *Stop {
	took := v.looked.Sub(v.Began)
	if took <= v.freshFor() {
		return nil
	}
	stop := stopf(NotNow, "run it again", "reading took %s, too long to move by", brief(took))
	stop.throttled = v.Held > 0
	return stop
}
