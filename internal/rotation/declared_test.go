package rotation

import (
	"errors"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
)

// An instance that an earlier run deregistered in part, and which no run brings back, is half out.
func TestWhatTheFirstLookTellsOfRegistrations(t *testing.T) {
	for name, tc := range map[string]struct {
		held   fleet.Held
		inward bool
		partly bool
	}{
		"in a group":                 {fleet.Held{}, false, false},
		"registered with all":        {fleet.Held{Registered: 2}, false, false},
		"with some":                  {fleet.Held{Registered: 1, Missing: 1}, false, false},
		"with some, one drains":      {fleet.Held{Registered: 1, Draining: 1}, false, true},
		"with some, on its way back": {fleet.Held{Registered: 1, Draining: 1}, true, false},
		"all drain":                  {fleet.Held{Draining: 2}, false, false},
	} {
		r, _ := atWork()
		r.lastState, r.inward, r.seen.Group.Held = "", tc.inward, tc.held
		if r.learn(); r.partly != tc.partly {
			t.Errorf("%s: half out %v", name, r.partly)
		}
	}
}

// A move that is in doubt and did not happen may have happened in part: then some registrations changed.
func TestADoubtfulMoveInPart(t *testing.T) {
	for name, tc := range map[string]struct {
		is     fleet.Held
		partly bool
	}{
		"none changed": {fleet.Held{Registered: 3}, false},
		"one did":      {fleet.Held{Registered: 2, Draining: 1}, true},
	} {
		r, _ := atWork()
		r.seen.Group.Held.Registered = 3
		r.before, r.doubt, r.sent = r.seen, errLost, time.Now()
		r.seen.Group.Held, r.seen.began = tc.is, r.sent.Add(DefaultSettle)
		if r.learn(); r.partly != tc.partly || r.report.everMoved != tc.partly || r.moved {
			t.Errorf("%s: moved in part %v, reported %v, moved %v", name, r.partly, r.report.everMoved, r.moved)
		}
	}
}

// The answer may say that it took effect in part; a later one that it did as a whole.
func TestAnAnswerThatTellsOfAPart(t *testing.T) {
	r, _ := atWork()
	answer := error(&fleet.PartlyMovedError{Err: errLost})
	move := func() {
		if err := r.move(t.Context(), func() (fleet.Activity, error) { return fleet.Activity{ID: "a"}, answer }); err != nil {
			t.Error(err)
		}
	}
	if move(); !r.partly || !r.report.everMoved || r.moved {
		t.Errorf("moved in part %v, reported %v, moved %v", r.partly, r.report.everMoved, r.moved)
	}
	answer = nil
	if move(); r.partly || !r.moved {
		t.Errorf("then as a whole: in part %v, moved %v", r.partly, r.moved)
	}
	r, _ = atWork()
	answer = errLost
	if move(); r.partly || r.report.everMoved {
		t.Errorf("lost: in part %v, reported %v", r.partly, r.report.everMoved)
	}
}

// An instance that is half out and not to go on is registered again, by the run that would have taken it out.
func TestWhoIsRegisteredAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*run)
		class  failure.Class
		want   bool
	}{
		"half out, refused":            {func(r *run) {}, failure.NotNow, true},
		"half out, refused for good":   {func(r *run) {}, failure.Setup, true},
		"half out, and taken away":     {func(r *run) {}, failure.Leaving, false},
		"as it was":                    {func(r *run) { r.partly = false }, failure.NotNow, false},
		"on its way back":              {func(r *run) { r.inward = true }, failure.NotNow, false},
		"being registered again":       {func(r *run) { r.isRollback = true }, failure.NotNow, false},
		"half out, but it is a trial":  {func(r *run) { r.DryRun = true }, failure.Setup, false},
		"as it was, refused for good":  {func(r *run) { r.partly = false }, failure.Setup, false},
		"half out, and not understood": {func(r *run) {}, failure.Unfinished, false},
	} {
		r, _ := atWork()
		r.partly = true
		tc.change(r)
		if got := r.partOut(blockedBy(tc.class, "", "no")); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// The end of a run that moved in part, whatever it would be otherwise, says so.
func TestTheEndOfAMoveInPart(t *testing.T) {
	for name, tc := range map[string]struct {
		partly bool
		err    error
		class  failure.Class
		hint   string
	}{
		"not in part":        {false, failure.New(failure.NotNow, "wait", "busy"), failure.NotNow, "wait"},
		"in part":            {true, failure.New(failure.NotNow, "wait", "busy"), failure.Unfinished, "wait"},
		"in part, no advice": {true, failure.New(failure.NotNow, "", "busy"), failure.Unfinished, "run it again to resume"},
		"in part, and more":  {true, failure.New(failure.Gone, "none", "gone"), failure.Gone, "none"},
	} {
		r, _ := atWork()
		r.partly = tc.partly
		report, err := r.finish(t.Context(), tc.err)
		if failure.Of(err) != tc.class || failure.Hint(err) != tc.hint || !errors.Is(err, tc.err) || report.Hint != tc.hint {
			t.Errorf("%s: %v, hint %q; want class %v, %q", name, err, failure.Hint(err), tc.class, tc.hint)
		}
	}
	r, _ := atWork()
	r.partly = true
	if report, err := r.finish(t.Context(), nil); err != nil || report.Outcome != "already out" {
		t.Errorf("well: %v, %q", err, report.Outcome)
	}
}

// For how long a load balancer has drained the instance: outside a group nobody wrote down since when.
func TestDrainingSince(t *testing.T) {
	const s = time.Second
	for name, tc := range map[string]struct {
		change func(*view)
		want   time.Duration
	}{
		"in a group, by the feed":   {func(v *view) { v.Activities = []fleet.Activity{sample.ToStandby("i-1", -40, "Successful")} }, 40 * s},
		"in a group, by the answer": {func(v *view) { v.answer.Start = v.Now.Add(-50 * s) }, 50 * s},
		"outside, by the answer":    {func(v *view) { v.Group.Held.Draining = 1; v.answer.Start = v.Now.Add(-50 * s) }, 50 * s},
		"outside, as seen":          {func(v *view) { v.Group.Held.Draining = 1 }, 7 * s},
		"outside, gone as seen":     {func(v *view) { v.Group.Held.Draining = 1; v.Traffic[0].Mine = nil }, 307 * s},
		"outside, no load balancer": {func(v *view) { v.Group.Held.Draining = 1; v.Traffic = nil }, 7 * s},
		"in a group, gone as was seen": {func(v *view) {
			v.Traffic[0].Mine = nil
			v.Activities = []fleet.Activity{sample.ToStandby("i-1", -40, "Successful")}
		}, 40 * s},
	} {
		v := sound()
		v.looked = time.Now()
		v.found = v.looked.Add(-7 * s)
		v.Traffic[0].Mine = []fleet.Target{{Instance: "i-1", Port: 80, Health: fleet.Draining}}
		of := v.Traffic[0]
		if tc.change(&v); v.Traffic != nil {
			of = v.Traffic[0]
		}
		if got := v.drainingSince(of); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// A minimum that is higher than the others that are registered is waited for: who is out is listed nowhere.
func TestTooFewAreRegistered(t *testing.T) {
	v := sound()
	v.Group.Held.Registered, v.min = 2, sample.Rule("4")
	more := v.Traffic[0]
	more.Name, more.Targets = "more", append(append([]fleet.Target{}, more.Targets...), fleet.Target{Instance: "i-5", Port: 80, Health: fleet.Healthy})
	again := v.Traffic[0]
	again.Name = "again"
	v.Traffic = append([]fleet.Traffic{more}, v.Traffic[0], again)
	judged := slotFree(v)
	if want := "minimum 4 is impossible: web lists only 3 besides i-1"; judged.reason() != want || judged.hopeless() || judged.refusal.Class != failure.Setup {
		t.Errorf("%q, hopeless %v; want %q", judged.reason(), judged.hopeless(), want)
	}
	v.Traffic[1].Targets[3].Health = fleet.Draining
	if judged := slotFree(v); judged.kind != settled {
		t.Errorf("another drains: %q", judged.reason())
	}
}

// The words of a row and of a message are those of the place.
func TestWordsOutsideAGroup(t *testing.T) {
	r, _ := atWork()
	v := r.view()
	enter, drain := &outSteps()[7], &outSteps()[9]
	for name, tc := range map[string]struct {
		got  func() []string
		want [2]string // in a group, and outside of one
	}{
		"enter, does":   {func() []string { does, doing := enter.says(v); return []string{does, doing} }, [2]string{"enter Standby|entering Standby", "deregister from every named load balancer|deregistering"}},
		"drain":         {func() []string { does, doing := drain.says(v); return []string{does, doing} }, [2]string{drain.does + "|" + drain.doing, drain.does + "|" + drain.doing}},
		"what lists it": {func() []string { return []string{r.nobody(), v.words("a", "b")} }, [2]string{"no group|a", "no load balancer|b"}},
	} {
		for i, held := range []fleet.Held{{}, {Registered: 1}} {
			r.seen.Group.Held = held
			v = r.view()
			if got := tc.got(); got[0]+"|"+got[1] != tc.want[i] {
				t.Errorf("%s: %q, want %q", name, got, tc.want[i])
			}
		}
	}
}

// The state of an instance outside a group is that of its registrations, for the direction of the run.
func TestTheStateOfRegistrations(t *testing.T) {
	for _, tc := range []struct {
		inward bool
		want   fleet.State
	}{{false, fleet.InService}, {true, fleet.Deregistered}} {
		r, _ := atWork()
		r.inward = tc.inward
		to := r.seen
		to.Group.Held, to.Zone, to.Healthy, to.State = fleet.Held{Registered: 1, Missing: 1}, "", false, ""
		if err := r.readDeclared(t.Context(), &to); err != nil {
			t.Fatal(err)
		}
		if to.State != tc.want || !to.Healthy || to.Zone != "a" || to.Group.Members[0].State != tc.want || to.Group.Members[1].State != fleet.InService {
			t.Errorf("inward %v: %s, healthy %v, zone %q, members %v", tc.inward, to.State, to.Healthy, to.Zone, to.Group.Members)
		}
	}
}
