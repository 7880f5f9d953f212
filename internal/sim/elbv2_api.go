package sim

import (
	"slices"
)

// targetGroupOperations are the actions of Elastic Load Balancing, API version 2015-12-01.
func targetGroupOperations() map[string]operation {
	return map[string]operation{
		"DescribeTargetHealth":           (*Region).describeTargetHealth,
		"DescribeTags":                   (*Region).describeTags,
		"DescribeTargetGroups":           (*Region).describeTargetGroups,
		"DescribeTargetGroupAttributes":  (*Region).describeTargetGroupAttributes,
		"ModifyTargetGroupAttributes":    (*Region).modifyTargetGroupAttributes,
		"DescribeLoadBalancers":          (*Region).describeBalancers,
		"DescribeLoadBalancerAttributes": (*Region).describeBalancerAttributes,
		"RegisterTargets":                (*Region).registerTargets,
		"DeregisterTargets":              (*Region).deregisterTargets,
	}
}

// namedTargetGroup is the target group that a request names.
func (r *Region) namedTargetGroup(q *query) (*targetGroup, error) {
	for _, t := range r.targetGroups.inOrder {
		if t.arn == q.get("TargetGroupArn") {
			return t, nil
		}
	}
	return nil, refusef("TargetGroupNotFound", "One or more target groups not found")
}

// target is a target as a request names it.
type target struct {
	id   string
	port int
}

// namedTargets are the targets that a request names. The default port is the target group's.
func (r *Region) namedTargets(q *query, t *targetGroup) ([]target, error) {
	var targets []target
	ports := q.fields("Targets", "Port")
	for i, id := range q.fields("Targets", "Id") {
		port, err := portNumber(ports[i], t.Port)
		if err != nil {
			return nil, err
		}
		in := r.targetOf(t, id)
		if in == nil {
			return nil, refusef("InvalidTarget", "The specified target does not exist, is not in the same VPC as the target group, or has an unsupported instance type.")
		}
		targets = append(targets, target{in.id, port})
	}
	return targets, nil
}

func (r *Region) describeTargetGroups(q *query, d *document) error {
	arns, names := q.values("TargetGroupArns"), q.values("Names")
	all := slices.DeleteFunc(slices.Clone(r.targetGroups.inOrder), func(t *targetGroup) bool {
		behind := t.balancer != nil && t.balancer.arn == q.get("LoadBalancerArn")
		return len(arns) > 0 && !slices.Contains(arns, t.arn) ||
			len(names) > 0 && !slices.Contains(names, t.Name) ||
			q.get("LoadBalancerArn") != "" && !behind
	})
	if len(all) < len(arns) || len(all) < len(names) {
		return refusef("TargetGroupNotFound", "One or more target groups not found")
	}
	all = keep(q, all, func(t *targetGroup) []string { return []string{t.arn, t.Name} })
	items, next, err := page(q, markers(), all)
	if err != nil {
		return err
	}
	list(d, "TargetGroups", items, func(t *targetGroup) { t.write(d) })
	d.textIf("NextMarker", next)
	return nil
}

func (t *targetGroup) write(d *document) {
	d.text("TargetGroupArn", t.arn)
	d.text("TargetGroupName", t.Name)
	d.text("Protocol", t.Protocol)
	d.number("Port", t.Port)
	d.text("VpcId", vpc)
	d.text("HealthCheckProtocol", t.Check.Protocol)
	d.text("HealthCheckPort", t.Check.Port)
	d.boolean("HealthCheckEnabled", !t.Check.Disabled)
	d.seconds("HealthCheckIntervalSeconds", t.Check.Interval)
	d.seconds("HealthCheckTimeoutSeconds", t.Check.Timeout)
	d.number("HealthyThresholdCount", t.Check.Healthy)
	d.number("UnhealthyThresholdCount", t.Check.Unhealthy)
	if t.Check.Path != "" {
		d.text("HealthCheckPath", t.Check.Path)
		d.element("Matcher", func() { d.text("HttpCode", t.Check.Matcher) })
	}
	var balancers []string
	if t.balancer != nil {
		balancers = append(balancers, t.balancer.arn)
	}
	d.strings("LoadBalancerArns", balancers)
	d.text("TargetType", t.TargetType)
	if t.balancerType() == "application" {
		d.text("ProtocolVersion", "HTTP1")
	}
	d.text("IpAddressType", t.addressType())
}

func (t *targetGroup) addressType() string {
	if t.IPv6 {
		return "ipv6"
	}
	return "ipv4"
}

const vpc = "vpc-0a1b2c3d4e5f60718"

func (r *Region) describeBalancers(q *query, d *document) error {
	arns, names := q.values("LoadBalancerArns"), q.values("Names")
	all := slices.DeleteFunc(slices.Clone(r.balancers.inOrder), func(b *balancer) bool {
		return len(arns) > 0 && !slices.Contains(arns, b.arn) || len(names) > 0 && !slices.Contains(names, b.Name)
	})
	if len(all) < len(arns) || len(all) < len(names) {
		return balancerNotFound()
	}
	all = keep(q, all, func(b *balancer) []string { return []string{b.arn, b.Name} })
	items, next, err := page(q, markers(), all)
	if err != nil {
		return err
	}
	list(d, "LoadBalancers", items, func(b *balancer) { r.writeBalancer(d, b) })
	d.textIf("NextMarker", next)
	return nil
}

func balancerNotFound() error {
	return refusef("LoadBalancerNotFound", "One or more load balancers not found")
}

func (r *Region) writeBalancer(d *document, b *balancer) {
	zones := b.Zones
	if zones == nil {
		zones = r.zones()
	}
	d.text("LoadBalancerArn", b.arn)
	d.text("LoadBalancerName", b.Name)
	d.text("DNSName", b.Name+"-0123456789abcdef.elb."+r.config.Name+".amazonaws.com")
	d.text("Scheme", "internal")
	d.text("Type", b.Type)
	d.text("VpcId", vpc)
	d.element("State", func() { d.text("Code", "active") })
	list(d, "AvailabilityZones", zones, func(zone string) {
		d.text("ZoneName", zone)
		d.text("SubnetId", subnet(zone))
	})
	d.timestamp("CreatedTime", b.created)
	d.text("IpAddressType", "ipv4")
}

func (r *Region) registerTargets(q *query, _ *document) error {
	t, err := r.namedTargetGroup(q)
	if err != nil {
		return err
	}
	targets, err := r.namedTargets(q, t)
	if err != nil {
		return err
	}
	for _, named := range targets {
		if !r.instances[named.id].running {
			return refusef("InvalidTarget", "The following targets are not in a running state and cannot be registered: '%s'", named.id)
		}
	}
	for _, named := range targets {
		r.register(&t.registrar, r.instances[named.id], named.port)
	}
	return nil
}

// deregisterTargets succeeds for targets that are not registered.
func (r *Region) deregisterTargets(q *query, _ *document) error {
	t, err := r.namedTargetGroup(q)
	if err != nil {
		return err
	}
	targets, err := r.namedTargets(q, t)
	if err != nil {
		return err
	}
	for _, named := range targets {
		if reg := t.registrar.find(named.id, named.port); reg != nil {
			r.deregister(reg)
		}
	}
	return nil
}
