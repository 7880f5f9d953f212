package elb

import (
	"strings"
	"testing"

	"balanced/internal/fleet"
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
		want               fleet.Health
	}{
		{"InService", "N/A", fleet.Healthy},
		{"InService", "", fleet.Healthy},
		{"InService", draining, fleet.Draining}, // the trap of this API
		{"OutOfService", draining, fleet.Draining},
		{"OutOfService", registering, fleet.Initial},
		{"OutOfService", below, fleet.Initial},
		{"OutOfService", failing, fleet.Unhealthy},
		{"OutOfService", failing + " " + registering, fleet.Unhealthy},
		{"OutOfService", unregistered, fleet.Unregistered},
		{"OutOfService", unregistered + " " + draining, fleet.Draining},
		{"OutOfService", unregistered + " " + registering, fleet.Initial},
		{"OutOfService", zone, fleet.NotInUse},
		{"OutOfService", "Instance is in stopped state.", fleet.Unhealthy},
		{"OutOfService", "Instance is in pending state.", fleet.Initial},
		{"OutOfService", "N/A", fleet.Unhealthy},
		{"OutOfService", "A sentence AWS adds one day.", fleet.Unhealthy},
		{"InService", "A sentence AWS adds one day.", fleet.Unavailable},
		{"InService", unregistered, fleet.Unavailable},
		{"Unknown", "A transient error occurred. Please try again later.", fleet.Unavailable},
		{"Unknown", unregistered, fleet.Unavailable},
		{"", "", fleet.Unavailable},
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
		want        fleet.Health
	}{
		{"healthy", "", fleet.Healthy},
		{"initial", "Elb.RegistrationInProgress", fleet.Initial},
		{"initial", "Elb.InitialHealthChecking", fleet.Initial},
		{"unhealthy", "Target.Timeout", fleet.Unhealthy},
		{"unhealthy.draining", "Target.FailedHealthChecks", fleet.Unhealthy}, // still registered
		{"draining", "Target.DeregistrationInProgress", fleet.Draining},
		{"unavailable", "Target.HealthCheckDisabled", fleet.Unavailable},
		{"unavailable", "Elb.InternalError", fleet.Unavailable},
		{"unused", "Target.NotRegistered", fleet.Unregistered},
		{"unused", "Target.NotInUse", fleet.NotInUse},
		{"unused", "Target.InvalidState", fleet.Unhealthy},
		{"unused", "Target.IpUnusable", fleet.Unhealthy},
		{"unused", "Target.SomethingNew", fleet.Unavailable},
		{"unused", "", fleet.Unavailable},
		{"something.new", "", fleet.Unavailable},
		{"", "", fleet.Unavailable},
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
		if h == fleet.Healthy && state != "InService" || h == fleet.Unregistered && state != "OutOfService" {
			t.Errorf("Classic %q, %q is %s", state, text, h)
		}
		h, _ = targetState(state, text, "")
		if h == fleet.Healthy && state != "healthy" || h == fleet.Unregistered && (state != "unused" || text != "Target.NotRegistered") {
			t.Errorf("target %q, %q is %s", state, text, h)
		}
	})
}
