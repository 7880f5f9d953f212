package bench

import (
	"fmt"
	"time"
)

// budget is what was measured of the figures that have a limit.
type budget struct {
	noticed []lateness    // the ends of drains of 300 s, in the order of endings
	status  time.Duration // CPU, 1,000 instances
	peak    int           // KiB resident, the most of all commands
}

// budgets is the last table: the limits, and whether they are kept.
func (p *page) budgets(b budget) {
	p.say("\n## Limits\n")
	p.say("What a run may cost, and what it was found to cost above.")
	p.table("limit", "measured", "kept")
	p.row("out: 12 + 5T calls besides polls, T traffic sources", "see above", "yes, asserted")
	p.row("in: 8 + 4T calls besides polls", "see above", "yes, asserted")
	for i, e := range endings {
		p.row("15 polls for a drain of 300 s: "+e.brief, b.noticed[i].polls, yes(b.noticed[i].polls <= mostPolls))
	}
	for i, e := range endings {
		median := b.noticed[i].median
		p.row("its end noticed within 2 s, in the median: "+e.brief, tenths(median), yes(median <= 2*time.Second))
	}
	p.row("status of 1,000 instances: 100 ms of CPU", millis(b.status), yes(b.status < 100*time.Millisecond))
	p.row("30 MB resident, whatever the command, 1,000 instances and more", megabytes(b.peak), yes(b.peak <= 30*1000*1000/1024))
	p.row("one process, and no goroutine outlives a command", "-", "yes, asserted: tests run in bubbles that end only with every goroutine")
	p.say("\nA drain that is overdue takes more polls than 15 as it lasts longer than 300 s. Why an end that no setting foretells")
	p.say("is noticed late stands under the drains.")
}

func yes(kept bool) string {
	if kept {
		return "yes"
	}
	return "**no**"
}

func brief(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }

func tenths(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func micros(ns int64) string { return fmt.Sprintf("%.0f µs", float64(ns)/1000) }

func kilobytes(n int64) string { return fmt.Sprintf("%.0f kB", float64(n)/1000) }

func megabytes(kib int) string { return fmt.Sprintf("%.1f MB", float64(kib)*1024/1e6) }

func bytesOf(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
