//go:build linux

package balanced_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheLabOfTheREADMECanBePastedAsABlock runs it as a careful shell does, which ends at the first failure. Only its drain
// is shorter, and what make would build is there already.
func TestTheLabOfTheREADMECanBePastedAsABlock(t *testing.T) {
	needs(t, "bash")
	_, after, found := strings.Cut(read(t, "README.md"), "\n    make build\n    bin/balanced-lab up ")
	block, _, _ := strings.Cut(after, "\n\n")
	if !found || !strings.Contains(block, " --drain 20s &") {
		t.Fatalf("no block that starts the lab in README.md, or without --drain 20s:\n%s", block)
	}
	dir := t.TempDir()
	if err := os.Symlink(filepath.Dir(program(t, "balanced")), filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "make"), "#!/bin/sh\n", 0o755)
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail")
	shell.Dir = dir
	shell.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "XDG_RUNTIME_DIR="+dir, "BALANCED_SETTLE=1s")
	shell.Stdin = strings.NewReader("trap 'kill %1 2>/dev/null || :' EXIT\nmake build\nbin/balanced-lab up " + strings.Replace(block, "--drain 20s", "--drain 0s", 1) + "\n")
	out, err := shell.CombinedOutput()
	for _, want := range []string{"in service and healthy", " out of service: ", " in service: healthy at "} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%v, want …%s… in\n%s", err, want, out)
		}
	}
}
