//go:build unix

package ways

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// member is an instance as balanced status has it.
type member struct {
	ID, State string
	Healthy   bool
}

// members asks on an instance.
func (s *stage) members() map[string]member {
	s.Helper()
	cmd := exec.Command(s.bin("balanced"), "status", "--output", "json")
	cmd.Env = s.env[s.hosts[0]]
	out, err := cmd.Output()
	var report struct{ Members []member }
	if json.Unmarshal(out, &report) != nil {
		s.Fatalf("balanced status: %v\n%s", err, out)
	}
	all := map[string]member{}
	for _, m := range report.Members {
		all[m.ID] = m
	}
	return all
}

// expect compares every instance with what is wanted: "v2 InService". Those in service are
// healthy.
func (s *stage) expect(want ...string) {
	s.Helper()
	all := s.members()
	for i, id := range s.hosts {
		got := strings.TrimSpace(s.read(s.file(id, "version"))) + " " + all[id].State
		if got != want[i] || all[id].Healthy != strings.HasSuffix(want[i], " InService") {
			s.Errorf("host %d is %q, healthy %v; want %q", i+1, got, all[id].Healthy, want[i])
		}
	}
}

// moves are the moves into Standby that the Region has on record, the oldest first: the
// number of the host, from 1.
func (s *stage) moves() (hosts []int) {
	s.Helper()
	for _, m := range regexp.MustCompile(`Moving EC2 instance to Standby: (i-\w+)`).FindAllStringSubmatch(s.activities(), -1) {
		hosts = append(hosts, 1+slices.Index(s.hosts, m[1]))
	}
	slices.Reverse(hosts)
	return hosts
}

// activities asks the Region itself.
func (s *stage) activities() string {
	s.Helper()
	env := s.env[s.hosts[0]]
	at := slices.IndexFunc(env, func(v string) bool { return strings.HasPrefix(v, "AWS_ENDPOINT_URL=") })
	_, endpoint, _ := strings.Cut(env[at], "=")
	resp, err := http.PostForm(endpoint, url.Values{
		"Action": {"DescribeScalingActivities"}, "Version": {"2011-01-01"}, "AutoScalingGroupName": {"web"},
	})
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.Fatalf("DescribeScalingActivities: %s, %v\n%s", resp.Status, err, body)
	}
	return string(body)
}

// moved compares the moves into Standby with what is wanted.
func (s *stage) moved(want ...int) {
	s.Helper()
	if got := s.moves(); !slices.Equal(got, want) {
		s.Errorf("hosts left service in the order %v, want %v", got, want)
	}
}
