package sim_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"balanced/internal/sim"
)

// gatekeeper completes the launch hook of every instance, by its image, until the test ends.
func gatekeeper(t *testing.T, w *world, r *sim.Region, result func(image string) string) {
	t.Helper()
	tick := time.NewTicker(time.Second)
	t.Cleanup(tick.Stop)
	go func() {
		for {
			select {
			case <-tick.C:
			case <-t.Context().Done():
				return
			}
			for _, m := range r.Members("web") {
				if m.State == "Pending:Wait" {
					w.asg.CompleteLifecycleAction(t.Context(), &awsasg.CompleteLifecycleActionInput{
						AutoScalingGroupName: aws.String("web"), LifecycleHookName: aws.String("gate"), InstanceId: aws.String(m.ID),
						LifecycleActionResult: aws.String(result(r.Image(m.ID))),
					})
				}
			}
		}
	}()
}

func refused(image string) string {
	if image == "bad" {
		return "ABANDON"
	}
	return "CONTINUE"
}

func gatedGroup() sim.Group {
	return sim.Group{Name: "web", Min: 2, Max: 6, Desired: 3, Hooks: []sim.Hook{{Name: "gate"}}}
}

// A refresh whose launches are abandoned fails after an hour, and is rolled back where that is asked for and possible.
func TestARefreshCountsFailedLaunches(t *testing.T) {
	for name, c := range map[string]struct {
		spec   sim.Refresh
		status string
		kept   int // instances from before
	}{
		"it fails":                     {sim.Refresh{Image: "bad"}, "Failed", 2},
		"launched before, it fails":    {sim.Refresh{Image: "bad", Preferences: map[string]string{"MinHealthyPercentage": "100"}}, "Failed", 3},
		"rolled back":                  {sim.Refresh{Image: "bad", Preferences: map[string]string{"AutoRollback": "true"}}, "RollbackSuccessful", 2},
		"launched before, rolled back": {sim.Refresh{Image: "bad", Preferences: map[string]string{"AutoRollback": "true", "MinHealthyPercentage": "100"}}, "RollbackSuccessful", 3},
		"a good image":                 {sim.Refresh{Image: "good", Preferences: map[string]string{"AutoRollback": "true"}}, "Successful", 0},
		"root volumes":                 {sim.Refresh{Image: "bad", Strategy: "ReplaceRootVolume"}, "Failed", 2},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
				ids := r.AddGroup(gatedGroup())
				w := as(t, r, ids[0])
				gatekeeper(t, w, r, refused)
				r.StartRefreshWith("web", c.spec)
				pass(50 * time.Minute)
				if got := w.newestRefresh(); c.status != "Successful" && got.Status != "InProgress" {
					t.Fatalf("%s after 50 minutes", got.Status)
				}
				pass(30 * time.Minute)
				got := w.newestRefresh()
				if string(got.Status) != c.status || got.EndTime == nil || (got.RollbackDetails != nil) != (c.status == "RollbackSuccessful") {
					t.Errorf("%s, ended %v, rollback %+v; want %s", got.Status, got.EndTime, got.RollbackDetails, c.status)
				}
				kept := 0
				for _, id := range ids {
					if r.State(id) == "InService" && r.Image(id) == "" {
						kept++
					}
				}
				if kept != c.kept {
					t.Errorf("%d instances from before are in service, want %d", kept, c.kept)
				}
				pass(10 * time.Minute)
				for _, m := range r.Members("web") {
					if want := map[bool]string{true: "good"}[c.status == "Successful"]; m.State != "InService" || r.Image(m.ID) != want {
						t.Errorf("%s is %s with image %q in the end, want %q", m.ID, m.State, r.Image(m.ID), want)
					}
				}
			})
		})
	}
}

// What had been replaced before the failures began is replaced again.
func TestARollbackReplacesAgain(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(gatedGroup())
		w := as(t, r, ids[0])
		passed := 0
		gatekeeper(t, w, r, func(image string) string {
			if passed++; image == "bad" && passed > 1 {
				return "ABANDON"
			}
			return "CONTINUE"
		})
		r.StartRefreshWith("web", sim.Refresh{Image: "bad", Preferences: map[string]string{"AutoRollback": "true"}})
		pass(5 * time.Minute)
		if p := w.newestRefresh(); *p.PercentageComplete == 0 {
			t.Fatal("nothing was replaced: the test shows nothing")
		}
		pass(2 * time.Hour)
		got := w.newestRefresh()
		if got.Status != "RollbackSuccessful" || aws.ToInt32(got.RollbackDetails.PercentageCompleteOnRollback) == 0 {
			t.Fatalf("%s, %+v", got.Status, got.RollbackDetails)
		}
		for _, m := range r.Members("web") {
			if m.State != "InService" || r.Image(m.ID) != "" {
				t.Errorf("%s is %s with image %q", m.ID, m.State, r.Image(m.ID))
			}
		}
	})
}

func TestAnAbandonedLaunchIntoTheWarmPoolIsReplaced(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		g := gatedGroup()
		g.WarmPool, g.Hooks[0].Heartbeat = 1, time.Minute
		ids := r.AddGroup(g)
		_ = as(t, r, ids[0])
		r.SetSizes("web", 2, 6, 4) // takes the one that is there
		pass(2*time.Minute + 10*time.Second)
		first := r.WarmMembers("web")[0]
		pass(5 * time.Minute)
		if r.State(first.ID) != "" || len(r.WarmMembers("web")) != 1 {
			t.Errorf("%s is %q after its hook timed out with ABANDON, warm pool %+v", first.ID, r.State(first.ID), r.WarmMembers("web"))
		}
	})
}
