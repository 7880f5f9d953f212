// Package conform holds the facts about AWS that the simulated Region is built on, as checks that run
// against any endpoint: the simulated Region, another emulator, or AWS.
//
// A fact says what AWS does and where that is known from. Its check asks the endpoint and puts what it
// saw into one short text, with ids, names and times replaced by ID, NAME and TIME. The text decides the
// verdict: as the Region does by default, as the Region does with a setting of its own (newly known), or
// different.
//
// Without Options.Moves nothing but describe calls is sent. With it the members of one disposable group
// are moved into Standby and back, and the group is left as it was found, also when the context ends.
//
// The package knows nothing of the agent. It asks through the SDK, as the agent does.
package conform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Errors that end a run. They wrap what caused them.
var (
	// ErrUnreachable: no answer from the endpoint.
	ErrUnreachable = errors.New("AWS cannot be reached")
	// ErrDenied: the credentials may not even describe Auto Scaling groups.
	ErrDenied = errors.New("not allowed")
	// ErrNotReady: the group cannot be used for the moves as it is.
	ErrNotReady = errors.New("not ready for moves")
	// ErrNotRestored: the group is not as it was found, and the error says what differs.
	ErrNotRestored = errors.New("the group is not as it was found")
)

// MovesTag is the tag, with the value "yes", of a group that may be used for moves.
const MovesTag = "balanced-check"

// Options say what to check and how. Config is required; the zero value of all else checks what
// describe calls show, of any group.
type Options struct {
	// Config has the Region, the credentials and, in tests, the endpoint and the HTTP client.
	Config aws.Config
	// Group is the group to look at, required for moves; "": the first one that has a member.
	Group string
	// Moves allows calls that change the group.
	Moves bool
	// Confirm is asked once, before the first of those calls; an error ends the run. nil: go on.
	Confirm func(Plan) error
	// Metadata asks this instance's metadata service; nil: those facts are not tried.
	Metadata *Metadata
	// Hold are URLs that answer late. Some requests to each are open while an instance drains: an idle
	// Classic Load Balancer deregisters at once.
	Hold []string
	// Only are the ids of the facts to check; nil: all.
	Only []string
	// Samples is how many moves out and back the read lag is measured on; default 3, at least 1.
	Samples int
	// Times are the pauses and limits; zero fields take their defaults.
	Times Times
	// Progress gets a line about what is going on now; nil: nobody.
	Progress func(string)
}

// Metadata is where the metadata service is, usually http://169.254.169.254.
type Metadata struct {
	Endpoint string
	HTTP     *http.Client
}

// Times are the pauses and limits of a run.
type Times struct {
	// Tick is the time from one look at a moving instance to the next, and so the resolution of every
	// measured time; default 500 ms. After DenseTicks looks it is four times as long.
	Tick time.Duration
	// Settle is how long the run lets reads catch up before it looks at the outcome of a move; default
	// 10 s.
	Settle time.Duration
	// Patience is how long it waits for one move, beyond the delays of the load balancers; default 10
	// min: a launch behind load balancers takes a few minutes.
	Patience time.Duration
}

func (t Times) withDefaults() Times {
	for _, d := range []struct {
		at        *time.Duration
		otherwise time.Duration
	}{{&t.Tick, 500 * time.Millisecond}, {&t.Settle, 10 * time.Second}, {&t.Patience, 10 * time.Minute}} {
		if *d.at == 0 {
			*d.at = d.otherwise
		}
	}
	return t
}

// Plan is what a run with moves is about to do.
type Plan struct {
	Group   string
	Members []string
	Longest time.Duration // an estimate
}

// Run checks the facts. The report is what was found so far, whatever the error; it is nil where
// nothing could be asked. A context that ends stops the checks, and then the group is restored.
func Run(ctx context.Context, o Options) (*Report, error) {
	o.Samples, o.Times = max(1, o.Samples), o.Times.withDefaults()
	s := newSession(o)
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	err := s.work(ctx)
	return s.report(), err
}

// work goes from what changes nothing to what changes most.
func (s *session) work(ctx context.Context) error {
	err := s.active(ctx)
	return errors.Join(err, s.checkAll(context.WithoutCancel(ctx), true, Reads))
}

func (s *session) active(ctx context.Context) error {
	if err := s.checkAll(ctx, false, Reads, OnInstance); err != nil {
		return err
	}
	if !s.o.Moves || !s.wants(Moves) {
		return nil
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	if s.o.Confirm != nil {
		if err := s.o.Confirm(s.plan()); err != nil {
			return err
		}
	}
	err := s.episodes(ctx)
	return errors.Join(err, s.checkAll(context.WithoutCancel(ctx), false, Moves, Moves|OnInstance))
}

// checkAll checks the facts with these needs. A fact that cannot be tried does not end the run.
func (s *session) checkAll(ctx context.Context, passive bool, needs ...Need) error {
	for _, f := range s.selected(needs...) {
		if f.passive != passive {
			continue
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if f.Needs&OnInstance != 0 && s.o.Metadata == nil {
			continue
		}
		observed, err := f.check(ctx, s)
		var not untried
		switch {
		case errors.As(err, &not):
			s.results[f.ID] = Result{Verdict: NotTried, Reason: not.Error()}
		case err != nil:
			return fmt.Errorf("%s: %w", f.ID, s.classify(ctx, err))
		default:
			s.results[f.ID] = f.judge(observed)
		}
	}
	return nil
}

// settle lets reads catch up with a move.
func (s *session) settle(ctx context.Context) error {
	s.progress("waiting for AWS's reads to catch up (%s)", s.o.Times.Settle)
	return sleep(ctx, s.o.Times.Settle)
}

// silence is the longest that a run says nothing.
const silence = 10 * time.Second

// silent says whether it is time to say something.
func (s *session) silent() bool { return time.Since(s.told) >= silence }

func (s *session) progress(format string, args ...any) {
	s.told = time.Now()
	if s.o.Progress != nil {
		s.o.Progress(fmt.Sprintf(format, args...))
	}
}
