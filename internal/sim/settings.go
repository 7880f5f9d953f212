package sim

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// Settings are properties of a group that describe calls show. The Region acts on Operator,
// RetainOnAbandon and ReuseOnScaleIn only.
type Settings struct {
	// Operator is the service principal that manages the group. Mutating calls by others are refused
	// (API reference, Operator, since 2026-08).
	Operator string
	// DeletionProtection is prevent-force-deletion or prevent-all-deletion; "": none.
	DeletionProtection string
	// Distribution is the CapacityDistributionStrategy; default balanced-best-effort.
	Distribution string
	// ImpairedZone is the ImpairedZoneHealthCheckBehavior, ReplaceUnhealthy or IgnoreUnhealthy, of a
	// group with zonal shift enabled; "": the group has no AvailabilityZoneImpairmentPolicy.
	ImpairedZone string
	// CapacityReservation is the CapacityReservationPreference; default default.
	CapacityReservation string
	// RetainOnAbandon is the InstanceLifecyclePolicy: an instance whose terminating hook is abandoned
	// stays as Terminating:Retained.
	RetainOnAbandon bool
	// ReuseOnScaleIn is the warm pool's InstanceReusePolicy: scale-in returns instances to the pool.
	ReuseOnScaleIn bool
	// DefaultWarmup is the DefaultInstanceWarmup; 0: absent.
	DefaultWarmup time.Duration
	Metrics       []string          // enabled group metrics
	Tags          map[string]string // propagated to the instances
}

// writeSettings writes the elements of a group that its Settings and the account decide.
func (r *Region) writeSettings(d *document, g *group) {
	s := g.Settings
	d.element("AvailabilityZoneDistribution", func() {
		d.text("CapacityDistributionStrategy", cmp.Or(s.Distribution, "balanced-best-effort"))
	})
	if s.ImpairedZone != "" {
		d.element("AvailabilityZoneImpairmentPolicy", func() {
			d.boolean("ZonalShiftEnabled", true)
			d.text("ImpairedZoneHealthCheckBehavior", s.ImpairedZone)
		})
	}
	d.element("CapacityReservationSpecification", func() {
		d.text("CapacityReservationPreference", cmp.Or(s.CapacityReservation, "default"))
	})
	d.element("InstanceLifecyclePolicy", func() {
		d.element("RetentionTriggers", func() {
			d.text("TerminateHookAbandon", map[bool]string{true: "retain", false: "terminate"}[s.RetainOnAbandon])
		})
	})
	d.text("ServiceLinkedRoleARN", r.globalARN("iam", "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"))
	d.textIf("DeletionProtection", s.DeletionProtection)
	if s.DefaultWarmup > 0 {
		d.seconds("DefaultInstanceWarmup", s.DefaultWarmup)
	}
	if s.Operator != "" {
		d.element("Operator", func() { d.text("Principal", s.Operator) })
	}
}

// writeMetrics writes EnabledMetrics. One minute is the only granularity.
func (r *Region) writeMetrics(d *document, g *group) {
	list(d, "EnabledMetrics", anyOrder(r, g.Settings.Metrics), func(metric string) {
		d.text("Metric", metric)
		d.text("Granularity", "1Minute")
	})
}

// writeTags writes the tags that people have set. aws:autoscaling:groupName is on instances only.
func (g *group) writeTags(d *document) {
	list(d, "Tags", slices.Sorted(maps.Keys(g.Settings.Tags)), func(key string) {
		d.text("ResourceId", g.Name)
		d.text("ResourceType", "auto-scaling-group")
		d.text("Key", key)
		d.text("Value", g.Settings.Tags[key])
		d.boolean("PropagateAtLaunch", true)
	})
}

// checkOperator refuses mutating calls on a group that an AWS service manages. AWS has not published
// the error; Behaviour.OperatorCode chooses its code.
func (r *Region) checkOperator(q *query) error {
	g := r.groups.byName[q.get("AutoScalingGroupName")]
	if in := r.instances[q.get("InstanceId")]; g == nil && in != nil {
		g = in.group()
	}
	if q.service.name != "autoscaling" || g == nil || g.Settings.Operator == "" || !mutates(q.action) {
		return nil
	}
	status := http.StatusBadRequest
	if r.config.Behaviour.OperatorCode == "AccessDenied" {
		status = http.StatusForbidden
	}
	return &refusal{status, r.config.Behaviour.OperatorCode, fmt.Sprintf(
		"AutoScalingGroup %s is managed by %s. Only the operator can make changes to it.", g.Name, g.Settings.Operator)}
}

// describeAccountSettings lists the one account setting (User Guide, "Amazon EC2 Auto Scaling account
// settings", 2026-10).
func (r *Region) describeAccountSettings(q *query, d *document) error {
	const setting = "launchBeforeTerminate"
	names := []string{setting}
	if name := q.get("Name"); name != "" && name != setting {
		names = nil
	}
	names, next, err := page(q, records(50, 100), names)
	if err != nil {
		return err
	}
	list(d, "Settings", names, func(name string) {
		d.text("Name", name)
		d.text("Value", map[bool]string{true: "enabled", false: "disabled"}[r.config.LaunchBeforeTerminate])
		d.text("EnforcementType", "none")
	})
	d.textIf("NextToken", next)
	return nil
}
