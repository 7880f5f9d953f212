package rotation

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/logging"
	"balanced/internal/probe"
)

// dryProbe is how long a dry run probes the host at most: it does not wait for an application that is starting.
const dryProbe = 30 * time.Second

// leastProbe is enough for a host that answers well: ten passes, a second apart, are the most that a load balancer
// wants.
const leastProbe = 15 * time.Second

// probeDue: the host has to pass before it returns, and again after any wait.
func probeDue(v view) verdict {
	if v.probePassed || !v.probes || len(v.checks()) == 0 {
		return verdict{}
	}
	return verdict{kind: act}
}

// probeHost asks the host what its load balancers will ask, until it passes everything or the time for it is over: then
// it stays in Standby, and no load balancer meets it.
func (r *run) probeHost(ctx context.Context) error {
	r.moving.start()
	if r.Self.PrivateIP == "" && (r.request.probe == nil || r.request.probe.Host == "") {
		return failure.New(failure.Setup, "name one: --probe http://ADDRESS:PORT/PATH", "the identity document of %s has no private address to probe", r.id)
	}
	wait, cancel := context.WithDeadlineCause(ctx, r.probeUntil(), errBudget)
	defer cancel()
	err := r.Prober.Run(wait, r.view().checks(), r.probeAnswered)
	var unfit *probe.FailedError
	var beyond *probe.NotImitatedError
	switch {
	case err == nil:
		r.probePassed = true
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &unfit):
		return &failure.Refusal{
			Class: failure.Unfit, Err: err, Hint: "fix the application, then run balanced in" + exceptWhere(unfit.Check),
			Reason: fmt.Sprintf("%s stays in Standby (%s)", r.id, unfit.Check.Source),
		}
	case errors.As(err, &beyond):
		return &failure.Refusal{Class: failure.Setup, Reason: "probe for " + beyond.Check.Source, Hint: "name another check with --probe URL, or use --probe off", Err: err}
	}
	return &failure.Refusal{Class: failure.Setup, Reason: "probe", Hint: "fix the health check, or use --probe off", Err: err}
}

// exceptWhere names what a probe cannot imitate: an application may answer its load balancer and not this host.
func exceptWhere(c probe.Check) string {
	differs := c.Differs()
	if len(differs) == 0 {
		return ""
	}
	var names []string
	for _, d := range differs {
		name, _, _ := strings.Cut(d, ",")
		names = append(names, name)
	}
	return "; if it depends on " + strings.Join(names, " or ") + ", use --probe URL"
}

// probeUntil leaves the move the time it needs, or half where there is too little. What came before, a drain or a wait,
// may have taken all of it: the host is probed even so.
func (r *run) probeUntil() time.Time {
	now := time.Now()
	until := r.moving.ends(max(r.budgets.timeout-fleet.WayBack(r.seen.Traffic), r.budgets.timeout/2))
	if least := now.Add(min(leastProbe, r.budgets.timeout/2)); until.Before(least) {
		until = least
	}
	if soon := now.Add(dryProbe); r.DryRun && soon.Before(until) {
		until = soon
	}
	return until
}

// probeAnswered passes an answer of the host on as a sign of life.
func (r *run) probeAnswered(answer string) {
	r.Log.Debug("probe", logging.Detail(answer))
	r.reportProgress("probe", answer)
}

// checks are what the load balancers that count will ask, or what the operator put in their place.
func (v view) checks() []probe.Check {
	if v.probe != nil {
		return []probe.Check{*v.probe}
	}
	var all []probe.Check
	for _, t := range v.Traffic {
		if t.Probes() {
			all = append(all, checkOf(t.Source))
		}
	}
	return all
}

// checkOf is a source's health check as this host can be asked it.
func checkOf(s fleet.Source) probe.Check {
	c := probe.Check{
		Kind: probe.Kind(s.Kind), Source: s.Name, Protocol: s.Check.Protocol, HTTP2: s.Check.HTTP2, Port: s.Port, Path: s.Check.Path,
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
