package elb

import (
	"strings"
	"testing"
)

func TestClassicStates(t *testing.T) {
	const (
		draining     = "Instance deregistration currently in progress."
		registering  = "Instance registration is still in progress."
		below        = "Instance has not passed the configured HealthyThreshold number of health checks consecutively."
		failing      = "Instance has failed at least the UnhealthyThreshold number of health checks consecutively."
		unregistered = "Instance is not currently registered with the LoadBalancer."
		zone         = "Instance is in the EC2 Availability Zone for which LoadBalancer is not configured to route traffic to."
	)
	for _, c := range []struct {
		state, description string
		want               Health
	}{
		{"InService", "N/A", Healthy},
		{"InService", "", Healthy},
		{"InService", draining, Draining}, // the trap of this API
		{"OutOfService", draining, Draining},
		{"OutOfService", registering, Initial},
		{"OutOfService", below, Initial},
		{"OutOfService", failing, Unhealthy},
		{"OutOfService", failing + " " + registering, Unhealthy},
		{"OutOfService", unregistered, Unregistered},
		{"OutOfService", unregistered + " " + draining, Draining},
		{"OutOfService", unregistered + " " + registering, Initial},
		{"OutOfService", zone, NotInUse},
		{"OutOfService", "Instance is in stopped state.", Unhealthy},
		{"OutOfService", "Instance is in pending state.", Initial},
		{"OutOfService", "N/A", Unhealthy},
		{"OutOfService", "A sentence AWS adds one day.", Unhealthy},
		{"InService", "A sentence AWS adds one day.", Unavailable},
		{"InService", unregistered, Unavailable},
		{"Unknown", "A transient error occurred. Please try again later.", Unavailable},
		{"Unknown", unregistered, Unavailable},
		{"", "", Unavailable},
	} {
		got, reason := classicState(c.state, c.description)
		if got != c.want {
			t.Errorf("%s, %q is %s, want %s", c.state, c.description, got, c.want)
		}
		if c.description != "N/A" && !strings.Contains(reason, c.description) {
			t.Errorf("%s, %q: AWS's words are lost: %q", c.state, c.description, reason)
		}
	}
}

func TestTargetStates(t *testing.T) {
	for _, c := range []struct {
		state, code string
		want        Health
	}{
		{"healthy", "", Healthy},
		{"initial", "Elb.RegistrationInProgress", Initial},
		{"initial", "Elb.InitialHealthChecking", Initial},
		{"unhealthy", "Target.Timeout", Unhealthy},
		{"unhealthy.draining", "Target.FailedHealthChecks", Unhealthy}, // still registered
		{"draining", "Target.DeregistrationInProgress", Draining},
		{"unavailable", "Target.HealthCheckDisabled", Unavailable},
		{"unavailable", "Elb.InternalError", Unavailable},
		{"unused", "Target.NotRegistered", Unregistered},
		{"unused", "Target.NotInUse", NotInUse},
		{"unused", "Target.InvalidState", Unhealthy},
		{"unused", "Target.IpUnusable", Unhealthy},
		{"unused", "Target.SomethingNew", Unavailable},
		{"unused", "", Unavailable},
		{"something.new", "", Unavailable},
		{"", "", Unavailable},
	} {
		got, reason := targetState(c.state, c.code, "")
		if got != c.want {
			t.Errorf("%s, %s is %s, want %s", c.state, c.code, got, c.want)
		}
		if !strings.Contains(reason, c.code) {
			t.Errorf("%s, %s: the reason code is lost: %q", c.state, c.code, reason)
		}
	}
	if _, reason := targetState("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [502]"); !strings.Contains(reason, "502") {
		t.Errorf("reason %q", reason)
	}
}

// Whatever AWS invents, only its plain words for healthy and for let go count.
func FuzzStates(f *testing.F) {
	f.Add("InService", "N/A")
	f.Add("OutOfService", "Instance is not currently registered with the LoadBalancer.")
	f.Add("unused", "Target.NotRegistered")
	f.Fuzz(func(t *testing.T, state, text string) {
		h, _ := classicState(state, text)
		if h == Healthy && state != "InService" || h == Unregistered && state != "OutOfService" {
			t.Errorf("Classic %q, %q is %s", state, text, h)
		}
		h, _ = targetState(state, text, "")
		if h == Healthy && state != "healthy" || h == Unregistered && (state != "unused" || text != "Target.NotRegistered") {
			t.Errorf("target %q, %q is %s", state, text, h)
		}
	})
}
