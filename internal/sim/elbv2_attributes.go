package sim

import (
	"strconv"
	"time"
)

// attribute is a key and a value, which is always a string.
type attribute struct{ key, value string }

func writeAttributes(d *document, all []attribute) {
	list(d, "Attributes", all, func(a attribute) {
		d.text("Key", a.key)
		d.text("Value", a.value)
	})
}

const (
	attributeDrain      = "deregistration_delay.timeout_seconds"
	attributeTerminates = "deregistration_delay.connection_termination.enabled"
	attributeCrossZone  = "load_balancing.cross_zone.enabled"
	attributeSlowStart  = "slow_start.duration_seconds"
)

func (r *Region) describeTargetGroupAttributes(q *query, d *document) error {
	t, err := r.namedTargetGroup(q)
	if err != nil {
		return err
	}
	writeAttributes(d, t.attributes())
	return nil
}

func (t *targetGroup) attributes() []attribute {
	all := []attribute{
		{attributeDrain, wholeNumber(t.Drain)},
		{"stickiness.enabled", "false"},
		{attributeCrossZone, t.CrossZone},
	}
	switch t.balancerType() {
	case "application":
		return append(all, attribute{attributeSlowStart, wholeNumber(t.SlowStart)},
			attribute{"load_balancing.algorithm.type", "round_robin"},
			attribute{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"},
			attribute{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"})
	case "network":
		return append(all, attribute{attributeTerminates, strconv.FormatBool(t.ConnectionTermination)},
			attribute{"preserve_client_ip.enabled", "true"},
			attribute{"target_health_state.unhealthy.connection_termination.enabled", "true"},
			attribute{"target_health_state.unhealthy.draining_interval_seconds", "0"})
	}
	return append(all, attribute{"target_failover.on_deregistration", "no_rebalance"},
		attribute{"target_failover.on_unhealthy", "no_rebalance"})
}

func wholeNumber(t time.Duration) string { return strconv.Itoa(int(t / time.Second)) }

// modifyTargetGroupAttributes changes attributes. Drains that have begun keep their time.
func (r *Region) modifyTargetGroupAttributes(q *query, d *document) error {
	t, err := r.namedTargetGroup(q)
	if err != nil {
		return err
	}
	values := q.fields("Attributes", "Value")
	changed := t.TargetGroup
	for i, key := range q.fields("Attributes", "Key") {
		if err := changed.setAttribute(key, values[i]); err != nil {
			return err
		}
	}
	t.TargetGroup = changed
	writeAttributes(d, t.attributes())
	return nil
}

func (t *TargetGroup) setAttribute(key, value string) error {
	switch key {
	case attributeDrain, attributeSlowStart:
		seconds, err := strconv.Atoi(value)
		if err != nil || seconds < 0 || seconds > 3600 {
			return refusef("ValidationError", "The value '%s' is not valid for target group attribute '%s'", value, key)
		}
		if key == attributeDrain {
			t.Drain = time.Duration(seconds) * time.Second
		} else {
			t.SlowStart = time.Duration(seconds) * time.Second
		}
	case attributeTerminates:
		t.ConnectionTermination = value == "true"
	case attributeCrossZone:
		t.CrossZone = value
	default:
		return refusef("ValidationError", "Target group attribute key '%s' is not recognized", key)
	}
	return nil
}

func (r *Region) describeBalancerAttributes(q *query, d *document) error {
	for _, b := range r.balancers.inOrder {
		if b.arn == q.get("LoadBalancerArn") {
			writeAttributes(d, []attribute{
				{attributeCrossZone, strconv.FormatBool(b.CrossZone)},
				{"deletion_protection.enabled", "false"},
				{"access_logs.s3.enabled", "false"},
			})
			return nil
		}
	}
	return balancerNotFound()
}
