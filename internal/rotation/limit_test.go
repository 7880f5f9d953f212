package rotation

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestShrinkTo(t *testing.T) {
	whole := budgets{still: time.Hour, wait: 600 * time.Second, timeout: 400 * time.Second, rollback: 100 * time.Second}
	for _, tt := range []struct {
		limit, least  time.Duration
		wait, timeout time.Duration
	}{
		{0, 300 * time.Second, 600 * time.Second, 400 * time.Second},
		{1160 * time.Second, 300 * time.Second, 600 * time.Second, 400 * time.Second},
		{860 * time.Second, 300 * time.Second, 300 * time.Second, 400 * time.Second},
		{510 * time.Second, 300 * time.Second, 0, 350 * time.Second},
		{410 * time.Second, 300 * time.Second, 0, 300 * time.Second},
		{160 * time.Second, 500 * time.Second, 0, 400 * time.Second},
	} {
		got := whole.shrinkTo(tt.limit, tt.least)
		if (got.still > 0) != (tt.limit == 0) {
			t.Errorf("within %s: throttled for %s, which gives way first", tt.limit, got.still)
		}
		got.still = 0
		if want := (budgets{wait: tt.wait, timeout: tt.timeout, rollback: whole.rollback}); got != want {
			t.Errorf("within %s, %s at least: %v, want %v", tt.limit, tt.least, got, want)
		}
	}
}

func TestShrinkToLeavesWhatFits(t *testing.T) {
	whole := budgets{still: time.Hour, wait: 600 * time.Second, timeout: 400 * time.Second, rollback: 100 * time.Second}
	for _, limit := range []time.Duration{whole.timeLimit(), whole.timeLimit() + time.Hour} {
		if got := whole.shrinkTo(limit, 0); got != whole {
			t.Errorf("within %s: %v, want %v", limit, got, whole)
		}
	}
	if got := whole.shrinkTo(whole.timeLimit()-1, 0).timeLimit(); got != whole.timeLimit()-1 {
		t.Errorf("a nanosecond too long: %s", got)
	}
}

func TestShrinkToEndsInTimeOrKeepsTheLeast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) time.Duration {
			return time.Duration(rapid.IntRange(0, 4000).Draw(t, name)) * time.Second
		}
		b, limit, least := budgets{draw("wait"), draw("timeout"), draw("undo"), draw("throttled")}, draw("limit"), draw("least")
		got := b.shrinkTo(limit, least)
		if got.wait < 0 || got.timeout < 0 || got.wait > b.wait || got.timeout > b.timeout || got.rollback != b.rollback {
			t.Fatalf("%v within %s became %v", b, limit, got)
		}
		if limit > 0 && got.timeLimit() > limit && (got.still > 0 || got.wait > 0 || got.timeout > least) {
			t.Fatalf("%v within %s became %v: something was left to cut", b, limit, got)
		}
	})
}
