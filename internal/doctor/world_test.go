package doctor_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/doctor"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		os.Setenv(name, os.DevNull)
	}
	os.Exit(m.Run())
}

type world struct{ *fleettest.World }

func inWorld(t *testing.T, cfg sim.Config, g sim.Group, test func(*world)) {
	t.Helper()
	fleettest.InWorld(t, cfg, g, func(w *fleettest.World) { test(&world{w}) })
}

func (w *world) doctor(opt doctor.Options) (*doctor.Report, error) {
	return doctor.Run(context.Background(), w.Agent(w.IDs[0]), opt)
}

// found are the findings as "check: what".
func found(r *doctor.Report) []string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, f.Check+": "+f.What)
	}
	return all
}

func TestDoctorFindsNothingInASoundGroup(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		r, err := w.doctor(doctor.Options{Everywhere: true, ProbePermissions: true})
		if err != nil || len(r.Findings) > 0 || r.Outcome != "ok" || r.Moved {
			t.Fatalf("%v, outcome %s, findings %q", err, r.Outcome, found(r))
		}
		w.WantMoves()
		// No run takes longer than what doctor tells operators to allow for.
		out, _ := w.Out(w.IDs[0])
		back, _ := w.In(w.IDs[0])
		if f := r.Facts; out.TimeLimitSeconds > f.OutSeconds+f.ThrottlingLimitSeconds || back.TimeLimitSeconds > f.InSeconds+f.ThrottlingLimitSeconds || out.TimeLimitSeconds == 0 {
			t.Errorf("out has %v s and in %v s, doctor says %v and %v", out.TimeLimitSeconds, back.TimeLimitSeconds, f.OutSeconds, f.InSeconds)
		}
	})
}

// Whichever single read is denied, it is named, alone, and the run goes on.
func TestDoctorNamesEachDeniedRead(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		r, err := w.doctor(doctor.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Facts.Permissions.Allowed) != 10 {
			t.Fatalf("allowed %q, want all ten reads", r.Facts.Permissions.Allowed)
		}
		for _, action := range r.Facts.Permissions.Allowed {
			w.Deny(action)
			r, err := w.doctor(doctor.Options{Everywhere: true})
			if got, want := found(r), []string{"permissions: " + action + " is denied"}; err != nil || !slices.Equal(got, want) {
				t.Errorf("%v, found %q, want %q", err, got, want)
			} else if fix := r.Findings[0].Fix; !strings.Contains(fix, "--role-name instance-role ") {
				t.Errorf("%s: fix %s does not name the role", action, fix)
			}
			if len(r.Facts.Permissions.Denied) != 1 || r.Facts.Permissions.Denied[0] != action {
				t.Errorf("facts: denied %q", r.Facts.Permissions.Denied)
			}
			w.Allow(action)
		}
	})
}

// With AWS out of reach nothing is known, and nothing is said about the setup.
func TestDoctorWithoutAWS(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.API(func(sim.Call) *sim.Fault { return &sim.Fault{Reset: true} })
		r, err := w.doctor(doctor.Options{})
		var unreachable *awsapi.UnreachableError
		if !errors.As(err, &unreachable) || len(r.Findings) != 0 || r.Facts != nil {
			t.Errorf("%v, findings %v", err, r.Findings)
		}
	})
}

func TestDoctorOutsideAGroup(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Detach(w.IDs[0])
		w.Pass(10 * time.Minute)
		if _, err := w.doctor(doctor.Options{}); !errors.Is(err, rotation.ErrNotMember) {
			t.Errorf("%v", err)
		}
	})
}

// The only moves asked for are those that must be refused, whatever the state, and the
// answer tells what is allowed.
func TestDoctorProbesOnlyWhatIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name    string
		out     bool
		asks    string
		deny    string
		finding string
	}{
		{"in service", false, "ExitStandby", "", ""},
		{"in service, denied", false, "ExitStandby", "autoscaling:ExitStandby", "permissions: autoscaling:ExitStandby is denied"},
		{"in Standby", true, "EnterStandby", "", ""},
		{"in Standby, denied", true, "EnterStandby", "autoscaling:EnterStandby", "permissions: autoscaling:EnterStandby is denied"},
	} {
		inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
			state := "InService"
			if tc.out {
				state = "Standby"
				w.Must(w.Out(w.IDs[0]))
				w.Pass(2 * time.Minute)
			}
			if tc.deny != "" {
				w.Deny(tc.deny)
			}
			before := len(w.Calls())
			r, err := w.doctor(doctor.Options{ProbePermissions: true})
			if err != nil || (tc.finding != "") != slices.Contains(found(r), tc.finding) {
				t.Errorf("%s: %v, found %q, want %q", tc.name, err, found(r), tc.finding)
			}
			var asked []string
			for _, c := range w.Calls()[before:] {
				if c.Mutating() {
					asked = append(asked, c.Action)
				}
			}
			if !slices.Equal(asked, []string{tc.asks}) {
				t.Errorf("%s: asked %q, want %s once", tc.name, asked, tc.asks)
			}
			w.WantState(w.IDs[0], state)
		})
	}
}

// Without the feed nobody knows whether the instance has just moved.
func TestDoctorDoesNotProbeInTheDark(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Deny("autoscaling:DescribeScalingActivities")
		r, err := w.doctor(doctor.Options{ProbePermissions: true})
		if err != nil || len(r.Facts.Permissions.NotTried) != 2 {
			t.Errorf("%v, found %q, not tried %q", err, found(r), r.Facts.Permissions.NotTried)
		}
		if slices.ContainsFunc(w.Calls(), sim.Call.Mutating) {
			t.Error("a move was asked for")
		}
	})
}

// A run at work keeps doctor from asking for a move, since the state may change.
func TestDoctorDoesNotProbeBesideARun(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		a := w.Agent(w.IDs[0])
		a.Alone = func(string) (func(), error) { return nil, errors.New("another balanced is at work") }
		r, err := doctor.Run(context.Background(), a, doctor.Options{ProbePermissions: true})
		if want := []string{"permissions: the permission to move was not tried: another balanced is at work"}; err != nil || !slices.Equal(found(r), want) {
			t.Errorf("%v, found %q, want %q", err, found(r), want)
		}
		for _, c := range w.Calls() {
			if c.Mutating() {
				t.Errorf("%s was asked for", c.Action)
			}
		}
	})
}

// A probe that takes effect all the same is owned up to.
func TestAProbeThatMovedIsNotHidden(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		a := w.Agent(w.IDs[0])
		a.Mover = eager{a.Mover, func() {
			w.Must(nil, w.EnterStandby("web", w.IDs[0], true))
			w.Pass(10 * time.Minute)
		}}
		r, err := doctor.Run(context.Background(), a, doctor.Options{ProbePermissions: true})
		w.WantClass(err, failure.Unknown)
		if !r.Moved {
			t.Error("the report says that nothing was moved")
		}
	})
}

// eager is a Mover whose call arrives late, after others did their work.
type eager struct {
	rotation.Mover
	first func()
}

func (e eager) ExitStandby(ctx context.Context, group, instance string) (fleet.Activity, error) {
	e.first()
	return e.Mover.ExitStandby(ctx, group, instance)
}

// What the group names and nobody has is a finding; the rest is looked at.
func TestDoctorDoesWithoutWhatIsGone(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		a := w.Agent(w.IDs[0])
		a.Balancers = lacking{a.Balancers, w.TargetGroupARN("web")}
		r, err := doctor.Run(context.Background(), a, doctor.Options{})
		if want := []string{"missing-sources: attached to the group, and does not exist: " + w.TargetGroupARN("web")}; err != nil || !slices.Equal(found(r), want) {
			t.Fatalf("%v, found %q, want %q", err, found(r), want)
		}
		if len(r.Facts.Drains) != 1 || r.Facts.Drains[0].Name != "old" || r.Facts.OutSeconds != 0 {
			t.Errorf("facts %+v, want the other one's drain and no sum", r.Facts)
		}
	})
}

// lacking answers as if one target group had been deleted.
type lacking struct {
	rotation.Balancers
	gone string
}

func (l lacking) Describe(ctx context.Context, classic, targetGroups []string) ([]fleet.Source, error) {
	if slices.Contains(targetGroups, l.gone) {
		return nil, fleet.ErrNoSource
	}
	return l.Balancers.Describe(ctx, classic, targetGroups)
}

// The clock is compared with the answers' own time.
func TestDoctorComparesClocks(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.API(func(sim.Call) *sim.Fault { return &sim.Fault{Skew: 90 * time.Second} })
		r, err := w.doctor(doctor.Options{})
		if want := []string{"clock: this host's clock is 1m30s behind AWS's"}; err != nil || !slices.Equal(found(r), want) {
			t.Errorf("%v, found %q, want %q", err, found(r), want)
		}
	})
}
