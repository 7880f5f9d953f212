package sim

import (
	"slices"
	"strconv"
	"time"
)

// classicOperations are the actions of Elastic Load Balancing, API version 2012-06-01.
func classicOperations() map[string]operation {
	return map[string]operation{
		"DescribeInstanceHealth":              (*Region).describeInstanceHealth,
		"DescribeLoadBalancers":               (*Region).describeClassics,
		"DescribeLoadBalancerAttributes":      (*Region).describeClassicAttributes,
		"ModifyLoadBalancerAttributes":        (*Region).modifyClassicAttributes,
		"RegisterInstancesWithLoadBalancer":   (*Region).registerInstances,
		"DeregisterInstancesFromLoadBalancer": (*Region).deregisterInstances,
	}
}

// namedClassic is the load balancer that a request names.
func (r *Region) namedClassic(q *query) (*classic, error) {
	return r.classicNamed(q.get("LoadBalancerName"))
}

func (r *Region) classicNamed(name string) (*classic, error) {
	c := r.classics.byName[name]
	if c == nil {
		return nil, refusef("LoadBalancerNotFound", "There is no ACTIVE Load Balancer named '%s'", name)
	}
	return c, nil
}

// describeInstanceHealth lists registered instances, or the named ones whether registered or not,
// and never terminated ones.
func (r *Region) describeInstanceHealth(q *query, d *document) error {
	c, err := r.namedClassic(q)
	if err != nil {
		return err
	}
	ids := q.fields("Instances", "InstanceId")
	if len(ids) == 0 {
		shown := keep(q, c.registrar.listedAt(q.asOf), listedReading.names)
		list(d, "InstanceStates", shown, func(s listedReading) { writeInstanceState(d, s.instance.id, s.reading) })
		return nil
	}
	if err := r.knownInstances(ids); err != nil {
		return err
	}
	ids = keep(q, ids, func(id string) []string { return []string{id} })
	ids = slices.DeleteFunc(ids, func(id string) bool { return !r.instances[id].running })
	list(d, "InstanceStates", ids, func(id string) {
		now, found := c.registrar.shownAt(id, 0, q.asOf)
		if !found {
			now = shownHealth{State: "OutOfService", Reason: "Instance", Description: classicUnregistered}
		}
		writeInstanceState(d, id, now)
	})
	return nil
}

func writeInstanceState(d *document, id string, now shownHealth) {
	d.text("InstanceId", id)
	d.text("State", now.State)
	d.text("ReasonCode", now.Reason)
	d.text("Description", now.Description)
}

func (r *Region) knownInstances(ids []string) error {
	for _, id := range ids {
		if r.instances[id] == nil {
			return refusef("InvalidInstance", "Could not find EC2 instance %s.", id)
		}
	}
	return nil
}

func (r *Region) describeClassics(q *query, d *document) error {
	names := q.values("LoadBalancerNames")
	all := r.classics.inOrder
	if len(names) > 0 {
		all = nil
		for _, name := range names {
			c, err := r.classicNamed(name)
			if err != nil {
				return err
			}
			all = append(all, c)
		}
	}
	all = keep(q, all, func(c *classic) []string { return []string{c.Name} })
	items, next, err := page(q, markers(), all)
	if err != nil {
		return err
	}
	list(d, "LoadBalancerDescriptions", items, func(c *classic) { r.writeClassic(d, c, q.asOf) })
	d.textIf("NextMarker", next)
	return nil
}

// markers is the paging of both generations of Elastic Load Balancing.
func markers() paging { return paging{"PageSize", "Marker", 400, 400} }

func (r *Region) writeClassic(d *document, c *classic, moment time.Time) {
	zones := c.Zones
	if zones == nil {
		zones = r.zones()
	}
	d.text("LoadBalancerName", c.Name)
	d.text("DNSName", c.Name+"-1234567890."+r.config.Name+".elb.amazonaws.com")
	d.strings("ListenerDescriptions", nil)
	d.strings("AvailabilityZones", zones)
	list(d, "Instances", c.registrar.listedAt(moment), func(s listedReading) { d.text("InstanceId", s.instance.id) })
	d.element("HealthCheck", func() {
		d.text("Target", c.Check.Target)
		d.seconds("Interval", c.Check.Interval)
		d.seconds("Timeout", c.Check.Timeout)
		d.number("UnhealthyThreshold", c.Check.Unhealthy)
		d.number("HealthyThreshold", c.Check.Healthy)
	})
	d.timestamp("CreatedTime", c.created)
	d.text("Scheme", "internal")
}

func (r *Region) registerInstances(q *query, d *document) error {
	return r.changeInstances(q, d, func(c *classic, in *instance) { r.register(&c.registrar, in, 0) })
}

func (r *Region) deregisterInstances(q *query, d *document) error {
	return r.changeInstances(q, d, func(c *classic, in *instance) {
		if reg := c.registrar.find(in.id, 0); reg != nil {
			r.deregister(reg)
		}
	})
}

// changeInstances changes the named instances and lists the registered ones.
func (r *Region) changeInstances(q *query, d *document, change func(*classic, *instance)) error {
	c, err := r.namedClassic(q)
	if err != nil {
		return err
	}
	ids := q.fields("Instances", "InstanceId")
	if err := r.knownInstances(ids); err != nil {
		return err
	}
	for _, id := range ids {
		change(c, r.instances[id])
	}
	list(d, "Instances", c.registrar.listedAt(r.now), func(s listedReading) { d.text("InstanceId", s.instance.id) })
	return nil
}

// portNumber reads a port parameter. An absent one is otherwise.
func portNumber(text string, otherwise int) (int, error) {
	if text == "" {
		return otherwise, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0, refusef("ValidationError", "Invalid port %s", text)
	}
	return port, nil
}
