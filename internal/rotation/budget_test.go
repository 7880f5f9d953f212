package rotation

import (
	"math/rand/v2"
	"testing"
	"time"

	"balanced/internal/elb"
)

// polls counts the looks at something known to take expected that really takes took,
// and how late its end was noticed.
func polls(expected, took time.Duration) (n int, late time.Duration) {
	for at := time.Duration(0); ; n++ {
		if at >= took {
			return n, at - took
		}
		at += pace(at, expected)
	}
}

func TestPaceKnowsTheDrain(t *testing.T) {
	n, late := polls(300*time.Second, 300*time.Second)
	if n > 15 || late > 2*time.Second {
		t.Errorf("a 300 s drain: %d polls, noticed %s late; want at most 15 and 2s", n, late)
	}
	for range 200 {
		over := time.Duration(rand.IntN(20_000)) * time.Millisecond
		if n, late := polls(300*time.Second, 300*time.Second+over); n > 20 || late > 4*time.Second {
			t.Errorf("a 300 s drain that took %s more: %d polls, noticed %s late", over, n, late)
		}
	}
	if n, _ := polls(0, 3600*time.Second); n > 150 {
		t.Errorf("overdue by an hour: %d polls", n)
	}
}

func TestBudgets(t *testing.T) {
	alb := Traffic{Source: elb.Source{Kind: elb.Application, Drain: 300 * time.Second, Check: elb.Check{Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 5}}}
	old := Traffic{Source: elb.Source{Kind: elb.Classic, Drain: 60 * time.Second, Check: elb.Check{Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3}}}
	nlb := Traffic{Source: elb.Source{Kind: elb.Network, Drain: 100 * time.Second, Check: elb.Check{Interval: 10 * time.Second, Timeout: 10 * time.Second, Healthy: 3}}}
	for name, tc := range map[string]struct {
		traffic   []Traffic
		out, back time.Duration
	}{
		"nothing":           {nil, slack, registration},
		"one check for ALB": {[]Traffic{alb}, 300*time.Second + slack, registration + 35*time.Second},
		"drains add up, checks run side by side": {
			[]Traffic{alb, old}, 360*time.Second + slack, registration + 45*time.Second,
		},
		"NLB takes minutes each way": {
			[]Traffic{nlb}, 100*time.Second + networkOut + slack, registration + 60*time.Second + networkIn,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := wayOut(tc.traffic); got != tc.out {
				t.Errorf("way out %s, want %s", got, tc.out)
			}
			if got := wayBack(tc.traffic); got != tc.back {
				t.Errorf("way back %s, want %s", got, tc.back)
			}
		})
	}
	given := outBudgets(Options{Wait: time.Minute, Timeout: 2 * time.Minute}, DefaultSettle, []Traffic{alb})
	if want := 3*time.Minute + wayBack([]Traffic{alb}) + slack + overrun; given.bound() != want {
		t.Errorf("bound %s, want %s: the undo is never cut short by --timeout", given.bound(), want)
	}
}
