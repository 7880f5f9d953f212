package plane

import (
	"time"

	"balanced/internal/sim"
)

// pick chooses a target for a new request, b.mu held: round robin, those in slow start
// less often.
func (b *balancer) pick(all []sim.RegistrationView, now time.Time) (sim.RegistrationView, bool) {
	var (
		best  sim.RegistrationView
		total float64
	)
	for _, reg := range b.candidates(all) {
		w := b.weight(reg, now)
		total += w
		b.share[reg.Instance] += w
		if best.Instance == "" || b.share[reg.Instance] > b.share[best.Instance] {
			best = reg
		}
	}
	if best.Instance == "" {
		return best, false
	}
	b.share[best.Instance] -= total
	return best, true
}

// candidates are those a new request may go to. With zones apart it comes in through the
// node of one zone, each in turn, as clients do that keep the addresses they once got. A
// node that has no healthy target sends to the others of its zone.
func (b *balancer) candidates(all []sim.RegistrationView) []sim.RegistrationView {
	if b.Zones == nil {
		return only(all, func(r sim.RegistrationView) bool { return r.Routed })
	}
	zone := b.Zones[b.node%len(b.Zones)]
	b.node++
	here := only(all, func(r sim.RegistrationView) bool { return r.Zone == zone })
	if taking := only(here, func(r sim.RegistrationView) bool { return r.Routed }); len(taking) > 0 {
		return taking
	}
	return only(here, func(r sim.RegistrationView) bool { return r.State != "draining" })
}

func only(all []sim.RegistrationView, wanted func(sim.RegistrationView) bool) []sim.RegistrationView {
	var some []sim.RegistrationView
	for _, r := range all {
		if wanted(r) {
			some = append(some, r)
		}
	}
	return some
}

// weight grows over the slow start, from a twentieth to one.
func (b *balancer) weight(reg sim.RegistrationView, now time.Time) float64 {
	since := now.Sub(reg.Since)
	if b.SlowStart <= 0 || since >= b.SlowStart {
		return 1
	}
	return max(0.05, float64(since)/float64(b.SlowStart))
}
