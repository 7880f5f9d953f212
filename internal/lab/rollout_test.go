package lab

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestARolloutStopsAtTheFirstFailure(t *testing.T) {
	var out bytes.Buffer
	r := Rollout{
		Command: `echo "$BALANCED_LAB_INSTANCE"; test "$BALANCED_LAB_INSTANCE" != i-2 || exit 75`,
		Environ: os.Environ(), Output: &out,
	}
	results, err := r.Run(t.Context(), []Instance{{ID: "i-1"}, {ID: "i-2"}, {ID: "i-3"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 2 || results[0].Exit != 0 || results[1].Exit != 75 {
		t.Errorf("got %+v, want i-1 with 0 and i-2 with 75", results)
	}
	if out.String() != "i-1\ni-2\n" {
		t.Errorf("ran on %q, want i-1 and i-2", out.String())
	}
}

func TestASignalIsACodeAsInAShell(t *testing.T) {
	result, err := Rollout{Command: "kill -9 $$", Environ: os.Environ()}.On(t.Context(), sample())
	if err != nil || result.Exit != 137 {
		t.Errorf("got %+v, %v; want 137", result, err)
	}
}

func TestAStoppedRolloutStopsWhatItStartedAndWaitsForItsLastWord(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	r := Rollout{
		// The inner shell stands for balanced: it says where it stands, then ends.
		Command: `sh -c 'trap "echo stopped; exit 143" TERM; echo ready; while :; do :; done'; echo not reached`,
		Environ: os.Environ(),
		Output:  writer(func(p []byte) { out.Write(p); cancel() }),
	}
	results, err := r.Run(ctx, []Instance{sample(), sample()})
	if !errors.Is(err, context.Canceled) || len(results) != 1 {
		t.Errorf("got %+v, %v; want one result and the cause", results, err)
	}
	if got := out.String(); got != "ready\nstopped\n" {
		t.Errorf("output %q, want the last word of what was stopped and nothing after it", got)
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// agent puts a stand-in for balanced in a folder of its own: a script that is told
// the command as $1.
func agent(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "balanced")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestADemoGoesOverTheWholeFleetThenShowsARefusal(t *testing.T) {
	var out strings.Builder
	d := Demo{
		Config: small(), Environ: os.Environ(), Out: &out,
		Balanced: agent(t, `echo "$1 as asked"; test "$2" != --wait || exit 75`),
	}
	if exit, err := d.Run(t.Context()); exit != 0 || err != nil {
		t.Fatalf("exit %d, %v\n%s", exit, err, &out)
	}
	for _, want := range []string{"[3/3]", "| $ balanced out", "| out as asked", "| upgraded v1 -> v2", "3 of 3 serve now", "exit 75"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
}

func TestADemoThatFailsShowsWhereAndExitsWithItsCode(t *testing.T) {
	var out strings.Builder
	d := Demo{Config: small(), Environ: os.Environ(), Out: &out, Balanced: agent(t, `test "$1" = out || exit 83`)}
	exit, err := d.Run(t.Context())
	if exit != 83 || err != nil {
		t.Fatalf("exit %d, %v; want the agent's 83\n%s", exit, err, &out)
	}
	if got := strings.Count(out.String(), "not run"); got != 2 {
		t.Errorf("%d instances not run, want 2\n%s", got, &out)
	}
}
