package asg_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/asg"
	"balanced/internal/awsapi"
	"balanced/internal/fleet"
	"balanced/internal/sim"
)

// region runs a test against a Region with one group, "web" of four, as its first
// instance sees it, in virtual time.
func region(t *testing.T, group sim.Group, test func(t *testing.T, r *sim.Region, c *asg.Client, ids []string)) {
	t.Helper()
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	synctest.Test(t, func(t *testing.T) {
		r := sim.New(sim.Config{})
		r.AddTargetGroup(sim.TargetGroup{Name: "web", Drain: time.Minute})
		r.AddClassic(sim.Classic{Name: "old", Draining: true})
		ids := r.AddGroup(group)
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		s, err := awsapi.Load(t.Context(), awsapi.Options{
			Region: "eu-west-1", HTTP: client, Endpoint: sim.APIEndpoint, MetadataEndpoint: sim.MetadataEndpoint(ids[0]),
		})
		if err != nil {
			t.Fatal(err)
		}
		test(t, r, asg.New(s.Config()), ids)
	})
}

func web() sim.Group {
	return sim.Group{
		Name: "web", Min: 2, Max: 6, Desired: 4, Zones: []string{"eu-west-1a", "eu-west-1b"},
		TargetGroups: []string{"web"}, Classic: []string{"old"}, HealthCheckType: "EC2,ELB", Grace: 5 * time.Minute,
		Suspended: []string{"AZRebalance"}, Lattice: []string{"arn:aws:vpc-lattice:eu-west-1:1:targetgroup/tg-1"},
		MinHealthyPercentage: 90, MaxHealthyPercentage: 120,
	}
}

// count is how many requests of one action the Region has seen.
func count(r *sim.Region, action string) (n int) {
	for _, c := range r.Calls() {
		if c.Action == action {
			n++
		}
	}
	return n
}

func TestMembershipFollowsAMove(t *testing.T) {
	region(t, web(), func(t *testing.T, r *sim.Region, c *asg.Client, ids []string) {
		want := fleet.Membership{Group: "web", Zone: "eu-west-1a", State: fleet.InService, Healthy: true, At: time.Now().UTC().Truncate(time.Second)}
		got, err := c.Membership(t.Context(), ids[0])
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
		if _, err := c.EnterStandby(t.Context(), "web", ids[0], true); err != nil {
			t.Fatal(err)
		}
		if m, err := c.Membership(t.Context(), ids[0]); m.State != fleet.EnteringStandby || err != nil {
			t.Errorf("%+v, %v", m, err)
		}
		if m, err := c.Membership(t.Context(), "i-0stranger"); m.Group != "" || m.At.IsZero() || err != nil {
			t.Errorf("an instance in no group: %+v, %v", m, err)
		}
	})
}

func TestGroup(t *testing.T) {
	for name, onlySources := range map[string]bool{"attached by the old calls": false, "attached as traffic sources": true} {
		spec := web()
		spec.TrafficSourcesOnly = onlySources
		region(t, spec, func(t *testing.T, r *sim.Region, c *asg.Client, ids []string) {
			g, err := c.Group(t.Context(), "web")
			if err != nil {
				t.Fatal(err)
			}
			want := fleet.Group{
				Name: "web", ARN: r.GroupARN("web"), Min: 2, Max: 6, Desired: 4, Settings: fleet.Settings{
					HealthCheckType: "EC2,ELB", Grace: 5 * time.Minute, MinHealthyPercent: 90, Suspended: []string{"AZRebalance"},
				}, Classic: []string{"old"},
				TargetGroups: []string{r.TargetGroupARN("web")},
				Unknown:      []string{"vpc-lattice arn:aws:vpc-lattice:eu-west-1:1:targetgroup/tg-1"},
				Members:      g.Members, At: time.Now().UTC().Truncate(time.Second),
			}
			if diff := cmp.Diff(want, g); diff != "" {
				t.Errorf("%s\n%s", name, diff)
			}
			if m, ok := g.Member(ids[1]); len(g.Members) != 4 || !ok || m.Zone != "eu-west-1b" || m.State != fleet.InService || !m.Healthy {
				t.Errorf("%s: members %+v", name, g.Members)
			}
		})
	}
}

func TestAnUnknownGroupIsAnError(t *testing.T) {
	region(t, web(), func(t *testing.T, _ *sim.Region, c *asg.Client, _ []string) {
		if _, err := c.Group(t.Context(), "gone"); !errors.Is(err, fleet.ErrNoGroup) || err.Error() != "describe group gone: no such Auto Scaling group" {
			t.Errorf("got %v", err)
		}
	})
}

func TestAMoveSaysWhatItDidToTheCapacity(t *testing.T) {
	region(t, web(), func(t *testing.T, r *sim.Region, c *asg.Client, ids []string) {
		a, err := c.EnterStandby(t.Context(), "web", ids[0], true)
		if err != nil || a.Kind != fleet.ToStandby || a.Instance != ids[0] || !a.Moved || a.From != 4 || a.To != 3 || !a.Running() {
			t.Errorf("out: %+v, %v", a, err)
		}
		<-time.After(10 * time.Minute)
		a, err = c.ExitStandby(t.Context(), "web", ids[0])
		if err != nil || a.Kind != fleet.FromStandby || a.Instance != ids[0] || !a.Moved || a.From != 3 || a.To != 4 {
			t.Errorf("in: %+v, %v", a, err)
		}
		a, err = c.EnterStandby(t.Context(), "web", ids[1], false)
		if err != nil || a.Kind != fleet.ToStandby || a.Moved {
			t.Errorf("out with a stand-in: %+v, %v", a, err)
		}
	})
}

func TestARefusedMove(t *testing.T) {
	spec := web()
	spec.Min = 4
	region(t, spec, func(t *testing.T, r *sim.Region, c *asg.Client, ids []string) {
		_, err := c.EnterStandby(t.Context(), "web", ids[0], true)
		refused, ok := errors.AsType[*awsapi.RefusedError](err)
		if !ok || refused.Code != "ValidationError" || !awsapi.Doubtful(err) {
			t.Errorf("got %v", err)
		}
		r.Deny("autoscaling:ExitStandby")
		_, err = c.ExitStandby(t.Context(), "web", ids[0])
		denied, ok := errors.AsType[*awsapi.DeniedError](err)
		if !ok || denied.Action != "autoscaling:ExitStandby" || awsapi.Doubtful(err) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAMoveWhoseAnswerIsLostIsDoubtfulAndSentOnce(t *testing.T) {
	for name, fault := range map[string]sim.Fault{
		"the answer is lost":      {LoseReply: true},
		"it arrives very late":    {Delay: time.Hour, LateEffect: true},
		"it is delivered twice":   {Twice: true},
		"the connection is reset": {Reset: true},
		"a server error":          {Status: 500},
	} {
		region(t, web(), func(t *testing.T, r *sim.Region, c *asg.Client, ids []string) {
			r.SetFaults(func(call sim.Call) *sim.Fault {
				if call.Mutating() {
					return &fault
				}
				return nil
			})
			start := time.Now()
			_, err := c.EnterStandby(t.Context(), "web", ids[0], true)
			if err == nil || !awsapi.Doubtful(err) {
				t.Errorf("%s: error %v is not doubtful", name, err)
			}
			sent := 1
			if fault.Twice { // by the network, not by us
				sent = 2
			}
			if n := count(r, "EnterStandby"); n != sent {
				t.Errorf("%s: sent %d times", name, n)
			}
			if time.Since(start) > 30*time.Second {
				t.Errorf("%s: waited %v", name, time.Since(start))
			}
		})
	}
}

func TestASignalDoesNotHideTheAnswerOfAMove(t *testing.T) {
	region(t, web(), func(t *testing.T, r *sim.Region, c *asg.Client, ids []string) {
		r.SetFaults(func(call sim.Call) *sim.Fault {
			if call.Mutating() {
				return &sim.Fault{Delay: 20 * time.Second}
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if a, err := c.EnterStandby(ctx, "web", ids[0], true); err != nil || a.Instance != ids[0] {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func TestActivitiesAreReadUntilThereAreEnough(t *testing.T) {
	region(t, web(), func(t *testing.T, r *sim.Region, c *asg.Client, ids []string) {
		r.AddActivities("web", 250)
		if _, err := c.EnterStandby(t.Context(), "web", ids[0], true); err != nil {
			t.Fatal(err)
		}
		one, err := c.Activities(t.Context(), "web", func([]fleet.Activity) bool { return true })
		if err != nil || len(one) != 100 || one[0].Kind != fleet.ToStandby || one[0].Instance != ids[0] || one[0].Start.IsZero() {
			t.Errorf("%d activities, %v", len(one), err)
		}
		if n := count(r, "DescribeScalingActivities"); n != 1 {
			t.Errorf("%d pages", n)
		}
		all, err := c.Activities(t.Context(), "web", func([]fleet.Activity) bool { return false })
		if err != nil || len(all) < 250 {
			t.Errorf("%d activities, %v", len(all), err)
		}
		if n := count(r, "DescribeScalingActivities"); n != 1+(len(all)+99)/100 {
			t.Errorf("%d pages for %d activities", n, len(all))
		}
		for _, a := range all[1:] {
			if a.Running() {
				t.Errorf("runs: %+v", a)
			}
		}
	})
}

func TestRefreshes(t *testing.T) {
	region(t, web(), func(t *testing.T, r *sim.Region, c *asg.Client, ids []string) {
		if all, err := c.Refreshes(t.Context(), "web"); len(all) != 0 || err != nil {
			t.Errorf("%+v, %v", all, err)
		}
		id := r.StartRefresh("web", "Wait")
		all, err := c.Refreshes(t.Context(), "web")
		if err != nil || len(all) != 1 || all[0].ID != id || !all[0].Active() || all[0].Standby != "Wait" {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

func TestAThrottledReadIsAnsweredInTheEnd(t *testing.T) {
	region(t, web(), func(t *testing.T, r *sim.Region, c *asg.Client, ids []string) {
		r.SetBucket("autoscaling", 1, 0.1)
		for range 5 {
			if _, err := c.Group(t.Context(), "web"); err != nil {
				t.Error(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Group(ctx, "web")
		if u, ok := errors.AsType[*awsapi.UnreachableError](err); !ok || u.Why != awsapi.Throttled {
			t.Errorf("got %v", err)
		}
	})
}
