package rotation

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
)

// What each look asks, and what it keeps.
func TestWhatALookAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, all, _ := readingOf()
		want := func(what string, got []string, want ...string) {
			t.Helper()
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: asked %q, want %q", what, got, want)
			}
		}
		everything := []string{"activities", "notices", "health of web", "health of api"}
		want("its state", all.look(t, r, question{scope: ownState}), "membership")
		if r.seen.State != fleet.InService || r.seen.Zone != "a" || !r.seen.Healthy || r.group != "web" || r.seen.ID != "i-1" || !r.seen.Now.Equal(sample.Noon) {
			t.Errorf("read %+v of %q", r.seen.Snapshot, r.group)
		}
		want("the whole", all.look(t, r, question{scope: whole, refreshes: true}), append(everything, "group", "describe", "refreshes")...)
		if len(r.seen.Traffic) != 2 || len(r.seen.Traffic[0].Mine) != 1 || r.seen.Traffic[0].Of("i-2").Health != fleet.Healthy || len(r.seen.Group.Members) != 4 {
			t.Errorf("read %+v", r.seen.Traffic)
		}
		want("the whole again", all.look(t, r, question{scope: whole}), append(everything, "group")...)
		pass(2*time.Minute - 1)
		want("the group alone", all.look(t, r, question{scope: whole, groupAlone: true}), "group")
		pass(1)
		want("the whole after two minutes", all.look(t, r, question{scope: whole, groupAlone: true}), append(everything, "group")...)
		all.is.Group.Desired = 5
		want("the whole of a group that changed", all.look(t, r, question{scope: whole, groupAlone: true}), append(everything, "group")...)
		all.is.Group.TargetGroups = []string{"arn:web"}
		all.is.Traffic = all.is.Traffic[:1]
		want("what is detached", all.look(t, r, question{scope: whole}), "activities", "notices", "health of web", "group", "describe")
	})
}

// While one load balancer keeps the instance from where it is going, it is asked alone; then all have the last word.
func TestTheOneThatKeepsItIsAskedAlone(t *testing.T) {
	r, all, _ := readingOf()
	all.look(t, r, question{scope: whole})
	own := func() string {
		t.Helper()
		n := ""
		for _, what := range all.look(t, r, question{scope: ownDrain}) {
			switch what {
			case "own health of web":
				n += "w"
			case "own health of api":
				n += "a"
			}
		}
		return n
	}
	set := func(i int, h fleet.Health) { all.is.Traffic[i].Targets[0].Health = h }
	for i, tc := range []struct {
		state    fleet.State
		web, api fleet.Health
		want     string
	}{
		{fleet.InService, fleet.Healthy, fleet.Initial, "aw"},    // nothing kept it so far
		{fleet.InService, fleet.Healthy, fleet.Initial, "a"},     // api does
		{fleet.InService, fleet.Initial, fleet.Initial, "a"},     // still
		{fleet.InService, fleet.Initial, fleet.Healthy, "aw"},    // not any more
		{fleet.InService, fleet.Initial, fleet.Healthy, "w"},     // web does
		{fleet.Standby, fleet.Draining, fleet.Healthy, "aw"},     // it went elsewhere
		{fleet.Standby, fleet.Draining, fleet.Unregistered, "w"}, // and web still lists it
		{fleet.Standby, fleet.Unregistered, fleet.Unregistered, "aw"},
		{fleet.Standby, fleet.Unregistered, fleet.Unregistered, "aw"},
	} {
		all.is.State, all.is.Group.Members[0].State = tc.state, tc.state
		set(0, tc.web)
		set(1, tc.api)
		if got := own(); got != tc.want {
			t.Errorf("%d, %s: asked %q, want %q", i, tc.state, got, tc.want)
		}
	}
	all.is.State = fleet.Pending
	all.look(t, r, question{scope: ownState})
	all.is.State = fleet.InService
	if got := own(); got != "aw" {
		t.Errorf("after a look at the state alone: asked %q, want both", got)
	}
	all.health = errLost
	if err := r.read(t.Context(), question{scope: ownDrain}, never); !errors.Is(err, errLost) {
		t.Errorf("a health that is not answered: %v", err)
	}
	if err := r.read(t.Context(), question{scope: whole}, never); !errors.Is(err, errLost) {
		t.Errorf("healths that are not answered: %v", err)
	}
}

// Which load balancer keeps the instance, as far as it was asked.
func TestWhatKeepsAnInstance(t *testing.T) {
	for name, tc := range map[string]struct {
		scope  scope
		state  fleet.State
		health fleet.Health // at the second of two
		ignore bool
		kept   bool
	}{
		"in service, initial":      {ownDrain, fleet.InService, fleet.Initial, false, true},
		"in service, healthy":      {ownDrain, fleet.InService, fleet.Healthy, false, false},
		"in service, ignored":      {ownDrain, fleet.InService, fleet.Initial, true, false},
		"in Standby, draining":     {ownDrain, fleet.Standby, fleet.Draining, false, true},
		"in Standby, gone":         {whole, fleet.Standby, fleet.Unregistered, false, false},
		"on its way":               {whole, fleet.Pending, fleet.Initial, false, false},
		"not asked":                {ownState, fleet.Standby, fleet.Draining, false, false},
		"in Standby, draining too": {whole, fleet.Standby, fleet.Draining, true, true},
	} {
		at := func(h fleet.Health) []fleet.Target { return []fleet.Target{{Instance: "i-1", Port: 80, Health: h}} }
		first := fleet.Healthy
		if tc.state == fleet.Standby {
			first = fleet.Unregistered
		}
		o := reading{scope: tc.scope, Snapshot: fleet.Snapshot{ID: "i-1", State: tc.state, Traffic: []fleet.Traffic{
			{Source: fleet.Source{Port: 80}, Mine: at(first)}, {Source: fleet.Source{Port: 80}, Mine: at(tc.health), Ignored: tc.ignore},
		}}}
		want := 0
		if tc.kept {
			want = 1
		}
		if i, kept := o.keptBy(); kept != tc.kept || i != want {
			t.Errorf("%s: kept by %d, %v; want %v", name, i, kept, tc.kept)
		}
	}
}

// That no group lists an instance is asked twice, five seconds apart, and only a second answer that says so is believed.
func TestAbsenceIsAskedTwice(t *testing.T) {
	for name, tc := range map[string]struct {
		absent int
		errs   []error
		want   error
		asked  int
		took   time.Duration
	}{
		"listed":                 {0, nil, nil, 1, 0},
		"listed at last":         {1, nil, nil, 2, 5 * time.Second},
		"not listed":             {2, nil, ErrNotMember, 2, 5 * time.Second},
		"no answer":              {0, []error{errLost}, errLost, 1, 0},
		"no answer at last":      {1, []error{nil, errLost}, errLost, 2, 5 * time.Second},
		"not listed, then error": {2, []error{nil, errLost}, errLost, 2, 5 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, all, _ := readingOf()
			all.absent, all.errs = tc.absent, tc.errs
			began := time.Now()
			err := r.read(t.Context(), question{scope: ownState}, never)
			if !errors.Is(err, tc.want) || len(all.asked) != tc.asked || time.Since(began) != tc.took || errors.Is(err, ErrNotMember) != (tc.want == ErrNotMember) {
				t.Errorf("%s: %v after %s, asked %q", name, err, time.Since(began), all.asked)
			}
			if (r.group == "web") != (tc.want == nil) {
				t.Errorf("%s: the group is %q", name, r.group)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r, all, _ := readingOf()
		all.absent = 2
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.read(ctx, question{scope: ownState}, never); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrNotMember) {
			t.Errorf("the time is over before the second answer: %v", err)
		}
	})
}

// The group's own list and the cheap question are two views; where they differ the look is torn.
func TestTwoViews(t *testing.T) {
	for name, tc := range map[string]struct {
		last, listed, own fleet.State // last: at the look before
		torn              bool
		asks              bool // the cheap question
	}{
		"as it was":               {fleet.InService, fleet.InService, fleet.InService, false, false},
		"it moved":                {fleet.InService, fleet.EnteringStandby, fleet.EnteringStandby, false, true},
		"the list is ahead":       {fleet.InService, fleet.EnteringStandby, fleet.InService, true, true},
		"the list has it no more": {fleet.InService, "", fleet.InService, true, true},
	} {
		r, all, _ := readingOf()
		all.is.State, all.is.Healthy = tc.last, false
		all.look(t, r, question{scope: ownState})
		all.is.State, all.is.Group.Members[0].State = tc.own, tc.listed
		if tc.listed == "" {
			all.is.Group.Members = all.is.Group.Members[1:]
		}
		asked := all.look(t, r, question{scope: whole})
		if r.seen.Torn != tc.torn || slices.Contains(asked, "membership") != tc.asks || r.seen.State != tc.own || r.seen.Healthy == tc.asks || r.seen.Zone != "a" {
			t.Errorf("%s: %s, healthy %v, in %q, torn %v; asked %q", name, r.seen.State, r.seen.Healthy, r.seen.Zone, r.seen.Torn, asked)
		}
		if all.look(t, r, question{scope: ownState}); r.seen.Torn {
			t.Errorf("%s: torn by the look before", name)
		}
	}
	r, all, _ := readingOf()
	all.noGroup = 1
	if asked := all.look(t, r, question{scope: whole}); !slices.Contains(asked, "membership") || r.seen.Group.Name != "web" {
		t.Errorf("a group that is not listed at once: asked %q, read %q", asked, r.seen.Group.Name)
	}
	all.noGroup = 2
	if err := r.read(t.Context(), question{scope: whole}, never); !errors.Is(err, fleet.ErrNoGroup) {
		t.Errorf("a group that is not listed: %v", err)
	}
	all.noGroup, all.errs = 1, []error{errLost}
	if err := r.read(t.Context(), question{scope: whole}, never); !errors.Is(err, errLost) {
		t.Errorf("a group that is not listed, and no answer: %v", err)
	}
}

// Whether a group is as it was: the time of the answer is no matter.
func TestSameGroup(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*fleet.Snapshot)
		want   bool
	}{
		"nothing":            {func(s *fleet.Snapshot) {}, true},
		"later":              {func(s *fleet.Snapshot) { s.Group.At = sample.Noon }, true},
		"the views differ":   {func(s *fleet.Snapshot) { s.Torn = true }, false},
		"its state":          {func(s *fleet.Snapshot) { s.State = fleet.Standby }, false},
		"its health":         {func(s *fleet.Snapshot) { s.Healthy = false }, false},
		"the desired number": {func(s *fleet.Snapshot) { s.Group.Desired++ }, false},
	} {
		now := sample.Group()
		tc.change(&now)
		if got := sameGroup(now, sample.Group()); got != tc.want {
			t.Errorf("%s changed: the same %v", name, got)
		}
	}
}

// Once a move is under way, a metadata service that does not answer ends no run.
func TestNoticesThatAreNotRead(t *testing.T) {
	for name, tc := range map[string]struct {
		err      error
		underWay bool
		want     error
		logs     []string
	}{
		"before the move":       {errLost, false, errLost, nil},
		"after it":              {errLost, true, nil, []string{"the notices of the metadata service were not read"}},
		"after it, as it seems": {nil, true, nil, nil},
	} {
		r, all, lines := readingOf()
		all.notices, all.is.Notices.Target = tc.err, "new"
		r.seen.Notices.Target = "old"
		got, err := r.readNotices(t.Context(), tc.underWay)
		if want := map[bool]string{true: "old", false: "new"}[tc.err != nil && tc.want == nil]; !errors.Is(err, tc.want) || tc.want == nil && err != nil || got.Target != want {
			t.Errorf("%s: %v, %q; want %v, %q", name, err, got.Target, tc.want, want)
		}
		if got := messages(lines); !slices.Equal(got, tc.logs) {
			t.Errorf("%s: logged %q", name, got)
		}
	}
	r, all, _ := readingOf()
	all.notices = errLost
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.readNotices(ctx, true); !errors.Is(err, errLost) {
		t.Errorf("a look that was cut off: %v", err)
	}
}

// What is ignored is named by its name or its ARN, and is there.
func TestWhatIsIgnored(t *testing.T) {
	for name, ignored := range map[string][2]bool{"web": {true, false}, "arn:api": {false, true}} {
		r, all, _ := readingOf(name)
		if all.look(t, r, question{scope: whole}); r.seen.Traffic[0].Ignored != ignored[0] || r.seen.Traffic[1].Ignored != ignored[1] {
			t.Errorf("--ignore %s: %v, %v", name, r.seen.Traffic[0].Ignored, r.seen.Traffic[1].Ignored)
		}
	}
	wrong, _, _ := readingOf("web", "wbe")
	if err := wrong.read(t.Context(), question{scope: whole}, never); failure.Of(err) != failure.Setup || err.Error() != "--ignore wbe: web has no such load balancer or target group" {
		t.Errorf("a name that is not there: %v", err)
	}
	r, all, _ := readingOf()
	all.describe = errLost
	if err := r.read(t.Context(), question{scope: whole}, never); !errors.Is(err, errLost) || r.attached != nil {
		t.Errorf("settings that are not read: %v, known %v", err, r.attached)
	}
}
