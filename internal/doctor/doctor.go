// Package doctor examines the setup of an instance and its group, and lists what ought to be changed: each finding with
// its cause, why it matters, and the command that fixes it. It changes nothing.
package doctor

import (
	"context"
	"errors"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/rotation"
)

// Severity says how bad a finding is.
type Severity string

// An Error keeps balanced from working, or from keeping a promise. A Warning hurts under some circumstance. A Note is
// advice: nothing is wrong without it.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// A Finding is one thing about the setup that ought to be changed.
type Finding struct {
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	What     string   `json:"what"` // is the case
	Why      string   `json:"why"`  // it matters
	Fix      string   `json:"fix"`  // the command that fixes it, or what to do on which instance
}

// Options are the options of Run.
type Options struct {
	MinHealthy       fleet.MinHealthy
	Everywhere       bool                  // look for this instance in all load balancers of the account
	ProbePermissions bool                  // also try the move that Auto Scaling must refuse
	Return           rotation.ProbeOptions // what the host will be asked when it returns
	HostLock         error                 // why the lock of this host cannot be taken; nil: it can
	OwnNetwork       bool                  // this process is in a container that does not have the host's network
}

// Report is an examination in full: a run's report with findings and facts.
type Report struct {
	*rotation.Report
	Findings []Finding `json:"findings"`
	Facts    *Facts    `json:"facts,omitempty"`
}

// subject is what the checks see: one look at the whole group, and what only doctor asks for.
type subject struct {
	rotation.Examination
	min         fleet.MinHealthy
	hold        []string      // the paths of the hold files
	reads       access        // what is allowed
	missing     []string      // attached, and AWS says that it does not exist
	clockAhead  time.Duration // this host's clock against AWS's, below zero when behind
	answersV1   bool          // the metadata service answers without a token
	elsewhere   []fleet.Registration
	permissions moveProbe
	hostLock    error
	ownNetwork  bool
	ipv4Asked   bool // AWS is asked at endpoints that have IPv4 addresses alone, which this instance has none of
	lock        lockAnswer
	probe       string // why the probe of `in` does not pass while the load balancers call this instance healthy
}

// access is which of the calls are allowed.
type access struct {
	tried         []string // reads that were tried by themselves
	denied        []string // read actions that are not allowed
	role          string   // whose policy lacks the denied ones; "": not known
	noCredentials bool
}

// knows: the group could be read.
func (s subject) knows() bool { return s.Group.Name != "" }

// A check looks for one kind of fault. What of the group could not be read is empty.
type check struct {
	name string
	find func(subject) []Finding
}

// checks are in the order in which their commands can be run one after another.
var checks = []check{
	{"permissions", missingPermissions},
	{"permissions", unprovenMoves},
	{"processes", suspendedProcesses},
	{"min-size", minSizeFence},
	{"minimum", impossibleMinimum},
	{"max-size", headroom},
	{"standby", leftInStandby},
	{"grace-period", gracePeriod},
	{"az-rebalance", unevenZones},
	{"zones", lonelyZones},
	{"zones", unknownZones},
	{"standby", registeredInPart},
	{"traffic-sources", unsupportedSources},
	{"missing-sources", missingSources},
	{"ports", otherPorts},
	{"everywhere", unlistedRegistrations},
	{"everywhere", declarable},
	{"unused", unusedSources},
	{"flows", outlivingFlows},
	{"metadata", metadataV1},
	{"clock", clockSkew},
	{"hold", heldHost},
	{"host-lock", unusableLock},
	{"container", containerNetwork},
	{"ipv6", endpointsWithoutIPv6},
	{"managed", managedGroup},
	{"thresholds", crossedThresholds},
	{"stale-mark", staleMarks},
	{"retained", retained},
	{"health", unhealthyMembers},
	{"probe", foreseenProbe},
	{"lock", lockFaults},
	{"out", refusedNow},
	{"group-metrics", noStandbyMetric},
}

// Run looks at everything that can be looked at without a change, and lists what ought to be changed. Reads that are not
// allowed are findings; the others are made all the same. The report is never nil.
func Run(ctx context.Context, agent *rotation.Agent, opt Options) (*Report, error) {
	notes := &notes{}
	patient := *agent
	patient.Groups, patient.Balancers = tolerantGroups{agent.Groups, notes}, tolerantBalancers{agent.Balancers, notes}
	s, err := examine(ctx, &patient, opt, notes)
	report := &Report{Report: s.Report, Findings: []Finding{}}
	if err != nil {
		return report, err
	}
	report.Findings, report.Facts = s.findings(), s.facts(opt.Everywhere)
	report.Outcome = outcome(report.Findings)
	return report, nil
}

// findings asks every check.
func (s subject) findings() []Finding {
	all := []Finding{}
	for _, check := range checks {
		for _, f := range check.find(s) {
			f.Check = check.name
			all = append(all, f)
		}
	}
	return all
}

// outcome is the worst there is, as the report names it.
func outcome(all []Finding) string {
	worst := "ok"
	for _, f := range all {
		switch f.Severity {
		case Error:
			return "errors"
		case Warning:
			worst = "warnings"
		}
	}
	return worst
}

// examine reads all there is to read. What is not allowed is noted.
func examine(ctx context.Context, a *rotation.Agent, opt Options, n *notes) (subject, error) {
	e, err := a.Examine(ctx, "doctor", opt.MinHealthy)
	s := subject{Examination: e, min: opt.MinHealthy, hold: a.Hold, hostLock: opt.HostLock, ownNetwork: opt.OwnNetwork}
	notMember := errors.Is(err, rotation.ErrNotMember)
	if notMember && !opt.Everywhere {
		return s, &failure.Refusal{Class: failure.Setup, Reason: e.ID, Hint: "attach it to a group, or see balanced doctor --everywhere", Err: rotation.ErrNotMember}
	}
	if err != nil && !notMember && !n.tolerates(err) {
		return s, err
	}
	if err := tryReads(ctx, a, n); err != nil {
		return s, err
	}
	s.ipv4Asked = a.Self.PrivateIP == "" && a.Caller != nil && !a.Caller.DualStack()
	if s.answersV1, err = a.Metadata.AnswersV1(ctx); err != nil {
		return s, err
	}
	if opt.Everywhere {
		if s.elsewhere, err = findEverywhere(ctx, a, n); err != nil {
			return s, err
		}
		if notMember {
			s.reads, s.clockAhead = n.access(), n.clockAhead
			return s, inNoGroup(s)
		}
	}
	err = tryTheRest(ctx, a, opt, n, &s)
	return s, err
}

// tryTheRest asks what only an instance with a group, or with declared targets, can be asked.
func tryTheRest(ctx context.Context, a *rotation.Agent, opt Options, n *notes, s *subject) (err error) {
	if s.lock, err = askLock(ctx, a, *s, n); err != nil {
		return err
	}
	if s.lock.asked {
		s.Report.Lock = &s.lock.state
	}
	if opt.ProbePermissions {
		s.permissions, err = probeMove(ctx, a, opt.MinHealthy, n)
		s.Report.Moved = s.permissions.moved
		if err != nil {
			return err
		}
	}
	if !opt.Return.Off {
		s.probe = a.ForeseeProbe(ctx, s.Snapshot, opt.Return.Check)
	}
	s.reads, s.missing, s.clockAhead = n.access(), n.missing, n.clockAhead
	return nil
}

// everywhereWithin bounds the search in all of the account: the load balancers' bucket refills with ten calls a second,
// and an account may have thousands of target groups.
const everywhereWithin = 10 * time.Minute

func findEverywhere(ctx context.Context, a *rotation.Agent, n *notes) ([]fleet.Registration, error) {
	ctx, cancel := context.WithTimeout(ctx, everywhereWithin)
	defer cancel()
	if a.Progress != nil {
		a.Progress(rotation.Progress{Step: "everywhere", Waiting: "every load balancer and target group of the account", Limit: everywhereWithin})
	}
	found, err := a.Balancers.Registrations(ctx, a.Self.Instance, a.Self.PrivateIP, a.Self.IPv6)
	if n.tolerates(err) {
		return nil, nil
	}
	return found, err
}
