package rotation

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/imds"
)

// place is a Caller that asks in some Region, in the name of some account.
type place struct {
	region, account string
	role            bool
	err             error
}

func (p place) Region() string                        { return p.region }
func (p place) RegionSource() string                  { return "AWS_REGION" }
func (p place) DualStack() bool                       { return false }
func (p place) FromInstanceRole(context.Context) bool { return p.role }
func (p place) Identity(context.Context) (string, string, error) {
	return p.account, "arn:ada", p.err
}

// An instance that no list has may have been asked for in the wrong place.
func TestTheWrongPlace(t *testing.T) {
	for name, tc := range map[string]struct {
		caller  Caller
		account string
		says    string // the beginning; empty: the right place
	}{
		"nobody knows":             {nil, "1", ""},
		"in another Region":        {place{region: "us", role: true}, "1", "no group of us lists i-1, which is in eu: the Region comes from AWS_REGION"},
		"by the instance's role":   {place{region: "eu", role: true, account: "2"}, "1", ""},
		"by others of its account": {place{region: "eu", account: "1"}, "1", ""},
		"by others":                {place{region: "eu", account: "2"}, "1", "no group of account 2 lists i-1, which is of account 1: the credentials are those of arn:ada"},
		"nobody knows whose it is": {place{region: "eu", account: "2"}, "", ""},
		"nobody knows who asks":    {place{region: "eu", err: errLost}, "1", "no group lists i-1, and whose credentials these are is not known: connection reset"},
	} {
		r, _ := atWork()
		r.Self, r.Caller = imds.Identity{Instance: "i-1", Region: "eu", Account: tc.account}, tc.caller
		if err := r.wrongPlace(t.Context()); (err == nil) != (tc.says == "") || err != nil && err.Error() != tc.says {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
}

// What it means that no group lists the instance, by what the metadata service says and by what the run has done.
func TestNoGroupListsTheInstance(t *testing.T) {
	member := func(r *run) { r.group = "web" }
	last := func(r *run) { r.budgets.wait = 5 * time.Second }
	for name, tc := range map[string]struct {
		target  string
		change  func(*run)
		class   failure.Class
		says    string
		outcome string
		told    bool
	}{
		"in no group":                    {"", func(r *run) {}, failure.Setup, "i-1: in no Auto Scaling group", "", false},
		"in no group, which is fine":     {"", func(r *run) { r.IfMember = true }, 0, "", "not a member", false},
		"in the wrong place":             {"", func(r *run) { r.Caller = place{region: "us"} }, failure.Setup, "no group of us lists i-1", "", false},
		"in the wrong place, a member":   {"", func(r *run) { member(r); r.Caller = place{region: "us"} }, failure.Leaving, "i-1 left its Auto Scaling group", "", false},
		"it was detached":                {"Detached", func(r *run) { r.IfMember = true }, 0, "", "not a member", false},
		"it is terminated":               {"Terminated", func(r *run) { r.IfMember = true }, failure.Leaving, "Auto Scaling is bringing i-1 to Terminated", "", false},
		"a member before":                {"", member, failure.Leaving, "i-1 left its Auto Scaling group", "", false},
		"a member, moved":                {"", func(r *run) { member(r); r.moved = true }, failure.Gone, "i-1 is in no Auto Scaling group any more", "", false},
		"a member, found out":            {"", func(r *run) { member(r); r.resumed = true }, failure.Gone, "i-1 is in no Auto Scaling group any more", "", false},
		"a member, found returning":      {"Terminated", func(r *run) { member(r); r.returning = true }, failure.Gone, "i-1 is in no Auto Scaling group any more", "", false},
		"wanted in service":              {"InService", func(r *run) { r.budgets.wait = 5*time.Second + 1 }, 0, "", "", true},
		"wanted in service, at the end":  {"InService", last, failure.Unreachable, "no group lists i-1, but its metadata service says that Auto Scaling wants it InService", "", false},
		"wanted, at the end of its move": {"InService", func(r *run) { last(r); r.moved = true }, failure.Unfinished, "no group lists i-1, but its metadata service says that Auto Scaling wants it InService", "", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := atWork()
			reads, all, _ := readingOf()
			all.is.Notices.Target = tc.target
			r.Self.Region, r.reader = "eu", reads
			var told []Progress
			r.Progress = func(p Progress) { told = append(told, p) }
			tc.change(r)
			err := r.onReadError(t.Context(), ErrNotMember)
			if (err == nil) != (tc.class == 0) || err != nil && (failure.Of(err) != tc.class || !strings.HasPrefix(err.Error(), tc.says)) || r.outcome != tc.outcome {
				t.Errorf("%s: %v, outcome %q; want %q, %q", name, err, r.outcome, tc.says, tc.outcome)
			}
			if len(told) > 0 != tc.told || tc.told && (told[0].Step != "join" || told[0].Waiting != "i-1 is in no Auto Scaling group, but Auto Scaling wants it InService") {
				t.Errorf("%s: told %+v", name, told)
			}
		})
	}
	r, _ := atWork()
	reads, all, _ := readingOf()
	r.reader, all.notices = reads, errLost
	if err := r.onReadError(t.Context(), ErrNotMember); !errors.Is(err, errLost) {
		t.Errorf("the metadata service does not answer: %v", err)
	}
}

// Whoever waits for a launch looks again while no group lists the instance; a group that is not listed itself is asked
// for again as well.
func TestListsThatLag(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		change func(*run)
		waits  time.Duration
		told   string
		class  failure.Class
	}{
		"not launched yet":          {ErrNotMember, func(r *run) {}, 5 * time.Second, "join: i-1 is in no Auto Scaling group yet", 0},
		"two seconds before a look": {ErrNotMember, func(r *run) { r.budgets.wait = 12 * time.Second }, 2 * time.Second, "join: i-1 is in no Auto Scaling group yet", 0},
		"a nanosecond before that":  {ErrNotMember, func(r *run) { r.budgets.wait = 10*time.Second + 1 }, 1, "join: i-1 is in no Auto Scaling group yet", 0},
		"the time is over":          {ErrNotMember, func(r *run) { r.budgets.wait = 10 * time.Second }, 0, "", failure.Setup},
		"a member that is no more":  {ErrNotMember, func(r *run) { r.group = "web" }, 0, "", failure.Leaving},
		"no group":                  {fleet.ErrNoGroup, func(r *run) { r.group = "web"; r.budgets.wait = 5*time.Second + 1 }, 5 * time.Second, "look: web has i-1, and is not listed itself", 0},
		"no group, at last":         {fleet.ErrNoGroup, func(r *run) { r.group = "web"; r.budgets.wait = 5 * time.Second }, 0, "", failure.Unreachable},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := atWork()
			r.reader, _, _ = readingOf()
			r.awaitsGroup = true
			r.budgets.wait = time.Hour
			var told []string
			r.Progress = func(p Progress) { told = append(told, p.Step+": "+p.Waiting) }
			r.Jitter = evenly()
			tc.change(r)
			began := time.Now()
			err := r.onReadError(t.Context(), tc.err)
			if took := time.Since(began); took != tc.waits || (err == nil) != (tc.class == 0) || err != nil && failure.Of(err) != tc.class || strings.Join(told, ";") != tc.told {
				t.Errorf("%s: %v after %s, told %q; want %s, %q", name, err, took, told, tc.waits, tc.told)
			}
		})
	}
}
