package rotation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleettest"
	"balanced/internal/sim"
)

// elsewhere is a Caller that asks in another place than the instance's.
type elsewhere struct {
	region, source, account string
	role                    bool
	err                     error
}

func (e elsewhere) DualStack() bool                       { return false }
func (e elsewhere) Region() string                        { return e.region }
func (e elsewhere) RegionSource() string                  { return e.source }
func (e elsewhere) FromInstanceRole(context.Context) bool { return e.role }
func (e elsewhere) Identity(context.Context) (string, string, error) {
	return e.account, "arn:aws:iam::" + e.account + ":user/ada", e.err
}

// That no group lists an instance says something only where its own Region and account were asked.
func TestAbsenceIsProvenInTheRightPlace(t *testing.T) {
	for name, tc := range map[string]struct {
		caller elsewhere
		class  failure.Class // Internal: not a member, which is fine
		says   string
	}{
		"here, by the instance's role":         {elsewhere{region: "eu-west-1", role: true}, 0, ""},
		"here, by keys of the account":         {elsewhere{region: "eu-west-1", account: "123456789012"}, 0, ""},
		"in another Region":                    {elsewhere{region: "us-east-1", source: "AWS_DEFAULT_REGION", role: true}, failure.Setup, "the Region comes from AWS_DEFAULT_REGION"},
		"in another Region, from a profile":    {elsewhere{region: "us-east-1", source: "profile web in /root/.aws/config"}, failure.Setup, "profile web in /root/.aws/config"},
		"in another account":                   {elsewhere{region: "eu-west-1", account: "999999999999"}, failure.Setup, "999999999999"},
		"in the name of nobody knows whom":     {elsewhere{region: "eu-west-1", err: failure.New(failure.Unreachable, "", "no answer")}, failure.Unreachable, "not known"},
		"nobody may say in whose name, denied": {elsewhere{region: "eu-west-1", err: errors.New("odd")}, failure.Internal, "not known"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
				w.Detach(w.IDs[0])
				w.Pass(10 * time.Minute)
				agent := w.Agent(w.IDs[0])
				agent.Caller = tc.caller
				opt := fleettest.OutOptions()
				opt.IfMember = true
				report, err := agent.Out(w.Context(), opt)
				if tc.says == "" {
					if err != nil || report.Outcome != "not a member" {
						t.Errorf("%v, outcome %q", err, report.Outcome)
					}
					return
				}
				if err == nil || failure.Of(err) != tc.class || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%v, want class %v …%s…", err, tc.class, tc.says)
				}
			})
		})
	}
}

// Lists that lost this instance on their way are contradicted by the metadata service: nothing final comes of them,
// before a move or after it.
func TestALostListIsNotAnAbsence(t *testing.T) {
	for name, tc := range map[string]struct {
		command string
		after   string // the lists lose the instance after this call
		class   failure.Class
	}{
		"out, before the move": {"out", "DescribeScalingActivities", failure.Unreachable},
		"out, after the move":  {"out", "EnterStandby", failure.Unfinished},
		"in, after the move":   {"in", "ExitStandby", failure.Unfinished},
	} {
		t.Run(name, func(t *testing.T) {
			g := fleettest.WebGroup()
			g.HealthCheckType = "EC2" // or an unhealthy peer would be replaced
			inWorld(t, sim.Config{}, g, func(w *world) {
				if tc.command == "in" {
					w.Must(w.Out(w.IDs[0]))
				}
				if tc.class == failure.Unreachable { // a run that waits looks again
					w.SetAppHealthy(w.IDs[1], false)
					w.Pass(5 * time.Minute)
				}
				lost := false
				w.API(func(c sim.Call) *sim.Fault {
					if c.Action == tc.after {
						lost = true
					}
					if !lost || c.Mutating() {
						return nil
					}
					return &sim.Fault{Answer: sim.Distortion{Omit: []string{w.IDs[0]}}}
				})
				err := map[string]func() error{
					"out": func() error { _, err := w.Out(w.IDs[0]); return err },
					"in":  func() error { _, err := w.In(w.IDs[0]); return err },
				}[tc.command]()
				if err == nil || failure.Of(err) != tc.class || !strings.Contains(err.Error(), "its metadata service says") {
					t.Errorf("%v, want class %v", err, tc.class)
				}
			})
		})
	}
}

// A group that lists the instance and is not listed itself is a list that lags, or is not whole.
func TestAGroupThatIsNotListed(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.API(func(c sim.Call) *sim.Fault {
			if c.Action != "DescribeAutoScalingGroups" {
				return nil
			}
			return &sim.Fault{Answer: sim.Distortion{Omit: []string{"web"}}}
		})
		_, err := w.Out(w.IDs[0])
		if failure.Of(err) != failure.Unreachable || !strings.Contains(err.Error(), "no such Auto Scaling group") {
			t.Errorf("%v, want class unreachable", err)
		}
		w.WantMoves()
	})
}
