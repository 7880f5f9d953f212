package cli

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

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
		Warnings: []string{"desired 3 is at\u202eMaxSize"},
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

warning: desired 3 is at\u202eMaxSize
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

// No line is ever wider than its terminal, and what there is no room for is named.
func TestStatusFitsItsTerminal(t *testing.T) {
	wide := group()
	wide.Group.Name = "web-" + strings.Repeat("long", 30)
	wide.HostTakenBy = "balanced run -- chef-client, pid 4711 of root, since 03:04"
	for _, r := range []*rotation.Report{group(), wide} {
		for width := 20; width <= 120; width++ {
			for line := range strings.Lines(statusTable{width: width}.text(r)) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
					t.Fatalf("%d columns on a terminal of %d: %s", n, width, line)
				}
			}
		}
	}
	want := `i-0abc is out of service: Standby for 47m
web-asg: min 3, desired 3, max 6; 2 of 4 healthy, minimum 3
(all): 1 may be out

  INSTANCE  ZONE        STATE            ALB web  HEALTHY
* i-0abc    eu-west-1a  Standby for 47m  -        no
  i-0fff    eu-west-1a  InService        healthy  yes
  i-0def    eu-west-1b  InService        healthy  no
  i-0aaa    eu-west-1c  Pending:Wait     initial  no

no room for CLASSIC old-elb

i-0def at old-elb is unhealthy: Health checks failed with
these codes: [503]

warning: desired 3 is at\u202eMaxSize
`
	if diff := cmp.Diff(want, statusTable{width: 60}.text(group())); diff != "" {
		t.Errorf("at 60 columns (-want +got):\n%s", diff)
	}
	narrow := statusTable{width: 24}.text(group())
	if !strings.Contains(narrow, "\n* i-0abc    Standby for…\n") || !strings.Contains(narrow, "no room for ALB web,") {
		t.Errorf("at 24 columns:\n%s", narrow)
	}
}

// What AWS lets people put into a name cannot move a cursor.
func TestNamesAreEscapedWhereverTheyAreShown(t *testing.T) {
	const evil = "web\n\u009b2J\u202e\x1b[31m"
	r := group()
	r.Group.Name, r.HostTakenBy = evil, evil
	for i := range r.Members {
		r.Members[i].ID += evil
		for j := range r.Members[i].Traffic {
			r.Members[i].Traffic[j].Name, r.Members[i].Traffic[j].Reason = evil, evil
		}
	}
	r.Instance.ID = r.Members[2].ID
	var asJSON strings.Builder
	if err := writeJSON(&asJSON, r); err != nil {
		t.Fatal(err)
	}
	shown := statusTable{}.text(r)
	for name, text := range map[string]string{"status": shown, "result": result(r), "JSON": asJSON.String()} {
		for _, c := range text {
			if c != '\n' && !unicode.IsPrint(c) {
				t.Errorf("%s: %U is printed:\n%q", name, c, text)
			}
		}
	}
	if !strings.Contains(shown, `web\n\u009b2J\u202e\x1b[31m: min 3`) {
		t.Errorf("the name is not shown as it is:\n%s", shown)
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
