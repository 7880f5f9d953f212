package plane

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"balanced/internal/sim"
)

// pace is how often the Region is looked at for drains that end and checks that begin.
const pace = 10 * time.Millisecond

// tend keeps the proxy in step with the Region, and the Region with what is open.
func (b *balancer) tend(ctx context.Context) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	defer b.checks.asking.Wait()
	for {
		regs := b.drain()
		b.checks.keep(ctx, regs)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// drain cuts what is open to instances that are not registered any longer, unless that
// lasts, and tells the Region of those it drains with nothing open.
func (b *balancer) drain() []sim.RegistrationView {
	b.mu.Lock()
	defer b.mu.Unlock()
	regs := b.region.Registrations(b.Name)
	busy, listed := map[string]bool{}, map[string]bool{}
	for _, reg := range regs {
		listed[reg.Instance] = true
	}
	for p := range b.open {
		busy[p.instance] = true
		if !listed[p.instance] && !b.Lasting {
			p.cut(errDrained)
		}
	}
	for _, reg := range regs {
		if reg.State == "draining" && !busy[reg.Instance] {
			b.region.ReportIdle(b.Name, reg.Instance, reg.Port)
		}
	}
	return regs
}

// checks are the health checks of one load balancer. One goroutine keeps them.
type checks struct {
	balancer *balancer
	running  map[checked]context.CancelFunc
	asking   sync.WaitGroup
}

// checked is a registration from its beginning to its end.
type checked struct {
	instance, address string
	port, epoch       int
}

// keep starts and ends checks: there is one for each registration that is checked.
func (c *checks) keep(ctx context.Context, regs []sim.RegistrationView) {
	wanted := map[checked]bool{}
	for _, reg := range regs {
		key := checked{reg.Instance, reg.Address, reg.Port, reg.Epoch}
		if !reg.Checked {
			continue
		}
		wanted[key] = true
		if c.running[key] == nil {
			c.start(ctx, key, reg.State != "initial")
		}
	}
	for key, cancel := range c.running {
		if !wanted[key] {
			cancel()
			delete(c.running, key)
		}
	}
}

// start begins to check: at once what is new, spread over an interval what is settled.
func (c *checks) start(ctx context.Context, key checked, settled bool) {
	ctx, cancel := context.WithCancel(ctx)
	c.running[key] = cancel
	first := time.Duration(0)
	if settled {
		first = rand.N(c.balancer.Interval)
	}
	c.asking.Go(func() { c.balancer.check(ctx, key, first) })
}

func (b *balancer) check(ctx context.Context, key checked, first time.Duration) {
	client := &http.Client{Timeout: b.Timeout, Transport: &http.Transport{DisableKeepAlives: true}}
	next := time.NewTimer(first)
	defer next.Stop()
	for due := time.Now().Add(first); ; {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		passed := b.ask(ctx, client, key.address)
		if ctx.Err() == nil {
			b.region.ReportHealthCheck(b.Name, key.instance, key.port, key.epoch, passed)
		}
		due = due.Add(b.Interval)
		next.Reset(time.Until(due))
	}
}

// ask is one health check.
func (b *balancer) ask(ctx context.Context, client *http.Client, address string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(address, strconv.Itoa(b.Port))+b.Path, nil)
	if err != nil {
		return false
	}
	req.Header.Set("User-Agent", "ELB-HealthChecker/2.0")
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK
}
