package rotation

import (
	"fmt"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
)

// budget names the time that bounds the wait for a row.
type budget int

const (
	budgetWait budget = iota // --wait, from the start of the run
	budgetMove               // --timeout, from the beginning of the move
)

const (
	// overrun is for a call under way when a budget ends, and for a start that was put off.
	overrun = time.Minute
	// firstLook is what the first look is given even with --wait 0.
	firstLook = 30 * time.Second
	// lastLook is what one look is given even when its budget is all but over, so that the last word on the state is a
	// fresh one.
	lastLook = 5 * time.Second
	// startUp is what an application is given to start before it passes its probe.
	startUp = 5 * time.Minute
	// throttling is the longest that the budgets stand still because AWS throttles: 1,000 agents under AWS's published
	// rates finish within it.
	throttling = 3 * time.Hour
	// turnSlack is what a peer is given for its upgrade, besides its own out and in.
	turnSlack = 5 * time.Minute
)

// budgets bound a run: wait until the move may begin, timeout for the move, rollback for taking it back. The rollback
// is never cut short by the others, so together they bound the run. While AWS throttles they all stand still.
type budgets struct {
	wait, timeout, rollback time.Duration
	still                   time.Duration // for how long they may stand still
}

// timeLimit is the longest the run takes, whatever happens: the budgets, what may be under way when one of them ends,
// and for how long they may stand still.
func (b budgets) timeLimit() time.Duration { return b.unthrottled() + b.still }

// unthrottled is the time limit of a run that AWS does not throttle.
func (b budgets) unthrottled() time.Duration { return b.wait + b.timeout + b.rollback + overrun }

// outBudgets are those of a run that takes the instance out.
func outBudgets(opt Options, settle time.Duration, traffic []fleet.Traffic) budgets {
	back := fleet.WayBack(traffic)
	return budgets{
		wait:     orAuto(opt.Wait, autoWait(traffic)),
		timeout:  orAuto(opt.Timeout, fleet.WayOut(traffic)+settle+back),
		rollback: back + fleet.MoveTime, still: throttling,
	}
}

// inBudgets are those of a run that brings the instance back. A drain that is still running must end first, and an
// application that is probed may still be starting.
func inBudgets(opt Options, draining, probes bool, traffic []fleet.Traffic) budgets {
	timeout := fleet.WayBack(traffic) + fleet.MoveTime
	if probes {
		timeout += startUp
	}
	if draining {
		timeout += fleet.WayOut(traffic)
	}
	return budgets{
		wait:     orAuto(opt.Wait, autoWait(traffic)),
		timeout:  orAuto(opt.Timeout, timeout),
		rollback: fleet.WayOut(traffic) + DefaultSettle, still: throttling,
	}
}

func orAuto(given, auto time.Duration) time.Duration {
	if given == Auto {
		return auto
	}
	return given
}

// autoWait lets one peer go through its own out and in.
func autoWait(traffic []fleet.Traffic) time.Duration {
	return fleet.LongestDrain(traffic) + fleet.WayBack(traffic) + turnSlack
}

// shrinkTo makes budgets fit a limit; 0 is none. The time for throttling gives way first, then waiting, then what the
// move has beyond the least it takes. A rollback is never cut short, so what still does not fit is refused
// (withinLimit) or warned of (tightLimit).
func (b budgets) shrinkTo(limit, least time.Duration) budgets {
	over := b.timeLimit() - limit
	if limit == 0 || over <= 0 {
		return b
	}
	for _, part := range []struct {
		of    *time.Duration
		least time.Duration
	}{{&b.still, 0}, {&b.wait, 0}, {&b.timeout, least}} {
		less := min(over, max(*part.of-part.least, 0))
		*part.of -= less
		over -= less
	}
	return b
}

// withinLimit: a move that cannot end in time is not begun, since whoever set the limit stops the run there, half way.
func withinLimit(v view) verdict {
	what, least := "leaving", fleet.WayOut(v.Traffic)+v.settle
	if v.State.Out() {
		what, least = "returning", fleet.WayBack(v.Traffic)
	}
	if v.Limit == 0 || least <= v.Limit {
		return verdict{}
	}
	need := max(v.timeLimit(), least)
	hint := fmt.Sprintf("give the hook, and --timeout, %d s or more", wholeSeconds(need))
	if need > longestHook {
		hint = fmt.Sprintf("CodeDeploy ends an event after %d s: shorten the deregistration delay of %s, or run balanced from SSM", wholeSeconds(longestHook), slowestDrain(v.Traffic))
	}
	return blockedBy(failure.Setup, hint,
		"%s takes up to %s and does not fit into %s", what, format.Duration(least), format.Duration(v.Limit))
}

// longestHook is the most that CodeDeploy gives the scripts of one lifecycle event (CodeDeploy User Guide, AppSpec
// "hooks" section).
const longestHook = time.Hour

// slowestDrain names the load balancer with the longest delay.
func slowestDrain(traffic []fleet.Traffic) string {
	slowest := fleet.Traffic{}
	for _, t := range traffic {
		if t.Drain > slowest.Drain {
			slowest = t
		}
	}
	return fmt.Sprintf("%s (%d s)", slowest.Name, wholeSeconds(slowest.Drain))
}

// wholeSeconds rounds up: a hook's timeout is a whole number of seconds.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
