package cli

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"balanced/internal/format"
	"balanced/internal/procgroup"
)

// notifyTime is how long the command of --notify may take: a request to a web hook with its retries, and little enough
// that no rollout waits long for it.
const notifyTime = 30 * time.Second

// maxNotifyOutput is how much is kept of what that command prints, in bytes: enough for an error message.
const maxNotifyOutput = 4 << 10

// A notification is the command of --notify. It runs by sh -c, as cron and systemd's users write them: a web hook needs
// a pipe. Nothing that AWS or the run said becomes a part of the line; the report is on stdin.
type notification struct {
	command string
	on      []int // exit codes; none: all but 0 and 75
	limit   time.Duration
}

// notification is nil where --notify is not given.
func (v *values) notification() *notification {
	n := &notification{command: v.text("notify"), on: v.exitCodes("notify-on", 0), limit: notifyTime}
	if n.command == "" {
		return nil
	}
	return n
}

// wanted: a run that ended with the code is to be told.
func (n *notification) wanted(code int) bool {
	switch {
	case n == nil:
		return false
	case len(n.on) == 0:
		return code != 0 && code != 75
	}
	return slices.Contains(n.on, code)
}

// send runs the command where it is wanted, and waits for its end.
func (n *notification) send(env environment, report any, code int) error {
	if !n.wanted(code) {
		return nil
	}
	var stdin bytes.Buffer
	if err := writeJSON(&stdin, report); err != nil {
		return err
	}
	// Not the context of the run: that one may have ended with a signal.
	ctx, cancel := context.WithTimeout(context.Background(), n.limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", n.command)
	said := &tail{most: maxNotifyOutput}
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = &stdin, said, said, notifyEnvironment(env, code)
	cmd.SysProcAttr = procgroup.Attr(true)
	cmd.Cancel = func() error { return procgroup.Signal(cmd.Process, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: killed after %s", n.command, format.Duration(n.limit))
	case err != nil:
		return fmt.Errorf("%s: %w: %s", n.command, err, strings.TrimSpace(said.String()))
	}
	return nil
}

// notifyEnvironment is that of the run, with its exit code, and without what would make a balanced in it notify again.
func notifyEnvironment(env environment, code int) []string {
	lines := slices.DeleteFunc(env.lines(), func(line string) bool {
		return strings.HasPrefix(line, variable("notify")+"=") || strings.HasPrefix(line, exitCodeVariable+"=")
	})
	return append(lines, exitCodeVariable+"="+strconv.Itoa(code))
}

// tail keeps the last bytes written to it. It never fails, so that what writes is not stopped by it.
type tail struct {
	most int
	text []byte
}

func (t *tail) Write(text []byte) (int, error) {
	t.text = append(t.text, text...)
	t.text = t.text[max(0, len(t.text)-t.most):]
	return len(text), nil
}

func (t *tail) String() string { return string(t.text) }
