package sim

import (
	"cmp"
	"slices"
	"time"
)

// describeInstanceRefreshes lists the newest refresh first.
func (r *Region) describeInstanceRefreshes(q *query, d *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	ids := q.values("InstanceRefreshIds")
	var refreshes []*refresh
	for _, f := range slices.Backward(g.refreshes) {
		if _, begun := f.progress.asOf(q.asOf); begun && (len(ids) == 0 || slices.Contains(ids, f.id)) {
			refreshes = append(refreshes, f)
		}
	}
	refreshes, next, err := page(q, records(50, 100), refreshes)
	if err != nil {
		return err
	}
	list(d, "InstanceRefreshes", refreshes, func(f *refresh) { f.write(d, q.asOf) })
	d.textIf("NextToken", next)
	return nil
}

func (f *refresh) write(d *document, moment time.Time) {
	p, _ := f.progress.asOf(moment)
	d.text("InstanceRefreshId", f.id)
	d.text("AutoScalingGroupName", f.group)
	d.text("Status", p.status)
	d.textIf("StatusReason", p.reason)
	d.timestamp("StartTime", f.start)
	if !p.end.IsZero() {
		d.text("EndTime", wholeSeconds(p.end))
	}
	if f.total > 0 {
		d.number("PercentageComplete", (f.total-p.left)*100/f.total)
	}
	d.number("InstancesToUpdate", p.left)
	d.element("Preferences", func() {
		d.number("MinHealthyPercentage", 90)
		d.text("StandbyInstances", f.standby)
	})
}

func (r *Region) startInstanceRefresh(q *query, d *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	if g.activeRefresh() != nil {
		return refusef("InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")
	}
	f := r.startRefresh(g, cmp.Or(q.get("Preferences.StandbyInstances"), "Wait"))
	d.text("InstanceRefreshId", f.id)
	return nil
}

func (r *Region) cancelInstanceRefresh(q *query, d *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	f := g.activeRefresh()
	if f == nil {
		return refusef("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found for Auto Scaling group %s", g.Name)
	}
	r.cancelRefresh(g, f)
	d.text("InstanceRefreshId", f.id)
	return nil
}

// cancelRefresh ends a refresh after the replacements that have begun.
func (r *Region) cancelRefresh(g *group, f *refresh) {
	r.setRefresh(f, refreshCancelling, "")
	r.reconcileSoon(g)
}
