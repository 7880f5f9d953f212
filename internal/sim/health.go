package sim

import "time"

// HealthCheck is how a load balancer checks what is registered with it. Zero fields get AWS's
// defaults (API reference, CreateTargetGroup; Classic: 30 s, 5 s, 10 and 2).
type HealthCheck struct {
	Target             string // Classic only: "HTTP:80/health", "TCP:80", "HTTPS:443/", "SSL:443"
	Protocol           string // target groups: default HTTP for HTTP and HTTPS, else TCP
	Port               string // "traffic-port" or a number
	Path, Matcher      string
	Interval, Timeout  time.Duration
	Healthy, Unhealthy int  // how many in a row change a verdict
	Disabled           bool // target groups: health checks are off
}

// verdict is what a load balancer thinks of a registration.
type verdict int

const (
	verdictNone verdict = iota
	verdictHealthy
	verdictUnhealthy
)

// checks is the health checking of one registration. Checks fall on a grid of moments one interval
// apart, but only those that could change something are on the agenda.
type checks struct {
	grid          time.Time // the first check
	passes, fails int       // in a row
	verdict       verdict
	fresh         bool      // no verdict yet since the registration
	due           bool      // the next check is on the agenda
	counted       bool      // among the pool's healthy
	since         time.Time // when the pool last counted it
}

// check is one health check of the Region's own.
func (r *Region) check(reg *registration) {
	if r.dataPlane {
		return
	}
	r.count(reg, reg.in.answers)
	r.nextCheck(reg)
}

// count is one health check and its consequences.
func (r *Region) count(reg *registration, passed bool) {
	c := &reg.checks
	if passed {
		c.passes, c.fails = c.passes+1, 0
	} else {
		c.passes, c.fails = 0, c.fails+1
	}
	need := reg.pool.check.Healthy
	if c.fresh {
		need = reg.pool.rules.firstPasses()
	}
	switch {
	case c.passes >= need:
		c.verdict, c.fresh = verdictHealthy, false
	case c.fails >= reg.pool.check.Unhealthy:
		c.verdict, c.fresh = verdictUnhealthy, false
	}
	r.refreshReading(reg)
}

// nextCheck puts the next check on the agenda while it can still change the verdict.
func (r *Region) nextCheck(reg *registration) {
	c := &reg.checks
	if c.due || reg.phase != phaseRegistered || reg.pool.check.Disabled || c.settled(reg.in.answers) {
		return
	}
	c.due = true
	epoch := reg.epoch
	r.at(c.following(r.now, reg.pool.check.Interval), func() {
		if reg.epoch == epoch {
			c.due = false
			r.check(reg)
		}
	})
}

// settled says that checks would only confirm the verdict.
func (c *checks) settled(answers bool) bool {
	if answers {
		return c.verdict == verdictHealthy && c.fails == 0
	}
	return c.verdict == verdictUnhealthy && c.passes == 0
}

// following is the first moment of the grid after now.
func (c *checks) following(now time.Time, interval time.Duration) time.Time {
	elapsed := now.Sub(c.grid)
	return c.grid.Add(elapsed - elapsed%interval + interval)
}
