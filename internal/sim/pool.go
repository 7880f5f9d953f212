package sim

import (
	"slices"
	"time"
)

// pool is what an instance can be registered with: a Classic Load Balancer or a target group.
type pool struct {
	name    string
	port    int // Auto Scaling registers instances on it; 0 for a Classic Load Balancer
	check   HealthCheck
	rules   rules
	regs    []*registration // in the order of registration, with those history still shows
	byKey   map[regKey]*registration
	healthy int // registrations that are healthy and not draining
}

// rules is where Classic Load Balancers and target groups differ.
type rules interface {
	// reading is how a registration looks from outside.
	reading(*registration) reading
	// drainTime is how long the load balancer takes to let go of a registration.
	drainTime(*Region, *registration) time.Duration
	// endsWhenIdle: it lets go as soon as nothing is open between them.
	endsWhenIdle() bool
	// registerTime passes before a new registration is checked for the first time.
	registerTime(*Region) time.Duration
	// firstPasses is how many checks a new registration has to pass.
	firstPasses() int
	// failsOpen: with nobody healthy, everybody is sent traffic.
	failsOpen() bool
	// lingers is how long after its deregistration a registration is still sent new traffic.
	lingers(*Region) time.Duration
	// reaches says whether the load balancer routes to a zone at all.
	reaches(zone string) bool
}

type regKey struct {
	id   string
	port int
}

// phase is how far a registration has come.
type phase int

const (
	phaseRegistering phase = iota
	phaseRegistered
	phaseDraining
	phaseGone
)

// reading is what DescribeInstanceHealth and DescribeTargetHealth say about a registration.
type reading struct {
	State, Reason, Description string
	listed                     bool // in the answer that names no instance
}

// registration is one instance, on one port, with one load balancer.
type registration struct {
	pool    *pool
	in      *instance
	port    int
	phase   phase
	began   time.Time // the phase
	reading past[reading]
	checks  checks
	epoch   int // counts phases: an event of an earlier one is void
}

func (p *pool) find(id string, port int) *registration { return p.byKey[regKey{id, port}] }

// register lists an instance with a load balancer. One that is still draining starts over.
func (r *Region) register(p *pool, in *instance, port int) *registration {
	reg := p.find(in.id, port)
	if reg == nil {
		reg = p.list(in, port)
	} else if reg.phase != phaseDraining {
		return reg
	}
	r.enterPhase(reg, phaseRegistering)
	wait := p.rules.registerTime(r)
	reg.checks = checks{grid: r.now.Add(wait), fresh: true}
	epoch := reg.epoch
	r.after(wait, func() {
		if reg.epoch == epoch {
			r.enterPhase(reg, phaseRegistered)
			r.check(reg)
		}
	})
	return reg
}

// list puts a new registration on the books.
func (p *pool) list(in *instance, port int) *registration {
	reg := &registration{pool: p, in: in, port: port}
	p.regs = append(p.regs, reg)
	p.byKey[regKey{in.id, port}] = reg
	in.registrations = append(in.registrations, reg)
	return reg
}

// addHealthy registers an instance that has been healthy for long.
func (p *pool) addHealthy(r *Region, in *instance) {
	reg := p.list(in, p.port)
	reg.phase = phaseRegistered
	reg.checks = checks{grid: r.now, verdict: verdictHealthy, counted: true}
	p.healthy++
	reg.reading = always(p.rules.reading(reg))
}

// deregister begins to let go of a registration.
func (r *Region) deregister(reg *registration) {
	if reg.phase >= phaseDraining {
		return
	}
	drain := reg.pool.rules.drainTime(r, reg)
	r.enterPhase(reg, phaseDraining)
	if drain <= 0 {
		r.letGo(reg)
		return
	}
	epoch := reg.epoch
	r.after(drain, func() {
		if reg.epoch == epoch {
			r.letGo(reg)
		}
	})
}

// letGo ends a registration, and with it, maybe, an instance's departure.
func (r *Region) letGo(reg *registration) {
	r.enterPhase(reg, phaseGone)
	p, in := reg.pool, reg.in
	delete(p.byKey, regKey{in.id, reg.port})
	in.registrations = slices.DeleteFunc(in.registrations, func(x *registration) bool { return x == reg })
	r.after(r.maxLag, func() {
		p.regs = slices.DeleteFunc(p.regs, func(x *registration) bool { return x == reg })
	})
	r.after(0, func() { r.pressOn(in) })
}

// enterPhase moves a registration on. Events of the phase it was in are void.
func (r *Region) enterPhase(reg *registration, p phase) {
	reg.phase, reg.began = p, r.now
	reg.epoch++
	reg.checks.due = false
	r.refreshReading(reg)
}

// refreshReading works out anew how a registration looks, after anything it depends on has changed.
func (r *Region) refreshReading(reg *registration) {
	good := reg.phase == phaseRegistered && reg.checks.verdict == verdictHealthy && reg.in.alive
	if good != reg.checks.counted {
		reg.checks.counted = good
		if good {
			reg.checks.since = r.now
			reg.pool.healthy++
		} else {
			reg.pool.healthy--
		}
	}
	if now := reg.pool.rules.reading(reg); now != reg.reading.now() {
		become(r, &reg.reading, now)
	}
	r.judge(reg.in)
}

// shownRegistration is a registration as a describe call sees it.
type shownRegistration struct {
	*registration
	reading reading
}

// listedAt are the registrations a describe call that names none answers.
func (p *pool) listedAt(moment time.Time) []shownRegistration {
	var all []shownRegistration
	for _, reg := range p.regs {
		if was, there := reg.reading.at(moment); there && was.listed {
			all = append(all, shownRegistration{reg, was})
		}
	}
	return all
}

// readingAt is what a describe call that names an instance and port answers.
func (p *pool) readingAt(id string, port int, moment time.Time) (reading, bool) {
	for _, reg := range slices.Backward(p.regs) {
		if reg.in.id == id && reg.port == port {
			if was, there := reg.reading.at(moment); there && was.listed {
				return was, true
			}
		}
	}
	return reading{}, false
}

// takes says whether the load balancer would send a registration new traffic now.
func (r *Region) takes(reg *registration) bool {
	rules := reg.pool.rules
	switch {
	case !rules.reaches(reg.in.zone) || !reg.in.alive:
		return false
	case reg.phase == phaseDraining:
		return r.now.Before(reg.began.Add(rules.lingers(r)))
	case reg.phase == phaseGone:
		return false
	case reg.pool.healthy == 0 && rules.failsOpen():
		return true
	}
	return reg.phase == phaseRegistered && reg.checks.verdict == verdictHealthy
}
