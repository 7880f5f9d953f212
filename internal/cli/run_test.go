package cli

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/rotation"
)

func TestExitCodeLists(t *testing.T) {
	for _, tt := range []struct {
		env      string
		args     string
		ok       []int
		problems []string
	}{
		{"", "", nil, nil},
		{"", "--ok 213", []int{213}, nil},
		{"", "--ok 35,37 --ok 213", []int{35, 37, 213}, nil},
		{"4, 5,", "", []int{4, 5}, nil},
		{"4", "--ok 5", []int{5}, nil},
		{"", "--ok 1,255", []int{1, 255}, nil},
		{"", "--ok 0", nil, []string{`--ok "0": want 1 to 255`}},
		{"", "--ok 256,x", nil, []string{`--ok "256": want 1 to 255`, `--ok "x": want 1 to 255`}},
		{"-1", "", nil, []string{`BALANCED_OK "-1": want 1 to 255`}},
	} {
		p := &program{env: environment{"BALANCED_OK": tt.env}}
		var got, argv []int
		var v *values
		app := p.app()
		i := slices.IndexFunc(app.Commands, func(c *cli.Command) bool { return c.Name == "run" })
		app.Commands[i].Action = func(c *cli.Context) error {
			v = p.values(c)
			got, argv = v.exitCodes("ok", 1), make([]int, c.NArg())
			return nil
		}
		if err := app.Run(slices.Concat([]string{"balanced", "run"}, strings.Fields(tt.args), []string{"--", "true", "--ok", "9"})); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.ok, got); diff != "" || len(argv) != 3 {
			t.Errorf("%q %q: %d arguments, codes (-want +got):\n%s", tt.env, tt.args, len(argv), diff)
		}
		if diff := cmp.Diff(tt.problems, v.problems); diff != "" {
			t.Errorf("%q %q: problems (-want +got):\n%s", tt.env, tt.args, diff)
		}
	}
}

// After a run has left, a refused return is a move half done, whatever it is alone.
func TestAReturnThatFailsAfterTheCommand(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{&failure.Refusal{Class: failure.NotNow}, 82},
		{&failure.Refusal{Class: failure.Setup}, 82},
		{&failure.Refusal{Class: failure.Unfinished}, 82},
		{&awsapi.DeniedError{Action: "autoscaling:ExitStandby", Err: errors.New("no")}, 82},
		{&awsapi.UnreachableError{Why: awsapi.Throttled, Err: errors.New("no")}, 82},
		{&failure.Refusal{Class: failure.Unhealthy}, 83},
		{&failure.Refusal{Class: failure.Unknown}, 85},
		{errors.New("odd"), 85},
		{&failure.Refusal{Class: failure.Leaving}, 86},
		{&failure.Refusal{Class: failure.Gone}, 86},
	} {
		got := &failure.Refusal{Class: notBack(tt.err), Err: tt.err}
		if endOf(got).code != tt.want {
			t.Errorf("%v (%d): %d, want %d", tt.err, endOf(tt.err).code, endOf(got).code, tt.want)
		}
	}
}

// What out and in both warn of is in the report once.
func TestAWarningIsReportedOnce(t *testing.T) {
	r := &runCommand{job: &job{command: "run"}}
	r.add("out", &rotation.Report{Warnings: []string{"spare", "grace", "soft"}}, nil)
	r.add("in", &rotation.Report{Warnings: []string{"spare", "grace", "longer"}}, nil)
	if diff := cmp.Diff([]string{"spare", "grace", "soft", "longer"}, r.report.Warnings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A code that is passed on promises nothing about moves.
func TestACodeOfTheCommandStays(t *testing.T) {
	for _, n := range []int{1, 64, 69, 75, 255} {
		report, err := finished(t, t.Context(), outReport(true), childExit{code: n, reason: "chef-client exited", hint: "fix it"})
		if endOf(err).code != n || report.ExitCode != n || report.Hint != "fix it" {
			t.Errorf("%d became %d, the report has %d and %q", n, endOf(err).code, report.ExitCode, report.Hint)
		}
	}
}

// worked is a run whose command has ended, on an instance in a state.
func worked(state, outcome string) *runCommand {
	return &runCommand{
		job: &job{command: "run"}, argv: []string{"chef-client"}, ended: "chef-client exited 1",
		report: &rotation.Report{Instance: rotation.InstanceReport{ID: "i-0abc", State: state}, Parts: []rotation.PartReport{{Outcome: outcome}}},
	}
}

func TestTheHintOfARunIsForItsCauseAndItsState(t *testing.T) {
	sigint := Signalled{syscall.SIGINT}
	for _, tt := range []struct {
		name, state, outcome string
		end                  childEnd
		want                 string
	}{
		{"failed", "Standby", "failed", childEnd{code: 1}, "chef-client exited 1, instance left out; fix it, then run balanced in"},
		{"failed where nothing was moved", "Pending:Wait", "failed", childEnd{code: 1}, "chef-client exited 1, nothing was moved; fix it, then run it again"},
		{
			"stopped", "Standby", "failed",
			childEnd{code: 1, stoppedBy: sigint},
			"stopped by SIGINT: chef-client exited 1, instance is in Standby; its work may be half done: run it again, or finish the work and then run balanced in",
		},
		{
			"stopped by the signal itself", "Standby", "ended by a signal",
			childEnd{code: 130, signal: syscall.SIGINT, stoppedBy: sigint},
			"stopped by SIGINT: chef-client exited 1, instance is in Standby; its work may be half done: run it again, or finish the work and then run balanced in",
		},
		{
			"stopped where nothing was moved", "Warmed:Stopped", "failed",
			childEnd{code: 1, stoppedBy: sigint},
			"stopped by SIGINT: chef-client exited 1, nothing was moved; its work may be half done: run it again",
		},
		{"done all the same", "Standby", "done", childEnd{stoppedBy: sigint}, "chef-client exited 1, instance left out: stopped by SIGINT; to go on: run balanced in"},
		{"reboot due", "Standby", "reboot due", childEnd{code: 35}, "chef-client exited 1: a reboot is due, instance left out; run balanced in after the reboot"},
		{"reboot due where nothing was moved", "Pending:Wait", "reboot due", childEnd{code: 35}, "chef-client exited 1: a reboot is due, nothing was moved; reboot this host"},
	} {
		if got := lastLine(worked(tt.state, tt.outcome).judge(tt.end)); got != "balanced: "+tt.want {
			t.Errorf("%s:\n got %s\nwant balanced: %s", tt.name, got, tt.want)
		}
	}
}

func TestAQuotedCommandLineIsExplained(t *testing.T) {
	for line, want := range map[string]string{
		"chef-client -z":        "drop the quotes: each argument is a word of its own, then run it again",
		"apt-get update && x":   "put it behind sh -c: balanced run -- sh -c 'apt-get update && x', then run it again",
		"no-such-command":       "fix the command line, then run it again",
		"echo $HOME > /tmp/out": "put it behind sh -c: balanced run -- sh -c 'echo $HOME > /tmp/out', then run it again",
	} {
		code, _, stderr := call(nil, "run", "--", line)
		if code != 127 || !strings.HasSuffix(stderr, "nothing was moved; "+want+"\n") {
			t.Errorf("%q: %d, %s", line, code, stderr)
		}
	}
	if _, _, stderr := call(nil, "run", "--", "no such", "command"); !strings.Contains(stderr, "fix the command line") {
		t.Errorf("a program whose name has a blank in it, with arguments: %s", stderr)
	}
}
