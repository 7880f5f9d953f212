package cli

import (
	"context"
	"errors"
	"os"
	"sync"
)

// Signals decides what a signal means that asks balanced to stop: the first one ends
// the run's context, and the one after it kills, as if nobody had listened. While a
// command of the operator's is at work they all are that command's.
type Signals struct {
	restore func() // gives the signals their default meaning back

	mu      sync.Mutex // also held while the command starts, so that it misses none
	end     context.CancelCauseFunc
	stopped bool
	to      func(os.Signal) // the command at work, if there is one
}

// NewSignals takes what gives the signals their default meaning back.
func NewSignals(restore func()) *Signals { return &Signals{restore: restore, end: func(error) {}} }

type signalsKey struct{}

// Context ends with the first signal, its cause a Signalled.
func (s *Signals) Context(parent context.Context) context.Context {
	ctx, end := context.WithCancelCause(context.WithValue(parent, signalsKey{}, s))
	s.end = end
	return ctx
}

// Arrive is told of every signal, one at a time.
func (s *Signals) Arrive(sig os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.to != nil {
		s.to(sig)
	} else {
		s.restore()
	}
	if !s.stopped {
		s.stopped = true
		s.end(Signalled{Sig: sig})
	}
}

// signalsOf are those that end a context; a context without any ends by other means.
func signalsOf(ctx context.Context) *Signals {
	if s, ok := ctx.Value(signalsKey{}).(*Signals); ok {
		return s
	}
	return NewSignals(func() {})
}

// errStopped: a signal came before the command was started.
var errStopped = errors.New("stopped before the command was started")

// lend starts something that takes the signals from then on, until takeBack. Nothing
// is started once a signal has come.
func (s *Signals) lend(start func() error, to func(os.Signal)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errStopped
	}
	err := start()
	if err == nil {
		s.to = to
	}
	return err
}

// takeBack ends what lend began.
func (s *Signals) takeBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = nil
	if s.stopped {
		s.restore()
	}
}
