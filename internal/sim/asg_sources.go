package sim

import "slices"

// trafficSource is a load balancer or target group attached to a group.
type trafficSource struct {
	identifier, sourceType string
	ownCall                bool // attached by its type's own call, and so listed by that type's describe call
}

func (r *Region) trafficSources(g *group) []trafficSource {
	var sources []trafficSource
	for _, name := range g.Classic {
		sources = append(sources, trafficSource{name, "elb", !g.TrafficSourcesOnly})
	}
	for _, arn := range r.targetGroupARNs(g) {
		sources = append(sources, trafficSource{arn, "elbv2", !g.TrafficSourcesOnly})
	}
	for _, arn := range g.Lattice {
		sources = append(sources, trafficSource{arn, "vpc-lattice", false})
	}
	return sources
}

func (r *Region) targetGroupARNs(g *group) []string {
	var arns []string
	for _, name := range g.TargetGroups {
		arns = append(arns, r.targetGroups.must(name).arn)
	}
	return arns
}

// attachmentState is InService if load balancer health checks count, and otherwise Added.
func (g *group) attachmentState() string {
	if g.asksLoadBalancers() {
		return "InService"
	}
	return "Added"
}

func (r *Region) describeTrafficSources(q *query, d *document) error {
	kind := q.get("TrafficSourceType")
	return r.describeSources(q, d, "TrafficSources", records(50, 50),
		func(s trafficSource) bool { return kind == "" || s.sourceType == kind },
		func(s trafficSource) {
			d.text("TrafficSource", s.identifier) // deprecated, but still in answers
			d.text("Identifier", s.identifier)
			d.text("Type", s.sourceType)
		})
}

func (r *Region) describeAttachedClassics(q *query, d *document) error {
	return r.describeSources(q, d, "LoadBalancers", records(100, 100),
		func(s trafficSource) bool { return s.ownCall && s.sourceType == "elb" },
		func(s trafficSource) { d.text("LoadBalancerName", s.identifier) })
}

func (r *Region) describeAttachedTargetGroups(q *query, d *document) error {
	return r.describeSources(q, d, "LoadBalancerTargetGroups", records(100, 100),
		func(s trafficSource) bool { return s.ownCall && s.sourceType == "elbv2" },
		func(s trafficSource) { d.text("LoadBalancerTargetGroupARN", s.identifier) })
}

// describeSources answers the three calls that list attachments.
func (r *Region) describeSources(q *query, d *document, name string, p paging, wanted func(trafficSource) bool, write func(trafficSource)) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	sources := slices.DeleteFunc(r.trafficSources(g), func(s trafficSource) bool { return !wanted(s) })
	sources = keep(q, sources, func(s trafficSource) []string { return []string{s.identifier} })
	sources, next, err := page(q, p, sources)
	if err != nil {
		return err
	}
	list(d, name, sources, func(s trafficSource) {
		write(s)
		d.text("State", g.attachmentState())
	})
	d.textIf("NextToken", next)
	return nil
}

// writeAttachments writes the old lists of load balancers, and all attachments as traffic sources.
func (g *group) writeAttachments(r *Region, d *document) {
	var classics, targetGroups []string
	if !g.TrafficSourcesOnly {
		classics, targetGroups = g.Classic, r.targetGroupARNs(g)
	}
	d.strings("LoadBalancerNames", classics)
	d.strings("TargetGroupARNs", targetGroups)
	list(d, "TrafficSources", r.trafficSources(g), func(s trafficSource) {
		d.text("Identifier", s.identifier)
		d.text("Type", s.sourceType)
	})
}
