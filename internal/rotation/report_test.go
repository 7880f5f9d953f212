package rotation

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
	"balanced/internal/imds"
)

// pass lets the time of a bubble go by.
func pass(d time.Duration) { <-time.After(d) }

// The rows that a run went through, each with its time; the last one is unsettled where the run ended there.
func TestStepsOfAReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newReport("out", time.Now(), imds.Identity{})
		p.done() // nothing to close yet
		p.stamp()
		guards, enter := &step{name: "guards"}, &step{name: "enter"}
		waits := blockedBy(failure.NotNow, "", "waiting")
		for i, tc := range []struct {
			row     *step
			judged  verdict
			arrived bool
		}{{guards, waits, true}, {guards, blockedBy(failure.NotNow, "", "still waiting"), false}, {guards, verdict{kind: act}, false}, {enter, verdict{kind: act}, true}} {
			pass(time.Second)
			if got := p.at(tc.row, tc.judged); got != tc.arrived {
				t.Errorf("%d, at %s: arrived %v", i, tc.row.name, got)
			}
		}
		pass(1500 * time.Millisecond)
		p.stamp()
		want := []StepReport{{Name: "guards", State: "done", ElapsedSeconds: 3, Detail: "still waiting"}, {Name: "enter", State: "unsettled", ElapsedSeconds: 1.5}}
		if diff := cmp.Diff(want, p.Steps, cmpopts.IgnoreUnexported(StepReport{})); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if p.done(); p.Steps[1].State != "done" {
			t.Errorf("in the end %s is %s", p.Steps[1].Name, p.Steps[1].State)
		}
		if got := newReport("out", time.Now().In(time.FixedZone("", 3600)), imds.Identity{}).StartedAt.Location(); got != time.UTC {
			t.Errorf("it began at a time of %s", got)
		}
	})
}

// What a report says at the end: how the run ended, and what was last seen.
func TestTheEndOfAReport(t *testing.T) {
	bad := failure.New(failure.NotNow, "wait", "busy")
	for name, tc := range map[string]struct {
		change func(*run)
		err    error
		want   func(*Report)
	}{
		"well":          {func(r *run) {}, nil, func(p *Report) { p.Outcome, p.Steps[0].State = "out", "done" }},
		"not":           {func(r *run) {}, bad, func(p *Report) { p.Outcome, p.Reason, p.Hint = "not now", "busy", "wait" }},
		"after a move":  {func(r *run) { r.report.everMoved = true }, bad, func(p *Report) { p.Outcome, p.Reason, p.Hint, p.Moved = "not now", "busy", "wait", true }},
		"left in doubt": {func(r *run) { r.doubt = errLost }, bad, func(p *Report) { p.Outcome, p.Reason, p.Hint, p.Moved = "not now", "busy", "wait", true }},
		"without a look": {func(r *run) { r.seen = reading{} }, bad, func(p *Report) {
			*p = Report{Command: "out", Outcome: "not now", Reason: "busy", Hint: "wait", Instance: InstanceReport{ID: "i-1", Zone: "z", Region: "eu"}, Steps: p.Steps, Limits: p.Limits, ElapsedSeconds: 2, StartedAt: p.StartedAt, Traffic: []TrafficReport{}, Warnings: []string{}}
		}},
		"seen two times": {func(r *run) { r.report.see(r.seen.Snapshot, r.min) }, nil, func(p *Report) { p.Outcome, p.Steps[0].State = "out", "done" }},
		"outside a group": {func(r *run) { r.seen.Group.Held.Registered = 1 }, nil, func(p *Report) {
			p.Outcome, p.Steps[0].State, p.Group.Declared = "out", "done", true
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := atWork()
			r.Self = imds.Identity{Instance: "i-1", Zone: "z", Region: "eu"}
			r.report = newReport("out", time.Now(), r.Self)
			r.seen.Traffic[0].Mine = []fleet.Target{{Instance: "i-1", Port: 80, Health: fleet.Draining, Reason: "why", Shifted: true}}
			r.budgets.still = time.Hour
			r.clock.pause(3 * time.Second)
			r.report.at(&step{name: "drain"}, verdict{})
			pass(2 * time.Second)
			tc.change(r)
			r.report.close(r, "out", tc.err)
			want := &Report{
				Command: "out", StartedAt: time.Now().Add(-2 * time.Second).UTC(), ElapsedSeconds: 2, Instance: InstanceReport{ID: "i-1", Zone: "a", Region: "eu", State: "InService"},
				Group:   GroupReport{Name: "web", Min: 3, Max: 6, Desired: 4, Members: 4, Capacity: 4, Healthy: 4, MinHealthy: 3, MinHealthyRule: "all", Slots: 1},
				Traffic: []TrafficReport{{Kind: string(fleet.Application), Name: "web", State: "draining", Reason: "why", Shifted: true}},
				Steps:   []StepReport{{Name: "drain", State: "unsettled", ElapsedSeconds: 2}}, Warnings: []string{},
				Limits: Limits{TimeLimitSeconds: 23*60 + 3600, ThrottlingLimitSeconds: 3600, ThrottledSeconds: 3},
			}
			tc.want(want)
			if diff := cmp.Diff(want, r.report, cmpopts.IgnoreUnexported(Report{}, StepReport{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		})
	}
}

// A run that ended before it knew its instance has a report, too.
func TestAReportWithoutAnInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		pass(1234567 * time.Microsecond)
		p := NewReport("in", began, errors.New("no metadata"))
		if p.Command != "in" || p.ElapsedSeconds != 1.235 || p.Reason != "no metadata" || p.Outcome == "" {
			t.Errorf("%+v", p)
		}
	})
	p := newReport("in", time.Now(), imds.Identity{})
	if !p.warn("x") || p.warn("x") || !p.warn("y") || len(p.Warnings) != 2 {
		t.Errorf("warned of %q", p.Warnings)
	}
}

// What status and doctor are told of a group that was read.
func TestAnExaminationOfASnapshot(t *testing.T) {
	v := sound()
	v.Group.TargetGroups, v.Group.Classic = []string{"arn"}, nil
	v.Group.Min, v.Group.Max = 2, 4
	e := Judge(v.Snapshot, fleet.MinHealthy{}, nil)
	wantOut, wantIn := outBudgets(Options{Wait: Auto, Timeout: Auto}, DefaultSettle, v.Traffic), inBudgets(Options{Wait: Auto, Timeout: Auto}, true, true, v.Traffic)
	if e.OutLimit != wantOut.unthrottled() || e.InLimit != wantIn.unthrottled() || e.ThrottlingLimit != 3*time.Hour || e.Fenced {
		t.Errorf("limits %s, %s, %s; fenced %v", e.OutLimit, e.InLimit, e.ThrottlingLimit, e.Fenced)
	}
	if len(e.Warnings) != 2 || e.Warnings["no headroom"] == "" || e.Warnings["unfenced minimum"] == "" || len(e.Guards) != 0 || len(e.Refused) != 0 {
		t.Errorf("warnings %v, refused %v", e.Warnings, e.Refused)
	}
	v.Group.Classic = []string{"old"} // whose settings were not read
	v.Refreshes = []fleet.Refresh{{ID: "r", Status: "InProgress"}}
	v.Notices.Scheduled = []fleet.Event{{Code: "instance-stop", Begins: sample.Noon.Add(wantOut.unthrottled() - 1)}}
	e = Judge(v.Snapshot, fleet.MinHealthy{}, nil)
	if e.OutLimit != 0 || e.InLimit != 0 || !cmp.Equal(e.Refused, []string{"instance stays", "refresh"}) || e.Guards["refresh"] == nil {
		t.Errorf("limits %s, %s; refused %v", e.OutLimit, e.InLimit, e.Refused)
	}
	v.Group.Classic, v.Group.TargetGroups = []string{"arn"}, nil
	if e = Judge(v.Snapshot, fleet.MinHealthy{}, nil); e.OutLimit == 0 {
		t.Error("behind a Classic Load Balancer alone there is no limit")
	}
}

// The members of a group as status lists them.
func TestMembersOfAStatus(t *testing.T) {
	v := sound()
	sample.TakeOut(&v.Snapshot, 2, 90*time.Second)
	sample.TakeOut(&v.Snapshot, 3, -time.Second) // as if it lay ahead
	v.Group.Members[1].Healthy = false
	at := func(health fleet.Health) []TrafficReport {
		return []TrafficReport{{Kind: string(fleet.Application), Name: "web", State: string(health)}}
	}
	want := []MemberReport{
		{ID: "i-1", Zone: "a", State: "InService", HealthyForASG: true, Healthy: true, ThisInstance: true, Traffic: at(fleet.Healthy)},
		{ID: "i-2", Zone: "b", State: "InService", Traffic: at(fleet.Healthy)},
		{ID: "i-3", Zone: "a", State: "Standby", HealthyForASG: true, Traffic: at(fleet.Unregistered), OutSeconds: 90},
		{ID: "i-4", Zone: "b", State: "Standby", HealthyForASG: true, Traffic: at(fleet.Unregistered)},
	}
	if diff := cmp.Diff(want, members(v.Snapshot)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

// What a report says of the lock, and how a rollback ends whose slot stays taken.
func TestTheLockInAReport(t *testing.T) {
	for _, tc := range []struct {
		err   error
		warns string
	}{{nil, ""}, {errLost, "the lock: connection reset"}} {
		r := withLock(&slots{err: tc.err})
		if r.seeLock(t.Context()); r.report.Lock == nil || strings.Join(r.report.Warnings, ";") != tc.warns {
			t.Errorf("warns %q, want %q", r.report.Warnings, tc.warns)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := withLock(&slots{})
		r.Progress = func(p Progress) { t.Errorf("told %+v when the lock had answered", p) }
		r.seeLock(t.Context())
		pass(time.Minute)
	})
	r := withLock(&slots{err: failure.New(failure.Unfinished, "", "not confirmed")})
	r.rolledBack = failure.New(failure.RolledBack, "", "taken before")
	if err := r.releaseAfterRollback(t.Context()); failure.Of(err) != failure.RolledBack || err.Error() != "taken before; not confirmed" {
		t.Errorf("a slot that stays taken: %v", err)
	}
	r.Lock.(*slots).err = nil
	if err := r.releaseAfterRollback(t.Context()); err != nil {
		t.Errorf("a slot that is released: %v", err)
	}
	if r.Lock = nil; r.releaseAfterRollback(t.Context()) != nil {
		t.Error("without a lock")
	}
	v := sound()
	sample.TakeOut(&v.Snapshot, 2, time.Minute)
	if err := objection(sound(), nil); err != nil {
		t.Errorf("nobody leaves: %v", err)
	}
	if err := objection(v, nil); err == nil || err.Error() != mayLeave(v).reason() {
		t.Errorf("one is out: %v", err)
	}
}
