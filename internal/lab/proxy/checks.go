package proxy

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

// checks are the health checks of one load balancer. They are updated by one goroutine.
type checks struct {
	balancer *balancer
	running  map[registration]context.CancelFunc // stops a check
	checking sync.WaitGroup
}

// registration is one registration of an instance. If it is deregistered and registered
// again, the epoch is another.
type registration struct {
	instance, address string
	port, epoch       int
}

// update starts and stops checks, so that there is one for each registration that is checked.
func (c *checks) update(ctx context.Context, regs []sim.RegistrationView) {
	wanted := map[registration]bool{}
	for _, reg := range regs {
		key := registration{reg.Instance, reg.Address, reg.Port, reg.Epoch}
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

// start begins to check a registration: a new one at once, others after a random part of an
// interval, so that the checks of a fleet are spread out.
func (c *checks) start(ctx context.Context, key registration, old bool) {
	ctx, cancel := context.WithCancel(ctx)
	c.running[key] = cancel
	first := time.Duration(0)
	if old {
		first = rand.N(c.balancer.Interval)
	}
	c.checking.Go(func() { c.balancer.check(ctx, key, first) })
}

// check checks one registration, once in an interval, until ctx ends.
func (b *balancer) check(ctx context.Context, key registration, first time.Duration) {
	client := &http.Client{Timeout: b.Timeout, Transport: &http.Transport{DisableKeepAlives: true}}
	next := time.NewTimer(first)
	defer next.Stop()
	for due := time.Now().Add(first); ; {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		passed := b.passesCheck(ctx, client, key.address)
		if ctx.Err() == nil {
			b.region.ReportHealthCheck(b.Name, key.instance, key.port, key.epoch, passed)
		}
		due = due.Add(b.Interval)
		next.Reset(time.Until(due))
	}
}

// passesCheck does one health check. The User-Agent is that of the load balancers' checks.
func (b *balancer) passesCheck(ctx context.Context, client *http.Client, address string) bool {
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
