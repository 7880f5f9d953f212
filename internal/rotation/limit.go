package rotation

import (
	"fmt"
	"time"
)

// fit shrinks budgets so that the run ends within a limit; 0 is none. The time for
// throttling gives way first, then waiting, then what the move has beyond the least it
// takes. An undo is never cut short, so what still does not fit is refused (withinLimit)
// or warned of (tightLimit).
func (b budgets) fit(limit, least time.Duration) budgets {
	over := b.bound() - limit
	if limit == 0 || over <= 0 {
		return b
	}
	for _, part := range []struct {
		of    *time.Duration
		least time.Duration
	}{{&b.throttled, 0}, {&b.wait, 0}, {&b.timeout, least}} {
		less := min(over, max(*part.of-part.least, 0))
		*part.of -= less
		over -= less
	}
	return b
}

// withinLimit: a move that cannot end in time is not begun, since the one who set the
// limit stops the run there, half way.
func withinLimit(v view) *Stop {
	what, least := "leaving", wayOut(v.Traffic)+v.settle
	if v.State.Out() {
		what, least = "returning", wayBack(v.Traffic)
	}
	if v.limit == 0 || least <= v.limit {
		return nil
	}
	return stopf(Setup, fmt.Sprintf("give the hook, and --timeout, %d s or more", inSeconds(v.bound())),
		"%s takes up to %s and does not fit into %s", what, brief(least), brief(v.limit))
}

func tightLimit(v view) string {
	if v.limit == 0 || v.bound() <= v.limit {
		return ""
	}
	return fmt.Sprintf("the move fits into %s, taking it back may not: give the hook, and --timeout, %d s", brief(v.limit), inSeconds(v.bound()))
}

// inSeconds rounds up: a hook's timeout is a whole number of seconds.
func inSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
