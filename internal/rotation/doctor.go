package rotation

import (
	"context"
	"errors"
	"time"

	"balanced/internal/fleet"
)

// Severity says how bad a finding is.
type Severity string

// An Error keeps balanced from working, or from keeping a promise. A Warning hurts
// under some circumstance.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// A Finding is one thing about the setup that ought to be changed.
type Finding struct {
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	What     string   `json:"what"` // is the case
	Why      string   `json:"why"`  // it matters
	Fix      string   `json:"fix"`  // the command that mends it
}

// DoctorOptions are the options of Doctor.
type DoctorOptions struct {
	MinHealthy       MinHealthy
	Everywhere       bool // look for this instance in all load balancers of the account
	ProbePermissions bool // try the move that Auto Scaling must refuse, too
}

// checkup is what the checks of doctor see: one look at the whole group, and what only
// doctor asks for.
type checkup struct {
	view
	denied    []string // read actions that are not allowed
	gone      []string // attached, and yet there is no such thing
	role      string   // whose policy lacks the denied ones; "": not known
	nobody    bool     // there are no credentials
	ahead     time.Duration
	v1        bool // the metadata service answers without a token
	elsewhere []fleet.Registration
	moves     moveProbe
}

// A check looks for one kind of fault. What of the group could not be read is empty.
type check struct {
	name string
	find func(checkup) []Finding
}

// checks are in the order in which their commands can be run one after another.
var checks = []check{
	{"permissions", missingPermissions},
	{"permissions", unprovenMoves},
	{"processes", suspended},
	{"min-size", fence},
	{"floor", floorInReach},
	{"max-size", headroom},
	{"standby", leftInStandby},
	{"grace-period", grace},
	{"az-rebalance", uneven},
	{"zones", lonelyZones},
	{"traffic-sources", unknownSources},
	{"missing-sources", goneSources},
	{"ports", otherPorts},
	{"everywhere", strangers},
	{"unused", unusedSources},
	{"flows", outlivingFlows},
	{"metadata", version1},
	{"clock", skewed},
	{"hold", heldHost},
}

// Doctor looks at everything that can be looked at without a change, and lists what
// ought to be mended. Reads that are not allowed are findings; the others are made all
// the same. The report is never nil.
func (a *Agent) Doctor(ctx context.Context, opt DoctorOptions) (*Report, error) {
	forgiven := &forgiveness{}
	patient := *a
	patient.Groups, patient.Balancers = forgivingGroups{a.Groups, forgiven}, forgivingBalancers{a.Balancers, forgiven}
	r := patient.newRun("doctor", Options{})
	r.min, r.settle, r.refreshes = opt.MinHealthy, DefaultSettle, true
	r.budgets.throttled = 0
	r.resolve = func(o Observed) budgets {
		return outBudgets(Options{Wait: Auto, Timeout: Auto}, DefaultSettle, o.Traffic)
	}
	c, err := r.examine(ctx, opt, forgiven)
	r.report.close(r, "", err)
	if err != nil {
		return r.report, err
	}
	r.report.Findings, r.report.Facts = c.findings(), c.factsheet(opt, forgiven.tried)
	r.report.Outcome = verdict(r.report.Findings)
	return r.report, nil
}

// findings asks every check.
func (c checkup) findings() []Finding {
	all := []Finding{}
	for _, check := range checks {
		for _, f := range check.find(c) {
			f.Check = check.name
			all = append(all, f)
		}
	}
	return all
}

// verdict is the worst there is, as the report's outcome names it.
func verdict(all []Finding) string {
	worst := "sound"
	for _, f := range all {
		if f.Severity == Error {
			return "errors"
		}
		worst = "warnings"
	}
	return worst
}

// examine reads all there is to read. What is not allowed is noted in forgiven.
func (r *run) examine(ctx context.Context, opt DoctorOptions, forgiven *forgiveness) (checkup, error) {
	var c checkup
	if err := r.lookOver(ctx); err != nil && !forgiven.note(err) {
		return c, err
	}
	if err := r.tryReads(ctx, forgiven); err != nil {
		return c, err
	}
	var err error
	if c.v1, err = r.Metadata.AnswersV1(ctx); err != nil {
		return c, err
	}
	if opt.Everywhere {
		if c.elsewhere, err = r.findElsewhere(ctx, forgiven); err != nil {
			return c, err
		}
	}
	if opt.ProbePermissions {
		if c.moves, err = r.probeMove(ctx, forgiven); err != nil {
			return c, err
		}
	}
	c.view, c.ahead = r.view(), forgiven.ahead
	c.ID = r.Self.Instance // also where no look succeeded
	c.denied, c.gone, c.role, c.nobody = forgiven.list(), forgiven.gone, forgiven.role, forgiven.nobody
	return c, nil
}

// lookOver is one look at everything.
func (r *run) lookOver(ctx context.Context) error {
	err := r.look(ctx, all)
	for errors.Is(err, errReread) {
		err = r.look(ctx, all)
	}
	if errors.Is(err, ErrNotMember) {
		return &Stop{Class: Setup, Reason: r.Self.Instance, Hint: "attach it to a group", Err: ErrNotMember}
	}
	return err
}

// everywhereWithin bounds the search in all of the account: the load balancers' bucket
// refills with ten calls a second, and an account may have thousands of target groups.
const everywhereWithin = 10 * time.Minute

func (r *run) findElsewhere(ctx context.Context, forgiven *forgiveness) ([]fleet.Registration, error) {
	ctx, cancel := context.WithTimeout(ctx, everywhereWithin)
	defer cancel()
	if r.Progress != nil {
		r.Progress(Progress{Step: "everywhere", Waiting: "every load balancer and target group of the account", Elapsed: time.Since(r.start), Bound: everywhereWithin})
	}
	found, err := r.Balancers.Registrations(ctx, r.Self.Instance, r.Self.PrivateIP)
	if forgiven.note(err) {
		return nil, nil
	}
	return found, err
}

// knows: the group could be read.
func (c checkup) knows() bool { return c.Group.Name != "" }
