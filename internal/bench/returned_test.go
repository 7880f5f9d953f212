package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A comeback is a way for a return to end.
type comeback struct {
	brief string
	more  string // how exactly
	crowd crowd
	// returns is how long Auto Scaling takes to say InService; nil: 2 s.
	returns func(*rand.Rand) time.Duration
}

func (c comeback) name() string { return c.brief + ": " + c.more }

var comebacks = []comeback{
	{
		brief: "registered", more: "no load balancer, InService after 2 to 60 s",
		returns: between(2*time.Second, time.Minute),
	},
	{
		brief: "healthy", more: "a target group whose checks pass at once",
		crowd: crowd{scene: scene{sources: 1}},
	},
	{
		brief: "healthy late", more: "a target group whose checks pass after 10 to 60 s",
		crowd: crowd{scene: scene{sources: 1}, passes: between(10*time.Second, time.Minute)},
	},
	{
		brief: "healthy at a Classic load balancer", more: "its checks pass after 10 to 60 s",
		crowd: crowd{scene: scene{classic: true}, passes: between(10*time.Second, time.Minute)},
	},
}

// noticed lets returns end that way, each with random numbers of its own.
func (c comeback) noticed(t *testing.T, times int) lateness {
	t.Helper()
	var late []time.Duration
	for n := range uint64(times) {
		one := c.crowd
		one.hosts, one.seed = 1, n+1
		if c.returns != nil {
			one.returns = c.returns(rand.New(rand.NewPCG(n, 7)))
		}
		late = append(late, one.run(t).in...)
	}
	return latenessOf(late)
}

func latenessOf(late []time.Duration) lateness {
	slices.Sort(late)
	return lateness{median: late[len(late)/2], most: late[len(late)-1]}
}

func TestEndOfAReturnIsNoticed(t *testing.T) {
	for _, c := range comebacks {
		got := c.noticed(t, samples(t))
		t.Logf("%s: %s in the median, %s at most", c.name(), got.median, got.most)
		if got.median > noticedMedian && !testing.Short() || got.most > noticedMost {
			t.Errorf("%s: %s from healthy to exit in the median, %s at most; want %s and %s", c.name(), got.median, got.most, noticedMedian, noticedMost)
		}
	}
}

// samples is how many runs make a row: with -short too few for a median.
func samples(t *testing.T) int {
	t.Helper()
	if testing.Short() {
		return 3
	}
	return 101
}

// hostsAtOnce are the crowds of the page, each with how often it is run.
var hostsAtOnce = []struct{ hosts, times int }{{1, 51}, {4, 13}, {20, 3}, {100, 1}}

// atOnce is a group behind a Classic load balancer whose drains end in the middle, and whose checks pass late.
func atOnce(hosts, times int, t *testing.T) (out, in lateness, outASecond, inASecond float64) {
	t.Helper()
	var outs, ins []time.Duration
	for n := range uint64(times) {
		got := crowd{
			scene: scene{classic: true, drain: fiveMinutes}, hosts: hosts, seed: n + 1,
			drainEnds: between(15*time.Second, fiveMinutes), passes: between(10*time.Second, time.Minute),
		}.run(t)
		outs, ins = append(outs, got.out...), append(ins, got.in...)
		outASecond, inASecond = max(outASecond, got.outASecond), max(inASecond, got.inASecond)
	}
	return latenessOf(outs), latenessOf(ins), outASecond, inASecond
}

// looksASecond is how often all hosts of a group together look at themselves, at most. Those that leave in the same
// second know of one another only after their next look at the whole group.
const looksASecond = 12

// mostTogether is how late a host may notice an end while so many are out: they look in turn, one each second.
func mostTogether(hosts int) time.Duration {
	return max(noticedMost, time.Duration(hosts+3)*time.Second)
}

// TestHostsThatAreOutTogetherNotice: however many are out, together they ask no more than a few hosts would alone, and
// each notices the end within the seconds that there are hosts.
func TestHostsThatAreOutTogetherNotice(t *testing.T) {
	for _, row := range hostsAtOnce {
		if testing.Short() && row.hosts > 4 {
			continue
		}
		times := 1 + row.times/10
		if testing.Short() {
			times = 1 + row.times/25
		}
		out, in, outASecond, inASecond := atOnce(row.hosts, times, t)
		t.Logf("%d hosts: out %s, %s, %.1f looks a second; in %s, %s, %.1f", row.hosts, out.median, out.most, outASecond, in.median, in.most, inASecond)
		if most := mostTogether(row.hosts); out.most > most || in.most > most {
			t.Errorf("%d hosts at once: out noticed its end after %s at most, in after %s; want %s", row.hosts, out.most, in.most, most)
		}
		if outASecond > looksASecond || inASecond > looksASecond {
			t.Errorf("%d hosts at once: %.1f and %.1f looks a second, want at most %v", row.hosts, outASecond, inASecond, looksASecond)
		}
	}
}
