package sim

import (
	"slices"
	"strconv"
)

// attribute is a key and a value, which is always a string.
type attribute struct{ key, value string }

func (r *Region) writeAttributes(d *document, all []attribute) {
	list(d, "Attributes", anyOrder(r, all), func(a attribute) {
		d.text("Key", a.key)
		d.text("Value", a.value)
	})
}

func (r *Region) describeTargetGroupAttributes(q *query, d *document) error {
	t, err := r.namedTargetGroup(q)
	if err != nil {
		return err
	}
	r.writeAttributes(d, t.attributes)
	return nil
}

// modifyTargetGroupAttributes changes attributes, all or none. Drains that have begun keep their time.
func (r *Region) modifyTargetGroupAttributes(q *query, d *document) error {
	t, err := r.namedTargetGroup(q)
	if err != nil {
		return err
	}
	changed := *t
	changed.attributes = slices.Clone(t.attributes)
	values := q.fields("Attributes", "Value")
	for i, key := range q.fields("Attributes", "Key") {
		if err := changed.setAttribute(key, values[i]); err != nil {
			return err
		}
	}
	if changed.attribute(attributeFailoverDeregistered) != changed.attribute(attributeFailoverUnhealthy) {
		return refusef("ValidationError", "Target group attributes '%s' and '%s' must have the same value", attributeFailoverDeregistered, attributeFailoverUnhealthy)
	}
	t.attributes, t.Drain = changed.attributes, changed.Drain
	r.writeAttributes(d, t.attributes)
	return nil
}

func (r *Region) describeBalancerAttributes(q *query, d *document) error {
	for _, b := range r.balancers.inOrder {
		if b.arn == q.get("LoadBalancerArn") {
			r.writeAttributes(d, []attribute{
				{attributeCrossZone, strconv.FormatBool(b.CrossZone)},
				{"deletion_protection.enabled", "false"},
				{"access_logs.s3.enabled", "false"},
			})
			return nil
		}
	}
	return balancerNotFound()
}
