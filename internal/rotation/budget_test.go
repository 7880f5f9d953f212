package rotation

import (
	"testing"
	"time"

	"balanced/internal/fleet"
)

func TestBudgets(t *testing.T) {
	alb := Traffic{Source: fleet.Source{Kind: fleet.Application, Drain: 300 * time.Second, Check: fleet.HealthCheck{Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 5}}}
	old := Traffic{Source: fleet.Source{Kind: fleet.Classic, Drain: 60 * time.Second, Check: fleet.HealthCheck{Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3}}}
	nlb := Traffic{Source: fleet.Source{Kind: fleet.Network, Drain: 100 * time.Second, Check: fleet.HealthCheck{Interval: 10 * time.Second, Timeout: 10 * time.Second, Healthy: 3}}}
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
	if want := 3*time.Minute + wayBack([]Traffic{alb}) + slack + overrun; given.unthrottled() != want || given.bound() != want+throttling {
		t.Errorf("bound %s, want %s: the undo is never cut short by --timeout", given.unthrottled(), want)
	}
}
