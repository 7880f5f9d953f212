package sim_test

import (
	"strings"
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
				if got := w.newestRefresh(); got.Status != "Pending" || got.InstancesToUpdate != nil || got.StartTime != nil || string(got.Preferences.StandbyInstances) != c.standby {
					t.Fatalf("at the start: %+v, want Pending without a start and without progress", got)
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

func TestPreferencesAreAnsweredAsGiven(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		w := as(t, r, r.AddGroup(sim.Group{Name: "web", Max: 3, Desired: 2})[0])
		r.StartRefresh("web", "")
		got := w.newestRefresh()
		if got.Strategy != "Rolling" || got.Preferences.StandbyInstances != "" || got.Preferences.ScaleInProtectedInstances != "" || *got.Preferences.MinHealthyPercentage != 90 || *got.Preferences.SkipMatching {
			t.Errorf("%s, preferences %+v; want those that are always answered", got.Strategy, got.Preferences)
		}
		pass(time.Second)
		if got := w.newestRefresh(); got.StartTime == nil || aws.ToInt32(got.InstancesToUpdate) != 2 || got.PercentageComplete == nil {
			t.Errorf("%+v, want a start and progress once it is in progress", got)
		}
		r.SetRefreshStatus("web", "Cancelled")
		if _, err := w.asg.StartInstanceRefresh(t.Context(), &awsasg.StartInstanceRefreshInput{
			AutoScalingGroupName: aws.String("web"), Strategy: "ReplaceRootVolume",
			Preferences: &asgtypes.RefreshPreferences{MinHealthyPercentage: aws.Int32(100), StandbyInstances: "Ignore", InstanceWarmup: aws.Int32(30)},
		}); err != nil {
			t.Fatal(err)
		}
		if got := w.newestRefresh(); got.Strategy != "ReplaceRootVolume" || got.Preferences.StandbyInstances != "Ignore" || *got.Preferences.MinHealthyPercentage != 100 || *got.Preferences.InstanceWarmup != 30 {
			t.Errorf("%s, preferences %+v", got.Strategy, got.Preferences)
		}
	})
}

func TestARefreshAndAProtectedInstance(t *testing.T) {
	for _, c := range []struct {
		choice, reason string
		status         asgtypes.InstanceRefreshStatus // after thirty minutes
		gone           bool
	}{
		{"", "Waiting for remaining instances to be available. For example: INSTANCE is protected. Remove instance scale-in protection to continue.", "InProgress", false},
		{"Ignore", "", "Successful", false},
		{"Refresh", "", "Successful", true},
	} {
		t.Run("choice "+c.choice, func(t *testing.T) {
			inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
				ids := r.AddGroup(sim.Group{Name: "web", Max: 3, Desired: 2})
				w := as(t, r, ids[0])
				r.SetProtected(ids[0], true)
				spec := sim.Refresh{}
				if c.choice != "" {
					spec.Preferences = map[string]string{"ScaleInProtectedInstances": c.choice}
				}
				r.StartRefreshWith("web", spec)
				pass(30 * time.Minute)
				want := strings.ReplaceAll(c.reason, "INSTANCE", ids[0])
				if got := w.newestRefresh(); got.Status != c.status || aws.ToString(got.StatusReason) != want || (r.State(ids[0]) == "") != c.gone || r.State(ids[1]) != "" {
					t.Fatalf("%s %q, states %q and %q", got.Status, aws.ToString(got.StatusReason), r.State(ids[0]), r.State(ids[1]))
				}
				r.SetProtected(ids[0], false)
				pass(30 * time.Minute)
				if got := w.newestRefresh(); got.Status != "Successful" {
					t.Fatalf("%s without protection, want Successful", got.Status)
				}
			})
		})
	}
}

func TestARefreshThatReplacesRootVolumes(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front", Drain: time.Minute})
		ids := r.AddGroup(sim.Group{
			Name: "web", Max: 3, Desired: 2, TargetGroups: []string{"app"},
			Hooks: []sim.Hook{{Name: "gate"}, {Name: "bye", Terminating: true}},
		})
		w := as(t, r, ids[1])
		r.StartRefreshWith("web", sim.Refresh{Strategy: "ReplaceRootVolume"})
		pass(time.Second)
		w.wantState(ids[0], "ReplacingRootVolume")
		pass(time.Minute)
		w.wantState(ids[0], "ReplacingRootVolume:Wait")
		r.Resume("web", "Launch") // lets Auto Scaling act on the group
		w.wantState(ids[1], "InService")
		if err := w.complete("bye", ids[0], "CONTINUE"); err != nil {
			t.Fatal(err)
		}
		w.wantState(ids[0], "ReplacingRootVolume:Proceed")
		pass(time.Minute)
		w.wantState(ids[0], "RootVolumeReplaced")
		pass(time.Second)
		w.wantState(ids[0], "Pending:Wait")
		w.wantState(ids[1], "InService") // one at a time
		if err := w.complete("gate", ids[0], "CONTINUE"); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		w.wantState(ids[0], "InService")
		w.wantState(ids[1], "ReplacingRootVolume")
		if n := len(r.Members("web")); n != 2 {
			t.Errorf("%d members, want the same two", n)
		}
		pass(time.Minute)
		if err := w.complete("bye", ids[1], "ABANDON"); err != nil {
			t.Fatal(err)
		}
		w.wantState(ids[1], "Terminating:Wait") // the termination has a hook of its own
	})
}
