package rotation

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"balanced/internal/fleet"
	"balanced/internal/logging"
	"balanced/internal/probe"
)

// rehearsed is how long a dry run asks the host at most: it does not wait for an
// application that is starting.
const rehearsed = 30 * time.Second

// onceMore is enough for a sound host: ten passes, a second apart, are the most that a
// load balancer wants.
const onceMore = 15 * time.Second

// mayBeAsked: the host has to pass before it returns, and again after any wait.
func mayBeAsked(v view) *Stop {
	if v.fit || !v.probes || len(v.questions()) == 0 {
		return nil
	}
	return act
}

// askHost asks the host what its load balancers will ask, until it passes everything
// or the time for it is over: then it stays in Standby, and no load balancer meets it.
func (r *run) askHost(ctx context.Context) error {
	r.begin()
	if r.Self.PrivateIP == "" && (r.instead == nil || r.instead.Host == "") {
		return stopf(Setup, "name one: --probe http://ADDRESS:PORT/PATH", "the identity document of %s has no private address to ask", r.Self.Instance)
	}
	wait, cancel := context.WithDeadlineCause(ctx, r.asksUntil(), errBudget)
	defer cancel()
	err := r.Prober.Run(wait, r.view().questions(), r.heard)
	var unfit *probe.FailedError
	switch {
	case err == nil:
		r.fit = true
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &unfit):
		return &Stop{Class: Unfit, Reason: fmt.Sprintf("%s stays in Standby (%s)", r.Self.Instance, unfit.Check.Source), Hint: "mend the application, then run balanced in", Err: err}
	}
	return &Stop{Class: Setup, Reason: "probe", Hint: "mend the health check, or use --probe off", Err: err}
}

// asksUntil leaves the move the time it needs, or half where there is too little. What
// came before, a drain or a wait, may have taken all of it: the host is asked even so.
func (r *run) asksUntil() time.Time {
	now := time.Now()
	until := r.since.Add(r.stood() - r.still + max(r.timeout-wayBack(r.seen.Traffic), r.timeout/2))
	if least := now.Add(min(onceMore, r.timeout/2)); until.Before(least) {
		until = least
	}
	if soon := now.Add(rehearsed); r.dryRun && soon.Before(until) {
		until = soon
	}
	return until
}

// heard passes an answer of the host on as a sign of life.
func (r *run) heard(answer string) {
	r.Log.Debug("probe", logging.Detail(answer))
	r.tell("probe", answer)
}

// questions are what the load balancers that count will ask, or what the operator put
// in their place.
func (v view) questions() []probe.Check {
	if v.instead != nil {
		return []probe.Check{*v.instead}
	}
	var all []probe.Check
	for _, t := range v.Traffic {
		if t.asked() {
			all = append(all, derived(t.Source))
		}
	}
	return all
}

// derived is a source's health check as the host can be asked it.
func derived(s fleet.Source) probe.Check {
	c := probe.Check{
		Source: s.Name, Protocol: s.Check.Protocol, HTTP2: s.Check.HTTP2, Port: s.Port, Path: s.Check.Path,
		Matcher: s.Check.Matcher, Timeout: s.Check.Timeout, Healthy: s.Check.Healthy, Interval: s.Check.Interval,
	}
	if port, err := strconv.Atoi(s.Check.Port); err == nil { // otherwise "traffic-port"
		c.Port = port
	}
	if s.Check.GRPC {
		c.Protocol, c.HTTP2 = map[string]string{"HTTP": "GRPC", "HTTPS": "GRPCS"}[s.Check.Protocol], false
	}
	return c
}
