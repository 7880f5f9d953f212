package cli

import (
	"testing"

	"balanced/internal/rotation"
)

func TestResult(t *testing.T) {
	sources := func(states ...string) []rotation.TrafficReport {
		names := []string{"web", "old-elb", "api", "admin", "grpc"}
		var all []rotation.TrafficReport
		for i, s := range states {
			all = append(all, rotation.TrafficReport{Kind: "alb", Name: names[i], State: s})
		}
		return all
	}
	gone := sources("unregistered", "unregistered")
	for _, tt := range []struct {
		outcome, state string
		traffic        []rotation.TrafficReport
		want           string
	}{
		{"out", "Standby", gone, "i-0abc out of service: Standby, deregistered by web and old-elb (5m12s)"},
		{"already out", "Standby", gone, "i-0abc already out of service: Standby, deregistered by web and old-elb"},
		{"out", "Standby", nil, "i-0abc out of service: Standby (5m12s)"},
		{"in", "InService", sources("healthy"), "i-0abc in service: healthy at web (5m12s)"},
		{"in", "InService", sources("healthy", "unhealthy", "healthy"), "i-0abc in service: healthy at web and api (5m12s)"},
		{"in", "InService", sources("healthy", "healthy", "healthy", "healthy", "healthy"), "i-0abc in service: healthy at web, old-elb, api and 2 more (5m12s)"},
		{"already in", "InService", nil, "i-0abc already in service"},
		{"nothing to do", "Pending:Wait", nil, "nothing to do: i-0abc is Pending:Wait"},
		{"not a member", "", nil, "not a member of any Auto Scaling group: nothing to do"},
		{"dry run: would enter Standby", "InService", nil, "would enter Standby; time limit 12m"},
	} {
		r := &rotation.Report{
			Outcome: tt.outcome, Traffic: tt.traffic, ElapsedSeconds: 312.4, Limits: rotation.Limits{TimeLimitSeconds: 720},
			Instance: rotation.InstanceReport{ID: "i-0abc", State: tt.state},
		}
		if got := result(r); got != tt.want+"\n" {
			t.Errorf("%s: %q, want %q", tt.outcome, got, tt.want)
		}
		if got, want := dryRunResult(r), "dry run, nothing changed: "+tt.want+"\n"; got != want {
			t.Errorf("dry run: %q, want %q", got, want)
		}
	}
}
