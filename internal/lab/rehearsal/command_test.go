package rehearsal

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"balanced/internal/lab"
)

func TestExitCodeOfASignalIsThatOfAShell(t *testing.T) {
	c := command{line: "kill -9 $$", environ: os.Environ()}
	if exit, err := c.run(t.Context(), lab.Instance{ID: "i-1"}); err != nil || exit != 137 {
		t.Errorf("exit %d, %v; want 137", exit, err)
	}
}

func TestCommandHasTheVariablesOfItsInstance(t *testing.T) {
	var out bytes.Buffer
	c := command{line: `echo "$BALANCED_LAB_INSTANCE $MINE"`, environ: append(os.Environ(), "MINE=kept"), output: func(string) io.Writer { return &out }}
	if exit, err := c.run(t.Context(), lab.Instance{ID: "i-1"}); exit != 0 || err != nil || out.String() != "i-1 kept\n" {
		t.Errorf("exit %d, %v, %q", exit, err, &out)
	}
}

func TestOutputWithoutNewlineAtItsEndIsKept(t *testing.T) {
	var got []string
	c := command{line: `printf 'a\nb'`, environ: os.Environ(), output: func(string) io.Writer {
		return &lines{each: func(text string) { got = append(got, text) }}
	}}
	if _, err := c.run(t.Context(), lab.Instance{ID: "i-1"}); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%v, %q; want a and b", err, got)
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func TestStoppedCommandCanStillPrint(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	c := command{
		// The inner shell plays balanced: at SIGTERM it prints its last line and ends.
		line:    `sh -c 'trap "echo stopped; exit 143" TERM; echo ready; while :; do sleep 0.05; done'; echo not reached`,
		environ: os.Environ(),
		output: func(string) io.Writer {
			return writer(func(p []byte) { out.Write(p); cancel() })
		},
	}
	if _, err := c.run(ctx, lab.Instance{ID: "i-1"}); err != nil || !strings.Contains(out.String(), "stopped\n") || strings.Contains(out.String(), "not reached") {
		t.Errorf("%v, output %q; want the last line of the stopped command and nothing after it", err, &out)
	}
}

func TestCheckFindsCommandsThatCannotRun(t *testing.T) {
	for line, want := range map[string]string{
		"":                              "the command is empty",
		"true && 'oops":                 "the shell cannot parse the command",
		"nosuchcommand && true":         "command nosuchcommand does not exist",
		"true && nosuchcommand || true": "command nosuchcommand does not exist",
		"./nosuchfile.sh":               "command ./nosuchfile.sh does not exist; to rehearse without it, use `balanced-lab deploy v2`",
	} {
		if err := checkCommand(line, t.TempDir(), os.Environ()); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v; want %q", line, err, want)
		}
	}
	for _, line := range []string{"true && echo a; cd / && ls", `echo "x && nosuchcommand y"`, "if true; then nosuchcommand; fi", "A=1 true", "cd / && ./nosuchfile.sh", "export PATH=/nosuch:/bin; nosuchcommand", ". ./lib.sh; nosuchcommand"} {
		if err := checkCommand(line, "/", os.Environ()); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestBalancedOfANaiveRehearsalOnlyRunsCommands(t *testing.T) {
	s, err := newBinDir(Plan{Naive: true, Lab: "/bin/true"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.remove()
	for line, want := range map[string]string{
		"balanced out --wait 5s && echo a && balanced in": "a\n",
		"balanced run --ok 213 -- sh -c 'echo b; exit 3'": "b\n",
	} {
		var out bytes.Buffer
		c := command{line: line, environ: Plan{}.environ(s.path), output: func(string) io.Writer { return &out }}
		exit, err := c.run(t.Context(), lab.Instance{ID: "i-1"})
		if err != nil || out.String() != want || exit != map[string]int{"b\n": 3}[want] {
			t.Errorf("%s: exit %d, %v, %q", line, exit, err, &out)
		}
	}
}

func TestSpeedShortensTheSettleTimeUnlessItIsSet(t *testing.T) {
	p := Plan{Speed: 10, Environ: []string{"A=b"}}
	if env := p.environ("/d"); !slices.Contains(env, "BALANCED_SETTLE=1s") || !strings.HasPrefix(env[0], "PATH=/d:") {
		t.Errorf("%q", env)
	}
	p.Environ = []string{"BALANCED_SETTLE=3s"}
	if env := p.environ("/d"); env[len(env)-1] != "BALANCED_SETTLE=3s" {
		t.Errorf("%q: want the operator's own setting last, so that it wins", env)
	}
}
