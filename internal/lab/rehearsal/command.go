package rehearsal

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"balanced/internal/lab"
	"balanced/internal/procgroup"
)

// command is a command line for the shell, to be run on instances.
type command struct {
	line    string
	dir     string   // where it runs
	environ []string // what the instance's own settings are added to
	// output takes what it writes on an instance, stdout and stderr together. A Closer is
	// closed when the command has ended.
	output func(instance string) io.Writer

	mu      sync.Mutex
	running map[string]int // by instance, the process that leads it
}

// lastWord is how long a command that is stopped has to say where it stands; balanced
// takes up to 5 s for its last look.
const lastWord = 10 * time.Second

// on runs the command on one instance and returns its exit code as a shell would give
// it: 128 and the number for a signal. err means that it could not be run at all. When
// ctx ends, the command and all it started get SIGTERM, time for a last word, then
// SIGKILL: none of its process group outlives the call.
func (c *command) on(ctx context.Context, i lab.Instance) (exit int, err error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", c.line)
	cmd.Dir, cmd.Env = c.dir, i.Environ(c.environ)
	if c.output != nil {
		one := &struct{ io.Writer }{c.output(i.ID)} // one pipe for both, whatever it is: the lines keep their order
		cmd.Stdout, cmd.Stderr = one, one
		if lines, ok := one.Writer.(io.Closer); ok {
			defer lines.Close()
		}
	}
	cmd.SysProcAttr = procgroup.Attr(true)
	cmd.Cancel = func() error { return procgroup.Signal(cmd.Process, syscall.SIGTERM) }
	cmd.WaitDelay = lastWord
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	c.note(i.ID, cmd.Process.Pid)
	defer c.note(i.ID, 0)
	err = cmd.Wait()
	_ = procgroup.Signal(cmd.Process, syscall.SIGKILL) // most often none is left
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed && !errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil {
		return 0, err
	}
	return exitCode(cmd.ProcessState.Sys().(syscall.WaitStatus)), nil
}

func (c *command) note(instance string, pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		c.running = map[string]int{}
	}
	c.running[instance] = pid
	if pid == 0 {
		delete(c.running, instance)
	}
}

// leaders are the processes of the commands that run now, by instance.
func (c *command) leaders() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]int{}
	for id, pid := range c.running {
		all[id] = pid
	}
	return all
}

func exitCode(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}
