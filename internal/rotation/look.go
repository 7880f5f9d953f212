package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// look reads as much as is needed, within the budget of the row the run is at, and draws the conclusions.
func (r *run) look(ctx context.Context, need scope) error {
	if need == noLook {
		return nil
	}
	ctx, cancel := r.until(ctx, r.lookEnds(lastLook), "AWS")
	defer cancel()
	q := question{
		scope: need, underWay: r.underWay(), groupAlone: r.groupAlone,
		refreshes: r.refreshes && r.sent.IsZero(), // they speak against leaving, and nothing else
	}
	r.groupAlone = false
	if err := r.read(ctx, q, r.heldBack); err != nil {
		return err
	}
	if r.resolve != nil && (r.lastState == "" || r.leftMeanwhile()) {
		r.setBudgets(r.resolve(r.seen))
	}
	first := r.lastState == ""
	if first && r.seen.Group.Declared() { // no list of another Region or account can have it
		if err := r.wrongPlace(ctx); err != nil {
			return err
		}
	}
	r.learn()
	if need != ownState {
		r.warn()
		r.tellUnlisted()
	}
	if first && r.foresees {
		r.warnOnce(r.ForeseeProbe(ctx, r.seen.Snapshot, r.request.probe))
	}
	return nil
}

// lookEnds is when a question is given up: with the budget of the row, but after no less than the least, and no earlier
// than the first look of a run is.
func (r *run) lookEnds(least time.Duration) time.Time {
	deadline := r.deadline()
	for _, end := range []time.Time{time.Now().Add(least), r.turn.ends(firstLook)} {
		if deadline.Before(end) {
			deadline = end
		}
	}
	return deadline
}

// setBudgets takes budgets over; the clock stands still for as long as they allow.
func (r *run) setBudgets(b budgets) {
	r.budgets, r.clock.mostStill = b, b.still
}

// onReadError decides what an error of a look means: nil to look again.
func (r *run) onReadError(ctx context.Context, err error) error {
	switch {
	case r.mayStillStart(err):
		return r.awaitRole(ctx)
	case errors.Is(err, ErrNotMember) && r.awaitsGroup && r.group == "":
		return r.awaitGroup(ctx)
	case errors.Is(err, ErrNotMember):
		return r.notListed(ctx)
	case errors.Is(err, fleet.ErrNoGroup):
		return r.noGroup(ctx, err)
	}
	return r.readFailed(err)
}

const (
	// StartUp is how long a run waits for what EC2 has some seconds after the start of an instance: the metadata service,
	// and the credentials of its role, also after a profile was attached. A busy host's service is slow for longer.
	StartUp = time.Minute
	// StartUpLaunch is the same for a run that waits for a launch.
	StartUpLaunch = 5 * time.Minute
)

// mayStillStart: the instance has no role's credentials yet, which a new one gets within a minute.
func (r *run) mayStillStart(err error) bool {
	within := StartUp
	if r.awaitsGroup {
		within = StartUpLaunch
	}
	_, noRole := errors.AsType[*awsapi.NoRoleYetError](err)
	return noRole && r.lastState == "" && r.turn.elapsed() < within && time.Now().Before(r.deadline())
}

// awaitRole passes the time until the metadata service has credentials.
func (r *run) awaitRole(ctx context.Context) error {
	r.reportProgress("look", Progress{Waiting: "the instance's role has no credentials yet"})
	return sleep(ctx, min(r.jitter(confirmAbsence), max(time.Until(r.deadline()), 0)))
}

// notListed: no group lists this instance, twice. The metadata service has a say too: where it names a state that Auto
// Scaling wants, the lists are old or not whole, or those of another Region or account. That is not "in no group": a run
// that is content outside one would leave the instance in service.
func (r *run) notListed(ctx context.Context) error {
	notices, err := r.metadata.Notices(ctx)
	if err != nil {
		return r.readFailed(err)
	}
	if r.group == "" {
		if wrong := r.wrongPlace(ctx); wrong != nil {
			return wrong
		}
	}
	switch target := notices.Target; {
	case target == "", target == string(fleet.Detached), target == string(fleet.Terminated): // which it stays, as what comes last
		return r.inNoGroup(target)
	case time.Now().Add(confirmAbsence).Before(r.deadline()):
		r.reportProgress("join", Progress{Waiting: r.id + " is in no Auto Scaling group, but Auto Scaling wants it " + target})
		return nil // another look takes a second read to be sure
	default:
		return r.contradicted(target)
	}
}

// inNoGroup is the end of a run on an instance that is in no group, or not any more.
func (r *run) inNoGroup(target string) error {
	switch {
	case r.underWay() || r.resumed || r.returning:
		return failure.New(failure.Gone, "nothing is left to repair", "%s is in no Auto Scaling group any more", r.id)
	case r.group != "":
		return failure.New(failure.Leaving, "nothing was moved", "%s left its Auto Scaling group", r.id)
	case target == string(fleet.Terminated):
		return failure.New(failure.Leaving, "nothing was moved", "Auto Scaling is bringing %s to %s", r.id, target)
	}
	return r.notMember()
}

// contradicted: the two kept saying different things until the time was over, in the right Region and account.
func (r *run) contradicted(target string) error {
	class, hint := failure.Unreachable, "run it again"
	if r.underWay() {
		class, hint = failure.Unfinished, "run it again to resume"
	}
	return failure.New(class, hint, "no group lists %s, but its metadata service says that Auto Scaling wants it %s", r.id, target)
}

// noGroup: a group lists the instance, and is not listed itself. Lists that lag agree after a while.
func (r *run) noGroup(ctx context.Context, err error) error {
	if time.Now().Add(confirmAbsence).Before(r.deadline()) {
		r.reportProgress("look", Progress{Waiting: r.group + " has " + r.id + ", and is not listed itself"})
		return sleep(ctx, confirmAbsence)
	}
	return r.readFailed(&failure.Refusal{Class: failure.Unreachable, Reason: r.group + " has " + r.id, Hint: "run it again", Err: err})
}

// wrongPlace: AWS was asked in another Region, or in the name of another account, than the instance's own. Then no list
// can have it, and its absence says nothing.
func (r *run) wrongPlace(ctx context.Context) error {
	c := r.Caller
	if c == nil {
		return nil
	}
	if region := c.Region(); region != r.Self.Region {
		return failure.New(failure.Setup, "set it to "+r.Self.Region+", or leave it out: the instance's own Region is the default",
			"%s of %s lists %s, which is in %s: the Region comes from %s", r.nobody(), region, r.id, r.Self.Region, c.RegionSource())
	}
	if r.Self.Account == "" || c.FromInstanceRole(ctx) {
		return nil
	}
	account, arn, err := c.Identity(ctx)
	if err != nil {
		return fmt.Errorf("%s lists %s, and whose credentials these are is not known: %w", r.nobody(), r.id, err)
	}
	if account != r.Self.Account {
		return failure.New(failure.Setup, "use credentials of the instance's account, such as its role's",
			"%s of account %s lists %s, which is of account %s: the credentials are those of %s", r.nobody(), account, r.id, r.Self.Account, arn)
	}
	return nil
}

// notMember ends the run of an instance that is in no group, well where the caller said so.
func (r *run) notMember() error {
	if r.IfMember {
		r.outcome = "not a member"
		return nil
	}
	return &failure.Refusal{Reason: r.id, Class: failure.Setup, Err: ErrNotMember}
}

// readFailed is the end of a run that could not look. Before a move the error speaks for itself; after one, that
// something is under way is what matters.
func (r *run) readFailed(err error) error {
	class := failure.Of(err)
	if !r.underWay() || errors.Is(err, context.Canceled) || class != failure.Internal && !class.MovedNothing() {
		return err
	}
	return &failure.Refusal{
		Class: failure.Unfinished, Err: err,
		Reason: fmt.Sprintf("%s was last seen %s, then AWS did not answer", r.id, r.lastState),
		Hint:   "run it again to resume",
	}
}
