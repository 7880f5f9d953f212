//go:build unix

package ways

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// notRun are samples that bash and shellcheck look at and that are not run here.
var notRun = exceptions{
	{"README.md", "bin/balanced-lab rehearse"}:                "run by tests of cmd/balanced-lab",
	{"docs/concurrency.md", "go test"}:                        "hours of tests",
	{"CONTRIBUTING.md", "go test"}:                            "hours of tests",
	{"docs/install.md", "make package"}:                       "CI itself",
	{"CONTRIBUTING.md", "make "}:                              "CI itself",
	{"README.md", "make demo"}:                                "CI itself",
	{"docs/fix-a-failed-rollout.md", "GROUP=web INSTANCE="}:   "variables for the others, which cmd/balanced runs",
	{"docs/from-other-tools.md", "rm -f /tmp/asg_codedeploy"}: "would remove another program's files",
	{"docs/install.md", "gpg --import"}:                       "a published release",
	{"docs/install.md", "dpkg -i"}:                            "installs a package; make package-test does",
	{"docs/install.md", "apt-get remove"}:                     "removes a package; make package-test does",
	{"docs/install.md", "tar -xzf"}:                           "a published release",
	{"docs/install.md", "make build"}:                         "CI itself",
	{"docs/install.md", "balanced version"}:                   "a published release",
	{"docs/probe.md", "curl "}:                                "an address of a real VPC",
	{"docs/probe.md", "exec 3<>"}:                             "an address of a real VPC",
	{"docs/rehearsal.md", "balanced-lab rehearse"}:            "run by tests of cmd/balanced-lab",
	{"docs/rehearsal.md", "#!/bin/sh"}:                        "a script for one of them",
	{"docs/concurrency.md", "balanced-lab rehearse"}:          "run by tests of cmd/balanced-lab",
	{"docs/immutable.md", "balanced-lab rehearse"}:            "run by tests of cmd/balanced-lab",
	{"docs/fidelity.md", "balanced-lab check-aws"}:            "an account of AWS",
	{"docs/lock.md", "balanced out --lock"}:                   "a table of AWS; cmd/balanced has one",
	{"docs/lock.md", "balanced run --lock"}:                   "a FleetLock server; internal/lock has one",
	{"docs/targets.md", "export BALANCED_TARGETS"}:            "instances outside a group; cmd/balanced has them",
	{"README.md", "BALANCED_TARGETS="}:                        "instances outside a group; cmd/balanced has them",
	{"docs/terraform.md", "set -a; . /etc/default"}:           "a file that the module writes",
	{"docs/knife.md", "knife ssh 'role:web' -C 1"}:            "shown as what does not end",
}

// given are the variables that samples take from the person.
var given = map[string]string{
	"STACK": "web", "REGION": "eu-west-1", "TARGET_GROUP_ARN": "arn", "INSTANCE": "i-1", "NODE": "node-1", "CLUSTER": "web",
	"CONTAINER_INSTANCE": "1", "WINDOW": "mw-1", "TARGETS": "t-1", "COMMAND": "c-1", "ROLE": "arn:aws:iam::123456789012:role/rollout",
	"id": execID, "ROLLOUT_POLL": "0",
}

// standIns are the programs of samples that are not there, or must not do what they do.
var standIns = map[string]string{
	"aws": `case "$*" in
*start-automation*) echo ` + execID + ` ;;
*get-automation*)
	if [ -e "$HOST/waited" ]; then echo "Success	end"; else echo "Waiting	pause"; : >"$HOST/waited"; fi ;;
*) echo "aws $*" ;;
esac`,
	"chef-client": `exec upgrade v2`,
	"cfn-signal":  `echo "$*" >>"$HOST/signals"`,
	"systemctl":   `echo "systemctl $*"`,
	"make":        `echo "make $*"`,
	"packer":      `[ "$1" != build ] || [ $# -eq 8 ]`,
	"terraform":   `echo "terraform $*"`,
	"docker":      `echo "docker $*"`,
	"kubectl":     `echo "kubectl $*"`,

	"ansible-playbook": `for file; do case $file in *.ini | *.yml) [ -e "$file" ] || exit 9 ;; esac; done`,
	// One that stops at the first host that fails, as knife does with one host at a time.
	"knife": `case "$1 $2" in
"search node") printf '%s\n' web-1 web-2 web-3 ;;
"ssh name:"*) exec ssh "${2#name:}" "$4" ;;
*) exit 96 ;;
esac`,
	"ssh": `while :; do case $1 in -o) shift 2 ;; -*) shift ;; *) break ;; esac; done
host=$1
shift
xargs -d '\n' -a "$HOSTS/$host" sh -c 'command=$1; shift; exec env -i "$@" bash -c "$command"' sh "$*"`,
}

// samplesStage is a stage on which samples are run, in a folder that looks like the project's.
func samplesStage(t *testing.T) *stage {
	t.Helper()
	s := newStage(t, "--drain", "1s")
	for name, text := range standIns {
		s.script(name, text)
	}
	for i, id := range s.hosts {
		s.write(s.dir+"/hosts-by-name/web-"+string(rune('1'+i)), strings.Join(s.env[id], "\n")+"\n")
	}
	for _, name := range []string{"scripts", "bin", "docs"} {
		from, err := filepath.Abs(filepath.Join(root, name))
		if err == nil {
			err = os.MkdirAll(s.dir+"/project", 0o755)
		}
		if err == nil {
			err = os.Symlink(from, s.dir+"/project/"+name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s.write(s.dir+"/project/dist/balanced-0.0.0-1.x86_64.rpm", "")
	return s
}

// paste runs a sample as a person on the first instance would, in one piece. Paths of a host
// are those of the stage. That of a script runs beside the script. What it leaves in the
// background ends with it.
func (s *stage) paste(sample sample) result {
	s.Helper()
	dir := s.dir + "/project"
	if strings.HasPrefix(sample.file, "scripts/") {
		dir = filepath.Dir(filepath.Join(dir, sample.file))
	}
	id := s.hosts[0]
	here := strings.NewReplacer("/opt/web/upgrade", s.bin("upgrade"), "/run/balanced.hold", s.file(id, "hold"), "/run/balanced",
		s.file(id, "run"), "/var/lib/", s.file(id, "lib")+"/", "bin/balanced-lab up", "bin/balanced-lab up --drain 1s")
	s.write(s.file(id, "lib/node_exporter/textfile/.keep"), "")
	cmd := exec.Command("bash", "-c", safely+here.Replace(sample.text))
	cmd.Env = append(append([]string{}, s.env[id]...), "XDG_RUNTIME_DIR="+s.dir+"/project", "HOSTS="+s.dir+"/hosts-by-name")
	for name, value := range given {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, errs strings.Builder
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	state, err := cmd.Process.Wait()
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if err != nil {
		s.Fatal(err)
	}
	_ = cmd.Wait() // its outputs; the process is waited for
	r := result{exitCode(state), out.String(), errs.String()}
	s.Logf("exit %d\n%s", r.code, r.output())
	return r
}

// TestSamplesRun pastes each into a shell with set -euo pipefail, on a healthy instance.
func TestSamplesRun(t *testing.T) {
	all := samples(t)
	for _, s := range all {
		t.Run(s.String(), func(t *testing.T) {
			if reason := notRun.of(s); reason != "" {
				t.Skip(reason)
			}
			if s.name != "" {
				t.Skip("run by the scripts of cmd/balanced")
			}
			t.Parallel()
			st := samplesStage(t)
			st.exits(st.paste(s), 0, "")
			if strings.Contains(s.text, "cfn-signal") {
				st.signals(s)
			}
		})
	}
}

// signals pastes the sample on an instance that does not get healthy too: CloudFormation is
// told both times.
func (s *stage) signals(sample sample) {
	s.Helper()
	id := s.hosts[0]
	s.exits(s.run(s.env[id], s.bin("balanced"), "out"), 0, "out of service")
	s.exits(s.paste(sample), 0, "")
	const want = "-e 0 --stack web --resource WebGroup --region eu-west-1\n-e 75 --stack web --resource WebGroup --region eu-west-1\n"
	if got := s.read(s.file(id, "signals")); got != want {
		s.Errorf("signalled %q, want %q", got, want)
	}
}
