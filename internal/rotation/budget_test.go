package rotation

import (
	"testing"
	"time"

	"balanced/internal/fleet"
)

func TestTheTimeLimitHoldsARollbackInFull(t *testing.T) {
	alb := fleet.Traffic{Source: fleet.Source{Kind: fleet.Application, Drain: 300 * time.Second, Check: fleet.HealthCheck{Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 5}}}
	given := outBudgets(Options{Wait: time.Minute, Timeout: 2 * time.Minute}, DefaultSettle, []fleet.Traffic{alb})
	if want := 3*time.Minute + fleet.WayBack([]fleet.Traffic{alb}) + fleet.MoveTime + overrun; given.unthrottled() != want || given.timeLimit() != want+throttling {
		t.Errorf("time limit %s, want %s: the rollback is never cut short by --timeout", given.unthrottled(), want)
	}
}
