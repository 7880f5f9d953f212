package sim

import "time"

// RegistrationView is one instance on one port, registered with one load balancer.
type RegistrationView struct {
	Instance, Zone, Address string
	Port                    int       // 0 with a Classic Load Balancer
	State                   string    // initial, healthy, unhealthy or draining
	Routed                  bool      // it gets new traffic now
	Shifted                 bool      // a zonal shift keeps traffic away from its zone
	Checked                 bool      // it gets health checks now
	Since                   time.Time // when it last became healthy
	Epoch                   int       // changes when it is registered again or starts to drain
}

// Registrations are those of a Classic Load Balancer or target group, in the order they were made.
func (r *Region) Registrations(loadBalancer string) []RegistrationView {
	r.lock()
	defer r.unlock()
	p := r.registrar(loadBalancer)
	var all []RegistrationView
	for _, reg := range p.registrations {
		if reg.phase == phaseGone {
			continue
		}
		all = append(all, RegistrationView{
			Instance: reg.instance.id, Zone: reg.instance.zone, Address: p.addressOf(reg.instance), Port: reg.port,
			State: reg.state(), Routed: r.routes(reg), Shifted: p.traits.shifted(reg.instance.zone), Since: reg.checks.since, Epoch: reg.epoch,
			Checked: reg.phase == phaseRegistered && !p.check.Disabled,
		})
	}
	return all
}

// state is one word for what the two generations of load balancers say differently.
func (reg *registration) state() string {
	switch {
	case reg.phase == phaseDraining:
		return "draining"
	case reg.phase == phaseRegistered && reg.checks.verdict == verdictHealthy:
		return "healthy"
	case reg.phase == phaseRegistered && reg.checks.verdict == verdictUnhealthy:
		return "unhealthy"
	}
	return "initial"
}

// registrar returns the Classic Load Balancer or target group with this name and panics if there is
// none.
func (r *Region) registrar(name string) *registrar {
	if c, ok := r.classics.byName[name]; ok {
		return &c.registrar
	}
	return &r.targetGroups.must(name).registrar
}

// ReportHealthCheck counts a health check made by an external data plane (Config.DataPlane). It is
// ignored if the registration's epoch has changed or if it is not checked.
func (r *Region) ReportHealthCheck(loadBalancer, instance string, port, epoch int, passed bool) {
	r.lock()
	defer r.unlock()
	reg := r.registrar(loadBalancer).find(instance, port)
	if reg != nil && reg.epoch == epoch && reg.phase == phaseRegistered {
		r.count(reg, passed)
	}
}

// ReportIdle says that no connection is open any longer between a load balancer and a draining
// instance (Config.DataPlane). A Classic Load Balancer then ends the drain; others take their whole
// delay.
func (r *Region) ReportIdle(loadBalancer, instance string, port int) {
	r.lock()
	defer r.unlock()
	reg := r.registrar(loadBalancer).find(instance, port)
	if reg != nil && reg.phase == phaseDraining && reg.registrar.traits.endsWhenIdle() {
		r.finishDeregistration(reg)
	}
}

// Alive says whether EC2 runs an instance: from its launch until it is terminated.
func (r *Region) Alive(instance string) bool {
	r.lock()
	defer r.unlock()
	return r.instance(instance).running
}

// IPv6 is an instance's IPv6 address, or "" if it has none.
func (r *Region) IPv6(instance string) string {
	r.lock()
	defer r.unlock()
	return r.instance(instance).ipv6
}

// Address is an instance's private IPv4 address, or "" if it has only an IPv6 address.
func (r *Region) Address(instance string) string {
	r.lock()
	defer r.unlock()
	return r.instance(instance).address
}
