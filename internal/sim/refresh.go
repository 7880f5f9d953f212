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

// standbyPatience is how long a refresh that waits for instances in Standby waits.
const standbyPatience = time.Hour

// refresh replaces the instances a group had when it began, a tenth at a time, at least one.
type refresh struct {
	id       string
	group    string
	standby  string // Terminate, Ignore or Wait
	start    time.Time
	total    int
	progress past[refreshProgress]
	stalled  time.Time // since when it waits for Standby; zero: it does not
}

type refreshProgress struct {
	status, reason string
	left           int
	end            time.Time
}

// active are the statuses of a refresh that is not over.
func (p refreshProgress) active() bool {
	return p.status != "" && p.status != refreshSuccessful && p.status != refreshFailed && p.status != refreshCancelled &&
		!strings.HasPrefix(p.status, "Rollback") || p.status == "RollbackInProgress"
}

// activeRefresh is the refresh under way; nil when there is none.
func (g *group) activeRefresh() *refresh {
	if n := len(g.refreshes); n > 0 && g.refreshes[n-1].progress.now().active() {
		return g.refreshes[n-1]
	}
	return nil
}

func (r *Region) startRefresh(g *group, standby string) *refresh {
	f := &refresh{id: r.names.uuid(), group: g.Name, standby: standby, start: r.now, total: len(g.present())}
	become(r, &f.progress, refreshProgress{status: refreshPending, left: f.total})
	g.refreshes = append(g.refreshes, f)
	r.after(r.timing.MoveTime, func() {
		if f.progress.now().status == refreshPending {
			r.setRefresh(f, refreshInProgress, "")
			r.replan(g)
		}
	})
	return f
}

// setRefresh changes a refresh's status; a status that is not active ends it.
func (r *Region) setRefresh(f *refresh, status, reason string) {
	p := f.progress.now()
	p.status, p.reason = status, reason
	if !p.active() {
		p.end = r.now
	}
	if status == refreshSuccessful {
		p.left = 0
	}
	become(r, &f.progress, p)
}

// refreshOn takes the refresh under way one step further.
func (r *Region) refreshOn(g *group) {
	f := g.activeRefresh()
	if f == nil || g.suspends(processInstanceRefresh) || !g.steady() || g.leaving() {
		return
	}
	switch f.progress.now().status {
	case refreshCancelling:
		r.setRefresh(f, refreshCancelled, "Cancelled due to user request.")
	case refreshInProgress:
		r.replaceNext(g, f)
	}
}

// replaceNext replaces the next instances of a refresh, or ends it.
func (r *Region) replaceNext(g *group, f *refresh) {
	var left, standby []*instance
	for _, in := range g.present() {
		switch {
		case in.launched.After(f.start) || in.forced:
		case in.state() == stateStandby || in.state() == stateEnteringStandby:
			standby = append(standby, in)
		case in.state() == stateInService:
			left = append(left, in)
		}
	}
	if f.standby == "Wait" && len(standby) > 0 {
		r.stall(g, f)
		return
	}
	f.stalled = time.Time{}
	if f.standby == "Terminate" {
		left = slices.Concat(left, standby)
	}
	p := f.progress.now()
	p.left, p.reason = len(left), ""
	become(r, &f.progress, p)
	if len(left) == 0 {
		r.setRefresh(f, refreshSuccessful, "")
		return
	}
	for _, in := range left[:min(len(left), max(1, g.sizes.now().desired/10))] {
		r.refreshOne(g, in)
	}
}

func (r *Region) refreshOne(g *group, in *instance) {
	in.ailment = "an instance was taken out of service in response to an instance refresh."
	if in.state() == stateInService && g.MinHealthyPercentage >= 100 {
		r.launchAhead(g, in, in.zone, "an instance was launched in response to an instance refresh.")
		return
	}
	r.terminate(in, in.ailment)
}

// stall waits for instances to come back from Standby, for an hour; then the refresh fails.
func (r *Region) stall(g *group, f *refresh) {
	if !f.stalled.IsZero() {
		return
	}
	f.stalled = r.now
	since := r.now
	r.setRefresh(f, refreshInProgress, "Waiting for instances in Standby state to return to service.")
	r.after(standbyPatience, func() {
		if f.stalled.Equal(since) && f.progress.now().status == refreshInProgress {
			r.setRefresh(f, refreshFailed, "Instances in Standby state did not return to service within one hour.")
		}
	})
}

// leaving says whether a member is on its way out.
func (g *group) leaving() bool {
	for _, in := range g.members {
		if in.group() == g && (in.state() == stateTerminating || in.state() == stateDetaching) {
			return true
		}
	}
	return false
}
