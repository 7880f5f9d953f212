package bench

import (
	"fmt"
	"time"
)

// budget is what was measured of the figures that have a limit.
type budget struct {
	polls    int           // of an out with a drain of up to 300 s, that ends on time
	noticed  time.Duration // from drained to exit, in the median, on time
	status   time.Duration // CPU, 1,000 instances
	thousand int           // KiB resident, the same
	peak     int           // KiB resident, the most of all
}

// budgets is the last table: the limits, and whether they are kept.
func (p *page) budgets(b budget) {
	p.say("\n## Limits\n")
	p.say("What a run may cost, and what it was found to cost above.")
	p.table("limit", "measured", "kept")
	p.row("out: 12 + 5T calls besides polls, T traffic sources", "see above", "yes, asserted")
	p.row("in: 8 + 4T calls besides polls", "see above", "yes, asserted")
	p.row("15 polls for a drain of 300 s that ends on time", b.polls, yes(b.polls <= mostPolls))
	p.row("its end noticed within 2 s, in the median", tenths(b.noticed), yes(b.noticed <= 2*time.Second))
	p.row("status of 1,000 instances: 100 ms of CPU", millis(b.status), yes(b.status < 100*time.Millisecond))
	p.row("30 MB resident, 1,000 instances", megabytes(b.thousand), yes(b.thousand <= 30*1000*1000/1024))
	p.row("one process, and no goroutine outlives a command", "-", "yes, asserted: tests run in bubbles that end only with every goroutine")
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
