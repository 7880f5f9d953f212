package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// documentedRehearsals returns the rehearse commands in the docs and in the help, each as it
// stands there.
func documentedRehearsals(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	joined := strings.ReplaceAll(string(text)+rehearseExamples, "\\\n", " ")
	return regexp.MustCompile(`(?m)^    (?:bin/)?(balanced-lab rehearse .*)$`).FindAllString(joined, -1)
}

// arguments returns the words into which the shell splits a command line.
func arguments(t *testing.T, line string) []string {
	t.Helper()
	dir := t.TempDir()
	stub := "#!/bin/sh\nprintf '%s\\0' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "balanced-lab"), []byte(stub), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-euc", line)
	cmd.Env = []string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH")}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// checkOnly is rehearse without the rehearsal: it finds what is wrong with the command line,
// among it commands that do not exist.
func checkOnly(c *cli.Context) error {
	plan, _, err := readPlan(c)
	if err != nil {
		return err
	}
	return plan.Check()
}

// The commands run in an empty directory, as those of a reader do.
func TestDocumentedRehearsalsCanRun(t *testing.T) {
	page, err := filepath.Abs("../../docs/rehearsal.md")
	if err != nil {
		t.Fatal(err)
	}
	agent := program(t, "balanced")
	t.Chdir(t.TempDir())
	lines := documentedRehearsals(t, page)
	if len(lines) < 8 {
		t.Fatalf("only %q", lines)
	}
	for _, line := range lines {
		var out bytes.Buffer
		a := app(&out, &out)
		a.Command("rehearse").Action = checkOnly
		args := append([]string{"balanced-lab", "rehearse", "--balanced", agent}, arguments(t, line)[1:]...)
		if err := a.RunContext(t.Context(), args); err != nil {
			t.Errorf("%s: %v\n%s", strings.TrimSpace(line), err, &out)
		}
	}
}

func TestScenariosOfTheDocsLoseNothing(t *testing.T) {
	if !*allScenarios {
		t.Skip("takes minutes; make rehearse runs it")
	}
	seen := map[string]bool{}
	for _, line := range documentedRehearsals(t, "../../docs/rehearsal.md") {
		words := strings.Join(strings.Fields(line), " ")
		if seen[words] {
			continue // the help has it too
		}
		seen[words] = true
		if strings.Contains(line, "--scenario") || strings.Contains(line, "--fault") {
			continue // TestScenariosEndAsExpected runs the scenarios, and with a fault requests may be lost
		}
		t.Run("", func(t *testing.T) {
			t.Parallel()
			t.Log(line)
			var args []string
			for _, arg := range arguments(t, line)[1:] {
				if arg == "rehearsal.html" {
					arg = filepath.Join(t.TempDir(), arg)
				}
				args = append(args, arg)
			}
			exit := 0
			if strings.Contains(line, "--image bad") {
				exit = 1 // the refresh is stopped and rolled back
			}
			if rec := runRehearse(t, args...); rec.Exit != exit || rec.Traffic.Lost != 0 {
				t.Error(rec.Summary)
			}
		})
	}
}
