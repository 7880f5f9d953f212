package rotation

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// judgement is what a verdict comes to, for tables.
type judgement struct {
	kind  verdictKind
	class failure.Class
	says  string        // all of it
	next  time.Duration // when to look again, after the look; 0: whenever
	final bool
}

func judgedOf(v view, judged verdict) judgement {
	j := judgement{kind: judged.kind, says: judged.reason(), final: judged.hopeless()}
	if judged.refusal != nil {
		j.class = judged.refusal.Class
	}
	if !judged.nextLook.IsZero() {
		j.next = judged.nextLook.Sub(v.looked)
	}
	return j
}

// moving is a view of i-1 after this run's move, by a look that began so long after it was answered.
func moving(state fleet.State, after time.Duration) view {
	v := sound()
	v.State, v.settle = state, DefaultSettle
	v.sent = time.Now()
	v.began = v.sent.Add(after)
	v.looked = v.began
	return v
}

// What a run that waits for Standby, or for InService, makes of the states it may see.
func TestTheWaitAfterAMove(t *testing.T) {
	const lag = DefaultSettle
	unfinished := func(says string, next time.Duration, final bool) judgement {
		return judgement{blocked, failure.Unfinished, says, next, final}
	}
	changed := func(state fleet.State) judgement {
		return unfinished("i-1 is "+string(state)+": something else changed its state", 0, true)
	}
	gone := judgement{blocked, failure.Gone, "i-1 is Terminating", 0, true}
	found := func(state fleet.State) view { v := moving(state, 0); v.sent = time.Time{}; return v }
	doubted := func(v view) view { v.doubt = errLost; return v }
	torn := func(v view) view { v.Torn = true; return v }
	still := func(call, state string) string { return call + " was sent, and i-1 is still read as " + state }
	for name, tc := range map[string]struct {
		check func(view) verdict
		v     view
		want  judgement
	}{
		"out: draining":                         {entered, moving(fleet.EnteringStandby, lag), unfinished("i-1 is still EnteringStandby (web drains for 5m)", 0, false)},
		"out: gone":                             {entered, moving(fleet.Terminating, lag), gone},
		"out: a young look":                     {entered, moving(fleet.InService, lag-1), unfinished(still("EnterStandby", "InService"), 0, false)},
		"out: an old look in doubt":             {entered, doubted(moving(fleet.InService, 4*time.Second)), unfinished(still("EnterStandby", "InService"), 6*time.Second, false)},
		"out: two views that differ":            {entered, torn(moving(fleet.InService, lag)), unfinished(still("EnterStandby", "InService"), 0, false)},
		"out: it did not stay":                  {entered, moving(fleet.InService, lag), changed(fleet.InService)},
		"out: it came back, young":              {entered, moving(fleet.Pending, 0), unfinished(still("EnterStandby", "Pending"), 0, false)},
		"out: it came back":                     {entered, moving(fleet.Pending, lag), changed(fleet.Pending)},
		"rolling back in: not arrived yet":      {entered, found(fleet.Pending), unfinished("i-1 is Pending", 0, false)},
		"rolling back in: in service":           {entered, found(fleet.InService), changed(fleet.InService)},
		"in: launching":                         {returned, moving(fleet.Pending, lag), unfinished("i-1 is Pending", 0, false)},
		"in: at a hook":                         {returned, moving(fleet.PendingWait, lag), unfinished("i-1 is Pending:Wait", 0, false)},
		"in: gone":                              {returned, moving(fleet.Terminating, lag), gone},
		"in: a young look":                      {returned, moving(fleet.Standby, lag-1), unfinished(still("ExitStandby", "Standby"), 0, false)},
		"in: it did not return":                 {returned, moving(fleet.Standby, lag), changed(fleet.Standby)},
		"in: it left again":                     {returned, moving(fleet.EnteringStandby, lag), changed(fleet.EnteringStandby)},
		"rolling back out: not out yet, it was": {returned, found(fleet.EnteringStandby), unfinished("i-1 is still EnteringStandby (web drains for 5m)", 0, false)},
		"rolling back out: in Standby":          {returned, found(fleet.Standby), changed(fleet.Standby)},
	} {
		if got := judgedOf(tc.v, tc.check(tc.v)); got != tc.want {
			t.Errorf("%s: %+v\nwant %+v", name, got, tc.want)
		}
	}
	v := moving(fleet.EnteringStandby, lag)
	v.Traffic = nil
	if got, want := draining(v).reason(), "i-1 is still EnteringStandby"; got != want {
		t.Errorf("without a load balancer: %q, want %q", got, want)
	}
}

// Three load balancers are named, and that there are more.
func TestDrainTimes(t *testing.T) {
	of := func(name string, seconds int) fleet.Traffic {
		x := drainOf(fleet.Application, seconds)
		x.Name = name
		return x
	}
	a, b, c, d, e, none := of("a", 300), of("b", 60), of("c", 30), of("d", 20), of("e", 10), of("none", 0)
	for want, traffic := range map[string][]fleet.Traffic{
		"":                                     {none},
		"a drains for 5m":                      {none, a},
		"a drains for 5m, b for 1m":            {a, none, b},
		"a drains for 5m, b for 1m, c for 30s": {a, b, c, none},
		"a drains for 5m, b for 1m, c for 30s, and others": {a, b, c, d, e},
	} {
		if got := drainTimes(traffic); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A Network Load Balancer sends new connections for two minutes after its drain began, the others do not.
func TestDrained(t *testing.T) {
	for name, tc := range map[string]struct {
		kind   fleet.SourceKind
		since  time.Duration
		target fleet.Target
		want   judgement
	}{
		"an ALB":            {fleet.Application, 0, fleet.Target{}, judgement{}},
		"an NLB at first":   {fleet.Network, 20 * time.Second, fleet.Target{}, judgement{blocked, failure.Unfinished, "web may send new connections until 2m after the move", 100 * time.Second, false}},
		"an NLB too soon":   {fleet.Network, 2*time.Minute - 1, fleet.Target{}, judgement{blocked, failure.Unfinished, "web may send new connections until 2m after the move", 1, false}},
		"an NLB in the end": {fleet.Network, 2 * time.Minute, fleet.Target{}, judgement{}},
		"still listed":      {fleet.Network, 0, fleet.Target{Instance: "i-1", Health: fleet.Draining}, judgement{blocked, failure.Unfinished, "i-1 is still draining at web", 0, false}},
		"still listed, why": {fleet.Application, 0, fleet.Target{Instance: "i-1", Health: fleet.Draining, Reason: "Target.DeregistrationInProgress"}, judgement{blocked, failure.Unfinished, "i-1 is still draining (Target.DeregistrationInProgress) at web", 0, false}},
	} {
		v := moving(fleet.Standby, time.Minute)
		v.answer.Start = v.Now.Add(-tc.since)
		v.Traffic[0].Kind = tc.kind
		if tc.target.Instance != "" {
			v.Traffic[0].Mine = []fleet.Target{tc.target}
		}
		if got := judgedOf(v, drained(v)); got != tc.want {
			t.Errorf("%s: %+v\nwant %+v", name, got, tc.want)
		}
	}
}

// A start is put off once, where nothing else holds the minimum and something drains.
func TestWhoseStartIsPutOff(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*view)
		want   verdictKind
	}{
		"MinSize does not hold the minimum": {func(v *view) {}, act},
		"MinSize does":                      {func(v *view) { v.Group.Min = 3 }, settled},
		"a lock does":                       {func(v *view) { v.locks = true }, settled},
		"it was put off":                    {func(v *view) { v.jittered = true }, settled},
		"a dry run":                         {func(v *view) { v.DryRun = true }, settled},
		"nothing drains":                    {func(v *view) { v.Traffic[0].Drain = 0 }, settled},
	} {
		v := sound()
		v.Group.Min = 2
		tc.change(&v)
		if got := jitterDue(v).kind; got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
	for _, tc := range []struct {
		members, drain int
		want           time.Duration
	}{{2, 300, 8 * time.Second}, {4, 300, 16 * time.Second}, {4, 50, 10 * time.Second}, {8, 300, 30 * time.Second}, {100, 3600, 30 * time.Second}} {
		s := sound().Snapshot
		s.Group.Members = make([]fleet.Member, tc.members)
		s.Traffic[0].Drain = time.Duration(tc.drain) * time.Second
		if got := longestJitter(s); got != tc.want {
			t.Errorf("%d members, %d s of drain: put off for %s at most, want %s", tc.members, tc.drain, got, tc.want)
		}
	}
}

// The delay is drawn from all of the time there is, and waited for.
func TestAStartIsPutOffAtRandom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := atWork()
		core, lines := observer.New(zap.DebugLevel)
		r.Log, r.Jitter = zap.New(core), rand.New(rand.NewPCG(1, 2))
		least, most := time.Hour, time.Duration(0)
		for range 50 {
			r.jittered = false
			began := time.Now()
			if err := r.jitterStart(t.Context()); err != nil || !r.jittered {
				t.Fatalf("%v, put off %v", err, r.jittered)
			}
			least, most = min(least, time.Since(began)), max(most, time.Since(began))
		}
		if least > 2*time.Second || most < 14*time.Second || most > 16*time.Second {
			t.Errorf("put off for %s to %s, want up to 16s", least, most)
		}
		if got := messages(lines); len(got) != 50 || got[0] != "waiting a random delay" {
			t.Errorf("logged %q", got)
		}
	})
}

// Whose doing it is that an instance in service is not healthy, and whether that can be judged yet.
func TestHealthyAfterAReturn(t *testing.T) {
	well, ill := fleet.Target{Instance: "i-1", Port: 80, Health: fleet.Healthy}, fleet.Target{Instance: "i-1", Port: 80, Health: fleet.Unhealthy}
	back := func(v *view) { v.sent, v.moved = v.began.Add(-4*time.Second), true }
	found := func(ago time.Duration) func(*view) {
		return func(v *view) { v.found = v.began.Add(-ago) }
	}
	unmarked := func(change func(*view)) func(*view) {
		return func(v *view) { v.Healthy = false; change(v) }
	}
	sick, marked := "i-1 is InService but unhealthy at web", "Auto Scaling calls i-1 Unhealthy"
	lags := "i-1 is read as in service all along, and AWS's reads may lag (10s)"
	for name, tc := range map[string]struct {
		target fleet.Target
		change func(*view)
		want   judgement
	}{
		"brought back":                  {well, back, judgement{}},
		"brought back, ill":             {ill, back, judgement{blocked, failure.Unhealthy, sick, 0, false}},
		"found returning":               {well, func(v *view) { v.returning = true }, judgement{}},
		"found returning, ill":          {ill, func(v *view) { v.returning = true }, judgement{blocked, failure.Unhealthy, sick, 0, false}},
		"in service all along":          {well, found(DefaultSettle), judgement{}},
		"in service, it seems":          {well, found(4 * time.Second), judgement{blocked, failure.NotNow, lags, 6 * time.Second, false}},
		"in service all along, ill":     {ill, found(time.Hour), judgement{blocked, failure.NotNow, sick, 0, false}},
		"brought back, marked":          {well, unmarked(back), judgement{blocked, failure.Unhealthy, marked, 0, false}},
		"in service all along, marked":  {well, unmarked(found(time.Hour)), judgement{blocked, failure.NotNow, marked, 0, false}},
		"marked, and nothing acts upon": {well, unmarked(func(v *view) { back(v); v.Group.Suspended = []string{"ReplaceUnhealthy"} }), judgement{}},
	} {
		v := moving(fleet.InService, 0)
		v.sent, v.found, v.Traffic[0].Mine = time.Time{}, v.began.Add(-4*time.Second), []fleet.Target{tc.target}
		tc.change(&v)
		judged := healthy(v)
		if got := judgedOf(v, judged); got != tc.want {
			t.Errorf("%s: %+v\nwant %+v", name, got, tc.want)
		}
		hints := map[failure.Class]string{failure.Unhealthy: "fix the application, then run balanced in", failure.NotNow: "fix the application, or take it out with balanced out"}
		if judged.refusal != nil && tc.want.says != lags && judged.refusal.Hint != hints[tc.want.class] {
			t.Errorf("%s: hint %q, want %q", name, judged.refusal.Hint, hints[tc.want.class])
		}
	}
}
