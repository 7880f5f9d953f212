package rotation

import (
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

func TestTheTimeLimitHoldsARollbackInFull(t *testing.T) {
	alb := fleet.Traffic{Source: fleet.Source{Kind: fleet.Application, Drain: 300 * time.Second, Check: fleet.HealthCheck{Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 5}}}
	given := outBudgets(Options{Wait: time.Minute, Timeout: 2 * time.Minute}, DefaultSettle, []fleet.Traffic{alb})
	if want := 3*time.Minute + fleet.WayBack([]fleet.Traffic{alb}) + fleet.MoveTime + overrun; given.unthrottled() != want || given.timeLimit() != want+throttling {
		t.Errorf("time limit %s, want %s: the rollback is never cut short by --timeout", given.unthrottled(), want)
	}
}

// The budgets of a run whose options leave them to it. WayOut is 60 s and the delays, WayBack 30 s and the first pass.
func TestAutomaticBudgets(t *testing.T) {
	const s = time.Second
	traffic := []fleet.Traffic{{Source: fleet.Source{Kind: fleet.Application, Name: "web", Drain: 300 * s, Check: fleet.HealthCheck{Interval: 30 * s, Timeout: 5 * s, Healthy: 5}}}}
	way, back := fleet.WayOut(traffic), fleet.WayBack(traffic)
	if way != 360*s || back <= 35*s {
		t.Fatalf("way out %s, way back %s", way, back)
	}
	auto, given := Options{Wait: Auto, Timeout: Auto}, Options{Wait: 0, Timeout: 7 * s}
	const wait, hours = 300*s + 300*s, 3 * time.Hour // a peer's drain, and five minutes for its work
	for name, tc := range map[string]struct{ got, want budgets }{
		"out":              {outBudgets(auto, 8*s, traffic), budgets{wait + back, way + 8*s + back, back + 60*s, hours}},
		"out, as given":    {outBudgets(given, 8*s, traffic), budgets{0, 7 * s, back + 60*s, hours}},
		"in":               {inBudgets(auto, false, false, traffic), budgets{wait + back, back + 60*s, way + 10*s, hours}},
		"in, with probes":  {inBudgets(auto, false, true, traffic), budgets{wait + back, back + 60*s + 300*s, way + 10*s, hours}},
		"in, from a drain": {inBudgets(auto, true, false, traffic), budgets{wait + back, back + 60*s + way, way + 10*s, hours}},
		"in, as given":     {inBudgets(given, true, true, traffic), budgets{0, 7 * s, way + 10*s, hours}},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, tc.got, tc.want)
		}
	}
	b := budgets{wait: 1000 * s, timeout: 200 * s, rollback: 30 * s, still: 4 * s}
	if b.unthrottled() != 1290*s || b.timeLimit() != 1294*s {
		t.Errorf("time limit %s, %s where AWS throttles; want 21m30s and 4 s more", b.unthrottled(), b.timeLimit())
	}
}

// A move that cannot end within the limit of a hook is not begun.
func TestWithinLimit(t *testing.T) {
	const s = time.Second
	for name, tc := range map[string]struct {
		state fleet.State
		limit time.Duration
		says  string // empty: it may move
		hint  string
	}{
		"no limit":              {fleet.InService, 0, "", ""},
		"long enough to leave":  {fleet.InService, 368 * s, "", ""},
		"too short to leave":    {fleet.InService, 367 * s, "leaving takes up to 6m8s and does not fit into 6m7s", "give the hook, and --timeout, 1380 s or more"},
		"long enough to return": {fleet.Standby, 30 * s, "", ""},
		"too short to return":   {fleet.Standby, 29 * s, "returning takes up to 30s and does not fit into 29s", "give the hook, and --timeout, 1380 s or more"},
	} {
		v := sound()
		v.settle, v.State, v.Limit = 8*s, tc.state, tc.limit
		judged := withinLimit(v)
		if (judged.kind == settled) != (tc.says == "") || judged.reason() != tc.says {
			t.Errorf("%s: %q, want %q", name, judged.reason(), tc.says)
		}
		if judged.kind == blocked && (judged.refusal.Hint != tc.hint || judged.refusal.Class != failure.Setup) {
			t.Errorf("%s: hint %q, want %q", name, judged.refusal.Hint, tc.hint)
		}
	}
	v := sound()
	v.Limit = time.Second
	v.Traffic = append(v.Traffic, drainOf(fleet.Classic, 300), drainOf(fleet.Classic, 60))
	for _, tc := range []struct {
		budget time.Duration // with the rest of the run, an hour and not a second more
		hint   string
	}{
		{time.Hour - time.Minute, "give the hook, and --timeout, 3600 s or more"},
		{time.Hour - time.Minute + 1, "CodeDeploy ends an event after 3600 s: shorten the deregistration delay of web (300 s), or run balanced from SSM"},
	} {
		v.budgets = budgets{wait: tc.budget}
		if got := withinLimit(v).refusal.Hint; got != tc.hint {
			t.Errorf("%s: hint %q, want %q", tc.budget, got, tc.hint)
		}
	}
}

// A hook's timeout is a whole number of seconds, and never too short.
func TestWholeSeconds(t *testing.T) {
	for d, want := range map[time.Duration]int{0: 0, 1: 1, time.Second - 1: 1, time.Second: 1, time.Second + 1: 2, 90 * time.Second: 90} {
		if got := wholeSeconds(d); got != want {
			t.Errorf("%d ns: %d s, want %d", d, got, want)
		}
	}
}
