package proxy

import (
	"time"

	"balanced/internal/sim"
)

// pick chooses the target of a new request: weighted round robin, so that targets in slow
// start get fewer. It is called with b.mu held.
func (b *balancer) pick(all []sim.RegistrationView, now time.Time) (sim.RegistrationView, bool) {
	var (
		best  sim.RegistrationView
		total float64
	)
	for _, reg := range b.candidates(all) {
		w := b.weight(reg, now)
		total += w
		b.credit[reg.Instance] += w
		if best.Instance == "" || b.credit[reg.Instance] > b.credit[best.Instance] {
			best = reg
		}
	}
	if best.Instance == "" {
		return best, false
	}
	b.credit[best.Instance] -= total
	return best, true
}

// candidates are the targets that a new request may go to. Without cross-zone load balancing
// the zones get requests in turn, as from clients that keep the address that DNS gave them.
// In a zone without a healthy target they go to the unhealthy ones there.
func (b *balancer) candidates(all []sim.RegistrationView) []sim.RegistrationView {
	if b.Zones == nil {
		return filter(all, func(r sim.RegistrationView) bool { return r.Routed })
	}
	zone := b.Zones[b.nextZone%len(b.Zones)]
	b.nextZone++
	here := filter(all, func(r sim.RegistrationView) bool { return r.Zone == zone })
	if taking := filter(here, func(r sim.RegistrationView) bool { return r.Routed }); len(taking) > 0 {
		return taking
	}
	return filter(here, func(r sim.RegistrationView) bool { return r.State != "draining" })
}

func filter(all []sim.RegistrationView, wanted func(sim.RegistrationView) bool) []sim.RegistrationView {
	var kept []sim.RegistrationView
	for _, r := range all {
		if wanted(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

// weight is 1, and during slow start it grows linearly from 0.05 to 1.
func (b *balancer) weight(reg sim.RegistrationView, now time.Time) float64 {
	age := now.Sub(reg.Since)
	if b.SlowStart <= 0 || age >= b.SlowStart {
		return 1
	}
	return max(0.05, float64(age)/float64(b.SlowStart))
}
