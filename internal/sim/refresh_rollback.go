package sim

import (
	"strings"
	"time"
)

// Statuses of a refresh that goes back to the configuration from before it (API reference, InstanceRefresh).
const (
	refreshRollingBack = "RollbackInProgress"
	refreshRolledBack  = "RollbackSuccessful"
)

// rollback is what DescribeInstanceRefreshes shows of one, as RollbackDetails.
type rollback struct {
	reason        string
	began         time.Time // zero: there was none
	percent, left int       // of the refresh when it began
}

// launchFailed counts a replacement that did not come into service: its launch hook was abandoned, or EC2 refused it. A
// refresh goes on trying for an hour without a success, then it fails (User Guide, "How an instance refresh works",
// one-hour timeout).
func (r *Region) launchFailed(g *group) {
	f := g.activeRefresh()
	if f == nil || f.progress.current().status != refreshInProgress || !f.failingSince.IsZero() {
		return
	}
	f.failingSince = r.now
	since := r.now
	r.scheduleAfter(r.config.Timing.RefreshPatience, func() {
		if f.failingSince.Equal(since) && f.progress.current().status == refreshInProgress {
			r.failRefresh(g, f, "Replacement instances did not become healthy within the time limit.") // no source has the text
		}
	})
}

// launchSucceeded: the instance came into service.
func (r *Region) launchSucceeded(g *group, in *instance) {
	if f := g.activeRefresh(); f != nil && f.replaced(in) {
		f.failingSince = time.Time{}
	}
}

// failRefresh ends a refresh, or with AutoRollback and a desired configuration begins to undo it (User Guide, "Undo
// changes with a manual or auto rollback").
func (r *Region) failRefresh(g *group, f *refresh, reason string) {
	if f.Image == "" || !strings.EqualFold(f.preference("AutoRollback"), "true") {
		r.setRefresh(f, refreshFailed, reason)
		return
	}
	p := f.progress.current()
	f.undo = rollback{reason: "Rollback triggered due to instance refresh failure.", began: r.now, percent: f.percent(p), left: p.left}
	r.setRefresh(f, refreshRollingBack, reason)
	r.reconcileSoon(g)
}

// replaced says whether a member is of the refresh: launched by it, or with a root volume of it.
func (f *refresh) replaced(in *instance) bool {
	return in.launched.After(f.start) || in.replacement.rootVolume.After(f.start)
}

// undoNext replaces the next instances that the refresh had replaced, or ends the rollback.
func (r *Region) undoNext(g *group, f *refresh) {
	var left []*instance
	for _, in := range g.membersNow() {
		if in.state() == stateInService && in.image == f.Image && f.replaced(in) {
			left = append(left, in)
		}
	}
	if len(left) == 0 {
		r.setRefresh(f, refreshRolledBack, "")
		return
	}
	for _, in := range left[:min(len(left), f.batch(g))] {
		r.refreshInstance(g, f, in)
	}
}

// imageNow is what instances of a group are launched from: the desired configuration of a refresh that runs, and else
// that of the group.
func (g *group) imageNow() string {
	if f := g.activeRefresh(); f != nil && f.Image != "" && f.progress.current().status != refreshRollingBack {
		return f.Image
	}
	return g.image
}

// Image is what an instance runs: the Image of the refresh that launched it or replaced its root volume, "" without one.
func (r *Region) Image(instance string) string {
	r.lock()
	defer r.unlock()
	return r.instance(instance).image
}

// RefreshStatus is the status of a group's newest refresh and its reason; "" where it has had none.
func (r *Region) RefreshStatus(group string) (status, reason string) {
	r.lock()
	defer r.unlock()
	g := r.groups.must(group)
	if len(g.refreshes) == 0 {
		return "", ""
	}
	p := g.refreshes[len(g.refreshes)-1].progress.current()
	return p.status, p.reason
}

// writeRollback writes RollbackDetails, where there was a rollback.
func (f *refresh) writeRollback(d *document, moment time.Time) {
	if f.undo.began.IsZero() || f.undo.began.After(moment) {
		return
	}
	d.element("RollbackDetails", func() {
		d.text("RollbackReason", f.undo.reason)
		d.timestamp("RollbackStartTime", f.undo.began)
		d.number("PercentageCompleteOnRollback", f.undo.percent)
		d.number("InstancesToUpdateOnRollback", f.undo.left)
	})
}
