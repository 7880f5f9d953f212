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
