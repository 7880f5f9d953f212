package bench

import (
	"fmt"
	"time"
)

// budget is what was measured of the figures that have a limit.
type budget struct {
	noticed  []lateness    // the ends of drains of 300 s, in the order of endings
	returned []lateness    // the ends of returns, in the order of comebacks
	status   time.Duration // CPU, 1,000 instances
	peak     int           // KiB resident, the most of all commands
}

// budgets is the last table: the limits, and whether they are kept.
func (p *page) budgets(b budget) {
	p.say("\n## Limits\n")
	p.say("What a run may cost, and what it was found to cost above.")
	p.table("limit", "measured", "kept")
	p.row("out: 12 + 5T calls besides polls, T traffic sources", "see above", "yes, asserted")
	p.row("in: 8 + 4T calls besides polls", "see above", "yes, asserted")
	for i, e := range endings {
		p.row(fmt.Sprintf("%d polls for a drain of 300 s: %s", e.polls, e.brief), b.noticed[i].polls, yes(b.noticed[i].polls <= e.polls))
	}
	for i, e := range endings {
		median := b.noticed[i].median
		p.row("its end noticed within 2 s, in the median: "+e.brief, tenths(median), yes(median <= noticedMedian))
		p.row("its end noticed within 4 s, at most: "+e.brief, tenths(b.noticed[i].most), yes(b.noticed[i].most <= noticedMost))
	}
	for i, c := range comebacks {
		got := b.returned[i]
		p.row("the end of a return noticed within 2 s, in the median: "+c.brief, tenths(got.median), yes(got.median <= noticedMedian))
		p.row("the end of a return noticed within 4 s, at most: "+c.brief, tenths(got.most), yes(got.most <= noticedMost))
	}
	p.row("status of 1,000 instances: 100 ms of CPU", millis(b.status), yes(b.status < 100*time.Millisecond))
	p.row("30 MB resident, whatever the command, 1,000 instances and more", megabytes(b.peak), yes(b.peak <= 30*1000*1000/1024))
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
