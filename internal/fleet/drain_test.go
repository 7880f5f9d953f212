package fleet

import (
	"testing"
	"time"
)

func TestTheWayOutAndTheWayBack(t *testing.T) {
	alb := Traffic{Source: Source{Kind: Application, Drain: 300 * time.Second, Check: HealthCheck{Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 5}}}
	old := Traffic{Source: Source{Kind: Classic, Drain: 60 * time.Second, Check: HealthCheck{Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3}}}
	nlb := Traffic{Source: Source{Kind: Network, Drain: 100 * time.Second, Check: HealthCheck{Interval: 10 * time.Second, Timeout: 10 * time.Second, Healthy: 3}}}
	for name, tc := range map[string]struct {
		traffic   []Traffic
		out, back time.Duration
	}{
		"nothing":           {nil, MoveTime, registrationTime},
		"one check for ALB": {[]Traffic{alb}, 300*time.Second + MoveTime, registrationTime + 35*time.Second},
		"drains add up, checks run side by side": {
			[]Traffic{alb, old}, 360*time.Second + MoveTime, registrationTime + 45*time.Second,
		},
		"a load balancer after an NLB": {
			[]Traffic{nlb, alb}, 400*time.Second + NetworkOut + MoveTime, registrationTime + 60*time.Second + networkIn,
		},
		"in so many seconds": {[]Traffic{nlb}, 280 * time.Second, 270 * time.Second},
		"NLB takes minutes each way": {
			[]Traffic{nlb}, 100*time.Second + NetworkOut + MoveTime, registrationTime + 60*time.Second + networkIn,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := WayOut(tc.traffic); got != tc.out {
				t.Errorf("way out %s, want %s", got, tc.out)
			}
			if got := WayBack(tc.traffic); got != tc.back {
				t.Errorf("way back %s, want %s", got, tc.back)
			}
		})
	}
}
