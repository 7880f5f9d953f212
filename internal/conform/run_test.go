package conform_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"balanced/internal/conform"
	"balanced/internal/sim"
)

var errStop = errors.New("stopped")

func TestWithoutMovesNothingIsChanged(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		o := w.options()
		o.Moves = false
		report, err := conform.Run(w.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range w.Calls() {
			if c.Mutating() {
				t.Errorf("%s was sent", c.Action)
			}
		}
		if f := find(t, report, "enter-cause"); f.Verdict != conform.NotTried || f.Reason != "needs --moves" {
			t.Errorf("a fact that needs moves: %+v", f)
		}
		if n := report.Count(conform.AsModelled); n < 50 {
			t.Errorf("%d facts as modelled, want 50 at least", n)
		}
	})
}

func TestWithoutAGroupWhatNeedsNoneIsChecked(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		o := w.options()
		o.Group, o.Moves, o.Metadata = "", false, nil
		o.Only = []string{"group-unknown", "health-casing", "imds-token"}
		report, err := conform.Run(w.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := find(t, report, "health-casing"); got.Verdict != conform.AsModelled {
			t.Errorf("with the first group that has a member: %+v", got)
		}
		if got := find(t, report, "imds-token"); got.Reason != "needs --on-instance" {
			t.Errorf("without a metadata service: %+v", got)
		}
	})
}

// ends are runs that cannot go on, and their errors.
var ends = map[string]struct {
	prepare func(*world, *conform.Options)
	want    error
	moves   bool // whether a move may have been made
}{
	"no tag":         {func(_ *world, o *conform.Options) { o.Group = "other" }, conform.ErrNotReady, false},
	"no such group":  {func(_ *world, o *conform.Options) { o.Group = "none" }, conform.ErrNotReady, false},
	"no name":        {func(_ *world, o *conform.Options) { o.Group = "" }, conform.ErrNotReady, false},
	"one in Standby": {func(w *world, _ *conform.Options) { w.SetState(w.ids[1], "Standby") }, conform.ErrNotReady, false},
	"something runs": {func(w *world, _ *conform.Options) { w.SetSizes("web", 2, 4, 4) }, conform.ErrNotReady, false},
	"no permission":  {func(w *world, _ *conform.Options) { w.Deny("autoscaling:*") }, conform.ErrDenied, false},
	"not confirmed":  {func(_ *world, o *conform.Options) { o.Confirm = func(conform.Plan) error { return errStop } }, errStop, false},
	"cut from AWS": {func(w *world, _ *conform.Options) {
		w.SetFaults(func(sim.Call) *sim.Fault { return &sim.Fault{Reset: true} })
	}, conform.ErrUnreachable, false},
	"lost reply":       {func(w *world, _ *conform.Options) { w.faultOf("EnterStandby", 3, sim.Fault{LoseReply: true}) }, conform.ErrUnreachable, true},
	"lost reply later": {func(w *world, _ *conform.Options) { w.faultOf("ExitStandby", 7, sim.Fault{LoseReply: true}) }, conform.ErrUnreachable, true},
}

// faultOf lets the n-th call of an action fail.
func (w *world) faultOf(action string, n int, f sim.Fault) {
	w.SetFaults(func(c sim.Call) *sim.Fault {
		if c.Action == action {
			if n--; n == 0 {
				return &f
			}
		}
		return nil
	})
}

func TestARunThatCannotGoOnSaysWhy(t *testing.T) {
	for name, c := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sim.Config{}, webGroup(), func(w *world) {
				other := webGroup()
				other.Name, other.Settings.Tags = "other", map[string]string{conform.MovesTag: "no"}
				w.AddGroup(other)
				o := w.options()
				c.prepare(w, &o)
				_, err := conform.Run(w.Context(), o)
				if !errors.Is(err, c.want) || errors.Is(err, conform.ErrNotRestored) {
					t.Errorf("%v, want %v", err, c.want)
				}
				for _, call := range w.Calls() {
					if call.Mutating() && !c.moves {
						t.Errorf("%s was sent", call.Action)
					}
				}
				if c.moves {
					w.wantAsFound()
				}
			})
		})
	}
}

func TestWhatIsNotAllowedIsNotTried(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		w.Deny("autoscaling:SuspendProcesses", "autoscaling:UpdateAutoScalingGroup", "autoscaling:DescribeInstanceRefreshes")
		report := w.run()
		for _, id := range []string{"exit-suspended", "max-size", "refreshes-unknown-group"} {
			if f := find(t, report, id); f.Verdict != conform.NotTried || !strings.HasPrefix(f.Reason, "not allowed: ") {
				t.Errorf("%s: %+v", id, f)
			}
		}
		if n := report.Count(conform.Different); n != 0 {
			t.Errorf("%d facts differ", n)
		}
		w.wantAsFound()
	})
}

// TestAStoppedRunLeavesTheGroupAsItWas stops a run after every few calls.
func TestAStoppedRunLeavesTheGroupAsItWas(t *testing.T) {
	total := 0
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		w.run()
		total = len(w.Calls())
	})
	step := 41
	if testing.Short() {
		step *= 4
	}
	for n := step; n < total; n += step {
		inWorld(t, sim.Config{}, webGroup(), func(w *world) {
			ctx, cancel := context.WithCancelCause(w.Context())
			w.SetFaults(func(c sim.Call) *sim.Fault {
				if c.N == n {
					cancel(errStop)
				}
				return nil
			})
			_, err := conform.Run(ctx, w.options())
			if !errors.Is(err, errStop) || errors.Is(err, conform.ErrNotRestored) {
				t.Errorf("stopped at call %d of %d: %v", n, total, err)
			}
			w.wantAsFound()
			if t.Failed() {
				t.Fatalf("stopped at call %d of %d", n, total)
			}
		})
	}
}

func TestTheRecordingKeepsNoSecret(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		report := w.run()
		var file bytes.Buffer
		if err := report.Write(&file); err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"123456789012", "AKIDEXAMPLE", "Signature=", "ASIA", "secret", "session-of", "arn:aws", conform.MovesTag + "<"} {
			if strings.Contains(file.String(), secret) {
				t.Errorf("the recording has %q: %s", secret, regexp.MustCompile(`.{0,80}`+secret+`.{0,20}`).FindString(file.String()))
			}
		}
		if len(report.Recording) < 100 {
			t.Errorf("%d exchanges", len(report.Recording))
		}
		for _, e := range report.Recording {
			if e.Action == "EnterStandby" && e.Status == http.StatusOK && !strings.Contains(e.Body, "<Cause>At ") {
				t.Errorf("the answer of EnterStandby is not kept: %+v", e)
			}
		}
	})
}

// TestRequestsKeepThePace: no second has more than a burst and the rate of one service.
func TestRequestsKeepThePace(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		w.run()
		sent := map[string][]time.Time{}
		for _, c := range w.Calls() {
			if c.Service == "imds" {
				continue
			}
			sent[c.Service] = append(sent[c.Service], c.At)
		}
		for service, at := range sent {
			for i := range at {
				within := 0
				for _, later := range at[i:] {
					if later.Sub(at[i]) < 10*time.Second {
						within++
					}
				}
				if within > 20+60 {
					t.Fatalf("%s: %d requests within 10 s", service, within)
				}
			}
		}
	})
}

func TestARunIsNeverSilentForLong(t *testing.T) {
	inWorld(t, sim.Config{}, webGroup(), func(w *world) {
		o := w.options()
		o.Times = conform.Times{}
		last, line := time.Now(), "the start"
		o.Progress = func(next string) {
			if gap := time.Since(last); gap > 15*time.Second {
				t.Errorf("nothing was said for %s after: %s", gap, line)
			}
			last, line = time.Now(), next
		}
		if _, err := conform.Run(w.Context(), o); err != nil {
			t.Fatal(err)
		}
	})
}
