package sim

const (
	elbFailureCause = "an instance was taken out of service in response to an ELB system health check failure."
	ec2FailureCause = "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped."
)

// checkHealth is Auto Scaling's health check of one instance (User Guide, "Health checks for
// instances in an Auto Scaling group"). Only instances in service are checked.
func (r *Region) checkHealth(in *instance) {
	now := in.membership.current()
	g := now.group
	if g == nil || now.state != stateInService || now.health == unhealthy || in.move.forced || g.suspends(processHealthCheck) {
		return
	}
	switch {
	case !in.running: // even within the grace period
		r.markUnhealthy(in, ec2FailureCause)
	case g.asksLoadBalancers() && !r.inGrace(in) && r.failsSomewhere(g, in):
		r.markUnhealthy(in, elbFailureCause)
	}
}

// inGrace says whether load balancer health checks do not count yet.
func (r *Region) inGrace(in *instance) bool {
	return r.now.Before(in.inServiceSince.Add(in.group().Grace))
}

// failsSomewhere says whether the instance is unhealthy at a load balancer of its group.
func (r *Region) failsSomewhere(g *group, in *instance) bool {
	for _, reg := range in.registrations {
		if reg.phase == phaseRegistered && reg.checks.verdict == verdictUnhealthy && g.registersWith(reg.registrar) {
			return true
		}
	}
	return false
}

func (g *group) registersWith(p *registrar) bool {
	for _, own := range g.registrars {
		if own == p {
			return true
		}
	}
	return false
}

// markUnhealthy marks an instance Unhealthy. Auto Scaling replaces it when it next acts on the
// group.
func (r *Region) markUnhealthy(in *instance, cause string) {
	in.replacement.cause = cause
	r.setHealth(in, unhealthy)
	r.reconcileSoon(in.group())
}

// replaceUnhealthy replaces unhealthy instances, a tenth of the group at a time and at least one.
// If the maintenance policy allows no fewer healthy instances, the replacement is launched first.
func (r *Region) replaceUnhealthy(g *group) {
	if g.suspends(processReplaceUnhealthy) || g.suspends(processTerminate) {
		return
	}
	room := max(1, g.sizes.current().desired/10)
	var toReplace []*instance
	for _, in := range g.members {
		switch now := in.membership.current(); {
		case now.group != g || now.health != unhealthy:
		case terminating(now.state):
			room--
		case now.state == stateInService && !in.move.forced:
			toReplace = append(toReplace, in)
		}
	}
	for _, in := range toReplace[:clamp(room, 0, len(toReplace))] {
		r.replace(g, in)
	}
}

// replace replaces one instance.
func (r *Region) replace(g *group, in *instance) {
	if !r.launchesFirst(g) || g.suspends(processLaunch) {
		g.replacementsDue++
		r.terminate(in, in.replacement.cause)
		return
	}
	if in.replacement.by == nil {
		r.launchReplacement(g, in, in.zone, "an instance was launched in response to an unhealthy instance needing to be replaced.")
	}
}

// launchReplacement launches an instance. When it is in service, the old one is terminated.
func (r *Region) launchReplacement(g *group, old *instance, zone, cause string) {
	if g.launchFailure != "" {
		r.failLaunch(g, cause)
		return
	}
	ahead := r.launch(g, zone, cause)
	ahead.replacement.of, old.replacement.by = old, ahead
}

// launchesFirst says whether a replacement is launched before the old instance is terminated: by the
// group's maintenance policy, or by the account setting if it has none.
func (r *Region) launchesFirst(g *group) bool {
	if g.MinHealthyPercentage == 0 && g.MaxHealthyPercentage == 0 {
		return r.config.LaunchBeforeTerminate
	}
	return g.MinHealthyPercentage >= 100
}
