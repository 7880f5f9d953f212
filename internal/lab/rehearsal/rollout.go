package rehearsal

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"balanced/internal/lab"
)

// Concurrency is how many instances a rollout is at work on at a time: a number, or a
// share of all of them, rounded down. It is at least one.
type Concurrency struct {
	n       int
	percent bool
}

// OneByOne is one instance at a time.
func OneByOne() Concurrency { return Concurrency{n: 1} }

// ParseConcurrency reads "1", "4" or "50%".
func ParseConcurrency(text string) (Concurrency, error) {
	digits, percent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || percent && n > 100 {
		return Concurrency{}, fmt.Errorf("concurrency %q: want a number or a percentage of at least 1", text)
	}
	return Concurrency{n, percent}, nil
}

// Of so many instances.
func (c Concurrency) Of(instances int) int {
	n := c.n
	if c.percent {
		n = instances * c.n / 100
	}
	return max(1, min(n, instances))
}

// Floor is how many are to serve while so many are out, one at least. It is not what the
// agents take for the floor: that is in their flags.
func (c Concurrency) Floor(instances int) int { return max(1, instances-c.Of(instances)) }

// rollout runs a command on instance after instance, as `knife ssh -C N --exit-on-error`
// does.
type rollout struct {
	concurrency int
	exitOnError bool
	// run runs the command on one instance.
	run func(context.Context, lab.Instance) (exit int, err error)

	mu     sync.Mutex // guards all below
	next   int
	exit   int // of the first that failed
	failed string
	err    error
}

// over goes over the instances and returns the exit code of the first command that
// failed, and where. After it no more are begun, unless exitOnError is off; those under
// way finish. An end of ctx ends the rollout, with its cause as the error.
func (r *rollout) over(ctx context.Context, instances []lab.Instance) (exit int, failed string, err error) {
	var working sync.WaitGroup
	for range r.concurrency {
		working.Go(func() {
			for i, ok := r.turn(ctx, instances); ok; i, ok = r.turn(ctx, instances) {
				exit, err := r.run(ctx, i)
				r.ended(i, exit, err)
			}
		})
	}
	working.Wait()
	if ctx.Err() != nil {
		return r.exit, r.failed, context.Cause(ctx)
	}
	return r.exit, r.failed, r.err
}

func (r *rollout) turn(ctx context.Context, instances []lab.Instance) (lab.Instance, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	stop := r.err != nil || r.exit != 0 && r.exitOnError
	if stop || r.next == len(instances) || ctx.Err() != nil {
		return lab.Instance{}, false
	}
	r.next++
	return instances[r.next-1], true
}

func (r *rollout) ended(i lab.Instance, exit int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	if r.exit == 0 && exit != 0 {
		r.exit, r.failed = exit, i.ID
	}
}
