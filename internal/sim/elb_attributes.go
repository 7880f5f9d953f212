package sim

import "time"

func (r *Region) describeClassicAttributes(q *query, d *document) error {
	c, err := r.namedClassic(q)
	if err != nil {
		return err
	}
	writeClassicAttributes(d, c)
	return nil
}

func writeClassicAttributes(d *document, c *classic) {
	d.element("LoadBalancerAttributes", func() {
		d.element("CrossZoneLoadBalancing", func() { d.boolean("Enabled", c.CrossZone) })
		d.element("AccessLog", func() { d.boolean("Enabled", false) })
		d.element("ConnectionDraining", func() {
			d.boolean("Enabled", c.Draining)
			d.seconds("Timeout", c.Drain)
		})
		d.element("ConnectionSettings", func() { d.number("IdleTimeout", 60) })
		d.strings("AdditionalAttributes", nil)
	})
}

// modifyClassicAttributes changes cross-zone load balancing and connection draining. Drains that
// have begun keep their time.
func (r *Region) modifyClassicAttributes(q *query, d *document) error {
	c, err := r.namedClassic(q)
	if err != nil {
		return err
	}
	const draining = "LoadBalancerAttributes.ConnectionDraining."
	timeout, err := q.number(draining+"Timeout", int(c.Drain/time.Second))
	if err != nil {
		return err
	}
	c.CrossZone = q.boolean("LoadBalancerAttributes.CrossZoneLoadBalancing.Enabled", c.CrossZone)
	c.Draining = q.boolean(draining+"Enabled", c.Draining)
	c.Drain = time.Duration(timeout) * time.Second
	d.text("LoadBalancerName", c.Name)
	writeClassicAttributes(d, c)
	return nil
}
