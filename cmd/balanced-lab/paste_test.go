//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sh runs a script in a shell that finds balanced and balanced-lab, in an empty directory.
func sh(t *testing.T, script string) (output string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(),
		"PATH="+filepath.Dir(program(t, "balanced-lab"))+string(os.PathListSeparator)+os.Getenv("PATH"),
		"XDG_RUNTIME_DIR="+cmd.Dir, "AWS_PROFILE=production")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The lab has not started when env begins.
func TestUpAndEnvCanBePastedAsABlock(t *testing.T) {
	out, err := sh(t, `
		balanced-lab up --size 2 --seed 7 >up.txt &
		trap 'kill $!; wait' EXIT
		eval "$(balanced-lab env)"
		balanced status
		echo "this shell is $BALANCED_LAB_INSTANCE, profile ${AWS_PROFILE-none}"
	`)
	if err != nil || !strings.Contains(out, "this shell is i-") || !strings.Contains(out, "profile none") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestBlockEndsIfNoLabStarts(t *testing.T) {
	out, err := sh(t, `
		eval "$(balanced-lab env --wait 1ms)"
		echo goes on
	`)
	if err == nil || strings.Contains(out, "goes on") || !strings.Contains(out, "no lab is running; start one with balanced-lab up") {
		t.Errorf("%v\n%s", err, out)
	}
}
