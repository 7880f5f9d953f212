package sim

import "time"

// HealthCheck is how a load balancer checks what is registered with it. Zero fields take AWS's
// defaults (API reference, CreateTargetGroup; Classic: 30 s, 5 s, 10 and 2).
type HealthCheck struct {
	Target             string // Classic only: "HTTP:80/health", "TCP:80", "HTTPS:443/", "SSL:443"
	Protocol           string // target groups: default HTTP for HTTP and HTTPS, else TCP
	Port               string // "traffic-port" or a number
	Path, Matcher      string
	Interval, Timeout  time.Duration
	Healthy, Unhealthy int  // number of consecutive results that change the verdict
	Disabled           bool // target groups: health checks are off
}

// verdict is a load balancer's result for a registration.
type verdict int

const (
	undecided verdict = iota
	verdictHealthy
	verdictUnhealthy
)

// checks is the health checking of one registration. Checks happen at fixed intervals after the
// first one; only those that can change something are scheduled.
type checks struct {
	first          time.Time // time of the first check
	passes, fails  int       // consecutive results
	verdict        verdict
	unjudged       bool      // no verdict since the registration
	scheduled      bool      // whether the next check is scheduled
	countedHealthy bool      // whether the registrar's healthyCount includes it
	since          time.Time // when it was last added to healthyCount
}

// check performs one health check.
func (r *Region) check(reg *registration) {
	if r.config.DataPlane {
		return
	}
	r.count(reg, reg.instance.passesChecks)
	r.nextCheck(reg)
}

// count applies the result of one health check.
func (r *Region) count(reg *registration, passed bool) {
	c := &reg.checks
	if passed {
		c.passes, c.fails = c.passes+1, 0
	} else {
		c.passes, c.fails = 0, c.fails+1
	}
	need := reg.registrar.check.Healthy
	if c.unjudged {
		need = reg.registrar.traits.firstPasses()
	}
	switch {
	case c.passes >= need:
		c.verdict, c.unjudged = verdictHealthy, false
	case c.fails >= reg.registrar.check.Unhealthy:
		c.verdict, c.unjudged = verdictUnhealthy, false
	}
	r.updateShown(reg)
}

// nextCheck schedules the next check if it can change the verdict.
func (r *Region) nextCheck(reg *registration) {
	c := &reg.checks
	if c.scheduled || reg.phase != phaseRegistered || reg.registrar.check.Disabled || c.settled(reg.instance.passesChecks) {
		return
	}
	c.scheduled = true
	epoch := reg.epoch
	r.schedule(c.following(r.now, reg.registrar.check.Interval), func() {
		if reg.epoch == epoch {
			c.scheduled = false
			r.check(reg)
		}
	})
}

// settled says that further checks would only confirm the verdict.
func (c *checks) settled(answers bool) bool {
	if answers {
		return c.verdict == verdictHealthy && c.fails == 0
	}
	return c.verdict == verdictUnhealthy && c.passes == 0
}

// following is the time of the first check after now.
func (c *checks) following(now time.Time, interval time.Duration) time.Time {
	elapsed := now.Sub(c.first)
	return c.first.Add(elapsed - elapsed%interval + interval)
}
