package lab

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"syscall"
	"time"

	"balanced/internal/procgroup"
)

// Rollout is one command line, run on one instance after the other, as
// `knife ssh -C 1 --exit-on-error` does.
type Rollout struct {
	Command string   // for sh -c
	Dir     string   // where it runs
	Environ []string // what the instance's own settings are added to

	// Began and Ended are told about each instance; they may be nil.
	Began func(Instance)
	Ended func(Result)
	// Output takes what the command writes, stdout and stderr together.
	Output io.Writer
}

// Result is how the command ended on one instance.
type Result struct {
	Instance string
	Exit     int // as a shell would give it: 128 and the number for a signal
	Elapsed  time.Duration
}

// Run stops at the first failure, or when ctx ends, whose cause is its error then. Any
// other error means that the command could not be run at all; a command that failed is
// in the last result.
func (r Rollout) Run(ctx context.Context, instances []Instance) ([]Result, error) {
	var results []Result
	for _, i := range instances {
		if r.Began != nil {
			r.Began(i)
		}
		result, err := r.On(ctx, i)
		if err != nil {
			return results, err
		}
		results = append(results, result)
		if r.Ended != nil {
			r.Ended(result)
		}
		if ctx.Err() != nil {
			return results, context.Cause(ctx)
		}
		if result.Exit != 0 {
			break
		}
	}
	return results, nil
}

// On runs the command on one instance. When ctx ends, the command and all it started
// get SIGTERM, time to say where they stand, then SIGKILL: none outlives the call.
func (r Rollout) On(ctx context.Context, i Instance) (Result, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", r.Command)
	cmd.Dir, cmd.Env = r.Dir, i.Environ(r.Environ)
	if r.Output != nil {
		one := &struct{ io.Writer }{r.Output} // one pipe for both, whatever Output is: the lines keep their order
		cmd.Stdout, cmd.Stderr = one, one
	}
	cmd.SysProcAttr = procgroup.Attr(true)
	cmd.Cancel = func() error { return procgroup.Signal(cmd.Process, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second // balanced takes up to 5 s for its last look
	start := time.Now()
	err := cmd.Run()
	if cmd.Process != nil {
		_ = procgroup.Signal(cmd.Process, syscall.SIGKILL) // most often none is left
	}
	result := Result{Instance: i.ID, Elapsed: time.Since(start)}
	if cmd.ProcessState == nil {
		return result, err
	}
	result.Exit = exitCode(cmd.ProcessState.Sys().(syscall.WaitStatus))
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed && ctx.Err() == nil {
		return result, err
	}
	return result, nil
}

func exitCode(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}
