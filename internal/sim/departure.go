package sim

import (
	"slices"
	"time"
)

// departure is an instance on its way out of its group's load balancers.
type departure struct {
	from []*registration // that have not let go yet, in the order of attachment
	then func()
}

// depart deregisters an instance from every load balancer of its group and runs then when they have
// let go: all of them, unless Behaviour.DrainTimer says that Auto Scaling counts for itself. Only the
// registration on the target group's own port is Auto Scaling's; others stay.
func (r *Region) depart(in *instance, then func()) {
	d := &departure{then: then}
	for _, p := range in.group().pools {
		if reg := p.find(in.id, p.port); reg != nil {
			d.from = append(d.from, reg)
		}
	}
	if timer := r.behaviour.DrainTimer; timer > 0 && len(d.from) > 0 {
		in.departure = nil
		for _, reg := range d.from {
			r.deregister(reg)
		}
		r.later(in, timer, then)
		return
	}
	in.departure = d
	r.pressOn(in)
}

// pressOn goes on with a departure: the next load balancer, or what comes after the last.
func (r *Region) pressOn(in *instance) {
	d := in.departure
	if d == nil {
		return
	}
	d.from = slices.DeleteFunc(d.from, func(reg *registration) bool { return reg.phase == phaseGone })
	if len(d.from) == 0 {
		in.departure = nil
		d.then()
		return
	}
	turn := d.from
	if r.behaviour.SerialDrains {
		turn = turn[:1]
	}
	for _, reg := range turn {
		r.deregister(reg)
	}
}

// sayDraining lets an activity say that it waits for load balancers, a moment after it began: the
// answer to the call that began it still says InProgress.
func (r *Region) sayDraining(in *instance, status string, suffix bool) {
	a := in.activity
	r.later(in, time.Second, func() {
		if slices.ContainsFunc(in.registrations, func(reg *registration) bool { return reg.phase == phaseDraining }) {
			r.waiting(a, status, suffix)
		}
	})
}

// begone takes an instance out of its group for good: through Terminating, or through Detaching.
func (r *Region) begone(in *instance, via, description string, causes ...string) *activity {
	g := in.group()
	r.abandonMove(in)
	r.transition(in, via)
	if in.standIn != nil {
		in.standIn.replaces, in.standIn = nil, nil
	}
	a := r.begin(g, in, description, statusInProgress, 50, causes...)
	in.activity = a
	took := time.Duration(0)
	if via == stateTerminating {
		took = r.timing.TerminateTime
	}
	r.depart(in, func() {
		r.later(in, took, func() { r.gone(in, a) })
	})
	r.sayDraining(in, statusDraining, true)
	r.replan(g)
	return a
}

// gone is the end of begone.
func (r *Region) gone(in *instance, a *activity) {
	g := in.group()
	if in.state() == stateTerminating {
		r.die(in)
	} else {
		r.aim(in, stateDetached)
	}
	r.leaveGroup(in)
	r.end(a, statusSuccessful, "")
	r.replan(g)
}

// abandonMove ends the activity of a move that something stronger cuts short.
func (r *Region) abandonMove(in *instance) {
	if in.activity != nil {
		r.end(in.activity, statusCancelled, "")
	}
	if old := in.replaces; old != nil {
		old.standIn, in.replaces = nil, nil
	}
}

// die ends an instance in EC2. Load balancers notice; Auto Scaling only where it checks.
func (r *Region) die(in *instance) {
	in.alive, in.answers = false, false
	for _, reg := range in.registrations {
		r.refreshReading(reg)
	}
}
