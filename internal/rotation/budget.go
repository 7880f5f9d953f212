package rotation

import (
	"time"

	"balanced/internal/fleet"
)

// What AWS takes besides the settings one can read. Registration and the start of
// checks have no published bound; a Network Load Balancer was seen to take three to
// five minutes each way and to send new connections for up to two minutes after it
// began to drain.
const (
	registration = 30 * time.Second
	networkIn    = 180 * time.Second
	networkOut   = 120 * time.Second
	slack        = 60 * time.Second // the move itself, and the looks at it
	overrun      = time.Minute      // a call under way when a budget ends, a start put off
	firstLook    = 30 * time.Second // even with --wait 0 one look is allowed this long
	startUp      = 5 * time.Minute  // of an application, before it passes its probe
	throttling   = 3 * time.Hour    // the most that a run waits because AWS throttles
	turnSlack    = 5 * time.Minute  // besides a peer's own out and in, its upgrade
)

// budgets bound a run: wait for a turn, timeout for the move, undo for taking it
// back. undo is never cut short by the others, so together they bound the run. While
// AWS throttles they all stand still, for as long as throttled.
type budgets struct {
	wait, timeout, undo, throttled time.Duration
}

// bound is the longest the run takes, whatever happens: the budgets, what may be under
// way when one of them ends, and for how long they may stand still.
func (b budgets) bound() time.Duration { return b.unthrottled() + b.throttled }

// unthrottled is the bound of a run that AWS does not throttle.
func (b budgets) unthrottled() time.Duration { return b.wait + b.timeout + b.undo + overrun }

// outBudgets are those of a run that takes the instance out.
func outBudgets(opt Options, settle time.Duration, traffic []Traffic) budgets {
	back := wayBack(traffic)
	return budgets{
		wait:    orAuto(opt.Wait, autoWait(traffic)),
		timeout: orAuto(opt.Timeout, wayOut(traffic)+settle+back),
		undo:    back + slack, throttled: throttling,
	}
}

// inBudgets are those of a run that brings the instance back. A drain that is still
// running must end first, and an application that is probed may still be starting.
func inBudgets(opt Options, draining, probes bool, traffic []Traffic) budgets {
	timeout := wayBack(traffic) + slack
	if probes {
		timeout += startUp
	}
	if draining {
		timeout += wayOut(traffic)
	}
	return budgets{
		wait:    orAuto(opt.Wait, autoWait(traffic)),
		timeout: orAuto(opt.Timeout, timeout),
		undo:    wayOut(traffic) + DefaultSettle, throttled: throttling,
	}
}

func orAuto(given, auto time.Duration) time.Duration {
	if given == Auto {
		return auto
	}
	return given
}

// autoWait lets one peer go through its own out and in.
func autoWait(traffic []Traffic) time.Duration {
	return longestDrain(traffic) + wayBack(traffic) + turnSlack
}

// wayOut is the most a move to Standby takes: whether several load balancers drain at
// once or one after another is not established, so their delays add up.
func wayOut(traffic []Traffic) time.Duration {
	sum := slack
	network := false
	for _, t := range traffic {
		sum += t.Drain
		network = network || t.Kind == fleet.Network
	}
	if network {
		sum += networkOut
	}
	return sum
}

// wayBack is the most a sound instance takes from ExitStandby until every load
// balancer calls it healthy. They register and check side by side.
func wayBack(traffic []Traffic) time.Duration {
	longest := time.Duration(0)
	for _, t := range traffic {
		back := t.FirstPass()
		if t.Kind == fleet.Network {
			back += networkIn
		}
		longest = max(longest, back)
	}
	return registration + longest
}

func longestDrain(traffic []Traffic) time.Duration {
	longest := time.Duration(0)
	for _, t := range traffic {
		longest = max(longest, t.Drain)
	}
	return longest
}

// spread is the longest a start is put off where MinSize does not fence the floor:
// agents started in the same second then see one another before they leave.
func spread(o Observed) time.Duration {
	return min(30*time.Second, time.Duration(len(o.Group.Members))*4*time.Second, longestDrain(o.Traffic)/5)
}
