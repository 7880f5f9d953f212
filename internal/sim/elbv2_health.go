package sim

import (
	"slices"
	"time"
)

// terminatedShown is how long a named target whose instance is terminated is still answered as
// draining. Recorded answers of 2026 had it for at least 10 minutes.
const terminatedShown = 10 * time.Minute

// describeTargetHealth has no pages. A target that is not registered is missing from the full list
// and unused when it is named.
func (r *Region) describeTargetHealth(q *query, d *document) error {
	t, err := r.namedTargetGroup(q)
	if err != nil {
		return err
	}
	targets, err := r.namedTargets(q, t)
	if err != nil {
		return err
	}
	include := q.values("Include")
	anomalies := slices.Contains(include, "AnomalyDetection") || slices.Contains(include, "All")
	if len(targets) == 0 {
		list(d, "TargetHealthDescriptions", keep(q, t.registrar.listedAt(q.asOf), listedReading.names), func(s listedReading) {
			t.writeHealth(d, s.instance, s.port, s.reading, anomalies)
		})
		return nil
	}
	targets = keep(q, targets, func(named target) []string { return []string{named.id} })
	list(d, "TargetHealthDescriptions", targets, func(named target) {
		t.writeHealth(d, r.instances[named.id], named.port, r.namedHealth(t, named, q.asOf), anomalies)
	})
	return nil
}

// namedHealth is the health of a target that a request names.
func (r *Region) namedHealth(t *targetGroup, named target, moment time.Time) shownHealth {
	if shown, found := t.registrar.shownAt(named.id, named.port, moment); found {
		return shown
	}
	ended, was := t.registrar.endedAt[targetKey(named)]
	if was && !r.instances[named.id].running && moment.Before(ended.Add(terminatedShown)) {
		return drainingTarget(false)
	}
	return shownHealth{State: "unused", Reason: "Target.NotRegistered", Description: "Target is not registered to the target group"}
}

func (t *targetGroup) writeHealth(d *document, of *instance, port int, now shownHealth, anomalies bool) {
	d.element("Target", func() {
		d.text("Id", t.targetID(of))
		d.number("Port", port)
	})
	d.text("HealthCheckPort", t.checkPort(port))
	d.element("TargetHealth", func() {
		d.text("State", now.State)
		d.textIf("Reason", now.Reason)
		d.textIf("Description", now.Description)
	})
	if anomalies && t.balancerType() == "application" && now.listed {
		d.element("AnomalyDetection", func() { t.writeAnomaly(d, of.id) })
	}
	if now.override != "" {
		d.element("AdministrativeOverride", func() { writeOverride(d, now.override) })
	}
}

// writeAnomaly writes the result of anomaly detection, which mitigation acts on only where the
// attribute is on.
func (t *targetGroup) writeAnomaly(d *document, instance string) {
	result, mitigated := "normal", "no"
	if t.anomalous[instance] {
		result = "anomalous"
		if t.attribute(attributeMitigation) == "on" {
			mitigated = "yes"
		}
	}
	d.text("Result", result)
	d.text("MitigationInEffect", mitigated)
}
