//go:build linux

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"balanced/internal/procgroup"
)

// markedProcesses returns the processes with a text in their environment or arguments.
func markedProcesses(t *testing.T, text string) (found []string) {
	t.Helper()
	for _, what := range []string{"environ", "cmdline"} {
		files, err := filepath.Glob("/proc/[0-9]*/" + what)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if got, err := os.ReadFile(file); err == nil && bytes.Contains(got, []byte(text)) {
				found = append(found, file)
			}
		}
	}
	return found
}

// Neither the servers of the instances nor balanced are left, nor a background process of the
// command that ignores SIGTERM.
func TestCtrlCLeavesNoProcessBehind(t *testing.T) {
	lab := program(t, "balanced-lab")
	mark := "MARK=" + t.TempDir()
	cmd := exec.Command(lab, "rehearse", "--size", "2", "--balanced", program(t, "balanced"),
		`setsid sh -c 'trap "" TERM; exec sleep 1000' >/dev/null 2>&1 & echo begun; balanced out --wait 60s; sleep 1000`)
	cmd.Env = append(os.Environ(), mark)
	cmd.SysProcAttr = procgroup.Attr(true)
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.HasSuffix(lines.Text(), "| begun") {
	}
	before := len(markedProcesses(t, mark))
	if err := procgroup.Signal(cmd.Process, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || stderr.String() != "balanced-lab: stopped by SIGINT\n" {
		t.Errorf("exit %d, %q; want 130 and one line", code, &stderr)
	}
	if left := append(markedProcesses(t, mark), markedProcesses(t, lab+"\x00app")...); len(left) != 0 || before < 3 {
		t.Errorf("%d processes before Ctrl-C, want at least 3; left behind: %v", before, left)
	}
}
