package bench

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

var (
	pageFile = flag.String("page", "", "measure everything, and write the tables to this file")
	program  = flag.String("balanced", "", "the binary to measure, for -page")
)

// A page is docs/benchmarks.md in the making.
type page struct {
	*testing.T
	text strings.Builder
}

func (p *page) say(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

// table begins a table with these columns.
func (p *page) table(columns ...string) {
	p.say("\n| %s |\n|%s", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
}

func (p *page) row(cells ...any) {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = fmt.Sprint(c)
	}
	p.say("| %s |", strings.Join(texts, " | "))
}

// TestPage writes docs/benchmarks.md. make bench runs it.
func TestPage(t *testing.T) {
	if *pageFile == "" {
		t.Skip("writes docs/benchmarks.md; make bench runs it")
	}
	p := &page{T: t}
	p.say("# What a run costs\n")
	p.say("<!-- Written by make bench. Run it on a machine that does nothing else. -->\n")
	p.say("%s, %s.\n", time.Now().Format(time.DateOnly), machine())
	p.say("%s", preface)
	var b budget
	p.calls()
	for _, e := range endings {
		b.noticed = append(b.noticed, e.noticed(t, 101))
	}
	p.noticed(b.noticed)
	for _, c := range comebacks {
		b.returned = append(b.returned, c.noticed(t, 101))
	}
	p.returned(b.returned)
	p.together()
	p.timeline()
	p.processes(&b)
	p.groups()
	p.rollouts()
	p.size()
	p.budgets(b)
	if err := os.WriteFile(*pageFile, []byte(p.text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

const preface = `Calls, polls and the times of drains are those of the simulated Region in virtual time, where an API call takes
100 ms: they do not depend on the machine, and ` + "`make test`" + ` asserts their limits. CPU, memory and start-up are
those of the shipped binary against a simulated Region on loopback; nothing asserts them.

A poll is a look at the own instance alone. It is one call to Auto Scaling and, once the instance is in Standby or in
service, one more to the load balancer that holds it up.`

// machine is what the figures were taken on.
func machine() string {
	name := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(info), "model name"); ok {
			line, _, _ := strings.Cut(after, "\n")
			name = strings.TrimLeft(line, "\t: ")
		}
	}
	return fmt.Sprintf("%s, %d cores, %s/%s, %s", name, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

func (p *page) calls() {
	p.say("\n## API calls\n")
	p.say("One `out` and one `in`, by the number of traffic sources (target groups of an Application Load Balancer) and")
	p.say("by their drain. Auto Scaling says Standby five seconds after the drain.")
	p.table("sources", "drain", "out: polls", "other calls", "of at most", "in: polls", "calls for them", "other calls", "of at most")
	for _, c := range allBills(p.T) {
		p.row(c.sources, brief(c.drain), c.out.polls, c.out.others, budgetOut(c.sources), c.in.polls, c.in.polling, c.in.others, budgetIn(c.sources))
	}
}

func (p *page) noticed(drains []lateness) {
	p.say("\n## From drained to exit\n")
	p.say("A drain of 300 s, by how it ends, over 101 runs each of one host, behind a MinSize that holds the minimum. The time")
	p.say("runs from the moment Auto Scaling says Standby to the end of the process, the calls of the last look included.")
	p.table("the drain ends", "median", "longest", "polls, most")
	for i, e := range endings {
		p.row(e.name(), tenths(drains[i].median), tenths(drains[i].most), drains[i].polls)
	}
	p.say("\n%s", whenItLooks)
}

const whenItLooks = `A target group holds its target for the whole delay, so there is one poll at the end of the delay and almost none
before. A Classic load balancer deregisters an instance with its last request, at a time that no API foretells: there,
and where a drain is overdue, the pause between two polls is at most 2.7 s, or one second for each instance of the
group that is out, if that is longer. One host alone thus notices every end within 4 s; a whole group together asks
about once a second.`

func (p *page) returned(ends []lateness) {
	p.say("\n## From healthy to exit\n")
	p.say("The same on the way back, over 101 runs each. The time runs from the moment at which Auto Scaling says InService and")
	p.say("the last load balancer says healthy to the end of the process.")
	p.table("the return ends", "median", "longest")
	for i, c := range comebacks {
		p.row(c.name(), tenths(ends[i].median), tenths(ends[i].most))
	}
}

// together is the table of hosts that are out at once.
func (p *page) together() {
	p.say("\n## Many hosts at once\n")
	p.say("%s", manyHosts)
	p.table("hosts out at once", "out: median", "longest", "looks a second", "in: median", "longest", "looks a second")
	for _, row := range hostsAtOnce {
		out, in, outASecond, inASecond := atOnce(row.hosts, row.times, p.T)
		p.row(row.hosts, tenths(out.median), tenths(out.most), fmt.Sprintf("%.1f", outASecond), tenths(in.median), tenths(in.most), fmt.Sprintf("%.1f", inASecond))
	}
}

const manyHosts = `From drained, or healthy, to exit again, for hosts of one group that leave within the same second and come back within
the same second. A Classic load balancer drains each for 15 to 300 s; on the way back each begins to pass its checks
after 10 to 60 s. A look is one of a host at itself; the figure is the mean of all hosts together. The more are out the
later each notices, so that together they ask about as often as a few. The looks before and after the move count too.
A host knows of the others from its last look at the whole group, which those that leave in the same second have had
before they could see one another: they look more often than they need to.`

// timeline is the table of one out and one in, beside what AWS takes.
func (p *page) timeline() {
	p.say("\n## One out and one in, second by second\n")
	p.say("%s", secondBySecond)
	p.table("command", "drain", "MinSize", "before the move", "AWS", "after AWS was done", "in all", "more than AWS")
	for _, fenced := range []bool{true, false} {
		for _, drain := range drains {
			out, in := timelines(p.T, drain, fenced, 21)
			holds := map[bool]string{true: "holds the minimum", false: "does not"}[fenced]
			p.line("out", drain, holds, out)
			if fenced {
				p.line("in", drain, "-", in)
			}
		}
	}
}

func (p *page) line(command string, drain time.Duration, holds string, l timeline) {
	p.row(command, brief(drain), holds, tenths(l.before), tenths(l.aws), tenths(l.after), tenths(l.whole()), tenths(l.before+l.after))
}

const secondBySecond = `One host, one target group, medians of 21 runs. "Before the move" is from the start of the process to the call that
moves: looks at the own instance, the group, and the load balancers, each of them a call of 100 ms after the other, and
the random delay of the start where MinSize does not hold the minimum.
"AWS" is from that call until Auto Scaling says Standby, or InService and the target group healthy: the drain, two
seconds for the move, and the health checks. No program can be faster than this column. What comes after it is the next
poll and, where MinSize does not hold the minimum, the wait for AWS's reads to catch up: until then another instance
may have left for the same slot without any read that shows it.`

func (p *page) processes(b *budget) {
	p.say("\n## The process\n")
	p.say("CPU is user and system time together, memory the highest resident size (VmHWM). Medians; of memory the most.")
	p.table("command", "instances", "CPU", "elapsed", "memory")
	small := scene{size: 10, sources: 1}.served(p.T, *program)
	u := small.middle(21, "version")
	p.row("version: the start-up alone", "-", millis(u.cpu), millis(u.wall), megabytes(u.peak))
	for _, size := range groupSizes {
		u := scene{size: size, sources: 1, drain: fiveMinutes}.served(p.T, *program).middle(5, "status")
		p.row("status", size, millis(u.cpu), millis(u.wall), megabytes(u.peak))
		b.peak = max(b.peak, u.peak)
		if size == 1000 {
			b.status = u.cpu
		}
	}
	for _, size := range []int{10, 1000} {
		st := scene{size: size, sources: 4, drain: 15 * time.Second}.served(p.T, *program)
		out := st.run("out")
		in := st.run("in", "--probe", "off")
		p.row("out, 4 sources, drain 15 s", size, millis(out.cpu), tenths(out.wall), megabytes(out.peak))
		p.row("in, 4 sources", size, millis(in.cpu), tenths(in.wall), megabytes(in.peak))
		b.peak = max(b.peak, out.peak, in.peak)
	}
}

func (p *page) groups() {
	p.say("\n## Large groups\n")
	p.say("A look at the whole group, its judgement and the report, without the calls and their decoding; a tenth of the")
	p.say("instances is out. `BenchmarkStatus` and `BenchmarkGuards`, for benchstat: `go test -run '^$' -bench . -count 10")
	p.say("./internal/bench`.")
	p.table("instances", "status", "allocated", "every guard of out", "allocated")
	for _, size := range groupSizes {
		status, guards := testing.Benchmark(statusOf(size)), testing.Benchmark(guardsOf(size))
		p.row(size, micros(status.NsPerOp()), kilobytes(status.AllocedBytesPerOp()), micros(guards.NsPerOp()), kilobytes(guards.AllocedBytesPerOp()))
	}
}

func (p *page) rollouts() {
	p.say("\n## A rollout of 1,000 instances\n")
	p.say("100 at a time with a minimum of 90 %%, MinSize 900, one target group with a drain of 300 s, a minute of work on")
	p.say("each. AWS publishes a bucket for Elastic Load Balancing (reads: 40 calls, refilled by 10 a second, 600 a minute)")
	p.say("and none for Auto Scaling. The last column says how many calls the published one would have turned away, were")
	p.say("it full at first; nothing is throttled here. All hosts are equally fast, so those that start together stay")
	p.say("together: that all start in the same instant is the worst that can be.")
	p.table("the first 100 start", "API", "calls", "for each instance", "a minute, mean", "busiest minute", "busiest second", "turned away")
	for _, spread := range []time.Duration{0, time.Minute} {
		o := rollout{scene: scene{size: 1000, sources: 1, drain: fiveMinutes}, atOnce: 100, work: time.Minute, spread: spread}
		for _, tr := range o.run(p.T) {
			p.row(within(spread), tr.service, tr.calls, fmt.Sprintf("%.1f", tr.perInstance),
				fmt.Sprintf("%.0f", float64(tr.calls)/tr.took.Minutes()), tr.minute, tr.second, turnedAway(tr))
		}
	}
}

func within(spread time.Duration) string {
	if spread == 0 {
		return "in the same instant"
	}
	return "within " + brief(spread)
}

func turnedAway(tr traffic) string {
	if tr.capacity == 0 {
		return "not published"
	}
	return fmt.Sprint(tr.short)
}

// size is the size of the binary, and what each thing left out of it saved.
func (p *page) size() {
	info, err := os.Stat(*program)
	if err != nil {
		p.Fatal(err)
	}
	p.say("\n## The binary\n")
	p.say("%s, static. What it does without, and what not:", bytesOf(info.Size()))
	p.say("\n%s", leftOut)
}

const leftOut = `| left out | saved | how |
|---|---|---|
| operations of the AWS services that are not called | 5.5 MB | the SDK's calls are kept as functions, not as its client |
| the manual generator of the command-line library | 0.3 MB, 0.3 ms of start-up | build tag ` + "`urfave_cli_no_docs`" + ` |
| a gRPC library | not measured | ` + "`internal/probe`" + ` speaks the few bytes it needs |
| symbols and debug information | a third | ` + "`-ldflags '-s -w'`" + ` |
| **kept** | **would save** | **why** |
| the SDK's loading of settings, with its SSO, sign-in and STS providers | 2.9 MB | AWS_PROFILE, assumed roles, web identity and container credentials are settings of the SDK that people use; without them such a host would fail, and only there |
| suggestions of the command-line library | 4 kB | a mistyped command is answered with the right one |`
