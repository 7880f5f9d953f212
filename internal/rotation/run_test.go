package rotation

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// What a run does about a row that has something missing: wait, try again, or end.
func TestWaitingAtARow(t *testing.T) {
	const s = time.Second
	guards, prove := &step{name: "guards", does: "wait for the checks"}, &step{name: "prove", does: "prove it", within: budgetMove}
	risky := &step{name: "prove", does: "prove it", within: budgetMove, rollBack: func(*run, context.Context, verdict) error { return errLost }}
	busy := blockedBy(failure.NotNow, "", "busy")
	throttled := busy
	throttled.throttled = true
	soon := func(d time.Duration) verdict { return busy.notBefore(time.Now().Add(d)) }
	for name, tc := range map[string]struct {
		row     *step
		judged  func() verdict
		change  func(*run)
		from    time.Duration // it waits at least so long
		to      time.Duration
		ends    string // with an error
		outcome string
	}{
		"it waits":                      {guards, func() verdict { return busy }, func(r *run) {}, 4 * s, 6 * s, "", ""},
		"until its budget ends":         {guards, func() verdict { return soon(time.Hour) }, func(r *run) { r.budgets.wait = 3 * s }, 3 * s, 3 * s, "", ""},
		"a nanosecond is left":          {guards, func() verdict { return busy }, func(r *run) { r.budgets.wait = 1 }, 1, 1, "", ""},
		"a trial takes nothing back":    {risky, func() verdict { return busy.atOnce() }, func(r *run) { r.DryRun = true }, 0, 0, "busy", ""},
		"the budget is over":            {guards, func() verdict { return busy }, func(r *run) { r.budgets.wait = 0 }, 0, 0, "busy", ""},
		"waiting cannot help":           {guards, func() verdict { return busy.atOnce() }, func(r *run) {}, 0, 0, "busy", ""},
		"a dry run before the move":     {guards, func() verdict { return busy }, func(r *run) { r.DryRun = true }, 0, 0, "busy", ""},
		"a dry run after it":            {prove, func() verdict { return busy }, func(r *run) { r.DryRun = true }, 0, 0, "", "dry run: would prove it"},
		"a dry run, for good":           {prove, func() verdict { return busy.atOnce() }, func(r *run) { r.DryRun = true }, 0, 0, "busy", ""},
		"a dry run, reads may lag":      {prove, func() verdict { return soon(10 * s) }, func(r *run) { r.DryRun = true }, 8 * s, 12 * s, "", ""},
		"a dry run, reads lag longer":   {prove, func() verdict { return soon(10*s + 1) }, func(r *run) { r.DryRun = true }, 0, 0, "", "dry run: would prove it"},
		"throttled":                     {guards, func() verdict { return throttled }, func(r *run) { r.refused = errLost }, 800 * time.Millisecond, 1200 * time.Millisecond, "", ""},
		"throttled for too long":        {guards, func() verdict { return throttled }, func(r *run) { r.mostStill = 0 }, 4 * s, 6 * s, "", ""},
		"throttled, in a dry run":       {guards, func() verdict { return throttled }, func(r *run) { r.DryRun = true }, 0, 0, "busy", ""},
		"throttled, the budget is over": {guards, func() verdict { return throttled }, func(r *run) { r.budgets.wait = 0 }, 800 * time.Millisecond, 1200 * time.Millisecond, "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := atWork()
			core, lines := observer.New(zap.DebugLevel)
			r.Log = zap.New(core)
			r.jittered, r.probePassed, r.slot.refused = true, true, &verdict{}
			told := 0
			r.Progress = func(Progress) { told++ }
			tc.change(r)
			r.within = tc.row.within
			began := time.Now()
			err := r.wait(t.Context(), tc.row, tc.judged())
			took := time.Since(began)
			if failure.Of(err) != failure.NotNow && tc.ends != "" || (err == nil) != (tc.ends == "") || r.outcome != tc.outcome || took < tc.from || took > tc.to {
				t.Errorf("%s: %v after %s, outcome %q; want %q from %s to %s, %q", name, err, took, r.outcome, tc.ends, tc.from, tc.to, tc.outcome)
			}
			if r.refused != nil && took > 0 {
				t.Errorf("%s: a refusal outlives the wait", name)
			}
			waited := took > 0 && took < 800*time.Millisecond || took > 1200*time.Millisecond
			if (r.jittered || r.probePassed || r.slot.refused != nil) == waited {
				t.Errorf("%s: put off %v, probed %v, slot refused %v after a wait of %s", name, r.jittered, r.probePassed, r.slot.refused, took)
			}
			if got := slices.Contains(messages(lines), "waiting"); got != waited || (told == 1) != waited {
				t.Errorf("%s: logged that it waits: %v, told it %d times", name, got, told)
			}
		})
	}
}

// The log says what goes on when the run comes to a row, once: with the reason where it waits there.
func TestWhatIsLoggedAtARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, lines := atWork()
		var told []Progress
		r.Progress = func(p Progress) { told = append(told, p) }
		busy := blockedBy(failure.NotNow, "", "busy")
		enter := &step{name: "enter", doing: "entering Standby"}
		drain := &step{name: "standby", doing: "waiting for Standby", within: budgetMove, ends: func(view) forecast { return forecast{likely: 30 * time.Second} }}
		r.seen.State, r.seen.Traffic[0].Name = fleet.EnteringStandby, "app"
		for i, tc := range []struct {
			row    *step
			judged verdict
			want   []string
		}{
			{enter, verdict{kind: lookWide}, nil},
			{enter, verdict{kind: act}, []string{"entering Standby"}},
			{enter, verdict{kind: act}, nil},
			{enter, busy, nil},
			{drain, busy, []string{"waiting for Standby: busy"}},
			{drain, busy, nil},
			{enter, verdict{kind: act}, []string{"entering Standby"}},
		} {
			r.arrive(tc.row, tc.judged)
			if tc.judged.kind == blocked {
				r.reportWait(tc.row, tc.judged)
			}
			if got := messages(lines); !slices.Equal(got, tc.want) {
				t.Errorf("%d, at %s: logged %q, want %q", i, tc.row.name, got, tc.want)
			}
			if moves := tc.row == drain; r.moving.running() != moves || r.within != tc.row.within {
				t.Errorf("%d, at %s: the move's time runs: %v", i, tc.row.name, r.moving.running())
			}
		}
		limit := r.timeLimit() - r.still
		want := []Progress{
			{Step: "enter", Waiting: "busy", Limit: limit},
			{Step: "standby", Waiting: "busy", Balancers: "app drains for 5m", Logged: true, Left: 30 * time.Second, Limit: limit},
			{Step: "standby", Waiting: "busy", Balancers: "app drains for 5m", Left: 30 * time.Second, Limit: limit},
		}
		if !slices.Equal(told, want) {
			t.Errorf("told %+v\nwant %+v", told, want)
		}
	})
}

// Which budget bounds a row.
func TestTheDeadlineOfARow(t *testing.T) {
	for name, tc := range map[string]struct {
		within   budget
		moves    bool
		rollback bool
		want     time.Duration
	}{
		"before the move":             {budgetWait, false, false, time.Minute},
		"a wait within the move":      {budgetWait, true, false, time.Minute},
		"the move has not begun":      {budgetMove, false, false, time.Minute},
		"the move":                    {budgetMove, true, false, 2 * time.Minute},
		"a rollback":                  {budgetMove, true, true, 2*time.Minute - 10*time.Second},
		"a rollback before its move":  {budgetMove, false, true, 2*time.Minute - 10*time.Second},
		"a rollback that still waits": {budgetWait, false, true, 2*time.Minute - 10*time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := atWork()
			r.budgets = budgets{wait: time.Minute + 10*time.Second, timeout: 2 * time.Minute}
			pass(10 * time.Second)
			if tc.moves {
				r.moving.start()
			}
			r.within, r.isRollback = tc.within, tc.rollback
			if got := time.Until(r.deadline()); got != tc.want {
				t.Errorf("%s: ends in %s, want %s", name, got, tc.want)
			}
		})
	}
}

// late is a source whose numbers are all at three quarters.
type late struct{}

func (late) Uint64() uint64 { return 3 << 51 }

// Waits are spread by a fifth either way.
func TestWaitsAreSpread(t *testing.T) {
	r := &run{Agent: &Agent{Jitter: rand.New(rand.NewPCG(1, 2))}}
	least, most := time.Hour, time.Duration(0)
	for range 500 {
		got := r.jitter(100 * time.Second)
		least, most = min(least, got), max(most, got)
	}
	if least < 80*time.Second || least > 81*time.Second || most > 120*time.Second || most < 119*time.Second {
		t.Errorf("100 s become %s to %s", least, most)
	}
	if late := (&run{Agent: &Agent{Jitter: rand.New(late{})}}).jitter(100 * time.Second); late != 110*time.Second {
		t.Errorf("three quarters of the way: %s, want 1m50s", late)
	}
	same := &run{Agent: &Agent{Jitter: rand.New(rand.NewPCG(1, 2))}}
	if again := (&run{Agent: &Agent{Jitter: rand.New(rand.NewPCG(1, 2))}}); same.draw() != again.draw() {
		t.Error("the same source gives other numbers")
	}
}

// A run acts at the first row that is not settled, with as much read as that row wants.
func TestRowsOfATable(t *testing.T) {
	var acted []string
	row := func(name string, needs scope, applies bool, kind verdictKind) step {
		return step{
			name: name, does: name, needs: needs, applies: func(view) bool { return applies }, check: func(view) verdict { return verdict{kind: kind} },
			act: func(*run, context.Context) error { acted = append(acted, name); return nil },
		}
	}
	table := []step{row("off", whole, false, act), row("settled", ownState, true, settled), row("due", ownDrain, true, act), row("last", whole, true, act)}
	for read, want := range map[scope]struct {
		row  string
		kind verdictKind
	}{ownState: {"due", lookWide}, ownDrain: {"due", act}, whole: {"due", act}} {
		got, judged := firstUnsettled(table, view{reading: reading{scope: read}})
		if got.name != want.row || judged.kind != want.kind {
			t.Errorf("after a look at %d: %s, %v", read, got.name, judged.kind)
		}
	}
	if widest(table, view{}) != whole || widest(table[:2], view{}) != ownState || needed(table, &table[2], view{}) != ownState || needed(table[2:], &table[2], view{}) != ownDrain || needed(table[:1], &table[0], view{}) != ownState {
		t.Error("rows that do not apply have a say in what is read, or others have none")
	}
	same := step{sameLook: true}
	if needed(table, &same, view{}) != noLook {
		t.Error("a look follows an act that changes nothing")
	}
	r, _ := atWork()
	for _, tc := range []struct {
		dry, moves bool
		outcome    string
		want       string
		acts       bool
	}{{false, true, "", "", true}, {true, false, "", "", true}, {true, true, "", "dry run: would due", false}, {false, false, "nothing to do", "nothing to do", false}} {
		acted, r.outcome, r.DryRun = nil, "", tc.dry
		at := table[2]
		at.moves, at.outcome = tc.moves, tc.outcome
		if err := r.perform(t.Context(), &at); err != nil || r.outcome != tc.want || (len(acted) == 1) != tc.acts {
			t.Errorf("%+v: %v, outcome %q, acted %q", tc, err, r.outcome, acted)
		}
	}
}

// How often a run may look again, and whether it takes its move back at the end.
func TestWhatAVerdictMeans(t *testing.T) {
	never := blockedBy(failure.Setup, "", "")
	patient := never
	patient.patient = true
	for name, tc := range map[string]struct {
		v        verdict
		hopeless bool
	}{
		"settled":                    {verdict{}, false},
		"settled for good":           {verdict{final: true}, false},
		"it may pass":                {blockedBy(failure.NotNow, "", ""), false},
		"it does not":                {blockedBy(failure.NotNow, "", "").atOnce(), true},
		"nothing lifts it":           {never, true},
		"it is waited for":           {patient, false},
		"it was, and is for good":    {patient.atOnce(), true},
		"it goes back, may pass":     {blockedBy(failure.Unfinished, "", "").elseRollBack(), false},
		"it stands while they do":    {blockedBy(failure.NotNow, "", "").whileGroupStands(), false},
		"what is due is not refused": {verdict{kind: act, final: true}, false},
	} {
		if got := tc.v.hopeless(); got != tc.hopeless {
			t.Errorf("%s: hopeless %v", name, got)
		}
	}
}
