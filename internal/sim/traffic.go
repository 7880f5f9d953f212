package sim

import "time"

// RegistrationView is one instance, on one port, with one load balancer.
type RegistrationView struct {
	Instance, Zone, Address string
	Port                    int       // 0 with a Classic Load Balancer
	State                   string    // initial, healthy, unhealthy or draining
	Routed                   bool      // it is sent new traffic now
	Checked                 bool      // it is asked by health checks now
	Since                   time.Time // when it was last found healthy
	Epoch                   int       // another one: it was registered anew, or began to drain
}

// Registrations are those of a Classic Load Balancer or target group, in the order they were made.
func (r *Region) Registrations(loadBalancer string) []RegistrationView {
	r.lock()
	defer r.unlock()
	p := r.pool(loadBalancer)
	var all []RegistrationView
	for _, reg := range p.regs {
		if reg.phase == phaseGone {
			continue
		}
		all = append(all, RegistrationView{
			Instance: reg.in.id, Zone: reg.in.zone, Address: reg.in.address, Port: reg.port,
			State: reg.state(), Routed: r.takes(reg), Since: reg.checks.since, Epoch: reg.epoch,
			Checked: reg.phase == phaseRegistered && !p.check.Disabled,
		})
	}
	return all
}

// state is in one word what both generations of load balancers say in words of their own.
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

// pool finds a Classic Load Balancer or target group by name, or panics.
func (r *Region) pool(name string) *pool {
	if c, ok := r.classics.byName[name]; ok {
		return &c.pool
	}
	return &r.targetGroups.must(name).pool
}

// ReportHealthCheck counts one health check of a registration that a data plane made (Config.DataPlane). One of
// another epoch, or of a registration that is not checked, counts for nothing.
func (r *Region) ReportHealthCheck(loadBalancer, instance string, port, epoch int, passed bool) {
	r.lock()
	defer r.unlock()
	reg := r.pool(loadBalancer).find(instance, port)
	if reg != nil && reg.epoch == epoch && reg.phase == phaseRegistered {
		r.count(reg, passed)
	}
}

// ReportIdle says that nothing is open any longer between a load balancer and an instance it drains
// (Config.DataPlane). A Classic Load Balancer lets go then; others take their whole delay.
func (r *Region) ReportIdle(loadBalancer, instance string, port int) {
	r.lock()
	defer r.unlock()
	reg := r.pool(loadBalancer).find(instance, port)
	if reg != nil && reg.phase == phaseDraining && reg.pool.rules.endsWhenIdle() {
		r.letGo(reg)
	}
}

// Alive says whether EC2 runs an instance: from its launch until it is terminated.
func (r *Region) Alive(instance string) bool {
	r.lock()
	defer r.unlock()
	return r.instance(instance).alive
}

// Address is an instance's private IPv4 address.
func (r *Region) Address(instance string) string {
	r.lock()
	defer r.unlock()
	return r.instance(instance).address
}
