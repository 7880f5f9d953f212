package sim

import "slices"

// groupMetrics are the metrics that a group can send to CloudWatch (Auto Scaling API reference, EnableMetricsCollection).
func groupMetrics() []string {
	return []string{
		"GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances", "GroupStandbyInstances",
		"GroupTerminatingInstances", "GroupTotalInstances", "GroupInServiceCapacity", "GroupPendingCapacity", "GroupStandbyCapacity",
		"GroupTerminatingCapacity", "GroupTotalCapacity", "WarmPoolDesiredCapacity", "WarmPoolWarmedCapacity", "WarmPoolPendingCapacity",
		"WarmPoolTerminatingCapacity", "WarmPoolTotalCapacity", "GroupAndWarmPoolDesiredCapacity", "GroupAndWarmPoolTotalCapacity",
	}
}

// enableMetricsCollection adds to the metrics of a group; without names it adds all.
func (r *Region) enableMetricsCollection(q *query, _ *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	if err := q.required("Granularity"); err != nil {
		return err
	}
	if granularity := q.get("Granularity"); granularity != "1Minute" {
		return validationError("Invalid granularity %s: the only valid value is 1Minute", granularity)
	}
	named := q.values("Metrics")
	for _, metric := range named {
		if !slices.Contains(groupMetrics(), metric) {
			return validationError("Invalid metric %s", metric)
		}
	}
	if len(named) == 0 {
		named = groupMetrics()
	}
	all := append(slices.Clone(g.Settings.Metrics), named...)
	slices.Sort(all)
	g.Settings.Metrics = slices.Compact(all)
	return nil
}
