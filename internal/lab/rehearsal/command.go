package rehearsal

import (
	"context"
	"errors"
	"io"
	"maps"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"balanced/internal/lab"
	"balanced/internal/procgroup"
)

// command is a command line for the shell that can be run on any instance.
type command struct {
	line    string
	dir     string   // where it runs
	environ []string // the settings of the instance are added to it
	// output returns where stdout and stderr of the command on an instance go. If it is an
	// io.Closer, it is closed when the command has ended.
	output func(instance string) io.Writer

	mu    sync.Mutex
	pidOf map[string]int // the shell that runs on an instance, by instance ID
}

// stopGrace is the time from SIGTERM to SIGKILL for a command that is stopped. balanced
// takes up to 5 s to read its last state and print it.
const stopGrace = 10 * time.Second

// run runs the command on one instance and returns its exit code as a shell reports it:
// 128 plus the number for a signal. An error means that the command could not be run at
// all. When ctx ends, the command and everything in its process group get SIGTERM, then
// SIGKILL after stopGrace; none of them is left when run returns.
func (c *command) run(ctx context.Context, i lab.Instance) (exit int, err error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", c.line)
	cmd.Dir, cmd.Env = c.dir, i.Environ(c.environ)
	if c.output != nil {
		// os/exec uses one pipe for both only if they are the same comparable value. With one
		// pipe, the lines of stdout and stderr keep their order.
		both := &struct{ io.Writer }{c.output(i.ID)}
		cmd.Stdout, cmd.Stderr = both, both
		if closer, ok := both.Writer.(io.Closer); ok {
			defer closer.Close()
		}
	}
	cmd.SysProcAttr = procgroup.Attr(true)
	cmd.Cancel = func() error { return procgroup.Signal(cmd.Process, syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	c.setPID(i.ID, cmd.Process.Pid)
	defer c.setPID(i.ID, 0)
	err = cmd.Wait()
	_ = procgroup.Signal(cmd.Process, syscall.SIGKILL) // fails if, as usual, no process is left
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed && !errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil {
		return 0, err
	}
	return exitCode(cmd.ProcessState.Sys().(syscall.WaitStatus)), nil
}

// setPID notes which process runs on an instance; 0 is none.
func (c *command) setPID(instance string, pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pidOf == nil {
		c.pidOf = map[string]int{}
	}
	c.pidOf[instance] = pid
	if pid == 0 {
		delete(c.pidOf, instance)
	}
}

// pids returns the shells that run now, by instance ID.
func (c *command) pids() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]int{}
	maps.Copy(all, c.pidOf)
	return all
}

func exitCode(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}
