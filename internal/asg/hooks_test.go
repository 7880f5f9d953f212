package asg_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/asg"
	"balanced/internal/awsapi"
	"balanced/internal/fleet"
	"balanced/internal/sim"
)

func hooked() sim.Group {
	g := web()
	g.Hooks = []sim.Hook{
		{Name: "warm-up", Heartbeat: 5 * time.Minute}, {Name: "register", Continue: true}, {Name: "bye", Terminating: true},
	}
	return g
}

func TestLaunchHooks(t *testing.T) {
	region(t, hooked(), func(t *testing.T, _ *sim.Region, c *asg.Client, _ []string) {
		got, err := c.LaunchHooks(t.Context(), "web")
		want := []fleet.LaunchHook{
			{Name: "warm-up", Heartbeat: 5 * time.Minute, Global: 500 * time.Minute},
			{Name: "register", Heartbeat: time.Hour, Global: 48 * time.Hour, Continues: true},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

// A hook that does not hold the instance says so, and no other refusal is taken for that.
func TestCompleteAndHeartbeat(t *testing.T) {
	region(t, hooked(), func(t *testing.T, r *sim.Region, c *asg.Client, ids []string) {
		if err := c.Complete(t.Context(), "web", "warm-up", ids[0], true); !errors.Is(err, fleet.ErrNoAction) {
			t.Errorf("in service: %v", err)
		}
		if err := c.Heartbeat(t.Context(), "nobody", "warm-up", ids[0]); err == nil || errors.Is(err, fleet.ErrNoAction) {
			t.Errorf("in a group that is not there: %v", err)
		}
		r.SetSizes("web", 2, 6, 5)
		<-time.After(2 * time.Minute)
		id := r.Members("web")[4].ID
		for range 3 {
			<-time.After(4 * time.Minute)
			if err := c.Heartbeat(t.Context(), "web", "warm-up", id); err != nil {
				t.Fatal(err)
			}
		}
		for _, hook := range []string{"warm-up", "register"} {
			if r.State(id) != "Pending:Wait" {
				t.Errorf("%s before %s is completed", r.State(id), hook)
			}
			if err := c.Complete(t.Context(), "web", hook, id, true); err != nil {
				t.Error(err)
			}
			if err := c.Complete(t.Context(), "web", hook, id, true); !errors.Is(err, fleet.ErrNoAction) {
				t.Errorf("twice: %v", err)
			}
		}
		<-time.After(time.Minute)
		if r.State(id) != "InService" {
			t.Errorf("%s, want InService", r.State(id))
		}
	})
}

func TestCompleteIsSentOnce(t *testing.T) {
	region(t, hooked(), func(t *testing.T, r *sim.Region, c *asg.Client, ids []string) {
		r.SetFaults(func(call sim.Call) *sim.Fault {
			if call.Mutating() {
				return &sim.Fault{Status: 503}
			}
			return nil
		})
		if err := c.Complete(t.Context(), "web", "warm-up", ids[0], false); !awsapi.Doubtful(err) || errors.Is(err, fleet.ErrNoAction) {
			t.Errorf("got %v", err)
		}
		if n := count(r, "CompleteLifecycleAction"); n != 1 {
			t.Errorf("sent %d times", n)
		}
	})
}

func TestTheGateReadsTellWhatIsAllowed(t *testing.T) {
	region(t, web(), func(t *testing.T, r *sim.Region, c *asg.Client, _ []string) {
		for _, read := range c.GateReads() {
			if err := read.Try(t.Context()); denied(err) != "" {
				t.Errorf("%s: %v, though all is allowed", read.Action, err)
			}
			r.Deny(read.Action)
			if err := read.Try(t.Context()); denied(err) != read.Action {
				t.Errorf("%s is denied, and trying it says %v", read.Action, err)
			}
		}
	})
}
