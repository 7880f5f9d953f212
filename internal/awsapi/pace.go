package awsapi

import (
	"context"
	"sync"
	"time"

	smithytime "github.com/aws/smithy-go/time"
)

// How a process that is throttled slows down. Where one look in three gets through, the
// time between two looks neither grows nor shrinks.
const (
	slowerBy     = 3
	fasterBy     = 9
	firstPause   = 2 * time.Second // after the first throttled answer
	longestPause = 5 * time.Minute
	quickFor     = 30 * time.Second // a look that has begun to be answered goes on quickly
	quickPause   = 500 * time.Millisecond
	longestQuick = 5 * time.Second
)

type lookKey struct{}

// Look is calls whose answers are worth something only side by side. Its fields are
// guarded by the pacer's lock.
type Look struct {
	turn  chan struct{} // taken by the call that waits for the turn of all
	hurry bool

	pacer    *pacer        // once a call was made
	open     chan struct{} // closed when AWS has answered the first of them
	admitted time.Time     // when it did; zero: not yet, or too long ago
	led      bool          // it waited for a turn
	slow     bool          // the others took too long
	began    time.Time     // when the first request was sent that was answered
}

func newLook() *Look { return &Look{turn: make(chan struct{}, 1), open: make(chan struct{})} }

// Together marks the calls made with its context as one look, until done. Where AWS
// throttles, the first of them waits for a turn, which comes the later the more it
// throttles. Once it is answered the others are sent, and sent again, at short
// intervals: what is read in one look must not be far apart.
func Together(ctx context.Context) (together context.Context, look *Look) {
	l := newLook()
	return context.WithValue(ctx, lookKey{}, l), l
}

// LookOf is the look that calls made with a context belong to; nil: none.
func LookOf(ctx context.Context) *Look {
	look, _ := ctx.Value(lookKey{}).(*Look)
	return look
}

// Hurry marks the calls made with its context as ones that wait for no turn.
func Hurry(ctx context.Context) context.Context {
	l := newLook()
	l.hurry = true
	return context.WithValue(ctx, lookKey{}, l)
}

// pacer holds the requests of one process back where AWS throttles them. All services
// share it: a look asks each of them, and is as slow as the slowest.
//
// The SDK's adaptive mode does not fit: it never goes below one request in two seconds,
// which is five hundred a second for a thousand hosts, and it spreads the requests of one
// look over time.
type pacer struct {
	random func() float64

	mu      sync.Mutex
	between time.Duration // looks; 0: AWS does not throttle
	next    time.Time     // no look before
	waiting int           // calls that are held back now
	since   time.Time     // when the first of them was
	waited  time.Duration // before
}

// Throttled is for how long so far at least one call was held back because AWS
// throttles.
func (s *Session) Throttled() time.Duration {
	p := &s.pacer
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting > 0 {
		return p.waited + time.Since(p.since)
	}
	return p.waited
}

// await waits until the next attempt of a call may be sent.
func (p *pacer) await(ctx context.Context, c *call) error {
	quick, free, open := p.lane(c)
	if free && c.throttled == 0 {
		return nil
	}
	if !quick {
		defer p.hold()()
		select {
		case <-open:
			c.throttled = 0
		case <-ctx.Done():
			return context.Cause(ctx)
		case c.look.turn <- struct{}{}:
			c.leads = true
			return smithytime.SleepWithContext(ctx, p.untilNext())
		}
	}
	if c.throttled == 0 {
		return nil
	}
	defer p.hold()()
	d := quickPause
	for i := 1; i < c.throttled && d < longestQuick; i++ {
		d += d / 2
	}
	return smithytime.SleepWithContext(ctx, p.jitter(min(d, longestQuick)))
}

// lane says how the look of a call may go on: quickly, since AWS has just answered a part of it;
// freely, since it does not throttle; or otherwise in its turn, or when open is closed.
func (p *pacer) lane(c *call) (quick, free bool, open <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := c.look
	l.pacer = p
	if c.throttled > 0 && !l.admitted.IsZero() && time.Since(l.admitted) > quickFor {
		l.admitted, l.open, l.slow = time.Time{}, make(chan struct{}), true
		p.slower()
	}
	return l.hurry || !l.admitted.IsZero(), p.between == 0, l.open
}

// answer takes in how an attempt that was sent ended.
func (p *pacer) answer(c *call, sent time.Time, throttled, answered bool) {
	defer p.release(c) // after the next turn is set
	leads := c.leads
	p.mu.Lock()
	defer p.mu.Unlock()
	c.look.led = c.look.led || leads
	if c.throttled++; !throttled {
		c.throttled = 0
	}
	switch {
	case throttled:
		if p.between == 0 || leads { // of calls sent side by side only one counts
			p.slower()
		}
	case answered:
		if c.look.began.IsZero() || sent.Before(c.look.began) {
			c.look.began = sent
		}
		if c.look.admitted.IsZero() {
			c.look.admitted = time.Now()
			close(c.look.open)
		}
	}
}

func (p *pacer) slower() {
	p.between = min(max(slowerBy*p.between, firstPause), longestPause)
	p.next = time.Now().Add(p.jitter(p.between))
}

// Began is when the first request went out that was answered: what the look shows is
// as young as that. Zero where none was.
func (l *Look) Began() time.Time {
	if l.pacer == nil {
		return time.Time{}
	}
	l.pacer.mu.Lock()
	defer l.pacer.mu.Unlock()
	return l.began
}

// Done ends a look: one that was answered in one go is worth a faster pace.
func (l *Look) Done() {
	p := l.pacer
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !l.led {
		return
	}
	if !l.slow && !l.admitted.IsZero() {
		if p.between /= fasterBy; p.between < firstPause {
			p.between = 0
		}
	}
	p.next = time.Now().Add(p.jitter(p.between))
}

// release lets another call of the look lead.
func (p *pacer) release(c *call) {
	if c.leads {
		c.leads = false
		<-c.look.turn
	}
}

func (p *pacer) untilNext() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.next)
}

// hold counts a call as held back until it goes on.
func (p *pacer) hold() (goOn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == 0 {
		p.since = time.Now()
	}
	p.waiting++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.waiting--; p.waiting == 0 {
			p.waited += time.Since(p.since)
		}
	}
}

func (p *pacer) jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(p.random()*float64(d))
}
