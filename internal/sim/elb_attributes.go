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
	d.within("LoadBalancerAttributes", func() {
		d.within("CrossZoneLoadBalancing", func() { d.flag("Enabled", c.CrossZone) })
		d.within("AccessLog", func() { d.flag("Enabled", false) })
		d.within("ConnectionDraining", func() {
			d.flag("Enabled", c.Draining)
			d.seconds("Timeout", c.Drain)
		})
		d.within("ConnectionSettings", func() { d.number("IdleTimeout", 60) })
		d.words("AdditionalAttributes", nil)
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
	c.CrossZone = q.isSet("LoadBalancerAttributes.CrossZoneLoadBalancing.Enabled", c.CrossZone)
	c.Draining = q.isSet(draining+"Enabled", c.Draining)
	c.Drain = time.Duration(timeout) * time.Second
	d.text("LoadBalancerName", c.Name)
	writeClassicAttributes(d, c)
	return nil
}
