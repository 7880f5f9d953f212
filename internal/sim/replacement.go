package sim

const (
	elbAilment = "an instance was taken out of service in response to an ELB system health check failure."
	ec2Ailment = "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped."
)

// judge is Auto Scaling's own health check of one instance (User Guide, "Health checks for instances
// in an Auto Scaling group"). Only instances in service are checked: in Standby health is frozen.
func (r *Region) judge(in *instance) {
	now := in.life.now()
	g := now.group
	if g == nil || now.state != stateInService || now.health == unhealthy || in.forced || g.suspends(processHealthCheck) {
		return
	}
	switch {
	case !in.alive: // not even the grace period covers it
		r.fallIll(in, ec2Ailment)
	case g.asksLoadBalancers() && !r.inGrace(in) && r.failsSomewhere(g, in):
		r.fallIll(in, elbAilment)
	}
}

// inGrace says whether load balancers' opinions do not count yet.
func (r *Region) inGrace(in *instance) bool {
	return r.now.Before(in.inService.Add(in.group().Grace))
}

// failsSomewhere says whether any load balancer of the group has found the instance unhealthy.
func (r *Region) failsSomewhere(g *group, in *instance) bool {
	for _, reg := range in.registrations {
		if reg.phase == phaseRegistered && reg.checks.verdict == verdictUnhealthy && g.has(reg.pool) {
			return true
		}
	}
	return false
}

func (g *group) has(p *pool) bool {
	for _, own := range g.pools {
		if own == p {
			return true
		}
	}
	return false
}

// fallIll marks an instance Unhealthy; Auto Scaling replaces it when it next looks.
func (r *Region) fallIll(in *instance, ailment string) {
	in.ailment = ailment
	r.setHealth(in, unhealthy)
	r.replan(in.group())
}

// replaceUnhealthy takes unhealthy instances out, a tenth of the group at a time but at least one. A
// maintenance policy that allows no dip launches the replacement first.
func (r *Region) replaceUnhealthy(g *group) {
	if g.suspends(processReplaceUnhealthy) || g.suspends(processTerminate) {
		return
	}
	room := max(1, g.sizes.now().desired/10)
	var ill []*instance
	for _, in := range g.members {
		switch now := in.life.now(); {
		case now.group != g || now.health != unhealthy:
		case now.state == stateTerminating:
			room--
		case now.state == stateInService && !in.forced:
			ill = append(ill, in)
		}
	}
	for _, in := range ill[:clamp(room, 0, len(ill))] {
		r.replace(g, in)
	}
}

// replace takes one instance out in favour of a new one.
func (r *Region) replace(g *group, in *instance) {
	if g.MinHealthyPercentage < 100 || g.suspends(processLaunch) {
		g.owed++
		r.terminate(in, in.ailment)
		return
	}
	if in.standIn == nil {
		r.launchAhead(g, in, in.zone, "an instance was launched in response to an unhealthy instance needing to be replaced.")
	}
}

// launchAhead launches an instance that, once in service, makes another one go.
func (r *Region) launchAhead(g *group, old *instance, zone, cause string) {
	ahead := r.launch(g, zone, cause)
	ahead.replaces, old.standIn = old, ahead
}
