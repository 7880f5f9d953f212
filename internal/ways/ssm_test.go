//go:build unix

package ways

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// newRollout is a stage with a Run Command. The instances are upgraded in the order of their
// IDs, which is that of their numbers.
func newRollout(t *testing.T, flags ...string) *ssmService {
	t.Helper()
	s := newStage(t, flags...)
	slices.Sort(s.hosts)
	return newSSM(s)
}

// ends compares how an execution ended, and looks for a text in why.
func (e *execution) ends(status, why string) {
	e.Helper()
	if e.status != status || !strings.Contains(e.why, why) {
		e.Errorf("%s: %q; want %s with %q", e.status, e.why, status, why)
	}
}

func web(command string, more ...any) map[string]any {
	parameters := map[string]any{"Group": "web", "Command": command}
	for i := 0; i+1 < len(more); i += 2 {
		parameters[more[i].(string)] = more[i+1]
	}
	return parameters
}

// TestSSM: a rollout stops at the first failure with the reason of that instance, and the
// next one begins with it.
func TestSSM(t *testing.T) {
	t.Parallel()
	svc := newRollout(t)

	fix := svc.breakUpgrade(svc.hosts[1])
	svc.automation(web("upgrade v2")).ends(executionFailed, fmt.Sprintf(
		"rollout stopped: %s: upgrade exited 17: Command exited 17, instance left out; fix it, then send the document again or run balanced in [1 of 3 finished; not: %s, %s]",
		svc.hosts[1], svc.hosts[1], svc.hosts[2]))
	svc.expect("v2 InService", "v1 Standby", "v1 InService")
	svc.moved(1, 2)

	fix()
	svc.automation(web("upgrade v3")).ends(executionSuccess, "")
	svc.expect("v3 InService", "v3 InService", "v3 InService")
	svc.moved(1, 2, 1, 3)
}

// TestSSMCanary: with pause and with approve one instance is upgraded, and the others only
// when somebody says so.
func TestSSMCanary(t *testing.T) {
	t.Parallel()
	svc := newRollout(t)
	for i, c := range []map[string]any{
		web("upgrade v2", "Canary", "pause"),
		web("upgrade v3", "Canary", "approve", "Approvers", []any{"arn:aws:iam::123456789012:role/release"}),
	} {
		e := svc.automation(c)
		e.ends(executionWaiting, "")
		svc.expect(fmt.Sprintf("v%d InService", i+2), fmt.Sprintf("v%d InService", i+1), fmt.Sprintf("v%d InService", i+1))
		e.goOn()
		e.ends(executionSuccess, "")
	}
	svc.expect("v3 InService", "v3 InService", "v3 InService")
	svc.moved(1, 2, 3, 1, 2, 3)

	svc.breakUpgrade(svc.hosts[0])
	svc.automation(web("upgrade v4", "Canary", "pause")).ends(executionFailed, "[0 of 1 finished; not: "+svc.hosts[0]+"]")
	svc.moved(1, 2, 3, 1, 2, 3, 1)
}

// TestSSMFailsOnIncomplete: Run Command calls a command with an instance that it could not
// reach Incomplete, and goes on with the others. The runbook fails, and names the instance.
func TestSSMFailsOnIncomplete(t *testing.T) {
	t.Parallel()
	svc := newRollout(t)
	svc.lost[svc.hosts[1]] = true
	svc.automation(web("upgrade v2")).ends(executionFailed, "rollout stopped: "+svc.hosts[1]+": DeliveryTimedOut [2 of 3 finished; not: "+svc.hosts[1]+"]")
	svc.expect("v2 InService", "v1 InService", "v2 InService")

	// One whose agent has not been heard from stops it before anything is moved.
	svc.unreachable[svc.hosts[1]] = true
	svc.automation(web("upgrade v3")).ends(executionFailed, "rollout not started: Systems Manager does not reach "+svc.hosts[1])
	svc.automation(web("upgrade v3", "Group", "nil")).ends(executionFailed, "rollout not started: there is no group nil")
	svc.moved(1, 3)
}

// TestSSMSeveralOutReturnByTurns has two out, as after two operators. They are sent the
// document at once; the one that left later waits until the other is back.
func TestSSMSeveralOutReturnByTurns(t *testing.T) {
	t.Parallel()
	svc := newRollout(t, "--min", "0")
	for _, id := range []string{svc.hosts[1], svc.hosts[0]} {
		svc.exits(svc.run(svc.env[id], svc.bin("balanced"), "out", "--min-healthy", "1"), 0, "out of service")
	}
	svc.automation(web("upgrade v2")).ends(executionSuccess, "")
	svc.expect("v2 InService", "v2 InService", "v2 InService")
	svc.moved(2, 1, 3)
}

// TestSSMSaysWhyHoweverMuchIsSaid: of each output SSM keeps the beginning, and the
// reason is at the end.
func TestSSMSaysWhyHoweverMuchIsSaid(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.hosts[0]
	r := s.runCommand(id, `i=0; while [ $i -lt 9999 ]; do echo "line $i"; echo "worse $i" >&2; i=$((i+1)); done; exit 17`)
	const why = "Command exited 17, instance left out; fix it, then send the document again or run balanced in\n"
	if r.code != broken || !strings.HasSuffix(r.stdout, why) || r.stderr != why+"failed to run commands: exit status 17" {
		t.Errorf("exit %d, stdout ends with %q, stderr %q; want 17 and %q", r.code, r.stdout[max(0, len(r.stdout)-200):], r.stderr, why)
	}
	if log := s.read(s.file(id, "ssm.log")); !strings.Contains(log, "line 0\n") || !strings.Contains(log, "worse 9998\n") {
		t.Error("the log on the instance is not whole")
	}
	s.expect("v1 Standby", "v1 InService", "v1 InService")

	// What balanced refuses has its own code and line: the last but one, since the agent adds one.
	s.write(s.file(s.hosts[1], "hold"), "a look at the disk\n")
	r = s.runCommand(s.hosts[1], "upgrade v2")
	s.exits(r, 75, "a look at the disk")
	if lines := strings.Split(r.stderr, "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], "balanced: ") {
		t.Errorf("stderr %q, want the last line of balanced, and that of the agent", r.stderr)
	}
	s.expect("v1 Standby", "v1 InService", "v1 InService")
}

// TestSSMFindsOutBeforeAnythingIsMoved what the shell would find out half way: a line
// that is no sh, and a log that cannot be written.
func TestSSMFindsOutBeforeAnythingIsMoved(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, command := range []string{"upgrade 'v2", "upgrade v2 )", "if upgrade v2"} {
		s.exits(s.runCommand(s.hosts[0], command), 2, "yntax error")
	}
	s.write(s.file(s.hosts[1], "ssm.log/in-the-way"), "")
	s.exits(s.runCommand(s.hosts[1], "upgrade v2"), 73, "ssm.log")
	s.moved()
}

// patched is a rollout stage whose instances have AWS-RunPatchBaseline: it reboots the
// instance once, and refuses to work on one that is in service.
func patched(t *testing.T) *ssmService {
	t.Helper()
	svc := newRollout(t)
	svc.script("AWS-RunPatchBaseline", `balanced status >/dev/null
[ $? -eq 3 ] || { echo "patched while in service" >&2; exit 99; }
[ "$1 $2" = "Install RebootIfNeeded" ] || exit 98
if [ -e "$HOST/broken" ]; then echo "no patch baseline" >&2; exit 17; fi
[ -e "$HOST/boots" ] || exit 194
echo patched >"$HOST/version"`)
	return svc
}

func TestSSMPatches(t *testing.T) {
	t.Parallel()
	svc := patched(t)
	patch := func(more ...any) *execution {
		return svc.automation(web("true", append(more, "Document", "balanced-patch")...))
	}

	fix := svc.breakUpgrade(svc.hosts[1])
	patch().ends(executionFailed, "rollout stopped: "+svc.hosts[1]+": patch exited 17: no patch baseline [1 of 3")
	svc.expect("patched InService", "v1 Standby", "v1 InService")

	fix()
	patch("Command", "test -e $HOST/boots").ends(executionSuccess, "")
	svc.expect("patched InService", "patched InService", "patched InService")
	for _, id := range svc.hosts {
		if boots := strings.Count(svc.boots(id), "reboot"); boots != 1 {
			t.Errorf("%s was rebooted %d times, want once", id, boots)
		}
	}

	patch("Command", "exit 5").ends(executionFailed, "return exited 5: Command exited 5, instance left out; fix it, then run balanced in")
	svc.expect("patched Standby", "patched InService", "patched InService")
}

// TestSSMPatchesNothingThatIsInService: however leaving ends, the patches wait for a 0.
func TestSSMPatchesNothingThatIsInService(t *testing.T) {
	for name, c := range map[string]struct {
		balanced string // what it does
		code     int    // of the step
	}{
		"refused":  {"exit 78", 78},
		"killed":   {"kill -9 $$", 1}, // 137 is a time-out to the agent, and the next step would run
		"ends 168": {"exit 168", 1},   // to the agent a success
		"too slow": {"trap 'exit 143' TERM; sleep 60 & wait", 143},
		"rebooted": {"exit 194", 1}, // to the agent: again, after a reboot
		"no tries": {"exit 75", 75},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFake(t, c.balanced)
			s.script("AWS-RunPatchBaseline", `echo "patched" >"$HOST/version"`)
			steps := s.document("i-1", "balanced-patch", map[string]string{"Timeout": "1"})
			if leave, patch := steps[0], steps[1]; leave.code != c.code || leave.status != stepFailed || patch.status != stepSkipped {
				t.Errorf("leave: exit %d, %s, patch: %s; want %d, Failed, Skipped", leave.code, leave.status, patch.status, c.code)
			}
		})
	}
}

// newFake is one instance without a fleet, whose balanced is a script.
func newFake(t *testing.T, balanced string) *stage {
	t.Helper()
	need(t, "sh", "timeout")
	s := &stage{T: t, dir: t.TempDir(), hosts: []string{"i-1"}, env: map[string][]string{}}
	s.env["i-1"] = []string{"PATH=" + s.dir + "/bin:/usr/bin:/bin", "HOST=" + s.file("i-1", "")}
	s.write(s.file("i-1", "boots"), "")
	s.script("balanced", balanced)
	return s
}

// TestSSMTriesAgainByClass gives an instance whose balanced out answers one code after the
// other, the last one for ever.
func TestSSMTriesAgainByClass(t *testing.T) {
	for _, c := range []struct {
		codes string
		calls int // of balanced out
		ended int
	}{
		{"0", 1, 0},
		{"75 69 84 0", 4, 0},
		{"82 0", 2, 0},
		{"75", 4, 75},
		{"69 75 82 84", 4, 84},
		{"64", 1, 64},
		{"77", 1, 77},
		{"78", 1, 78},
		{"80", 1, 80},
		{"81", 1, 81},
		{"83", 1, 83},
		{"85", 1, 85},
		{"86", 1, 86},
		{"143", 1, 143},
	} {
		t.Run(c.codes, func(t *testing.T) {
			t.Parallel()
			s := newFake(t, fmt.Sprintf(`[ "$1" = out ] || exit 0
echo out >>"$HOST/calls"
n=$(wc -l <"$HOST/calls")
set -- %s
[ "$n" -le $# ] || n=$#
shift $((n-1))
echo "balanced: said $1" >&2
exit "$1"`, c.codes))
			r := s.runCommand("i-1", "true")
			calls := strings.Count(s.read(s.file("i-1", "calls")), "out")
			if calls != c.calls || r.code != c.ended {
				t.Errorf("%d calls, exit %d; want %d calls, exit %d:\n%s", calls, r.code, c.calls, c.ended, r.output())
			}
			if why := fmt.Sprintf("balanced: said %d\n", c.ended); c.ended != 0 && !strings.HasPrefix(r.stderr, why) {
				t.Errorf("stderr is %q, want it to begin with %q", r.stderr, why)
			}
		})
	}
}

// TestSSMHandsNoCodeOnThatMeansSomethingToTheAgent: 194 would run the document again after a
// reboot, 168 would make a success of a failed upgrade.
func TestSSMHandsNoCodeOnThatMeansSomethingToTheAgent(t *testing.T) {
	for _, code := range []int{agentKilled, agentEndsWell, agentEndsFailed, agentWantsReboot} {
		s := newFake(t, "exit 0")
		r := s.runCommand("i-1", fmt.Sprintf("exit %d", code))
		s.exits(r, 1, fmt.Sprintf("Command exited %d", code))
		s.exits(r, 1, fmt.Sprintf("exit %d is reported as 1", code))
	}
}

// TestSSMTimeoutIsWhatTheAgentTakes: instead of a value outside 5 to 172800 the agent takes
// 3600, and says nothing (agent/plugins/pluginutil, ValidateExecutionTimeout).
func TestSSMTimeoutIsWhatTheAgentTakes(t *testing.T) {
	for pattern, most := range map[string]int{
		readCommandDocument(t, "balanced-upgrade").Parameters["Timeout"].AllowedPattern: 172800,
		readCommandDocument(t, "balanced-patch").Parameters["Timeout"].AllowedPattern:   36000,
		readRunbook(t).Parameters["Timeout"].AllowedPattern:                             172800,
	} {
		allowed := regexp.MustCompile(pattern)
		for n := 0; n < 200000; n++ {
			if away := max(n-most, most-n); testing.Short() && n%13 > 0 && n > 2000 && away > 2000 {
				continue
			}
			if want := n >= 5 && n <= most; allowed.MatchString(fmt.Sprint(n)) != want {
				t.Fatalf("%s: %d allowed: %v", pattern, n, !want)
			}
		}
		for _, text := range []string{"", "-5", "07", "1728000", "60s", "5.5"} {
			if allowed.MatchString(text) {
				t.Errorf("%s allows %q", pattern, text)
			}
		}
	}
}
