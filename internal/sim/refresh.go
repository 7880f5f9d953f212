package sim

import (
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

// standbyWait is how long a refresh waits for instances in Standby; then it fails (API reference,
// RefreshPreferences).
const standbyWait = time.Hour

// refresh replaces the instances that a group had when it began, a tenth of the group at a time,
// and at least one.
type refresh struct {
	id           string
	group        string
	standby      string // Terminate, Ignore or Wait
	start        time.Time
	total        int
	progress     history[refreshProgress]
	waitingSince time.Time // since when it waits for instances in Standby; zero: it does not
}

type refreshProgress struct {
	status, reason string
	left           int
	end            time.Time
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

func (r *Region) startRefresh(g *group, standby string) *refresh {
	f := &refresh{id: r.names.uuid(), group: g.Name, standby: standby, start: r.now, total: len(g.membersNow())}
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
	}
}

// replaceNext replaces the next instances of a refresh, or ends it.
func (r *Region) replaceNext(g *group, f *refresh) {
	var left, standby []*instance
	for _, in := range g.membersNow() {
		switch {
		case in.launched.After(f.start) || in.move.forced:
		case in.state() == stateStandby || in.state() == stateEnteringStandby:
			standby = append(standby, in)
		case in.state() == stateInService:
			left = append(left, in)
		}
	}
	if f.standby == "Wait" && len(standby) > 0 {
		r.awaitStandby(g, f)
		return
	}
	f.waitingSince = time.Time{}
	if f.standby == "Terminate" {
		left = slices.Concat(left, standby)
	}
	p := f.progress.current()
	p.left, p.reason = len(left), ""
	setNow(r, &f.progress, p)
	if len(left) == 0 {
		r.setRefresh(f, refreshSuccessful, "")
		return
	}
	for _, in := range left[:min(len(left), max(1, g.sizes.current().desired/10))] {
		r.refreshInstance(g, in)
	}
}

func (r *Region) refreshInstance(g *group, in *instance) {
	in.replacement.cause = "an instance was taken out of service in response to an instance refresh."
	if in.state() == stateInService && g.MinHealthyPercentage >= 100 {
		r.launchReplacement(g, in, in.zone, "an instance was launched in response to an instance refresh.")
		return
	}
	r.terminate(in, in.replacement.cause)
}

// awaitStandby waits an hour for instances to return from Standby. Then the refresh fails.
func (r *Region) awaitStandby(g *group, f *refresh) {
	if !f.waitingSince.IsZero() {
		return
	}
	f.waitingSince = r.now
	since := r.now
	r.setRefresh(f, refreshInProgress, "Waiting for instances in Standby state to return to service.")
	r.scheduleAfter(standbyWait, func() {
		if f.waitingSince.Equal(since) && f.progress.current().status == refreshInProgress {
			r.setRefresh(f, refreshFailed, "Instances in Standby state did not return to service within one hour.")
		}
	})
}

// anyLeaving says whether a member is on its way out of the group.
func (g *group) anyLeaving() bool {
	for _, in := range g.members {
		if in.group() == g && (in.state() == stateTerminating || in.state() == stateDetaching) {
			return true
		}
	}
	return false
}
