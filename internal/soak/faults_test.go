package soak

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"balanced/internal/sim"
)

// fault draws what goes wrong with one API call.
func (f *seededRun) fault(c sim.Call) *sim.Fault {
	if c.Service == "imds" {
		return nil
	}
	f.look()
	r := f.draws.of(c)
	ordinary := &sim.Fault{Delay: 20*time.Millisecond + time.Duration(r.Int64N(200e6)), Skew: f.skewOf(c.Caller)}
	if f.since() > calm {
		return ordinary
	}
	if f.plan.lag > 0 && !c.Mutating() {
		ordinary.Lag = time.Duration(r.Int64N(int64(f.plan.lag)))
	}
	if c.Service == "dynamodb" && f.tables.throttled.Load() && r.IntN(10) > 0 {
		return sim.Throttled()
	}
	if drawn := f.plan.faults.draw(r, c.Mutating()); drawn != nil {
		return drawn
	}
	return ordinary
}

func (p rates) draw(r *rand.Rand, mutating bool) *sim.Fault {
	dice := func(perMille int) bool { return r.IntN(1000) < perMille }
	switch {
	case dice(p.throttle):
		return sim.Throttled()
	case dice(p.server):
		return &sim.Fault{Status: 503, Code: "ServiceUnavailable", Message: "Service Unavailable"}
	case dice(p.reset):
		return &sim.Fault{Reset: true}
	case dice(p.lose):
		return &sim.Fault{LoseReply: true}
	case dice(p.twice):
		return &sim.Fault{Twice: true}
	case dice(p.slow):
		return &sim.Fault{Delay: time.Duration(r.Int64N(25e9))}
	case !mutating && dice(p.emptyPage):
		return &sim.Fault{Answer: sim.Distortion{EmptyFirstPage: true}}
	case !mutating && dice(p.sameToken):
		return &sim.Fault{Answer: sim.Distortion{RepeatToken: true}}
	case mutating && dice(p.contention):
		return &sim.Fault{Status: 500, Code: "ResourceContention", Message: "You already have a pending update to an Amazon EC2 Auto Scaling resource"}
	}
	return nil
}

// lifeline carries one process's requests, and is cut when the process is killed: at
// its nth API call, which takes effect or not, or with its host. What a killed process
// would still do never reaches the Region.
type lifeline struct {
	fleet  *seededRun
	id     string
	next   http.RoundTripper
	cancel context.CancelCauseFunc
	killAt int
	after  bool // the call at which it dies takes effect
	killed func()

	mu    sync.Mutex
	calls int
	cut   bool
}

func (l *lifeline) RoundTrip(req *http.Request) (*http.Response, error) {
	dies := l.step(req)
	if dies && !l.after || l.isCut() && !dies {
		return nil, errKilled
	}
	resp, err := l.next.RoundTrip(req)
	if dies {
		if err == nil {
			_ = resp.Body.Close()
		}
		return nil, errKilled
	}
	return resp, err
}

// step counts an API call, and says whether the process dies at it.
func (l *lifeline) step(req *http.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut || req.URL.Host != "api.sim" {
		return false
	}
	l.calls++
	if l.killAt == 0 || l.calls != l.killAt {
		return false
	}
	l.cut = true
	l.killed()
	l.fleet.event(l.id, "killed at call %d, which took effect: %v", l.calls, l.after)
	l.cancel(errKilled)
	return true
}

func (l *lifeline) isCut() bool {
	if l.fleet.dead(l.id) {
		l.cancel(errKilled)
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut
}
