//go:build unix

package ways

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// playbook returns a run of the shipped playbook over the instances, by ssh.
func (s *stage) playbook() func(args ...string) result {
	need(s.T, "ansible-playbook")
	config := s.reach()
	var inventory strings.Builder
	fmt.Fprintln(&inventory, "[web]")
	for _, id := range s.hosts {
		fmt.Fprintln(&inventory, id)
	}
	fmt.Fprintf(&inventory, "[web:vars]\nansible_ssh_common_args=-F %s\nansible_become=false\nansible_python_interpreter=/usr/bin/python3\n", config)
	s.write(s.dir+"/inventory", inventory.String())
	play, err := filepath.Abs(scripts + "/ansible/rollout.yml")
	if err != nil {
		s.Fatal(err)
	}
	env := s.own(map[string]string{"ANSIBLE_LOCAL_TEMP": s.dir + "/tmp", "ANSIBLE_NOCOWS": "1", "ANSIBLE_SSH_CONTROL_PATH_DIR": s.dir})
	return func(args ...string) result {
		s.Helper()
		return s.run(env, "ansible-playbook", append([]string{"-i", s.dir + "/inventory", play}, args...)...)
	}
}

func TestAnsible(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	play := s.playbook()

	s.exits(play("-e", "upgrade='upgrade v2'", "--check"), 0, "failed=0")
	s.moved()

	fix := s.breakUpgrade(s.hosts[1])
	r := play("-e", "upgrade='upgrade v2'", "-e", "pause=1")
	s.exits(r, 2, `"rc": 17`)
	s.expect("v2 InService", "v1 Standby", "v1 InService")
	s.moved(1, 2)

	fix()
	s.exits(play("-e", "upgrade='upgrade v3'", "-e", "pause=1"), 0, "failed=0")
	s.expect("v3 InService", "v3 InService", "v3 InService")
	s.moved(1, 2, 1, 3)
}

// TestAnsibleWaitsAndGivesUp has a person hold the first host: 75, tried again.
func TestAnsibleWaitsAndGivesUp(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	play := s.playbook()
	s.write(s.file(s.hosts[0], "hold"), "a look at the disk\n")

	r := play("-e", "upgrade='upgrade v2'", "-e", "pause=0")
	s.exits(r, 2, `"rc": 75`)
	if n := strings.Count(r.stdout, "FAILED - RETRYING"); n != 3 {
		t.Errorf("%d retries, want 3:\n%s", n, r.stdout)
	}
	s.exits(play("-e", "upgrade='upgrade v2'", "-i", "no-such-host,", "-e", "fleet=all"), 2, "unreachable=1")
	s.moved()
}

// TestAnsibleOutsideAGroup hands the load balancers on from the inventory.
func TestAnsibleOutsideAGroup(t *testing.T) {
	t.Parallel()
	s := newStage(t, "--no-group")
	play := s.playbook()
	outside := []string{"-e", "balanced_targets=app,classic/legacy", "-e", "balanced_min_healthy=2", "-e", "pause=1"}

	fix := s.breakUpgrade(s.hosts[1])
	s.exits(play(append(outside, "-e", "upgrade='upgrade v2'")...), 2, `"rc": 17`)
	s.expect("v2 InService", "v1 ", "v1 InService") // out: no load balancer lists it

	fix()
	s.exits(play(append(outside, "-e", "upgrade='upgrade v3'")...), 0, "failed=0")
	s.expect("v3 InService", "v3 InService", "v3 InService")
}
