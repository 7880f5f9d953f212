package doctor

import (
	"strings"
	"testing"
	"time"

	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
)

// What the guards of out judge is found by doctor too, each with a way to fix it.
func TestWhereOutWouldRefuseThereIsAFinding(t *testing.T) {
	for name, tc := range map[string]struct {
		change   func(*subject)
		check    string
		severity Severity
		what     string
		fix      string
	}{
		"a peer unhealthy at a load balancer": {
			func(s *subject) { s.Traffic[0].Targets[3].Health = fleet.Unhealthy },
			"health", Warning, "i-4 is unhealthy at web", "on i-4: fix the application",
		},
		"this instance unhealthy at a load balancer": {
			func(s *subject) { s.Traffic[0].Targets[0].Health = fleet.Unhealthy }, "health", Warning, "i-1 is unhealthy at web", "on i-1: fix",
		},
		"this instance in no load balancer's list": {
			func(s *subject) { s.Traffic[0].Targets = s.Traffic[0].Targets[1:] }, "health", Warning, "i-1 is InService, and web does not list it", "aws elbv2 register-targets",
		},
		"a peer in its first health checks": {
			func(s *subject) { s.Traffic[0].Targets[3].Health = fleet.Initial }, "health", Warning, "i-4 is initial at web", "wait: its first health checks",
		},
		"a peer that a Classic one does not list": {
			func(s *subject) { s.Traffic[0].Kind, s.Traffic[0].Targets = fleet.Classic, s.Traffic[0].Targets[:3] },
			"health", Warning, "i-4 is InService, and web does not list it", "aws elb register-instances-with-load-balancer",
		},
		"a peer that Auto Scaling replaces": {
			func(s *subject) { s.Group.Members[2].Healthy = false }, "health", Warning, "Auto Scaling calls i-3 Unhealthy", "replaces it",
		},
		"a refresh": {
			func(s *subject) { s.Refreshes = []fleet.Refresh{{ID: "r-1", Status: "InProgress"}} }, "out", Warning, "instance refresh r-1 is InProgress", "cancel it",
		},
		"a Spot notice": {
			func(s *subject) { s.Notices.Spot = "terminate" }, "out", Error, "terminate this Spot instance", "leave it",
		},
		"a retained instance": {
			func(s *subject) {
				s.Group.Members = append(s.Group.Members, sample.Member("i-9", fleet.TerminatingRetain))
			},
			"retained", Warning, "i-9 is Terminating:Retained", "terminate-instance-in-auto-scaling-group",
		},
		"a probe that would not pass": {
			func(s *subject) { s.probe = "web calls this instance healthy, and the probe does not pass" }, "probe", Warning, "does not pass", "--probe",
		},
	} {
		s := soundSetup()
		tc.change(&s)
		all := rejudged(s).findings()
		if len(all) != 1 || all[0].Check != tc.check || all[0].Severity != tc.severity || !strings.Contains(all[0].What, tc.what) || !strings.Contains(all[0].Fix, tc.fix) {
			t.Errorf("%s: %+v\nwant one: %s, %s, …%s…, fix …%s…", name, all, tc.check, tc.severity, tc.what, tc.fix)
		}
	}
}

// A stale mark is named with the command that takes it away, beside the process that keeps it.
func TestAStaleMarkIsNamed(t *testing.T) {
	s := soundSetup()
	s.Group.Members[1].Healthy, s.Group.Suspended = false, []string{"ReplaceUnhealthy"}
	marks := named(rejudged(s).findings(), "stale-mark")
	if len(marks) != 1 || marks[0].Fix != "aws autoscaling set-instance-health --health-status Healthy --instance-id i-2" {
		t.Errorf("findings %+v", marks)
	}
}

// No command puts an instance into traffic that may be half upgraded.
func TestNoFixMovesAPeerInStandby(t *testing.T) {
	s := soundSetup()
	sample.TakeOut(&s.Snapshot, 2, 26*time.Hour)
	for _, f := range rejudged(s).findings() {
		if strings.Contains(f.Fix, "exit-standby") {
			t.Errorf("%s offers %s", f.What, f.Fix)
		}
	}
}
