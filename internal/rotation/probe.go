package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/imds"
	"balanced/internal/logging"
	"balanced/internal/probe"
)

// foreseenWithin bounds the probe that an out makes while the instance is still in service: a host that answers does so
// in milliseconds, and one that does not holds nothing up for long.
const foreseenWithin = 2 * time.Second

// ForeseeProbe asks this host, while every load balancer calls it healthy, what `in` will ask it later. The text is empty
// where it passes; otherwise `in` would refuse it with 80, and out should know that before the instance leaves.
func (a *Agent) ForeseeProbe(ctx context.Context, s fleet.Snapshot, instead *probe.Check) string {
	var checks []probe.Check
	for _, t := range s.Traffic {
		if t.Probes() && t.Own(s.ID).Health == fleet.Healthy {
			once := checkOf(t.Source, a.Self)
			once.Healthy = 1
			checks = append(checks, once)
		}
	}
	if instead != nil && len(checks) > 0 {
		once := *instead
		once.Healthy = 1
		checks = []probe.Check{once}
	}
	if a.Prober == nil || a.Self.PrivateIP == "" && a.Self.IPv6 == "" || s.State != fleet.InService || len(checks) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, foreseenWithin)
	defer cancel()
	err := a.Prober.Run(ctx, checks, func(string) {})
	failed, unfit := errors.AsType[*probe.FailedError](err)
	switch {
	case unfit:
		return fmt.Sprintf("%s calls this instance healthy, and the probe of balanced in does not pass here (%v): name another check with --probe%s",
			failed.Check.Source, err, dependsOn(failed.Check))
	case err != nil && ctx.Err() == nil:
		return fmt.Sprintf("the probe of balanced in cannot be made here (%v): name another check with --probe, or use --probe off", err)
	}
	return ""
}

// dryProbe is how long a dry run probes the host at most: it does not wait for an application that is starting.
const dryProbe = 30 * time.Second

// leastProbe is enough for a host that answers well: ten passes, a second apart, are the most that a load balancer
// wants.
const leastProbe = 15 * time.Second

// probeDue: the host has to pass before it returns, and again after any wait.
func probeDue(v view) verdict {
	if v.probePassed || !v.probes || !v.hasChecks() {
		return verdict{}
	}
	return verdict{kind: act}
}

// probeHost asks the host what its load balancers will ask, until it passes everything or the time for it is over: then
// it stays in Standby, and no load balancer meets it.
func (r *run) probeHost(ctx context.Context) error {
	r.moving.start()
	err := r.askHost(ctx, r.probeEnds(&r.moving, r.budgets.timeout))
	if unfit, ok := errors.AsType[*probe.FailedError](err); ok {
		return &failure.Refusal{
			Class: failure.Unfit, Err: err, Hint: "fix the application, then run balanced in" + exceptWhere(unfit.Check),
			Reason: fmt.Sprintf("%s stays %s (%s)", r.id, r.view().words("in Standby", "deregistered"), unfit.Check.Source),
		}
	}
	return err
}

// askHost probes the host until it passes. A *probe.FailedError means that it did not in time.
func (r *run) askHost(ctx context.Context, until time.Time) error {
	for _, t := range r.seen.Traffic {
		if t.Probes() && t.Check.IPv6 && r.Self.IPv6 == "" && r.request.probe == nil {
			return failure.New(failure.Setup, "give the instance an IPv6 address, or name a check: --probe http://ADDRESS:PORT/PATH", "%s asks at an IPv6 address, and %s has none", t.Name, r.id)
		}
	}
	checks := r.view().checks(r.Self)
	for _, c := range checks {
		if c.Host == "" && r.Self.PrivateIP == "" {
			return failure.New(failure.Setup, "name one: --probe http://ADDRESS:PORT/PATH", "%s has no address of the kind that %s asks", r.id, c.Source)
		}
	}
	wait, cancel := context.WithDeadlineCause(ctx, until, errBudget)
	defer cancel()
	err := r.Prober.Run(wait, checks, r.probeAnswered)
	_, unfit := errors.AsType[*probe.FailedError](err)
	var beyond *probe.NotImitatedError
	switch {
	case err == nil:
		r.probePassed = true
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case unfit:
		return err
	case errors.As(err, &beyond):
		return &failure.Refusal{Class: failure.Setup, Reason: "probe for " + beyond.Check.Source, Hint: "name another check with --probe URL, or use --probe off", Err: err}
	}
	return &failure.Refusal{Class: failure.Setup, Reason: "probe", Hint: "fix the health check, or use --probe off", Err: err}
}

// exceptWhere names what a probe cannot imitate: an application may answer its load balancer and not this host.
func exceptWhere(c probe.Check) string {
	if len(c.Differs()) == 0 {
		return ""
	}
	return "; if it depends on " + notImitated(c) + ", use --probe URL"
}

func dependsOn(c probe.Check) string {
	if len(c.Differs()) == 0 {
		return ""
	}
	return " if the application depends on " + notImitated(c)
}

// notImitated joins what a probe cannot imitate, for one line.
func notImitated(c probe.Check) string {
	var names []string
	for _, d := range c.Differs() {
		name, _, _ := strings.Cut(d, ",")
		names = append(names, name)
	}
	return strings.Join(names, " or ")
}

// probeEnds leaves the load balancers the time that they need to call the instance healthy, or half of the budget where
// there is too little. What came before, a drain or a wait, may have taken all of it: the host is probed even so.
func (r *run) probeEnds(used *stopwatch, budget time.Duration) time.Time {
	now := time.Now()
	until := used.ends(max(budget-fleet.WayBack(r.seen.Traffic), budget/2))
	if least := now.Add(min(leastProbe, budget/2)); until.Before(least) {
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
	r.reportProgress("probe", Progress{Waiting: answer})
}

// checks are what the load balancers that count will ask, or what the operator put in their place.
func (v view) checks(self imds.Identity) []probe.Check {
	if v.probe != nil {
		return []probe.Check{*v.probe}
	}
	var all []probe.Check
	for _, t := range v.Traffic {
		if t.Probes() {
			all = append(all, checkOf(t.Source, self))
		}
	}
	return all
}

// hasChecks: there is something that the host is asked.
func (v view) hasChecks() bool {
	return v.probe != nil || slices.ContainsFunc(v.Traffic, fleet.Traffic.Probes)
}

// checkOf is a source's health check as this host can be asked it, at the address of the family that the source uses.
func checkOf(s fleet.Source, self imds.Identity) probe.Check {
	c := probe.Check{
		Kind: probe.Kind(s.Kind), Source: s.Name, Protocol: s.Check.Protocol, HTTP2: s.Check.HTTP2, Port: s.Port, Path: s.Check.Path,
		ProxyV2: s.Check.ProxyV2, Matcher: s.Check.Matcher, Timeout: s.Check.Timeout, Healthy: s.Check.Healthy, Interval: s.Check.Interval,
	}
	if s.Check.IPv6 || self.PrivateIP == "" {
		c.Host = self.IPv6
	}
	if port, err := strconv.Atoi(s.Check.Port); err == nil { // otherwise "traffic-port"
		c.Port = port
	}
	if s.Check.GRPC {
		c.Protocol, c.HTTP2 = map[string]string{"HTTP": "GRPC", "HTTPS": "GRPCS"}[s.Check.Protocol], false
	}
	return c
}
