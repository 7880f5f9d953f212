package cli

import (
	"testing"
	"time"

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
		{"out", "Standby", gone, "i-0abc out of service: Standby, released by web and old-elb (5m12s)"},
		{"already out", "Standby", gone, "i-0abc already out of service: Standby, released by web and old-elb"},
		{"out", "Standby", nil, "i-0abc out of service: Standby (5m12s)"},
		{"in", "InService", sources("healthy"), "i-0abc in service: healthy at web (5m12s)"},
		{"in", "InService", sources("healthy", "unhealthy", "healthy"), "i-0abc in service: healthy at web and api (5m12s)"},
		{"in", "InService", sources("healthy", "healthy", "healthy", "healthy", "healthy"), "i-0abc in service: healthy at web, old-elb, api and 2 more (5m12s)"},
		{"already in", "InService", nil, "i-0abc already in service"},
		{"nothing to do", "Pending:Wait", nil, "nothing to do: i-0abc is Pending:Wait"},
		{"not a member", "", nil, "not a member of any Auto Scaling group: nothing to do"},
		{"dry run: would enter Standby, asked once", "InService", nil, "would enter Standby, asked once; bound 12m"},
	} {
		r := &rotation.Report{
			Outcome: tt.outcome, Traffic: tt.traffic, ElapsedSeconds: 312.4, BoundSeconds: 720,
			Instance: rotation.InstanceReport{ID: "i-0abc", State: tt.state},
		}
		if got := result(r); got != tt.want+"\n" {
			t.Errorf("%s: %q, want %q", tt.outcome, got, tt.want)
		}
		if got, want := rehearsal(r), "dry run, nothing changed: "+tt.want+"\n"; got != want {
			t.Errorf("dry run: %q, want %q", got, want)
		}
	}
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                              "0s",
		400 * time.Millisecond:         "0s",
		41 * time.Second:               "41s",
		10 * time.Minute:               "10m",
		5*time.Minute + 12*time.Second: "5m12s",
		time.Hour:                      "1h",
		time.Hour + 5*time.Minute:      "1h5m",
		20 * time.Hour:                 "20h",
	} {
		if got := brief(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
