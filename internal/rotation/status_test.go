package rotation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/imds"
	"balanced/internal/lock"
)

// looking is an agent on i-1 that only looks.
func looking(all *region) *Agent {
	return &Agent{Self: imds.Identity{Instance: "i-1", Region: "eu"}, Groups: all, Balancers: all, Metadata: all, Log: zap.NewNop()}
}

// Where an instance stands, by one look.
func TestStanding(t *testing.T) {
	for name, tc := range map[string]struct {
		change  func(*Agent, *region)
		want    Standing
		class   failure.Class
		outcome string
		limit   float64 // of a run of out; without a look a minute
		locked  string  // what the lock was asked
	}{
		"healthy":                     {func(*Agent, *region) {}, InService, 0, "healthy", 1480, ""},
		"unhealthy":                   {func(_ *Agent, r *region) { r.is.Traffic[0].Targets[0].Health = fleet.Unhealthy }, OutOfService, 0, "out", 1480, ""},
		"not a member":                {func(_ *Agent, r *region) { r.absent = 2 }, NotMember, 0, "not a member", 60, ""},
		"not a member, wrong Region":  {func(a *Agent, r *region) { r.absent = 2; a.Caller = place{region: "us"} }, OutOfService, failure.Setup, "misconfigured", 60, ""},
		"healthy, with a lock":        {func(a *Agent, _ *region) { a.Lock = &slots{} }, InService, 0, "healthy", 1480, "state"},
		"a lock, and no answer":       {func(a *Agent, r *region) { a.Lock = &slots{}; r.health = errLost }, OutOfService, failure.Internal, "internal error", 60, ""},
		"outside, the lock is no use": {func(a *Agent, r *region) { a.Lock = &slots{err: errLost}; r.is.Group.Held.Registered = 2 }, InService, 0, "healthy", 1480, "state;state"},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, all, _ := readingOf()
			all.is.Group.Max = 4
			a := looking(all)
			tc.change(a, all)
			report, standing, err := a.Status(t.Context(), fleet.MinHealthy{})
			failed := tc.limit == 60 && tc.want == OutOfService
			if standing != tc.want || (err != nil) != failed || failed && failure.Of(err) != tc.class || !failed && report.Outcome != tc.outcome || failed && report.Reason == "" {
				t.Errorf("%s: %v, %s, outcome %q", name, err, standing, report.Outcome)
			}
			if report.TimeLimitSeconds != tc.limit || report.ThrottlingLimitSeconds != 0 {
				t.Errorf("%s: takes up to %v s, %v of them throttled; want %v", name, report.TimeLimitSeconds, report.ThrottlingLimitSeconds, tc.limit)
			}
			if looked := tc.limit != 60; len(report.Members) > 0 != looked || slices.Contains(all.asked, "refreshes") != (looked || all.health != nil) ||
				slices.ContainsFunc(report.Warnings, func(w string) bool { return strings.Contains(w, "at MaxSize") }) != looked {
				t.Errorf("%s: %d members, asked %q, warns %q", name, len(report.Members), all.asked, report.Warnings)
			}
			if s, ok := a.Lock.(*slots); ok && strings.Join(s.calls, ";") != tc.locked {
				t.Errorf("%s: asked the lock %q, want %q", name, s.calls, tc.locked)
			}
		})
	}
}

// A lock that does not answer holds a status up for a quarter of a minute each time; a status that is told to stop ends.
func TestAStatusAndALockThatIsSlow(t *testing.T) {
	for name, stop := range map[string]time.Duration{"it goes on": time.Hour, "told to stop": time.Second} {
		synctest.Test(t, func(t *testing.T) {
			r := looking(nil).newExamination("status", fleet.MinHealthy{})
			if r.entries != nil {
				t.Error("without a lock there is one to ask")
			}
			a := looking(nil)
			a.Lock = &slots{slow: true, err: errLost}
			r = a.newExamination("status", fleet.MinHealthy{})
			ctx, cancel := context.WithTimeout(t.Context(), stop)
			defer cancel()
			began := time.Now()
			_, err := r.entries(ctx, fleet.Group{})
			if took := time.Since(began); took != min(stop, 15*time.Second) || (err != nil) != (stop == time.Second) || err != nil && !errors.Is(err, errLost) {
				t.Errorf("%s: %v after %s", name, err, took)
			}
		})
	}
	a := looking(nil)
	a.Lock = &slots{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.newExamination("status", fleet.MinHealthy{}).entries(ctx, fleet.Group{}); err != nil {
		t.Errorf("an answer, and told to stop: %v", err)
	}
}

// An examination says what it can: all of it after a look, the instance and the reason without one.
func TestAnExaminationWithALook(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Agent, *region)
		says   string // the error
		whole  bool
	}{
		"all of it":    {func(*Agent, *region) {}, "", true},
		"not a member": {func(_ *Agent, r *region) { r.absent = 2 }, "in no Auto Scaling group", false},
		"wrong Region": {func(a *Agent, r *region) { r.absent = 2; a.Caller = place{region: "us"} }, "no group of us lists i-1, which is in eu: the Region comes from AWS_REGION", false},
		"no answer":    {func(_ *Agent, r *region) { r.errs = []error{errLost} }, "connection reset", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, all, _ := readingOf()
			all.is.Refreshes = []fleet.Refresh{{ID: "r", Status: "InProgress"}}
			a := looking(all)
			tc.change(a, all)
			e, err := a.Examine(t.Context(), "doctor", fleet.MinHealthy{})
			if (err == nil) != (tc.says == "") || err != nil && err.Error() != tc.says {
				t.Errorf("%s: %v, want %q", name, err, tc.says)
			}
			if e.ID != "i-1" || e.Report == nil || e.Report.Command != "doctor" || e.Report.Reason != tc.says || e.Warnings == nil || (e.Guards["refresh"] != nil) != tc.whole || (e.Group.Name == "web") != tc.whole {
				t.Errorf("%s: %s, report %+v, refused %v", name, e.ID, e.Report, e.Refused)
			}
		})
	}
}

// What wait warns of, and for how long it waits at most.
func TestTheBoundsOfAWait(t *testing.T) {
	_, all, _ := readingOf()
	all.is.Group.HealthCheckType = "ELB"
	for i := range all.is.Traffic {
		all.is.Traffic[i].Check = fleet.HealthCheck{Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 3}
	}
	report, err := looking(all).Wait(t.Context(), WaitOptions{Timeout: Auto})
	if want := float64(15*60 + 30 + 35 + 60 + 3*3600); err != nil || report.TimeLimitSeconds != want {
		t.Errorf("%v, takes up to %v s, want %v", err, report.TimeLimitSeconds, want)
	}
	if got := strings.Join(report.Warnings, ";"); !strings.HasPrefix(got, "grace period 0s is shorter") {
		t.Errorf("warns %q", got)
	}
	v := sound()
	if isLeaving(v) {
		t.Error("in service, and leaving")
	}
	if v.Group.Deleting = true; !isLeaving(v) {
		t.Error("its group is being deleted, and it stays")
	}
	if v = sound(); !isLeaving(func() view { v.State = fleet.Detaching; return v }()) {
		t.Error("detaching, and it stays")
	}
}

// What was seen of a lock stays in the report; else what the run knows of it is there.
func TestWhatAReportKnowsOfTheLock(t *testing.T) {
	r := withLock(&slots{})
	seen := &lock.State{}
	r.report.Lock = seen
	if r.report.close(r, "", nil); r.report.Lock != seen {
		t.Error("what was seen of the lock is lost")
	}
	r.report.Lock = nil
	if r.report.close(r, "", nil); r.report.Lock == nil {
		t.Error("what is known of the lock is not reported")
	}
}
