package proxy

import (
	"context"
	"time"

	"balanced/internal/sim"
)

// syncInterval is the time between two reads of the Region for drains that have ended and
// checks that begin. It is far below the 1 s that any delay of the Region takes.
const syncInterval = 10 * time.Millisecond

// syncLoop applies the Region's state to the proxy, and tells the Region which draining
// instances have no open requests.
func (b *balancer) syncLoop(ctx context.Context) {
	tick := time.NewTicker(syncInterval)
	defer tick.Stop()
	defer b.checks.checking.Wait()
	for {
		regs := b.syncDrains()
		b.checks.update(ctx, regs)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// syncDrains cuts off open requests to instances that are no longer registered, unless
// OutlivesDrain is set, and tells the Region which draining instances have none.
func (b *balancer) syncDrains() []sim.RegistrationView {
	b.mu.Lock()
	defer b.mu.Unlock()
	regs := b.region.Registrations(b.Name)
	busy, listed := map[string]bool{}, map[string]bool{}
	for _, reg := range regs {
		listed[reg.Instance] = true
	}
	for r := range b.open {
		busy[r.instance] = true
		if !listed[r.instance] && !b.OutlivesDrain {
			r.cancel(errDrained)
		}
	}
	for _, reg := range regs {
		if reg.State == "draining" && !busy[reg.Instance] {
			b.region.ReportIdle(b.Name, reg.Instance, reg.Port)
		}
	}
	return regs
}
