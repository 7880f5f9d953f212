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

// namedClassic is the load balancer a request is about.
func (r *Region) namedClassic(q *query) (*classic, error) {
	return r.classicNamed(q.get("LoadBalancerName"))
}

func (r *Region) classicNamed(name string) (*classic, error) {
	c := r.classics.byName[name]
	if c == nil {
		return nil, refuse("LoadBalancerNotFound", "There is no ACTIVE Load Balancer named '%s'", name)
	}
	return c, nil
}

// describeInstanceHealth answers registered instances, or those named, registered or not; terminated
// ones never.
func (r *Region) describeInstanceHealth(q *query, d *document) error {
	c, err := r.namedClassic(q)
	if err != nil {
		return err
	}
	ids := q.fields("Instances", "InstanceId")
	if len(ids) == 0 {
		shown := c.pool.listedAt(q.at)
		list(d, "InstanceStates", shown, func(s shownRegistration) { writeInstanceState(d, s.in.id, s.reading) })
		return nil
	}
	if err := r.knownInstances(ids); err != nil {
		return err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return !r.instances[id].alive })
	list(d, "InstanceStates", ids, func(id string) {
		now, found := c.pool.readingAt(id, 0, q.at)
		if !found {
			now = reading{"OutOfService", "Instance", classicUnregistered, false}
		}
		writeInstanceState(d, id, now)
	})
	return nil
}

func writeInstanceState(d *document, id string, now reading) {
	d.text("InstanceId", id)
	d.text("State", now.State)
	d.text("ReasonCode", now.Reason)
	d.text("Description", now.Description)
}

func (r *Region) knownInstances(ids []string) error {
	for _, id := range ids {
		if r.instances[id] == nil {
			return refuse("InvalidInstance", "Could not find EC2 instance %s.", id)
		}
	}
	return nil
}

func (r *Region) describeClassics(q *query, d *document) error {
	names := q.items("LoadBalancerNames")
	all := r.classics.inTurn
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
	items, next, err := page(q, markers(), all)
	if err != nil {
		return err
	}
	list(d, "LoadBalancerDescriptions", items, func(c *classic) { r.writeClassic(d, c, q.at) })
	d.textIf("NextMarker", next)
	return nil
}

// markers is how both generations of Elastic Load Balancing page.
func markers() paging { return paging{"PageSize", "Marker", 400, 400} }

func (r *Region) writeClassic(d *document, c *classic, moment time.Time) {
	zones := c.Zones
	if zones == nil {
		zones = r.zones()
	}
	d.text("LoadBalancerName", c.Name)
	d.text("DNSName", c.Name+"-1234567890."+r.name+".elb.amazonaws.com")
	d.words("ListenerDescriptions", nil)
	d.words("AvailabilityZones", zones)
	list(d, "Instances", c.pool.listedAt(moment), func(s shownRegistration) { d.text("InstanceId", s.in.id) })
	d.within("HealthCheck", func() {
		d.text("Target", c.Check.Target)
		d.seconds("Interval", c.Check.Interval)
		d.seconds("Timeout", c.Check.Timeout)
		d.number("UnhealthyThreshold", c.Check.Unhealthy)
		d.number("HealthyThreshold", c.Check.Healthy)
	})
	d.moment("CreatedTime", c.created)
	d.text("Scheme", "internal")
}

func (r *Region) registerInstances(q *query, d *document) error {
	return r.changeInstances(q, d, func(c *classic, in *instance) { r.register(&c.pool, in, 0) })
}

func (r *Region) deregisterInstances(q *query, d *document) error {
	return r.changeInstances(q, d, func(c *classic, in *instance) {
		if reg := c.pool.find(in.id, 0); reg != nil {
			r.deregister(reg)
		}
	})
}

// changeInstances applies a change to the instances a request names and answers who is left.
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
	list(d, "Instances", c.pool.listedAt(r.now), func(s shownRegistration) { d.text("InstanceId", s.in.id) })
	return nil
}

// portNumber reads a port parameter; otherwise when it is absent.
func portNumber(text string, otherwise int) (int, error) {
	if text == "" {
		return otherwise, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0, refuse("ValidationError", "Invalid port %s", text)
	}
	return port, nil
}
