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

// write writes a refresh as it was at a time. A pending one has no start and no progress (recorded
// answers of 2026).
func (f *refresh) write(d *document, moment time.Time) {
	p, _ := f.progress.asOf(moment)
	d.text("InstanceRefreshId", f.id)
	d.text("AutoScalingGroupName", f.group)
	d.text("Status", p.status)
	d.textIf("StatusReason", p.reason)
	if p.status != refreshPending {
		d.timestamp("StartTime", p.began)
		d.number("PercentageComplete", f.percent(p))
		d.number("InstancesToUpdate", p.left)
	}
	if !p.end.IsZero() {
		d.text("EndTime", wholeSeconds(p.end))
	}
	d.element("Preferences", func() { f.writePreferences(d) })
	d.text("Strategy", f.Strategy)
	f.writeRollback(d, moment)
}

func (f *refresh) percent(p refreshProgress) int {
	if f.total == 0 {
		return 100
	}
	return (f.total - p.left) * 100 / f.total
}

// preferences are the scalar RefreshPreferences (API reference).
func preferences() []string {
	return []string{
		"MinHealthyPercentage", "InstanceWarmup", "CheckpointDelay", "SkipMatching", "AutoRollback",
		"ScaleInProtectedInstances", "StandbyInstances", "MaxHealthyPercentage", "BakeTime",
	}
}

// writePreferences writes the given preferences, and those that AWS answers always.
func (f *refresh) writePreferences(d *document) {
	always := map[string]string{"MinHealthyPercentage": "90", "SkipMatching": "false", "AutoRollback": "false"}
	for _, name := range preferences() {
		d.textIf(name, cmp.Or(f.Preferences[name], always[name]))
	}
	d.element("AlarmSpecification", func() {})
}

func (r *Region) startInstanceRefresh(q *query, d *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	if g.activeRefresh() != nil {
		return refusef("InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")
	}
	spec := Refresh{
		Strategy: q.get("Strategy"), Preferences: map[string]string{},
		Image: q.get("DesiredConfiguration.LaunchTemplate.Version"), // the Region has no launch templates: the version stands for its AMI
	}
	for _, name := range preferences() {
		if v := q.get("Preferences." + name); v != "" {
			spec.Preferences[name] = v
		}
	}
	d.text("InstanceRefreshId", r.startRefresh(g, spec).id)
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
