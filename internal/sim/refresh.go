package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Statuses of an instance refresh that the Region itself sets (API reference, InstanceRefresh).
const (
	refreshPending    = "Pending"
	refreshInProgress = "InProgress"
	refreshCancelling = "Cancelling"
	refreshCancelled  = "Cancelled"
	refreshSuccessful = "Successful"
	refreshFailed     = "Failed"
)

// standbyWait is how long a refresh waits for instances in Standby or protected ones; then it fails (API reference,
// RefreshPreferences).
const standbyWait = time.Hour

// Refresh describes an instance refresh to start.
type Refresh struct {
	// Strategy is Rolling (default) or ReplaceRootVolume, which keeps the instances. The Region does
	// not check AWS's conditions for it, such as a mixed instances policy with an ImageId everywhere.
	Strategy string
	// Preferences are the scalar RefreshPreferences by name. The Region acts on MinHealthyPercentage,
	// StandbyInstances, ScaleInProtectedInstances and AutoRollback. It does not wait for a warmup.
	Preferences map[string]string
	// Image stands for the desired configuration: what new instances, or new root volumes, are made from. See Region.Image.
	// Without one there is no rollback.
	Image string
}

// Strategies of an instance refresh (API reference, StartInstanceRefresh).
const (
	strategyRolling     = "Rolling"
	strategyReplaceRoot = "ReplaceRootVolume"
)

// refresh replaces the instances that a group had when it began, a tenth of the group at a time, and
// at least one.
type refresh struct {
	Refresh
	id           string
	group        string
	start        time.Time // of the call
	total        int
	progress     history[refreshProgress]
	waitingSince time.Time // since when it waits for instances that a person has to release; zero: it does not
	failingSince time.Time // since when no replacement came into service; zero: the last one did
	undo         rollback
}

type refreshProgress struct {
	status, reason string
	left           int
	began, end     time.Time // zero: not yet
}

// preference is a preference, or AWS's default for it. Two have a default and are absent unless they
// are given (recorded answers of 2026).
func (f *refresh) preference(name string) string {
	if v, given := f.Preferences[name]; given {
		return v
	}
	switch name {
	case "StandbyInstances", "ScaleInProtectedInstances":
		return "Wait"
	case "MinHealthyPercentage":
		return "90"
	}
	return ""
}

// active says whether a refresh with this status has not ended.
func (p refreshProgress) active() bool {
	return p.status != "" && p.status != refreshSuccessful && p.status != refreshFailed && p.status != refreshCancelled &&
		!strings.HasPrefix(p.status, "Rollback") || p.status == "RollbackInProgress"
}

// activeRefresh is the refresh that has not ended, or nil.
func (g *group) activeRefresh() *refresh {
	if n := len(g.refreshes); n > 0 && g.refreshes[n-1].progress.current().active() {
		return g.refreshes[n-1]
	}
	return nil
}

func (r *Region) startRefresh(g *group, spec Refresh) *refresh {
	spec.Strategy = cmp.Or(spec.Strategy, strategyRolling)
	f := &refresh{Refresh: spec, id: r.names.uuid(), group: g.Name, start: r.now, total: len(g.membersNow())}
	setNow(r, &f.progress, refreshProgress{status: refreshPending, left: f.total})
	g.refreshes = append(g.refreshes, f)
	r.scheduleAfter(r.config.Timing.MoveTime, func() {
		if f.progress.current().status == refreshPending {
			r.setRefresh(f, refreshInProgress, "")
			r.reconcileSoon(g)
		}
	})
	return f
}

// setRefresh changes a refresh's status. A status that is not active ends it.
func (r *Region) setRefresh(f *refresh, status, reason string) {
	p := f.progress.current()
	p.status, p.reason = status, reason
	if status != refreshPending && p.began.IsZero() {
		p.began = r.now
	}
	if !p.active() {
		p.end = r.now
	}
	if status == refreshSuccessful {
		p.left = 0
	}
	setNow(r, &f.progress, p)
}

// continueRefresh takes the active refresh one step further.
func (r *Region) continueRefresh(g *group) {
	f := g.activeRefresh()
	if f == nil || g.suspends(processInstanceRefresh) || !g.steady() || g.anyLeaving() {
		return
	}
	switch f.progress.current().status {
	case refreshCancelling:
		r.setRefresh(f, refreshCancelled, "Cancelled due to user request.")
	case refreshInProgress:
		r.replaceNext(g, f)
	case refreshRollingBack:
		r.undoNext(g, f)
	}
}

// replaceNext replaces the next instances of a refresh, waits for some, or ends the refresh.
func (r *Region) replaceNext(g *group, f *refresh) {
	left, waitsFor := f.toReplace(g)
	if waitsFor != "" {
		r.awaitRelease(f, waitsFor)
		return
	}
	f.waitingSince = time.Time{}
	p := f.progress.current()
	p.left, p.reason = len(left), ""
	setNow(r, &f.progress, p)
	if len(left) == 0 {
		g.image = g.imageNow()
		r.setRefresh(f, refreshSuccessful, "")
		return
	}
	for _, in := range left[:min(len(left), f.batch(g))] {
		r.refreshInstance(g, f, in)
	}
}

// batch is how many instances are replaced at a time.
func (f *refresh) batch(g *group) int { return max(1, g.sizes.current().desired/10) }

// toReplace are the instances that the refresh has to replace, or the StatusReason of its wait for
// others.
func (f *refresh) toReplace(g *group) (left []*instance, waitsFor string) {
	left, standby, protected := f.remaining(g)
	switch f.preference("StandbyInstances") {
	case "Terminate":
		left = slices.Concat(left, standby)
	case "Wait":
		if len(standby) > 0 {
			return nil, "Waiting for instances in Standby state to return to service." // no source has the text
		}
	}
	switch f.preference("ScaleInProtectedInstances") {
	case "Refresh":
		left = slices.Concat(left, protected)
	case "Wait":
		if len(left) == 0 && len(protected) > 0 {
			return nil, fmt.Sprintf("Waiting for remaining instances to be available. For example: %s is protected. Remove instance scale-in protection to continue.", protected[0].id)
		}
	}
	return left, ""
}

// remaining are the members that the refresh has not replaced yet.
func (f *refresh) remaining(g *group) (left, standby, protected []*instance) {
	for _, in := range g.membersNow() {
		switch state := in.state(); {
		case f.replaced(in) || in.move.forced:
		case state == stateStandby || state == stateEnteringStandby:
			standby = append(standby, in)
		case state == stateInService && in.protected:
			protected = append(protected, in)
		case state == stateInService:
			left = append(left, in)
		}
	}
	return left, standby, protected
}

func (r *Region) refreshInstance(g *group, f *refresh, in *instance) {
	in.replacement.cause = "an instance was taken out of service in response to an instance refresh."
	first := r.launchesFirst(g)
	if _, given := f.Preferences["MinHealthyPercentage"]; given {
		first = whole(f.preference("MinHealthyPercentage")) >= 100
	}
	switch {
	case in.state() != stateInService:
		r.terminate(in, in.replacement.cause)
	case f.Strategy == strategyReplaceRoot:
		r.replaceRootVolume(g, in)
	case first:
		r.launchReplacement(g, in, in.zone, "an instance was launched in response to an instance refresh.")
	default:
		r.terminate(in, in.replacement.cause)
	}
}

// awaitRelease waits an hour for instances in Standby to return, or for protection to be removed.
// Then the refresh fails.
func (r *Region) awaitRelease(f *refresh, reason string) {
	if !f.waitingSince.IsZero() {
		return
	}
	f.waitingSince = r.now
	since := r.now
	r.setRefresh(f, refreshInProgress, reason)
	r.scheduleAfter(standbyWait, func() {
		if f.waitingSince.Equal(since) && f.progress.current().status == refreshInProgress {
			r.setRefresh(f, refreshFailed, "Instances did not become available within one hour.")
		}
	})
}

// anyLeaving says whether a member is on its way out of the group.
func (g *group) anyLeaving() bool {
	for _, in := range g.members {
		if in.group() == g && (terminating(in.state()) || in.state() == stateDetaching) {
			return true
		}
	}
	return false
}
