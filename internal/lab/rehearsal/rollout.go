package rehearsal

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"balanced/internal/lab"
)

// Concurrency is how many instances a rollout works on at a time: a number, or a percentage
// of all instances, rounded down. It is at least 1.
type Concurrency struct {
	n       int
	percent bool
}

// OneByOne is one instance at a time.
func OneByOne() Concurrency { return Concurrency{n: 1} }

// ParseConcurrency parses "1", "4" or "50%".
func ParseConcurrency(text string) (Concurrency, error) {
	digits, percent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || percent && n > 100 {
		return Concurrency{}, fmt.Errorf("concurrency %q: want a number of at least 1, or a percentage from 1%% to 100%%", text)
	}
	return Concurrency{n, percent}, nil
}

// Of returns the number for a fleet of a given size.
func (c Concurrency) Of(instances int) int {
	n := c.n
	if c.percent {
		n = instances * c.n / 100
	}
	return max(1, min(n, instances))
}

// Minimum is how many instances stay healthy if no more are out at a time than c allows, at
// least 1. The agents have a minimum of their own, which depends on their flags.
func (c Concurrency) Minimum(instances int) int { return max(1, instances-c.Of(instances)) }

// rollout runs a command on one instance after another, like
// `knife ssh -C N --exit-on-error`.
type rollout struct {
	concurrency int
	exitOnError bool
	// run runs the command on one instance.
	run func(context.Context, lab.Instance) (exit int, err error)

	mu     sync.Mutex // guards all below
	next   int
	exit   int // of the first command that failed
	failed string
	err    error
}

// runAll runs the command on the instances, in order, and returns the exit code of the
// first command that failed and its instance. After a failure no more commands are begun,
// unless exitOnError is off; those that run finish. If ctx ends, the rollout ends with the
// cause as its error.
func (r *rollout) runAll(ctx context.Context, instances []lab.Instance) (exit int, failed string, err error) {
	var working sync.WaitGroup
	for range r.concurrency {
		working.Go(func() {
			for i, ok := r.nextInstance(ctx, instances); ok; i, ok = r.nextInstance(ctx, instances) {
				exit, err := r.run(ctx, i)
				r.finished(i, exit, err)
			}
		})
	}
	working.Wait()
	if ctx.Err() != nil {
		return r.exit, r.failed, context.Cause(ctx)
	}
	return r.exit, r.failed, r.err
}

// nextInstance returns false if no more commands are to be begun.
func (r *rollout) nextInstance(ctx context.Context, instances []lab.Instance) (lab.Instance, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	stop := r.err != nil || r.exit != 0 && r.exitOnError
	if stop || r.next == len(instances) || ctx.Err() != nil {
		return lab.Instance{}, false
	}
	r.next++
	return instances[r.next-1], true
}

func (r *rollout) finished(i lab.Instance, exit int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	if r.exit == 0 && exit != 0 {
		r.exit, r.failed = exit, i.ID
	}
}
