package rehearsal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"balanced/internal/lab/record"
)

// The grandchild has left the process group and ignores SIGTERM.
func TestStoppedRehearsalLeavesNoProcess(t *testing.T) {
	p, show := plan(t, `setsid sh -c 'trap "" TERM; echo $$ >pid; exec sleep 1000' >/dev/null 2>&1 & while ! test -s pid; do sleep 0.05; done; echo ready; wait`)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	show.onEvent = func(e record.Event) {
		if e.Kind == record.Output && e.Text == "ready" {
			cancel(why)
		}
	}
	if _, err := p.Run(ctx); !errors.Is(err, why) {
		t.Fatalf("%v, want the cause", err)
	}
	text, err := os.ReadFile(filepath.Join(p.Dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d still runs: %v", pid, err)
	}
	if left := readProcTree().descendants(os.Getpid()); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
