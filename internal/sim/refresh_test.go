package sim_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"balanced/internal/sim"
)

// newestRefresh is the newest instance refresh of group web through the API.
func (w *world) newestRefresh() asgtypes.InstanceRefresh {
	w.t.Helper()
	out, err := w.asg.DescribeInstanceRefreshes(w.t.Context(), &awsasg.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("web")})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.InstanceRefreshes[0]
}

func TestARefreshAndAnInstanceInStandby(t *testing.T) {
	for _, c := range []struct {
		standby string
		status  asgtypes.InstanceRefreshStatus // after fifty minutes
		state   string
		finally asgtypes.InstanceRefreshStatus // after two hours
	}{
		{"Wait", "InProgress", "Standby", "Failed"},
		{"Ignore", "Successful", "Standby", "Successful"},
		{"Terminate", "Successful", "", "Successful"},
	} {
		t.Run(c.standby, func(t *testing.T) {
			inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
				ids := r.AddGroup(sim.Group{Name: "web", Min: 1, Max: 4, Desired: 3})
				w := as(t, r, ids[1])
				r.EnterStandby("web", ids[0], true)
				pass(time.Minute)
				r.StartRefresh("web", c.standby)
				if got := w.newestRefresh(); got.Status != "Pending" || aws.ToInt32(got.InstancesToUpdate) != 3 || string(got.Preferences.StandbyInstances) != c.standby {
					t.Fatalf("at the start: %s, %d to update, standby %s", got.Status, *got.InstancesToUpdate, got.Preferences.StandbyInstances)
				}
				pass(50 * time.Minute)
				if got := w.newestRefresh(); got.Status != c.status || r.State(ids[0]) != c.state {
					t.Fatalf("after fifty minutes: %s %q, instance %q; want %s and %q", got.Status, aws.ToString(got.StatusReason), r.State(ids[0]), c.status, c.state)
				}
				if replaced := r.State(ids[1]) == "" && r.State(ids[2]) == ""; replaced == (c.standby == "Wait") {
					t.Fatalf("others replaced: %t", replaced)
				}
				pass(70 * time.Minute)
				if got := w.newestRefresh(); got.Status != c.finally || got.EndTime == nil {
					t.Fatalf("after two hours: %s, want %s", got.Status, c.finally)
				}
			})
		})
	}
}

func TestARefreshContinuesWhenTheInstanceReturns(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Min: 1, Max: 4, Desired: 3})
		w := as(t, r, ids[1])
		r.EnterStandby("web", ids[0], true)
		pass(time.Minute)
		r.StartRefresh("web", "Wait")
		pass(30 * time.Minute)
		r.ExitStandby("web", ids[0])
		pass(2 * time.Hour)
		if got := w.newestRefresh(); got.Status != "Successful" || aws.ToInt32(got.PercentageComplete) != 100 || r.State(ids[0]) != "" {
			t.Fatalf("%s, %d %%, instance %q; want a whole refresh", got.Status, *got.PercentageComplete, r.State(ids[0]))
		}
	})
}

func TestACancelledRefreshFinishesStartedReplacements(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Min: 1, Max: 4, Desired: 3})
		w := as(t, r, ids[2])
		out, err := w.asg.StartInstanceRefresh(t.Context(), &awsasg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
		if err != nil || *out.InstanceRefreshId != *w.newestRefresh().InstanceRefreshId {
			t.Fatalf("%v, %v", out, err)
		}
		_, err = w.asg.StartInstanceRefresh(t.Context(), &awsasg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
		wantRefusal(t, err, "InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")
		pass(10 * time.Second)
		r.CancelRefresh("web")
		if got := w.newestRefresh().Status; got != "Cancelling" {
			t.Fatalf("%s during a replacement, want Cancelling", got)
		}
		pass(10 * time.Minute)
		if got := w.newestRefresh().Status; got != "Cancelled" || inService(r) != 3 || r.State(ids[2]) != "InService" {
			t.Fatalf("%s, %d in service; want Cancelled, 3 and the last one untouched", got, inService(r))
		}
	})
}

func TestSetRefreshStatus(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Max: 4, Desired: 3})
		w := as(t, r, ids[0])
		r.StartRefresh("web", "Ignore")
		r.SetRefreshStatus("web", "Baking")
		pass(time.Hour)
		if got := w.newestRefresh(); got.Status != "Baking" || got.EndTime != nil || r.State(ids[0]) != "InService" {
			t.Fatalf("%s, ended %v, instance %s", got.Status, got.EndTime, r.State(ids[0]))
		}
		r.SetRefreshStatus("web", "RollbackFailed")
		if got := w.newestRefresh(); got.Status != "RollbackFailed" || got.EndTime == nil {
			t.Fatalf("%s, ended %v", got.Status, got.EndTime)
		}
	})
}
