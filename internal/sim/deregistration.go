package sim

import (
	"slices"
	"time"
)

// deregistration is an instance that its group's load balancers are deregistering.
type deregistration struct {
	waiting []*registration // registrations that have not ended, in the order of attachment
	done    func()
}

// deregisterFromAll deregisters an instance from every load balancer of its group, and calls then
// when all have finished, or when Behaviour.DrainTimer is over. Auto Scaling removes only the
// registration on the target group's own port.
func (r *Region) deregisterFromAll(in *instance, then func()) {
	d := &deregistration{done: then}
	for _, p := range in.group().registrars {
		if reg := p.find(in.id, p.port); reg != nil {
			d.waiting = append(d.waiting, reg)
		}
	}
	if timer := r.config.Behaviour.DrainTimer; timer > 0 && len(d.waiting) > 0 {
		in.move.deregistration = nil
		for _, reg := range d.waiting {
			r.deregister(reg)
		}
		r.continueAfter(in, timer, then)
		return
	}
	in.move.deregistration = d
	r.continueDeregistration(in)
}

// continueDeregistration deregisters from the next load balancer, or finishes after the last.
func (r *Region) continueDeregistration(in *instance) {
	d := in.move.deregistration
	if d == nil {
		return
	}
	d.waiting = slices.DeleteFunc(d.waiting, func(reg *registration) bool { return reg.phase == phaseGone })
	if len(d.waiting) == 0 {
		in.move.deregistration = nil
		d.done()
		return
	}
	turn := d.waiting
	if r.config.Behaviour.SerialDrains {
		turn = turn[:1]
	}
	for _, reg := range turn {
		r.deregister(reg)
	}
}

// noteDraining changes an activity's status while load balancers drain. It does so a second after
// the start, because the answer to the call itself still says InProgress.
func (r *Region) noteDraining(in *instance, status string, suffix bool) {
	a := in.move.activity
	r.continueAfter(in, time.Second, func() {
		if slices.ContainsFunc(in.registrations, func(reg *registration) bool { return reg.phase == phaseDraining }) {
			r.setWaiting(a, status, suffix)
		}
	})
}

// removeFromGroup takes an instance out of its group for good, by way of Terminating or Detaching.
func (r *Region) removeFromGroup(in *instance, via, description string, percent int, causes ...string) *activity {
	g := in.group()
	r.cancelMove(in)
	r.transition(in, via)
	if in.replacement.by != nil {
		in.replacement.by.replacement.of, in.replacement.by = nil, nil
	}
	a := r.startActivity(g, in, description, statusInProgress, percent, causes...)
	in.move.activity = a
	r.deregisterFromAll(in, func() {
		if via == stateDetaching {
			r.removed(in, a)
			return
		}
		r.continueAfter(in, 0, func() { // the answer to the call comes first
			r.runHooks(in, g.hooksOf(true), func(abandoned string) { r.finishTermination(in, abandoned) })
		})
	})
	r.noteDraining(in, statusDraining, true)
	r.reconcileSoon(g)
	return a
}

// finishTermination terminates an instance after its hooks. An abandoned hook makes no difference
// unless the group retains such instances.
func (r *Region) finishTermination(in *instance, abandoned string) {
	if abandoned != "" && in.group().Settings.RetainOnAbandon {
		r.retain(in, abandoned)
		return
	}
	a := in.move.activity
	r.continueAfter(in, r.config.Timing.TerminateTime, func() { r.removed(in, a) })
}

// removed is the last step of removeFromGroup.
func (r *Region) removed(in *instance, a *activity) {
	g := in.group()
	if in.state() == stateDetaching {
		r.setTargetState(in, stateDetached)
	} else {
		r.stopRunning(in)
	}
	r.leaveGroup(in)
	r.endActivity(a, statusSuccessful, "")
	r.reconcileSoon(g)
}

// cancelMove ends the activity of a move that a stronger one interrupts.
func (r *Region) cancelMove(in *instance) {
	if in.move.activity != nil {
		r.endActivity(in.move.activity, statusCancelled, "")
	}
	if old := in.replacement.of; old != nil {
		old.replacement.by, in.replacement.of = nil, nil
	}
}

// stopRunning terminates an instance in EC2. Load balancers notice at once, Auto Scaling at its
// health check.
func (r *Region) stopRunning(in *instance) {
	in.running, in.passesChecks = false, false
	for _, reg := range in.registrations {
		r.updateShown(reg)
	}
}
