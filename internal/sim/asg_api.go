package sim

import (
	"slices"
	"strings"
)

// autoScalingOperations are the actions of Auto Scaling, API version 2011-01-01.
func autoScalingOperations() map[string]operation {
	return map[string]operation{
		"DescribeAutoScalingGroups":           (*Region).describeAutoScalingGroups,
		"DescribeAutoScalingInstances":        (*Region).describeAutoScalingInstances,
		"DescribeScalingActivities":           (*Region).describeScalingActivities,
		"DescribeInstanceRefreshes":           (*Region).describeInstanceRefreshes,
		"DescribeTrafficSources":              (*Region).describeTrafficSources,
		"DescribeLoadBalancers":               (*Region).describeAttachedClassics,
		"DescribeLoadBalancerTargetGroups":    (*Region).describeAttachedTargetGroups,
		"DescribeWarmPool":                    (*Region).describeWarmPool,
		"DetachTrafficSources":                (*Region).detachTrafficSources,
		"EnterStandby":                        (*Region).enterStandbyAction,
		"ExitStandby":                         (*Region).exitStandbyAction,
		"UpdateAutoScalingGroup":              (*Region).updateAutoScalingGroup,
		"SetDesiredCapacity":                  (*Region).setDesiredCapacity,
		"SuspendProcesses":                    (*Region).suspendProcesses,
		"ResumeProcesses":                     (*Region).resumeProcesses,
		"EnableMetricsCollection":             (*Region).enableMetricsCollection,
		"SetInstanceHealth":                   (*Region).setInstanceHealth,
		"SetInstanceProtection":               (*Region).setInstanceProtection,
		"DescribeLifecycleHooks":              (*Region).describeLifecycleHooks,
		"CompleteLifecycleAction":             (*Region).completeLifecycleAction,
		"RecordLifecycleActionHeartbeat":      (*Region).recordLifecycleActionHeartbeat,
		"DescribeAccountSettings":             (*Region).describeAccountSettings,
		"TerminateInstanceInAutoScalingGroup": (*Region).terminateInstance,
		"AttachInstances":                     (*Region).attachInstances,
		"DetachInstances":                     (*Region).detachInstances,
		"StartInstanceRefresh":                (*Region).startInstanceRefresh,
		"CancelInstanceRefresh":               (*Region).cancelInstanceRefresh,
	}
}

// records is the paging of Auto Scaling.
func records(usual, most int) paging { return paging{"MaxRecords", "NextToken", most, usual} }

// namedGroup is the group that a request names.
func (r *Region) namedGroup(q *query) (*group, error) {
	if err := q.required("AutoScalingGroupName"); err != nil {
		return nil, err
	}
	g := r.groups.byName[q.get("AutoScalingGroupName")]
	if g == nil {
		return nil, groupNotFound(q.get("AutoScalingGroupName"))
	}
	return g, nil
}

// describeAutoScalingGroups ignores unknown names. All filters are about tags, which groups here do
// not have.
func (r *Region) describeAutoScalingGroups(q *query, d *document) error {
	names := q.values("AutoScalingGroupNames")
	var groups []*group
	for _, g := range r.groups.inOrder {
		if _, there := g.sizes.asOf(q.asOf); there && !q.hasPrefix("Filters") && (len(names) == 0 || slices.Contains(names, g.Name)) {
			groups = append(groups, g)
		}
	}
	groups = keep(q, groups, func(g *group) []string { return []string{g.Name} })
	groups, next, err := page(q, records(50, 100), groups)
	if err != nil {
		return err
	}
	list(d, "AutoScalingGroups", groups, func(g *group) { r.writeGroup(q, d, g) })
	d.textIf("NextToken", next)
	return nil
}

func (r *Region) writeGroup(q *query, d *document, g *group) {
	s, _ := g.sizes.asOf(q.asOf)
	d.text("AutoScalingGroupName", g.Name)
	d.text("AutoScalingGroupARN", g.arn)
	d.element("LaunchTemplate", func() { writeLaunchTemplate(d) })
	d.number("MinSize", s.min)
	d.number("MaxSize", s.max)
	d.number("DesiredCapacity", s.desired)
	d.number("DefaultCooldown", 300)
	d.strings("AvailabilityZones", g.Zones)
	d.strings("AvailabilityZoneIds", zoneIDs(g.Zones))
	g.writeAttachments(r, d)
	d.text("HealthCheckType", g.HealthCheckType)
	d.seconds("HealthCheckGracePeriod", g.Grace)
	g.writeInstances(q, d)
	d.timestamp("CreatedTime", g.created)
	writeSuspensions(d, anyOrder(r, s.suspended))
	d.text("VPCZoneIdentifier", subnets(anyOrder(r, g.Zones)))
	r.writeMetrics(d, g)
	if s.deleting {
		d.text("Status", "Delete in progress")
	}
	g.writeTags(d)
	d.strings("TerminationPolicies", []string{"Default"})
	d.boolean("NewInstancesProtectedFromScaleIn", false)
	r.writeSettings(d, g)
	g.writeOptional(q, d)
}

func (g *group) writeInstances(q *query, d *document) {
	var members []member
	if q.boolean("IncludeInstances", true) {
		members = keep(q, g.membersAt(q, false), member.names)
	}
	list(d, "Instances", members, func(m member) { m.write(d) })
}

func writeSuspensions(d *document, suspended []suspension) {
	list(d, "SuspendedProcesses", suspended, func(s suspension) {
		d.text("ProcessName", s.process)
		d.text("SuspensionReason", "User suspended at "+wholeSeconds(s.since))
	})
}

// writeOptional writes the elements that most groups do not have.
func (g *group) writeOptional(q *query, d *document) {
	if g.WarmPool > 0 {
		d.element("WarmPoolConfiguration", func() { writeWarmPoolConfiguration(d, g) })
		d.number("WarmPoolSize", len(g.membersAt(q, true)))
	}
	if g.MinHealthyPercentage != 0 || g.MaxHealthyPercentage != 0 {
		d.element("InstanceMaintenancePolicy", func() {
			d.number("MinHealthyPercentage", g.MinHealthyPercentage)
			d.number("MaxHealthyPercentage", g.MaxHealthyPercentage)
		})
	}
}

// member is an instance of a group as it was at a time.
type member struct {
	*instance
	shown    membership
	weighted bool
}

// membersAt are the members as a describe call sees them: only the warm pool, or all others.
func (g *group) membersAt(q *query, inWarmPool bool) []member {
	var members []member
	for _, in := range g.members {
		if was, there := in.membership.asOf(q.asOf); there && was.group == g && warm(was.state) == inWarmPool {
			members = append(members, member{in, was, len(g.Weights) > 0})
		}
	}
	return members
}

func (m member) names() []string { return []string{m.id} }

// write writes the elements that both instance views share.
func (m member) write(d *document) {
	d.text("InstanceId", m.id)
	d.text("InstanceType", instanceType)
	d.text("AvailabilityZone", m.zone)
	d.text("AvailabilityZoneId", zoneID(m.zone))
	d.text("LifecycleState", m.shown.state)
	d.text("HealthStatus", m.shown.health)
	d.element("LaunchTemplate", func() { writeLaunchTemplate(d) })
	d.boolean("ProtectedFromScaleIn", m.protected)
	if m.weighted {
		d.number("WeightedCapacity", m.weight) // a number, although the API declares a string
	}
}

func writeLaunchTemplate(d *document) {
	d.text("LaunchTemplateId", "lt-0d1e2f3a4b5c6d7e8")
	d.text("LaunchTemplateName", "launch-template")
	d.text("Version", "1")
}

const instanceType = "t3.small"

// describeAutoScalingInstances ignores unknown ids, lists warm pools, and writes health in
// capitals.
func (r *Region) describeAutoScalingInstances(q *query, d *document) error {
	members, err := r.instancesAt(q)
	if err != nil {
		return err
	}
	members = keep(q, members, member.names)
	members, next, err := page(q, records(50, 50), members)
	if err != nil {
		return err
	}
	list(d, "AutoScalingInstances", members, func(m member) {
		d.text("AutoScalingGroupName", m.shown.group.Name)
		m.shown.health = strings.ToUpper(m.shown.health)
		m.write(d)
	})
	d.textIf("NextToken", next)
	return nil
}

// instancesAt are the instances with the requested ids, or all if none is requested.
func (r *Region) instancesAt(q *query) ([]member, error) {
	ids := q.values("InstanceIds")
	if len(ids) > 50 {
		return nil, validationError("1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: Member must have length less than or equal to 50")
	}
	var members []member
	if len(ids) == 0 {
		for _, g := range r.groups.inOrder {
			members = slices.Concat(members, g.membersAt(q, false), g.membersAt(q, true))
		}
		return members, nil
	}
	for _, id := range ids {
		in := r.instances[id]
		if in == nil {
			continue
		}
		if was, there := in.membership.asOf(q.asOf); there && was.group != nil {
			members = append(members, member{in, was, len(was.group.Weights) > 0})
		}
	}
	return members, nil
}

func (r *Region) describeWarmPool(q *query, d *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	members, next, err := page(q, records(50, 50), g.membersAt(q, true))
	if err != nil {
		return err
	}
	if g.WarmPool > 0 {
		d.element("WarmPoolConfiguration", func() { writeWarmPoolConfiguration(d, g) })
	}
	list(d, "Instances", members, func(m member) { m.write(d) })
	d.textIf("NextToken", next)
	return nil
}

func writeWarmPoolConfiguration(d *document, g *group) {
	d.number("MinSize", g.WarmPool)
	d.text("PoolState", "Stopped")
	if g.Settings.ReuseOnScaleIn {
		d.element("InstanceReusePolicy", func() { d.boolean("ReuseOnScaleIn", true) })
	}
}

// subnets is the VPCZoneIdentifier of zones.
func subnets(zones []string) string {
	var ids []string
	for _, zone := range zones {
		ids = append(ids, subnet(zone))
	}
	return strings.Join(ids, ",")
}

func zoneIDs(zones []string) []string {
	var ids []string
	for _, zone := range zones {
		ids = append(ids, zoneID(zone))
	}
	return ids
}
