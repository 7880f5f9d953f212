package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// A look knows when it began and ended, and how long AWS's throttling held it back.
func TestTimesOfALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, all, _ := readingOf()
		held := func() time.Duration { return time.Duration(5+7*len(all.asked)) * time.Second }
		first := time.Now()
		if err := r.read(t.Context(), question{scope: ownState}, held); err != nil {
			t.Fatal(err)
		}
		if r.seen.held != 7*time.Second || !r.seen.began.Equal(first) || !r.seen.looked.Equal(first) || !r.lastBegan.IsZero() || r.seen.scope != ownState {
			t.Errorf("held back for %s, began %s, complete %s, before %s", r.seen.held, r.seen.began, r.seen.looked, r.lastBegan)
		}
		pass(time.Minute)
		if err := r.read(t.Context(), question{scope: whole}, never); err != nil {
			t.Fatal(err)
		}
		if r.seen.held != 0 || !r.lastBegan.Equal(first) || !r.seen.began.Equal(time.Now()) || r.seen.scope != whole {
			t.Errorf("held back for %s, began %s, before %s", r.seen.held, r.seen.began, r.lastBegan)
		}
	})
	r, all, _ := readingOf()
	all.is.Group.Held, all.is.State = fleet.Held{Registered: 1, Missing: 1}, ""
	r.inward = true
	if all.look(t, r, question{scope: ownState}); r.seen.State != fleet.Deregistered || r.seen.Group.Held != all.is.Group.Held {
		t.Errorf("outside a group: %s, %+v", r.seen.State, r.seen.Group.Held)
	}
}

// Outside a group the state is read anew from the registrations; what an earlier look saw stays as it was.
func TestALookChangesNoOther(t *testing.T) {
	r, all, _ := readingOf()
	all.is.Group.Held = fleet.Held{Registered: 2}
	all.look(t, r, question{scope: whole})
	all.is.Group.Held = fleet.Held{Draining: 2}
	if all.look(t, r, question{scope: whole}); r.seen.State != fleet.Deregistering {
		t.Errorf("its registrations drain, and it is %s", r.seen.State)
	}
	before := r.seen
	all.is.Traffic[0].Targets[0].Health = fleet.Draining
	if all.look(t, r, question{scope: ownDrain}); before.Traffic[0].Mine[0].Health != fleet.Healthy || r.seen.Traffic[0].Mine[0].Health != fleet.Draining {
		t.Errorf("the look before says %s now, this one %s", before.Traffic[0].Mine[0].Health, r.seen.Traffic[0].Mine[0].Health)
	}
}

// Four load balancers are asked at a time.
func TestFourAreAskedAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, all, _ := readingOf()
		for i := range 8 {
			x := all.is.Traffic[0]
			x.Name, x.ID = fmt.Sprint("more-", i), fmt.Sprint("arn:more-", i)
			all.is.Traffic = append(all.is.Traffic, x)
		}
		all.takes = time.Second
		for _, need := range []scope{whole, ownDrain} {
			if all.look(t, r, question{scope: need}); all.most != 4 {
				t.Errorf("a look at %d: %d questions at a time, want 4", need, all.most)
			}
			all.most = 0
		}
		all.is.Traffic[0].Targets = slices.Clone(all.is.Traffic[0].Targets)
		all.is.Traffic[0].Targets[0].Health = fleet.Initial
		all.look(t, r, question{scope: ownDrain})
		all.is.Traffic[0].Targets[0].Health = fleet.Healthy
		all.most = 0
		if all.look(t, r, question{scope: ownDrain}); all.most != 4 {
			t.Errorf("the others after the one that kept it: %d questions at a time, want 4", all.most)
		}
	})
}

// How long a look is given: as long as its row, but never less than a little, and at first half a minute.
func TestWhenALookIsGivenUp(t *testing.T) {
	for name, tc := range map[string]struct {
		wait, ran, want time.Duration
	}{
		"with the budget":         {time.Hour, time.Minute, 59 * time.Minute},
		"a budget that is over":   {time.Minute, time.Hour, 5 * time.Second},
		"the first look":          {0, 0, 30 * time.Second},
		"at the end of the first": {0, 27 * time.Second, 5 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := atWork()
			r.budgets.wait = tc.wait
			pass(tc.ran)
			if got := time.Until(r.lookEnds(lastLook)); got != tc.want {
				t.Errorf("%s: given %s, want %s", name, got, tc.want)
			}
		})
	}
}

// A new instance gets credentials within a minute, and at a launch within five.
func TestWhoWaitsForCredentials(t *testing.T) {
	none := fmt.Errorf("look: %w", &awsapi.NoRoleYetError{})
	for name, tc := range map[string]struct {
		err    error
		ran    time.Duration
		launch bool
		looked bool
		wait   time.Duration
		waits  bool
	}{
		"at the start":           {none, time.Minute - 1, false, false, time.Hour, true},
		"after a minute":         {none, time.Minute, false, false, time.Hour, false},
		"at a launch":            {none, 5*time.Minute - 1, true, false, time.Hour, true},
		"five minutes after it":  {none, 5 * time.Minute, true, false, time.Hour, false},
		"after a look":           {none, 0, false, true, time.Hour, false},
		"when its budget ended":  {none, time.Second, false, false, time.Second, false},
		"after any other answer": {errLost, 0, false, false, time.Hour, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := atWork()
			r.awaitsGroup, r.budgets.wait = tc.launch, tc.wait
			if !tc.looked {
				r.lastState = ""
			}
			pass(tc.ran)
			if got := r.mayStillStart(tc.err); got != tc.waits {
				t.Errorf("%s: waits %v", name, got)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r, _ := atWork()
		r.lastState, r.budgets.wait = "", 3*time.Second
		var told Progress
		r.Progress = func(p Progress) { told = p }
		began := time.Now()
		if err := r.onReadError(t.Context(), none); err != nil || time.Since(began) != 3*time.Second || told.Step != "look" || told.Waiting != "the instance's role has no credentials yet" {
			t.Errorf("%v after %s, told %+v", err, time.Since(began), told)
		}
	})
}

// After a move, that something is under way is what an error of a look means; before it, the error speaks for itself.
func TestALookThatFails(t *testing.T) {
	of := func(c failure.Class) error { return failure.New(c, "", "x") }
	for name, tc := range map[string]struct {
		err   error
		moved bool
		wraps bool // in one that says that the move is unfinished
	}{
		"before the move":           {errLost, false, false},
		"after it":                  {errLost, true, true},
		"unreachable after it":      {of(failure.Unreachable), true, true},
		"denied after it":           {of(failure.Denied), true, true},
		"gone after it":             {of(failure.Gone), true, false},
		"told to stop after it":     {context.Canceled, true, false},
		"unreachable before":        {of(failure.Unreachable), false, false},
		"gone before, as it seemed": {of(failure.Gone), false, false},
	} {
		r, _ := atWork()
		r.moved = tc.moved
		got := r.onReadError(t.Context(), tc.err)
		if wraps := got != tc.err; wraps != tc.wraps || !errors.Is(got, tc.err) || wraps && failure.Of(got) != failure.Unfinished {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What a look asks about follows from what the run has done, and the budgets from the first look, or from a move of
// others.
func TestWhatALookIsFor(t *testing.T) {
	r, _ := atWork()
	reads, all, _ := readingOf()
	r.reader = reads
	resolved := 0
	r.resolve = func(reading) budgets { resolved++; return budgets{wait: time.Hour, still: time.Minute} }
	r.warnings, r.refreshes, r.groupAlone = []warning{noHeadroom}, true, true
	all.is.Group.Max = 4
	look := func(need scope) []string {
		t.Helper()
		all.asked = nil
		if err := r.look(t.Context(), need); err != nil {
			t.Error(err)
		}
		return all.asked
	}
	if got := look(noLook); got != nil {
		t.Errorf("no look asked %q", got)
	}
	if got := look(ownState); len(got) != 1 || resolved != 1 || r.mostStill != time.Minute || r.budgets.wait != time.Hour || r.groupAlone || r.lastState != fleet.InService || len(r.report.Warnings) != 0 {
		t.Errorf("the first look asked %q, resolved %d times, warned of %q", got, resolved, r.report.Warnings)
	}
	if got := look(whole); !slices.Contains(got, "refreshes") || resolved != 1 || len(r.report.Warnings) != 1 {
		t.Errorf("the second look asked %q, resolved %d times, warned of %q", got, resolved, r.report.Warnings)
	}
	all.is.State, all.is.Group.Members[0].State = fleet.Standby, fleet.Standby
	if look(ownState); resolved != 2 || !r.resumed {
		t.Errorf("something else moved it out: resolved %d times", resolved)
	}
	r.sent = time.Now()
	if got := look(whole); slices.Contains(got, "refreshes") || resolved != 2 {
		t.Errorf("after its move it asked %q, resolved %d times", got, resolved)
	}
	r.resolve, r.lastState, r.sent = nil, "", time.Time{}
	if look(whole); r.budgets.wait != time.Hour {
		t.Error("budgets that are given are resolved")
	}
	all.errs = []error{errLost}
	if err := r.look(t.Context(), ownState); !errors.Is(err, errLost) {
		t.Errorf("no answer: %v", err)
	}
}

// The first look knows whether the host would pass its probe on return; outside a group it also finds out the place.
func TestTheFirstLookAtMore(t *testing.T) {
	for name, tc := range map[string]struct {
		first, foresees, outside bool
		probed, stopped          bool
	}{
		"in a group":              {true, false, false, false, false},
		"in a group, to foresee":  {true, true, false, true, false},
		"a later look":            {false, true, true, false, false},
		"outside, another Region": {true, true, true, false, true},
	} {
		host := &askedHost{err: errors.New("odd")}
		r := probing(host)
		reads, all, _ := readingOf()
		all.is.Traffic[0].Check = r.seen.Traffic[0].Check
		r.reader, r.foresees, r.Caller = reads, tc.foresees, place{region: "us", role: true}
		if tc.outside {
			all.is.Group.Held.Registered = 1
		}
		if r.lastState = ""; !tc.first {
			r.lastState = fleet.InService
		}
		err := r.look(t.Context(), whole)
		if (host.checks != nil) != tc.probed || (len(r.report.Warnings) == 1) != tc.probed || (failure.Of(err) == failure.Setup) != tc.stopped {
			t.Errorf("%s: %v, probed %d, warned of %q", name, err, len(host.checks), r.report.Warnings)
		}
	}
}
