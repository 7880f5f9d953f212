package sim

import (
	"testing"
	"testing/synctest"
	"time"
)

// outside is a group of two with the test as its data plane.
func outside(classic bool) (r *Region, ids []string) {
	r = New(Config{DataPlane: true})
	g := Group{Name: "web", Desired: 2}
	check := HealthCheck{Interval: 10 * time.Second, Timeout: time.Second, Healthy: 3, Unhealthy: 2}
	if classic {
		r.AddClassic(Classic{Name: "lb", Draining: true, Drain: time.Minute, Check: check})
		g.Classic = []string{"lb"}
	} else {
		r.AddLoadBalancer(LoadBalancer{Name: "front"})
		r.AddTargetGroup(TargetGroup{Name: "lb", LoadBalancer: "front", Drain: time.Minute, Check: check})
		g.TargetGroups = []string{"lb"}
	}
	return r, r.AddGroup(g)
}

func lookUp(t *testing.T, r *Region, id string) RegistrationView {
	t.Helper()
	for _, reg := range r.Registrations("lb") {
		if reg.Instance == id {
			return reg
		}
	}
	return RegistrationView{State: "gone"}
}

func TestReportedHealthChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, ids := outside(true)
		told := func(passed bool) string {
			reg := lookUp(t, r, ids[0])
			r.ReportHealthCheck("lb", ids[0], reg.Port, reg.Epoch, passed)
			return lookUp(t, r, ids[0]).State
		}
		for n, c := range []struct {
			passed bool
			want   string
		}{{false, "healthy"}, {true, "healthy"}, {false, "healthy"}, {false, "unhealthy"}, {true, "unhealthy"}, {true, "unhealthy"}, {true, "healthy"}} {
			if got := told(c.passed); got != c.want {
				t.Errorf("after check %d: %s, want %s", n, got, c.want)
			}
		}
		r.SetAppHealthy(ids[0], false)
		<-time.After(time.Hour)
		if got := lookUp(t, r, ids[0]); got.State != "healthy" || !got.Routed {
			t.Errorf("%+v: the Region made health checks of its own", got)
		}
	})
}

func TestHealthChecksOfAnEarlierEpochAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, ids := outside(false)
		old := lookUp(t, r, ids[0])
		if err := r.EnterStandby("web", ids[0], true); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Minute)
		if err := r.ExitStandby("web", ids[0]); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		if got := lookUp(t, r, ids[0]); got.State != "initial" || got.Routed || !got.Checked {
			t.Fatalf("returned and not checked yet: %+v", got)
		}
		r.ReportHealthCheck("lb", ids[0], old.Port, old.Epoch, true)
		if got := lookUp(t, r, ids[0]); got.State != "initial" {
			t.Errorf("a check of an earlier epoch made it %s", got.State)
		}
		now := lookUp(t, r, ids[0])
		r.ReportHealthCheck("lb", ids[0], now.Port, now.Epoch, true)
		if got := lookUp(t, r, ids[0]); got.State != "healthy" || time.Since(got.Since) != 0 {
			t.Errorf("after the first passed check: %+v, want healthy", got)
		}
	})
}

func TestReportIdle(t *testing.T) {
	for classic, want := range map[bool]string{true: "gone", false: "draining"} {
		synctest.Test(t, func(t *testing.T) {
			r, ids := outside(classic)
			if err := r.EnterStandby("web", ids[0], true); err != nil {
				t.Fatal(err)
			}
			<-time.After(30 * time.Second)
			reg := lookUp(t, r, ids[0])
			if reg.State != "draining" {
				t.Fatalf("%s before it was reported idle", reg.State)
			}
			r.ReportIdle("lb", ids[0], reg.Port)
			if got := lookUp(t, r, ids[0]).State; got != want {
				t.Errorf("classic %v: %s, want %s", classic, got, want)
			}
			<-time.After(time.Minute)
			if got := lookUp(t, r, ids[0]).State; got != "gone" {
				t.Errorf("classic %v: %s after the whole delay", classic, got)
			}
		})
	}
}
