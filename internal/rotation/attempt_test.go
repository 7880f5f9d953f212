package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
	"balanced/internal/imds"
)

// atWork is a run on i-1 that has looked at a group with nothing wrong a moment ago, and the lines that it logs.
func atWork() (*run, *observer.ObservedLogs) {
	core, lines := observer.New(zap.InfoLevel)
	agent := &Agent{Self: imds.Identity{Instance: "i-1"}, Log: zap.New(core)}
	v := sound()
	v.began, v.looked = time.Now(), time.Now()
	r := &run{
		Agent: agent, request: request{settle: DefaultSettle}, reader: newReader(agent, nil), clock: newClock(nil),
		budgets: v.budgets, report: newReport("out", time.Now(), agent.Self),
	}
	r.group, r.seen = "web", v.reading
	r.lastState = fleet.InService
	r.startWatches()
	return r, lines
}

func messages(lines *observer.ObservedLogs) (all []string) {
	for _, line := range lines.TakeAll() {
		all = append(all, line.Message)
	}
	return all
}

var (
	throttledCall = &awsapi.UnreachableError{Why: awsapi.Throttled, Err: errors.New("rate exceeded")}
	errLost       = errors.New("connection reset")
	refusedCall   = &awsapi.RefusedError{Code: "ValidationError", Message: "no"}
)

// A yes is believed at once, a no never took effect, and anything else is left to the next looks.
func TestWhatAnAnswerToAMoveMeans(t *testing.T) {
	for name, tc := range map[string]struct {
		err                   error
		moved, doubt, refused bool
		ends                  bool // the run ends with it
		timed                 bool // the move's budget has begun
		log                   string
	}{
		"yes":             {nil, true, false, false, false, true, "Auto Scaling accepted the move"},
		"denied":          {&awsapi.DeniedError{Err: errors.New("no")}, false, false, false, true, false, ""},
		"refused":         {refusedCall, false, true, false, false, true, "the answer leaves open whether the instance moved"},
		"lost on its way": {errLost, false, true, false, false, true, "the answer leaves open whether the instance moved"},
		"never sent":      {&awsapi.UnreachableError{Why: awsapi.NoAnswer, Err: errLost}, false, false, true, false, false, ""},
		"sent, no answer": {&awsapi.UnreachableError{Why: awsapi.NoAnswer, Landed: true, Err: errLost}, false, true, false, false, true, "the answer leaves open whether the instance moved"},
	} {
		t.Run(name, func(t *testing.T) {
			r, lines := atWork()
			err := r.move(t.Context(), func() (fleet.Activity, error) { return fleet.Activity{ID: "a", Text: "Moving"}, tc.err })
			if (err != nil) != tc.ends {
				t.Errorf("the run ends with %v", err)
			}
			if r.moved != tc.moved || (r.doubt != nil) != tc.doubt || (r.refused != nil) != tc.refused || r.report.everMoved != tc.moved {
				t.Errorf("moved %v, in doubt %v, refused %v, reported %v", r.moved, r.doubt, r.refused, r.report.everMoved)
			}
			if r.underWay() != (tc.moved || tc.doubt) || r.sent.IsZero() == r.underWay() || r.moving.running() != tc.timed {
				t.Errorf("under way %v, sent %v, its budget runs %v", r.underWay(), r.sent, r.moving.running())
			}
			if got := r.answer.ID != ""; got != tc.moved {
				t.Errorf("the answer is kept: %v", got)
			}
			if r.before.ID != "i-1" {
				t.Error("the look before the move is not kept")
			}
			if got := strings.Join(messages(lines), "; "); got != tc.log {
				t.Errorf("logged %q, want %q", got, tc.log)
			}
		})
	}
}

// A move that AWS throttled is sent again about once a second, while what it was decided on is young, and no longer than
// the budgets may stand still.
func TestAThrottledMoveIsSentWhileTheLookIsYoung(t *testing.T) {
	for name, tc := range map[string]struct {
		still    time.Duration
		min      int // MinSize
		from, to int // tries
	}{
		"MinSize does not hold the minimum": {time.Hour, 0, 7, 12},
		"MinSize holds it":                  {time.Hour, 3, 48, 74},
		"the budgets may not stand still":   {0, 3, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, _ := atWork()
				r.seen.Group.Min, r.mostStill = tc.min, tc.still
				began, tries := time.Now(), 0
				err := r.move(t.Context(), func() (fleet.Activity, error) { tries++; return fleet.Activity{}, throttledCall })
				if err != nil || r.underWay() || !turnedAway(r.refused) {
					t.Errorf("%v; under way %v, refused %v", err, r.underWay(), r.refused)
				}
				if tries < tc.from || tries > tc.to {
					t.Errorf("%d tries in %s, want %d to %d", tries, time.Since(began), tc.from, tc.to)
				}
				if fresh := r.view().freshFor(); tries > 1 && time.Since(began) > fresh-retryMove/2 {
					t.Errorf("the last try came %s after the look, which is good for %s", time.Since(began), fresh)
				}
			})
		})
	}
}

// A run that is told to stop between two tries has not moved.
func TestAThrottledMoveEndsWithItsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := atWork()
		ctx, stop := context.WithCancelCause(t.Context())
		told := errors.New("told to stop")
		err := r.move(ctx, func() (fleet.Activity, error) { stop(told); return fleet.Activity{}, throttledCall })
		if !errors.Is(err, told) || r.underWay() || r.moving.running() || !r.sent.IsZero() {
			t.Errorf("%v; under way %v, its budget runs %v", err, r.underWay(), r.moving.running())
		}
	})
}

// Where weights count, a refusal with nobody else out stands for ever; anything else is tried again.
func TestWhatARefusedMoveMeans(t *testing.T) {
	weighted := func(v *view) { v.Group.Members[1].Weight = 4 }
	peerOut := func(v *view) { sample.TakeOut(&v.Snapshot, 2, time.Minute) }
	for name, tc := range map[string]struct {
		refused   error
		change    func(*view)
		class     failure.Class
		says      string
		throttled bool
	}{
		"by Auto Scaling":                 {refusedCall, func(*view) {}, failure.NotNow, "Auto Scaling refuses the move: ValidationError: no", false},
		"in a group with weights":         {refusedCall, weighted, failure.Setup, "Auto Scaling refuses the move although no other instance is out: ValidationError: no", false},
		"with weights, a peer is out":     {refusedCall, func(v *view) { weighted(v); peerOut(v) }, failure.NotNow, "Auto Scaling refuses the move: ValidationError: no", false},
		"with weights, on the way back":   {refusedCall, func(v *view) { weighted(v); v.State = fleet.Standby }, failure.NotNow, "Auto Scaling refuses the move: ValidationError: no", false},
		"by Auto Scaling, in other words": {fmt.Errorf("the move: %w", refusedCall), func(*view) {}, failure.NotNow, "Auto Scaling refuses the move: ValidationError: no", false},
		"throttled":                       {throttledCall, func(*view) {}, failure.Unreachable, "asking to move i-1: ", true},
		"unreachable":                     {&awsapi.UnreachableError{Why: awsapi.NoAnswer, Err: errLost}, func(*view) {}, failure.Unreachable, "asking to move i-1: ", false},
	} {
		v := sound()
		v.refused = tc.refused
		tc.change(&v)
		got := refusedMove(v)
		if got.kind != blocked || got.refusal.Class != tc.class || !strings.HasPrefix(got.refusal.Error(), tc.says) || got.throttled != tc.throttled {
			t.Errorf("%s: %v %q, throttled %v; want %v %q", name, got.refusal.Class, got.refusal, got.throttled, tc.class, tc.says)
		}
		if !errors.Is(tc.refused, errors.Unwrap(got.refusal)) {
			t.Errorf("%s: the cause is lost: %v", name, got.refusal)
		}
		if tc.class == failure.Setup != (got.refusal.Hint == "lower MinSize, or use --replace") {
			t.Errorf("%s: hint %q", name, got.refusal.Hint)
		}
	}
}

// The first look says whether the instance was found out, or on its way.
func TestWhatTheFirstLookTells(t *testing.T) {
	back := []fleet.Activity{sample.FromStandby("i-1", 5), sample.ToStandby("i-1", 1, "Successful")}
	for name, tc := range map[string]struct {
		state                        fleet.State
		feed                         []fleet.Activity
		resumed, returning, underWay bool
	}{
		"in service":             {fleet.InService, nil, false, false, false},
		"in Standby":             {fleet.Standby, nil, true, false, false},
		"entering":               {fleet.EnteringStandby, nil, false, false, true},
		"coming back":            {fleet.Pending, back, false, true, true},
		"launched":               {fleet.Pending, nil, false, false, false},
		"launched, another left": {fleet.Pending, []fleet.Activity{sample.FromStandby("i-2", 5)}, false, false, false},
		"launched, left before":  {fleet.Pending, []fleet.Activity{sample.ToStandby("i-1", 5, "Successful")}, false, false, false},
		"in service, back again": {fleet.InService, back, false, false, false},
	} {
		r, lines := atWork()
		r.lastState, r.seen.State, r.seen.Activities = "", tc.state, tc.feed
		r.learn()
		if r.resumed != tc.resumed || r.returning != tc.returning || r.underWayAtStart != tc.underWay || r.lastState != tc.state {
			t.Errorf("%s: found out %v, on its way back %v, under way %v", name, r.resumed, r.returning, r.underWayAtStart)
		}
		if !r.found.Equal(r.seen.looked) {
			t.Errorf("%s: found at %s, want %s", name, r.found, r.seen.looked)
		}
		if got := messages(lines); len(got) > 0 {
			t.Errorf("%s: nothing changed, but logged %q", name, got)
		}
	}
}

// Something else moved it out meanwhile: work on it may have begun, so it is not this run's to put back. An instance that
// was read as entering may have been in Standby already when this run began.
func TestWhoseMoveALaterLookShows(t *testing.T) {
	const settle = DefaultSettle
	for name, tc := range map[string]struct {
		was, is   fleet.State
		sent      bool
		lastBegan time.Duration // after the run began
		resumed   bool
	}{
		"moved out by others":          {fleet.InService, fleet.EnteringStandby, false, time.Hour, true},
		"out at once by others":        {fleet.InService, fleet.Standby, false, time.Hour, true},
		"by this run":                  {fleet.InService, fleet.EnteringStandby, true, time.Hour, false},
		"entering early, then out":     {fleet.EnteringStandby, fleet.Standby, false, settle - 1, true},
		"entering, out much later":     {fleet.EnteringStandby, fleet.Standby, false, settle, false},
		"back":                         {fleet.Standby, fleet.Pending, false, 0, false},
		"back early, as if by itself":  {fleet.Pending, fleet.InService, false, 0, false},
		"read as in service, entering": {fleet.Standby, fleet.EnteringStandby, false, 0, false},
	} {
		r, lines := atWork()
		r.lastState, r.seen.State = tc.was, tc.is
		r.lastBegan = r.turn.began.Add(tc.lastBegan)
		r.found = r.seen.looked.Add(-time.Minute)
		before := r.found
		if tc.sent {
			r.sent = time.Now()
		}
		if got := r.leftMeanwhile(); got != (!tc.sent && tc.is.Out() && !tc.was.Out()) {
			t.Errorf("%s: left meanwhile %v", name, got)
		}
		r.learn()
		if r.resumed != tc.resumed {
			t.Errorf("%s: another's move %v, want %v", name, r.resumed, tc.resumed)
		}
		if changed := !tc.sent && tc.was.Out() != tc.is.Out(); r.found.Equal(before) == changed {
			t.Errorf("%s: seen there since %s, want a new time: %v", name, r.found, changed)
		}
		if got := messages(lines); !slices.Equal(got, []string{"the lifecycle state changed"}) {
			t.Errorf("%s: logged %q", name, got)
		}
	}
}

// One that turns out not to be out after all had only been read too late.
func TestOneThatIsBackWasNotFoundOut(t *testing.T) {
	for state, want := range map[fleet.State]bool{fleet.Standby: true, fleet.EnteringStandby: true, fleet.InService: false, fleet.Pending: false} {
		r, _ := atWork()
		r.resumed, r.found, r.lastState, r.seen.State = true, time.Now(), state, state
		r.learn()
		if r.resumed != want {
			t.Errorf("%s: found out %v, want %v", state, r.resumed, want)
		}
	}
	r, _ := atWork()
	r.found, r.lastState, r.seen.State = time.Now(), fleet.Standby, fleet.Standby
	if r.learn(); r.resumed {
		t.Error("in Standby by nobody's word but its own, and taken to be found there")
	}
}

// A doubtful move is settled by a state that changed, or by a look that is younger than any lag of the reads.
func TestADoubtIsSettledByLaterLooks(t *testing.T) {
	for name, tc := range map[string]struct {
		state       fleet.State
		after       time.Duration // the look began after the answer
		torn        bool
		moved, open bool
	}{
		"the state changed":          {fleet.EnteringStandby, 0, false, true, false},
		"not yet":                    {fleet.InService, DefaultSettle - 1, false, false, true},
		"it did not":                 {fleet.InService, DefaultSettle, false, false, false},
		"two views that differ":      {fleet.EnteringStandby, time.Minute, true, false, true},
		"two views that differ, old": {fleet.InService, time.Minute, true, false, true},
	} {
		r, lines := atWork()
		r.before, r.doubt, r.sent = r.seen, errLost, time.Now()
		r.moving.start()
		r.seen.State, r.seen.Torn, r.seen.began = tc.state, tc.torn, r.sent.Add(tc.after)
		r.learn()
		if r.moved != tc.moved || r.report.everMoved != tc.moved || (r.doubt != nil) != tc.open {
			t.Errorf("%s: moved %v, open %v", name, r.moved, r.doubt)
		}
		settledAsNo := !tc.moved && !tc.open
		if (r.refused != nil) != settledAsNo || r.sent.IsZero() != settledAsNo || r.moving.running() == settledAsNo {
			t.Errorf("%s: refused %v, sent %v", name, r.refused, r.sent)
		}
		if got := slices.Contains(messages(lines), "the instance did not move"); got != settledAsNo {
			t.Errorf("%s: says that it did not move: %v", name, got)
		}
	}
}

// The host is taken once, for all that an agent does meanwhile.
func TestTheHostIsTakenOnce(t *testing.T) {
	taken, freed := 0, 0
	busy := errors.New("busy")
	a := &Agent{Self: imds.Identity{Instance: "i-1"}}
	if free, err := a.TakeHost(); err != nil {
		t.Errorf("always alone: %v", err)
	} else {
		free()
	}
	a.Alone = func(id string) (func(), error) {
		if taken > freed || id != "i-1" {
			return nil, busy
		}
		taken++
		return func() { freed++ }, nil
	}
	for round := 1; round <= 2; round++ {
		free, err := a.TakeHost()
		if err != nil || taken != round {
			t.Fatalf("round %d: taken %d times: %v", round, taken, err)
		}
		again, err := a.TakeHost()
		if err != nil || taken != round {
			t.Fatalf("round %d: taken %d times by the same agent: %v", round, taken, err)
		}
		again()
		if other := (&Agent{Self: a.Self, Alone: a.Alone}); freed == round {
			t.Errorf("given back by the inner of two: %v", other)
		} else if _, err := other.TakeHost(); !errors.Is(err, busy) {
			t.Errorf("another agent takes it, too: %v", err)
		}
		if free(); freed != round {
			t.Errorf("round %d: given back %d times", round, freed)
		}
	}
}
