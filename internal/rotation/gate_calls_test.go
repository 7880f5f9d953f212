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
	"balanced/internal/imds"
	"balanced/internal/probe"
)

// hookGate is a group with launch hooks that answers as it is told.
type hookGate struct {
	hooks []fleet.LaunchHook
	err   error
	beats []error // of the heartbeats, in order; then nil
	then  func()  // after it was completed
	calls []string
}

func (g *hookGate) LaunchHooks(context.Context, string) ([]fleet.LaunchHook, error) {
	return g.hooks, g.err
}

func (g *hookGate) Heartbeat(_ context.Context, group, hook, id string) error {
	g.calls = append(g.calls, "beat "+group+" "+hook+" "+id)
	if len(g.beats) == 0 {
		return nil
	}
	err := g.beats[0]
	g.beats = g.beats[1:]
	return err
}

func (g *hookGate) Complete(_ context.Context, group, hook, id string, proceed bool) error {
	g.calls = append(g.calls, fmt.Sprintf("complete %s %s %s %v", group, hook, id, proceed))
	if g.then != nil {
		g.then()
	}
	return g.err
}

// atGate is a run on an instance that its launch hook holds.
func atGate(g *hookGate, h *askedHost) *run {
	r := probing(h)
	r.group, r.Gate, r.Jitter = "web", g, evenly()
	r.seen.State, r.lastState = fleet.PendingWait, fleet.PendingWait
	r.gate.hook = fleet.LaunchHook{Name: "warm-up", Heartbeat: time.Minute}
	r.awaitsGroup, r.probes = true, true
	return r
}

// Which of a group's launch hooks is the one to complete.
func TestWhichLaunchHook(t *testing.T) {
	a, b := fleet.LaunchHook{Name: "a", Heartbeat: time.Minute}, fleet.LaunchHook{Name: "b", Continues: true, Heartbeat: 90 * time.Second}
	deploys := fleet.LaunchHook{Name: "CodeDeploy-managed-automatic-launch-deployment-hook-app-1"}
	if !deploys.OfCodeDeploy() {
		t.Fatal("no hook of CodeDeploy")
	}
	for name, tc := range map[string]struct {
		hooks        []fleet.LaunchHook
		named        string
		abandon      bool
		hook, others string
		says, hint   string // of the error
		warns        bool
	}{
		"the only one":            {[]fleet.LaunchHook{a}, "", false, "a", "", "", "", false},
		"besides CodeDeploy's":    {[]fleet.LaunchHook{deploys, a}, "", false, "a", deploys.Name, "", "", false},
		"the named one":           {[]fleet.LaunchHook{a, b, deploys}, "b", true, "b", "a, " + deploys.Name, "", "", false},
		"it continues":            {[]fleet.LaunchHook{b}, "", false, "b", "", "", "", true},
		"CodeDeploy's, as named":  {[]fleet.LaunchHook{a, deploys}, deploys.Name, false, deploys.Name, "a", "", "", false},
		"several":                 {[]fleet.LaunchHook{a, b}, "", false, "", "", "web has several launch hooks: a, b", "name one: --launch-hook a", false},
		"one that is not there":   {[]fleet.LaunchHook{a, b}, "c", false, "", "", "web has no launch hook c", "name one of the group's: a, b", false},
		"none":                    {nil, "", false, "", "", "web has no launch hook, so nothing holds i-1 back", "create one with aws autoscaling put-lifecycle-hook (docs/immutable.md)", false},
		"none but CodeDeploy's":   {[]fleet.LaunchHook{deploys}, "", false, "", "", "web has no launch hook, so nothing holds i-1 back", "create one with aws autoscaling put-lifecycle-hook (docs/immutable.md)", false},
		"it continues, abandoned": {[]fleet.LaunchHook{b}, "", true, "b", "", "", "", false},
	} {
		r := atGate(&hookGate{hooks: tc.hooks}, &askedHost{})
		r.gate, r.launch = gate{}, launchRequest{hook: tc.named, abandon: tc.abandon}
		err := r.findHook(t.Context())
		if (err == nil) != (tc.says == "") || err != nil && (err.Error() != tc.says || failure.Hint(err) != tc.hint || failure.Of(err) != failure.Setup) {
			t.Errorf("%s: %v, hint %q; want %q, %q", name, err, failure.Hint(err), tc.says, tc.hint)
		}
		if r.gate.hook.Name != tc.hook || r.gate.others != tc.others {
			t.Errorf("%s: %q besides %q, want %q besides %q", name, r.gate.hook.Name, r.gate.others, tc.hook, tc.others)
		}
		if got := strings.Join(r.report.Warnings, ";"); strings.HasPrefix(got, "launch hook b continues by default: an instance that does not pass goes into service 1m30s after") != tc.warns || (got == "") == tc.warns {
			t.Errorf("%s: warns %q", name, got)
		}
	}
	if err := atGate(&hookGate{err: errLost}, &askedHost{}).findHook(t.Context()); !errors.Is(err, errLost) {
		t.Errorf("no answer: %v", err)
	}
}

// The host is probed while heartbeats keep the hook waiting.
func TestProbingAtTheGate(t *testing.T) {
	unfit := &probe.FailedError{Check: probe.Check{Source: "web"}}
	for name, tc := range map[string]struct {
		host   askedHost
		beats  []error
		change func(*run)
		class  failure.Class
		says   string
		beat   int
		isOver bool // the hook
		unfit  bool // it is noted, to be abandoned
		logs   []string
	}{
		"it passes":                    {askedHost{}, nil, func(*run) {}, 0, "", 1, false, false, nil},
		"it does not":                  {askedHost{slow: true, err: unfit}, nil, func(*run) {}, failure.Unfit, "i-1 stays in Pending:Wait (web)", 15, false, false, nil},
		"it does not, to be abandoned": {askedHost{slow: true, err: unfit}, nil, func(r *run) { r.launch.abandon = true }, 0, "", 15, false, true, nil},
		"a trial of that":              {askedHost{slow: true, err: unfit}, nil, func(r *run) { r.launch.abandon, r.DryRun = true, true }, failure.Unfit, "i-1 stays in Pending:Wait (web)", 0, false, false, nil},
		"the hook is over at once":     {askedHost{}, []error{fleet.ErrNoAction}, func(*run) {}, 0, "", 1, true, false, []string{"the launch hook does not hold the instance any more"}},
		"the hook ends meanwhile":      {askedHost{slow: true, err: errLost}, []error{nil, fleet.ErrNoAction}, func(*run) {}, 0, "", 2, true, false, []string{"the launch hook does not hold the instance any more"}},
		"denied meanwhile":             {askedHost{slow: true, err: errLost}, []error{nil, &awsapi.DeniedError{Err: errLost}}, func(*run) {}, failure.Denied, "", 2, false, false, nil},
		"denied at once":               {askedHost{}, []error{&awsapi.DeniedError{Err: errLost}}, func(*run) {}, failure.Denied, "", 1, false, false, nil},
		"one is lost":                  {askedHost{slow: true, err: unfit}, []error{nil, errLost}, func(r *run) { r.launch.abandon = true }, 0, "", 15, false, true, []string{"a heartbeat for the launch hook failed"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := &hookGate{beats: tc.beats}
			r := atGate(g, &tc.host)
			core, lines := observer.New(zap.InfoLevel)
			r.Log = zap.New(core)
			r.budgets = budgets{wait: 5*time.Minute + 65*time.Second - 20*time.Second} // a probe of 4m45s
			tc.change(r)
			err := r.probeAtGate(t.Context())
			if (err == nil) != (tc.class == 0) || err != nil && (failure.Of(err) != tc.class || tc.says != "" && err.Error() != tc.says && !strings.HasPrefix(err.Error(), tc.says)) {
				t.Errorf("%s: %v, want %q", name, err, tc.says)
			}
			if len(g.calls) != tc.beat || tc.beat > 0 && g.calls[0] != "beat web warm-up i-1" {
				t.Errorf("%s: called %q, want %d heartbeats", name, g.calls, tc.beat)
			}
			if r.gate.over != tc.isOver || (r.gate.unfit != nil) != tc.unfit || r.probePassed != (tc.host.err == nil && !tc.isOver && tc.class == 0) {
				t.Errorf("%s: over %v, unfit %v, passed %v", name, r.gate.over, r.gate.unfit, r.probePassed)
			}
			if got := messages(lines); !slices.Equal(got, tc.logs) {
				t.Errorf("%s: logged %q", name, got)
			}
			if tc.says != "" && failure.Hint(err) != "fix the application, then run balanced ready: the hook's default, "+r.gate.hook.Default()+", comes within 1m" {
				t.Errorf("%s: hint %q", name, failure.Hint(err))
			}
		})
	}
}

// What the answers to a completion mean.
func TestCompletingTheHook(t *testing.T) {
	for name, tc := range map[string]struct {
		err                error
		asked              bool // an earlier answer was lost
		over, moved, doubt bool
		refused, asksLater bool
		class              failure.Class
		logs               string
	}{
		"yes":                        {nil, false, true, true, false, false, false, 0, "the launch hook is completed"},
		"somebody else did":          {fleet.ErrNoAction, false, true, false, true, false, false, 0, "the launch hook does not hold the instance any more"},
		"this run did before":        {fleet.ErrNoAction, true, true, true, false, false, true, 0, "the launch hook does not hold the instance any more"},
		"denied":                     {&awsapi.DeniedError{Err: errLost}, false, false, false, false, false, false, failure.Denied, ""},
		"refused":                    {refusedCall, false, false, false, false, true, false, 0, ""},
		"throttled":                  {throttledCall, false, false, false, false, true, false, 0, ""},
		"lost":                       {errLost, false, false, false, true, false, true, 0, "the answer leaves open whether the launch hook is completed"},
		"sent, and nobody knows why": {&awsapi.UnreachableError{Why: awsapi.NoAnswer, Landed: true, Err: errLost}, false, false, false, true, false, true, 0, "the answer leaves open whether the launch hook is completed"},
	} {
		r, lines := atWork()
		g := &hookGate{err: tc.err}
		r.Gate, r.gate.hook.Name, r.gate.asked = g, "warm-up", tc.asked
		err := r.complete(t.Context(), true)
		if failure.Of(err) != tc.class && tc.class != 0 || (err != nil) != (tc.class != 0) || !slices.Equal(g.calls, []string{"complete web warm-up i-1 true"}) {
			t.Errorf("%s: %v, called %q", name, err, g.calls)
		}
		if r.gate.over != tc.over || r.moved != tc.moved || (r.doubt != nil) != tc.doubt || (r.refused != nil) != tc.refused || r.gate.asked != tc.asksLater {
			t.Errorf("%s: over %v, moved %v, in doubt %v, refused %v, asked %v", name, r.gate.over, r.moved, r.doubt, r.refused, r.gate.asked)
		}
		if sent := !tc.refused && tc.class == 0; !r.sent.IsZero() != sent || r.before.ID != "i-1" {
			t.Errorf("%s: sent %s, decided on %q", name, r.sent, r.before.ID)
		}
		if got := strings.Join(messages(lines), ";"); got != tc.logs {
			t.Errorf("%s: logged %q, want %q", name, got, tc.logs)
		}
	}
}

// The three ends of a hook: into service, into the warm pool, and abandoned.
func TestEndsOfAHook(t *testing.T) {
	for name, tc := range map[string]struct {
		act     func(*run, context.Context) error
		err     error
		proceed string
		class   failure.Class
		outcome string
	}{
		"into service":               {(*run).continueLaunch, nil, "true", 0, ""},
		"into the warm pool":         {(*run).passIntoWarmPool, nil, "true", 0, "warm pool"},
		"into the warm pool, denied": {(*run).passIntoWarmPool, &awsapi.DeniedError{Err: errLost}, "true", failure.Denied, ""},
		"into the warm pool, lost":   {(*run).passIntoWarmPool, errLost, "true", 0, ""},
		"abandoned":                  {(*run).abandonLaunch, nil, "false", failure.Unhealthy, ""},
		"abandoned, lost":            {(*run).abandonLaunch, errLost, "false", 0, ""},
		"abandoned, denied":          {(*run).abandonLaunch, &awsapi.DeniedError{Err: errLost}, "false", failure.Denied, ""},
	} {
		g := &hookGate{err: tc.err}
		r := atGate(g, &askedHost{})
		r.gate.unfit = failure.New(failure.Unfit, "", "unfit")
		r.gate.unfit.Err = errLost
		err := tc.act(r, t.Context())
		if (err != nil) != (tc.class != 0) || tc.class != 0 && failure.Of(err) != tc.class || r.outcome != tc.outcome || !strings.HasSuffix(g.calls[0], tc.proceed) {
			t.Errorf("%s: %v, outcome %q, called %q", name, err, r.outcome, g.calls)
		}
	}
	v := sound()
	v.gate.hook.Name, v.settle, v.sent = "warm-up", DefaultSettle, time.Now()
	if mayComplete(v).kind != act {
		t.Error("a hook may not be completed")
	}
	v.refused = refusedCall
	if got := mayComplete(v); got.kind != blocked || got.throttled || got.refusal.Class != failure.NotNow {
		t.Errorf("after a refusal: %+v", got.refusal)
	}
	v.refused = throttledCall
	if got := mayComplete(v); got.kind != blocked || !got.throttled || got.refusal.Class != failure.Unreachable {
		t.Errorf("after it was throttled: %+v", got.refusal)
	}
	v.doubt = errLost
	if got := mayComplete(v); got.kind != blocked || got.refusal.Class != failure.Unfinished || !got.nextLook.Equal(v.sent.Add(DefaultSettle)) {
		t.Errorf("in doubt: %+v, looks again at %s", got.refusal, got.nextLook)
	}
}

// Without anything to probe with, ready completes the hook; what it warns of is in its report.
func TestReadyWithoutAProber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all, _ := readingOf()
		all.is.State, all.is.Group.Members[0].State = fleet.PendingWait, fleet.PendingWait
		all.is.Traffic[0].SlowStart, all.is.Traffic[0].Check.Interval = time.Minute, time.Second
		g := &hookGate{hooks: []fleet.LaunchHook{{Name: "warm-up", Heartbeat: time.Minute}}}
		g.then = func() { all.is.State, all.is.Group.Members[0].State = fleet.InService, fleet.InService }
		a := &Agent{Self: imds.Identity{Instance: "i-1", PrivateIP: "10.0.0.1"}, Groups: all, Balancers: all, Metadata: all, Gate: g, Log: zap.NewNop()}
		report, err := a.Ready(t.Context(), ReadyOptions{WaitOptions: WaitOptions{Timeout: Auto}})
		if err != nil || report.Outcome != "in" || !slices.Contains(g.calls, "complete web warm-up i-1 true") {
			t.Errorf("%v, outcome %q, called %q", err, report.Outcome, g.calls)
		}
		if got := strings.Join(report.Warnings, ";"); !strings.Contains(got, "(slow start)") {
			t.Errorf("warns %q", got)
		}
		if want := seconds(15*time.Minute + fleet.WayBack(all.is.Traffic) + time.Minute + 3*time.Hour); report.TimeLimitSeconds != want {
			t.Errorf("takes up to %v s, want %v", report.TimeLimitSeconds, want)
		}
	})
}
