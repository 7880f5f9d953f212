//go:build unix

package ways

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestOneLiner is a loop that stops at the first failure, by GNU parallel: one host after the
// other on a terminal of its own, until one fails.
func TestOneLiner(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	need(t, "parallel")
	config := s.reach()
	rollout := func() result {
		return s.run(s.own(nil), "parallel", append([]string{
			"--will-cite", "-j1", "--halt", "now,fail=1", "ssh", "-F", config, "-tt", "{}", "'balanced out && sudo upgrade v2 && balanced in'", ":::",
		}, s.hosts...)...)
	}

	fix := s.breakUpgrade(s.hosts[0])
	s.exits(rollout(), broken, "no such package")
	s.expect("v1 Standby", "v1 InService", "v1 InService")
	s.moved(1)

	fix()
	s.exits(rollout(), 0, s.hosts[2]+" in service")
	s.expect("v2 InService", "v2 InService", "v2 InService")
	s.moved(1, 2, 3)
}

// rolloutScript is scripts/knife/rollout with an ssh, a knife that finds the hosts and
// reaches them by ssh, and as without a pty shows nothing of stderr, and a sleep that is
// over at once.
func (s *stage) rolloutScript() func(upgrade string, args ...string) result {
	config := s.reach()
	tools := filepath.Join(s.dir, "operator")
	s.write(tools+"/ssh", "#!/bin/sh\nexec /usr/bin/ssh -F "+config+" \"$@\"\n")
	s.write(tools+"/sleep", "#!/bin/sh\nexec /bin/sleep 0.2\n")
	s.write(tools+"/knife", `#!/bin/sh
case "$1 $2" in
"search node") [ "$3 $4" = "role:web --id-only" ] || exit 98; echo "3 items found" >&2; printf '%s\n\n' `+strings.Join(s.hosts, " ")+` ;;
"ssh name:"*) [ "$3 $#" = "--exit-on-error 4" ] || exit 97; exec ssh "${2#name:}" "$4" 2>/dev/null ;;
*) exit 96 ;;
esac
`)
	script, err := filepath.Abs(scripts + "/knife/rollout")
	if err != nil {
		s.Fatal(err)
	}
	return func(upgrade string, args ...string) result {
		s.Helper()
		env := s.own(map[string]string{"PATH": tools + ":/usr/bin:/bin"})
		if upgrade != "" {
			env = append(env, "UPGRADE="+upgrade)
		}
		return s.run(env, script, args...)
	}
}

func TestRolloutScript(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	rollout := s.rolloutScript()
	byHand := append([]string{"--ssh"}, s.hosts...)

	fix := s.breakUpgrade(s.hosts[1])
	const upgrade = "sudo balanced run -- upgrade v2"
	s.exits(rollout(upgrade, byHand...), broken, s.hosts[1]+": exit 17")
	s.expect("v2 InService", "v1 Standby", "v1 InService")
	s.moved(1, 2)

	// Stopped where it is, whoever asks: nobody else is started.
	s.exits(rollout(upgrade, byHand...), broken, "so first: "+s.hosts[1])
	s.moved(1, 2)

	fix()
	s.exits(rollout(strings.ReplaceAll(upgrade, "v2", "v3"), byHand...), 0, "3 hosts done")
	s.expect("v3 InService", "v3 InService", "v3 InService")
	s.moved(1, 2, 1, 3)

	s.exits(rollout("", "--ssh"), 64, "no hosts")
	s.exits(rollout(upgrade, "--ssh", s.hosts[0], "no-such-host"), 255, "nothing was started")
	s.moved(1, 2, 1, 3)
}

// TestRolloutScriptWithChef has a Chef that says on one host that it has upgraded
// itself, wants a reboot on another, where the way back is refused at first, and has
// ordered one on the third, which is over before anybody looks.
func TestRolloutScriptWithChef(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	rollout := s.rolloutScript()
	s.script("chef-client", `sudo upgrade v2 || exit
read -r code <"$HOST/answer"
[ "$code" -ne 35 ] || echo second >"$HOST/boot"
exit "$code"`)
	s.script("cat", `case $1 in */boot_id) exec /bin/cat "$HOST/boot" ;; esac; exec /bin/cat "$@"`)
	s.script("systemctl", `[ "$1" = reboot ] || exit 98
balanced status >/dev/null && exit 99
echo second >"$HOST/boot"`)
	s.script("sudo", `if [ "$*" = "balanced in" ]; then
	echo >>"$HOST/asked"
	case $(wc -l <"$HOST/asked") in 1) exit 69 ;; 2) exit 75 ;; esac
fi
exec "$@"`)
	for i, code := range []string{"213", "37", "35"} {
		s.write(s.file(s.hosts[i], "boot"), "first\n")
		s.write(s.file(s.hosts[i], "answer"), code+"\n")
	}

	s.exits(rollout("", "role:web"), 0, s.hosts[1]+": 37, a reboot is due")
	s.expect("v2 InService", "v2 InService", "v2 InService")
	s.moved(1, 2, 3)
	for i, want := range []string{"first\n", "second\n", "second\n"} {
		if got := s.read(s.file(s.hosts[i], "boot")); got != want {
			t.Errorf("host %d has boot %q, want %q", i+1, got, want)
		}
	}

	s.write(s.file(s.hosts[0], "hold"), "a look at the disk\n")
	s.exits(rollout("sudo balanced out && sudo chef-client && sudo balanced in", "role:web"), 75, "a look at the disk")
}

// TestSeveralOutGoByTurns has two out, as after two operators: the one that left
// later is refused until the other is back.
func TestSeveralOutGoByTurns(t *testing.T) {
	t.Parallel()
	s := newStage(t, "--min", "0")
	rollout := s.rolloutScript()
	for _, id := range []string{s.hosts[1], s.hosts[0]} {
		s.exits(s.run(s.env[id], s.bin("balanced"), "out", "--min-healthy", "1"), 0, "out of service")
	}
	r := rollout("sudo balanced out --timeout 8s && sudo upgrade v2 && sudo balanced in", append([]string{"--ssh"}, s.hosts...)...)
	s.exits(r, 0, "3 hosts done")
	s.expect("v2 InService", "v2 InService", "v2 InService")
}
