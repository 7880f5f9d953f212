// Package probe asks this host what its load balancers would ask, the way they would ask
// it, and so tells whether they would call it healthy before any of them looks.
package probe

import (
	"context"
	"net"
	"sync"
	"time"
)

// Dial opens a connection, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Options may be zero.
type Options struct {
	Dial Dial // nil: the network
}

// Prober asks one host.
type Prober struct {
	address string
	dial    Dial
}

// New returns a Prober of the host at address, an IP address without a port. It should
// be the instance's own private address: an application that listens on the loopback
// address alone would pass there, and no load balancer could reach it.
func New(address string, opt Options) *Prober {
	p := &Prober{address: address, dial: opt.Dial}
	if p.dial == nil {
		p.dial = new(net.Dialer).DialContext
	}
	return p
}

// Run makes all checks side by side, each once every Interval or second, whichever is
// shorter. It returns nil as soon as every check has passed its last Healthy attempts in
// a row. A check that has passed is repeated until the others have too, so that what
// broke in the meantime is noticed. Without checks it returns nil.
//
// When ctx ends first the error is a *FailedError, which wraps the cause of ctx. A check
// that this program cannot make is a *NotImitatedError, at once: the host may be healthy
// or not. Any other error says that a check makes no sense, and nothing was asked.
//
// progress is given each answer, one call at a time; it may be nil. No connection is
// open when Run returns.
func (p *Prober) Run(ctx context.Context, checks []Check, progress func(string)) error {
	questions, err := p.questions(checks)
	if err != nil || len(questions) == 0 {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	t := newTally(questions, progress, stop)
	var asking sync.WaitGroup
	for i, q := range questions {
		asking.Go(func() { p.keepAsking(ctx, q, func(a answer) { t.note(ctx, i, a) }) })
	}
	asking.Wait()
	return t.verdict(ctx)
}

// keepAsking asks until ctx ends. An answer that takes longer than the pause does not
// delay the next attempt, as with load balancers.
func (p *Prober) keepAsking(ctx context.Context, q *question, note func(answer)) {
	for {
		next := time.NewTimer(q.pause())
		note(p.ask(ctx, q))
		select {
		case <-ctx.Done():
			next.Stop()
			return
		case <-next.C:
		}
	}
}
