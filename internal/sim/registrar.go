package sim

import (
	"slices"
	"time"
)

// registrar is what instances are registered with: a Classic Load Balancer or a target group.
type registrar struct {
	name          string
	port          int // port that Auto Scaling registers instances on; 0: Classic Load Balancer
	check         HealthCheck
	traits        traits
	registrations []*registration // in the order they were made, including ended ones that history still shows
	byTarget      map[targetKey]*registration
	healthyCount  int                     // number of registrations that are healthy and not draining
	activeCount   int                     // number of registrations that are not draining
	endedAt       map[targetKey]time.Time // end of the last registration
}

func newRegistrar(name string, port int, check HealthCheck, t traits) registrar {
	return registrar{
		name: name, port: port, check: check, traits: t,
		byTarget: map[targetKey]*registration{}, endedAt: map[targetKey]time.Time{},
	}
}

// traits is how Classic Load Balancers and target groups differ.
type traits interface {
	// shownHealth is what describe calls answer for a registration.
	shownHealth(*registration) shownHealth
	// drainTime is how long deregistration takes.
	drainTime(*Region, *registration) time.Duration
	// endsWhenIdle says whether deregistration ends when the last connection closes.
	endsWhenIdle() bool
	// registerTime is the time between a registration and its first health check.
	registerTime(*Region) time.Duration
	// firstPasses is the number of checks that a new registration must pass.
	firstPasses() int
	// minHealthy is the number of healthy registrations, of all, below which unhealthy ones get
	// traffic too; 0: they never do.
	minHealthy(all int) int
	// usesIPv6 says whether health checks and traffic go to the instance's IPv6 address.
	usesIPv6() bool
	// shifted says whether a zonal shift keeps traffic away from the zone.
	shifted(zone string) bool
	// lingerTime is how long a deregistered instance still gets new traffic.
	lingerTime(*Region) time.Duration
	// reaches says whether the zone is enabled for the load balancer.
	reaches(zone string) bool
}

type targetKey struct {
	id   string
	port int
}

// phase is the stage of a registration.
type phase int

const (
	phaseRegistering phase = iota
	phaseRegistered
	phaseDraining
	phaseGone
)

// shownHealth is what DescribeInstanceHealth and DescribeTargetHealth answer for a registration.
type shownHealth struct {
	State, Reason, Description string
	override                   string // State of its AdministrativeOverride; "": it has none
	listed                     bool   // whether an answer without filter contains it
}

// registration is one instance on one port, registered with one load balancer.
type registration struct {
	registrar *registrar
	instance  *instance
	port      int
	phase     phase
	began     time.Time // start of the phase
	shown     history[shownHealth]
	checks    checks
	epoch     int // number of phases so far; events of earlier phases are void
}

// addressOf is the address that health checks and traffic for an instance go to.
func (p *registrar) addressOf(in *instance) string {
	if p.traits.usesIPv6() {
		return in.ipv6
	}
	return in.address
}

func (p *registrar) find(id string, port int) *registration { return p.byTarget[targetKey{id, port}] }

// register registers an instance. If it is still draining, the registration starts again.
func (r *Region) register(p *registrar, in *instance, port int) *registration {
	reg := p.find(in.id, port)
	if reg == nil {
		reg = p.add(in, port)
	} else if reg.phase != phaseDraining {
		return reg
	}
	p.activeCount++
	r.enterPhase(reg, phaseRegistering)
	wait := p.traits.registerTime(r)
	reg.checks = checks{first: r.now.Add(wait), unjudged: true}
	epoch := reg.epoch
	r.scheduleAfter(wait, func() {
		if reg.epoch == epoch {
			r.enterPhase(reg, phaseRegistered)
			r.check(reg)
		}
	})
	return reg
}

// add adds a registration to the registrar and to the instance.
func (p *registrar) add(in *instance, port int) *registration {
	reg := &registration{registrar: p, instance: in, port: port}
	p.registrations = append(p.registrations, reg)
	p.byTarget[targetKey{in.id, port}] = reg
	in.registrations = append(in.registrations, reg)
	return reg
}

// addHealthy registers an instance that has been healthy for a long time.
func (p *registrar) addHealthy(r *Region, in *instance, port int) {
	reg := p.add(in, port)
	reg.phase = phaseRegistered
	reg.checks = checks{first: r.now, verdict: verdictHealthy, countedHealthy: true}
	p.healthyCount++
	p.activeCount++
	reg.shown = newHistory(p.traits.shownHealth(reg))
}

// deregister starts to deregister an instance.
func (r *Region) deregister(reg *registration) {
	if reg.phase >= phaseDraining {
		return
	}
	reg.registrar.activeCount--
	drain := reg.registrar.traits.drainTime(r, reg)
	r.enterPhase(reg, phaseDraining)
	if drain <= 0 {
		r.finishDeregistration(reg)
		return
	}
	epoch := reg.epoch
	r.scheduleAfter(drain, func() {
		if reg.epoch == epoch {
			r.finishDeregistration(reg)
		}
	})
}

// finishDeregistration ends a registration and continues what waited for it.
func (r *Region) finishDeregistration(reg *registration) {
	r.enterPhase(reg, phaseGone)
	p, in := reg.registrar, reg.instance
	delete(p.byTarget, targetKey{in.id, reg.port})
	p.endedAt[targetKey{in.id, reg.port}] = r.now
	in.registrations = slices.DeleteFunc(in.registrations, func(x *registration) bool { return x == reg })
	r.scheduleAfter(r.config.MaxLag, func() {
		p.registrations = slices.DeleteFunc(p.registrations, func(x *registration) bool { return x == reg })
	})
	r.scheduleAfter(0, func() { r.continueDeregistration(in) })
}

// enterPhase moves a registration to its next phase. Events of the previous phase are void.
func (r *Region) enterPhase(reg *registration, p phase) {
	reg.phase, reg.began = p, r.now
	reg.epoch++
	reg.checks.scheduled = false
	r.updateShown(reg)
}

// updateShown recomputes what describe calls answer, after something it depends on has changed.
func (r *Region) updateShown(reg *registration) {
	good := reg.phase == phaseRegistered && reg.checks.verdict == verdictHealthy && reg.instance.running
	if good != reg.checks.countedHealthy {
		reg.checks.countedHealthy = good
		if good {
			reg.checks.since = r.now
			reg.registrar.healthyCount++
		} else {
			reg.registrar.healthyCount--
		}
	}
	if now := reg.registrar.traits.shownHealth(reg); now != reg.shown.current() {
		setNow(r, &reg.shown, now)
	}
	r.checkHealth(reg.instance)
}

// listedReading is a registration as a describe call shows it.
type listedReading struct {
	*registration
	reading shownHealth
}

func (l listedReading) names() []string { return []string{l.instance.id} }

// listedAt are the registrations that a describe call without filter answers.
func (p *registrar) listedAt(moment time.Time) []listedReading {
	var all []listedReading
	for _, reg := range p.registrations {
		if was, there := reg.shown.asOf(moment); there && was.listed {
			all = append(all, listedReading{reg, was})
		}
	}
	return all
}

// shownAt is what a describe call answers for a named instance and port.
func (p *registrar) shownAt(id string, port int, moment time.Time) (shownHealth, bool) {
	for _, reg := range slices.Backward(p.registrations) {
		if reg.instance.id == id && reg.port == port {
			if was, there := reg.shown.asOf(moment); there && was.State != "" {
				return was, true
			}
		}
	}
	return shownHealth{}, false
}

// routes says whether the load balancer sends new traffic to a registration.
func (r *Region) routes(reg *registration) bool {
	p, zone := reg.registrar, reg.instance.zone
	switch {
	case !p.traits.reaches(zone) || p.traits.shifted(zone) || !reg.instance.running:
		return false
	case reg.phase == phaseDraining:
		return r.now.Before(reg.began.Add(p.traits.lingerTime(r)))
	case reg.phase == phaseGone:
		return false
	case p.healthyCount < p.traits.minHealthy(p.activeCount):
		return true
	}
	return reg.phase == phaseRegistered && reg.checks.verdict == verdictHealthy
}
