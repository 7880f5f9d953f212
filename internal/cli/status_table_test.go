package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/rotation"
)

func member(id, zone, state string, out float64, traffic ...string) rotation.MemberReport {
	m := rotation.MemberReport{ID: id, Zone: zone, State: state, HealthyForASG: true, Healthy: state == "InService", ThisInstance: id == "i-0abc", OutSeconds: out}
	for i, s := range traffic {
		t := rotation.TrafficReport{Kind: []string{"alb", "classic"}[i], Name: []string{"web", "old-elb"}[i], State: s}
		if s == "unhealthy" {
			m.Healthy, t.Reason = false, "Health checks failed with these codes: [503]"
		}
		m.Traffic = append(m.Traffic, t)
	}
	return m
}

func group() *rotation.Report {
	r := &rotation.Report{
		Outcome:  "out",
		Instance: rotation.InstanceReport{ID: "i-0abc", State: "Standby"},
		Group:    rotation.GroupReport{Name: "web-asg", Min: 3, Max: 6, Desired: 3, Members: 4, Capacity: 4, Healthy: 2, MinHealthy: 3, MinHealthyRule: "all", Slots: 1},
		Warnings: []string{"desired 3 is at\nMaxSize"},
		Members: []rotation.MemberReport{
			member("i-0def", "eu-west-1b", "InService", 0, "healthy", "unhealthy"),
			member("i-0fff", "eu-west-1a", "InService", 0, "healthy", "healthy"),
			member("i-0abc", "eu-west-1a", "Standby", 2820, "unregistered", "unregistered"),
			member("i-0aaa", "eu-west-1c", "Pending:Wait", 0, "initial", "unregistered"),
		},
	}
	r.Traffic = r.Members[2].Traffic
	return r
}

func TestStatusTable(t *testing.T) {
	want := `i-0abc is out of service: Standby for 47m
web-asg: min 3, desired 3, max 6; 2 of 4 healthy, minimum 3 (all): 1 may be out

  INSTANCE  ZONE        STATE            ALB web  CLASSIC old-elb  HEALTHY
* i-0abc    eu-west-1a  Standby for 47m  -        -                no
  i-0fff    eu-west-1a  InService        healthy  healthy          yes
  i-0def    eu-west-1b  InService        healthy  unhealthy        no
  i-0aaa    eu-west-1c  Pending:Wait     initial  -                no

i-0def at old-elb is unhealthy: Health checks failed with these codes: [503]

warning: desired 3 is at MaxSize
`
	if diff := cmp.Diff(want, statusTable{}.text(group())); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// Colours change nothing but the colour.
func TestColoursTakeNoRoom(t *testing.T) {
	colourful := statusTable{color: true}.text(group())
	if !strings.Contains(colourful, green+"yes") || !strings.Contains(colourful, bold+"i-0abc") {
		t.Errorf("no colours:\n%s", colourful)
	}
	for _, c := range []string{bold, red, green, yellow, normal} {
		colourful = strings.ReplaceAll(colourful, c, "")
	}
	if diff := cmp.Diff(statusTable{}.text(group()), colourful); diff != "" {
		t.Errorf("without its colours the table differs:\n%s", diff)
	}
	if strings.Contains(statusTable{}.text(group()), "\x1b") {
		t.Error("escape sequences without a terminal")
	}
}

func TestVerdict(t *testing.T) {
	sick := member("i-0abc", "a", "InService", 0, "healthy", "unhealthy")
	dead := member("i-0abc", "a", "InService", 0, "healthy")
	dead.HealthyForASG, dead.Healthy = false, false
	for _, tt := range []struct {
		outcome string
		members []rotation.MemberReport
		want    string
	}{
		{"healthy", nil, "i-0abc is in service and healthy"},
		{"not a member", nil, "i-0abc is in no Auto Scaling group"},
		{"out", []rotation.MemberReport{sick}, "i-0abc is not healthy: InService, unhealthy at old-elb"},
		{"out", []rotation.MemberReport{dead}, "i-0abc is not healthy: InService, Unhealthy for Auto Scaling"},
		{"out", nil, "i-0abc is out of service"},
	} {
		r := &rotation.Report{Outcome: tt.outcome, Members: tt.members, Instance: rotation.InstanceReport{ID: "i-0abc"}}
		if got := verdict(r); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.outcome, got, tt.want)
		}
	}
}
