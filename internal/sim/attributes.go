package sim

import (
	"slices"
	"strconv"
	"time"
)

// Target group attributes that the Region acts on or that a TargetGroup sets (API reference,
// TargetGroupAttribute).
const (
	attributeDrain                = "deregistration_delay.timeout_seconds"
	attributeTerminates           = "deregistration_delay.connection_termination.enabled"
	attributeCrossZone            = "load_balancing.cross_zone.enabled"
	attributeSlowStart            = "slow_start.duration_seconds"
	attributeMitigation           = "load_balancing.algorithm.anomaly_mitigation"
	attributeRoutingCount         = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count"
	attributeRoutingPercentage    = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage"
	attributeFailoverDeregistered = "target_failover.on_deregistration"
	attributeFailoverUnhealthy    = "target_failover.on_unhealthy"
)

// attributeRule says where an attribute exists, its default and its valid values.
type attributeRule struct {
	key, otherwise string
	valid          func(string) bool
	unset          bool // absent from answers until it is set
}

// attributeRules are the attributes of a target group of target type instance by the type of its load
// balancer. An Application Load Balancer's target groups answer 14 attributes and a Network Load
// Balancer's 11 (recorded answers of 2026); the others are in the API reference and absent from
// those recordings.
func attributeRules(balancerType string) []attributeRule {
	boolean := oneOf("true", "false")
	rules := []attributeRule{{key: attributeDrain, otherwise: "300", valid: between(0, 3600)}, {key: "stickiness.enabled", otherwise: "false", valid: boolean}}
	switch balancerType {
	case "application":
		return slices.Concat(rules, sharedRules(), applicationRules())
	case "network":
		return slices.Concat(rules, sharedRules(), []attributeRule{
			{key: "stickiness.type", otherwise: "source_ip", valid: oneOf("source_ip")},
			{key: attributeTerminates, otherwise: "false", valid: boolean},
			{key: "preserve_client_ip.enabled", otherwise: "true", valid: boolean},
			{key: "proxy_protocol_v2.enabled", otherwise: "false", valid: boolean},
			{key: "target_health_state.unhealthy.connection_termination.enabled", otherwise: "true", valid: boolean, unset: true},
			{key: "target_health_state.unhealthy.draining_interval_seconds", otherwise: "0", valid: between(0, 360000), unset: true},
		})
	}
	failover := oneOf("no_rebalance", "rebalance")
	return append(rules,
		attributeRule{key: "stickiness.type", otherwise: "source_ip_dest_ip_proto", valid: oneOf("source_ip_dest_ip", "source_ip_dest_ip_proto")},
		attributeRule{key: attributeFailoverDeregistered, otherwise: "no_rebalance", valid: failover},
		attributeRule{key: attributeFailoverUnhealthy, otherwise: "no_rebalance", valid: failover},
		attributeRule{key: "send_tcp_reset.on_deregistration.enabled", otherwise: "false", valid: boolean, unset: true},
		attributeRule{key: "send_tcp_reset.on_unhealthy.enabled", otherwise: "false", valid: boolean, unset: true})
}

// sharedRules are the attributes of both Application and Network Load Balancers.
func sharedRules() []attributeRule {
	const dns = "target_group_health.dns_failover.minimum_healthy_targets."
	return []attributeRule{
		{key: attributeCrossZone, otherwise: "use_load_balancer_configuration", valid: oneOf("true", "false", "use_load_balancer_configuration")},
		{key: dns + "count", otherwise: "1", valid: offOr(between(1, 1000))},
		{key: dns + "percentage", otherwise: "off", valid: offOr(between(1, 100))},
		{key: attributeRoutingCount, otherwise: "1", valid: between(1, 1000)},
		{key: attributeRoutingPercentage, otherwise: "off", valid: offOr(between(1, 100))},
	}
}

func applicationRules() []attributeRule {
	const week = 7 * 24 * 60 * 60 // seconds
	return []attributeRule{
		{key: "stickiness.type", otherwise: "lb_cookie", valid: oneOf("lb_cookie", "app_cookie")},
		{key: "stickiness.lb_cookie.duration_seconds", otherwise: "86400", valid: between(1, week)},
		{key: "stickiness.app_cookie.cookie_name", otherwise: "", valid: func(string) bool { return true }},
		{key: "stickiness.app_cookie.duration_seconds", otherwise: "86400", valid: between(1, week)},
		{key: "load_balancing.algorithm.type", otherwise: "round_robin", valid: oneOf("round_robin", "least_outstanding_requests", "weighted_random")},
		{key: attributeMitigation, otherwise: "off", valid: oneOf("on", "off")},
		{key: attributeSlowStart, otherwise: "0", valid: func(v string) bool { return v == "0" || between(30, 900)(v) }},
	}
}

func oneOf(values ...string) func(string) bool {
	return func(v string) bool { return slices.Contains(values, v) }
}

func offOr(valid func(string) bool) func(string) bool {
	return func(v string) bool { return v == "off" || valid(v) }
}

func between(low, high int) func(string) bool {
	return func(v string) bool {
		n, err := strconv.Atoi(v)
		return err == nil && low <= n && n <= high
	}
}

// initialAttributes are the attributes of a new target group.
func (t *targetGroup) initialAttributes() []attribute {
	var all []attribute
	for _, rule := range attributeRules(t.balancerType()) {
		if !rule.unset {
			all = append(all, attribute{rule.key, rule.otherwise})
		}
	}
	return all
}

// attribute is the value of an attribute, or "" if it has none.
func (t *targetGroup) attribute(key string) string {
	for _, a := range t.attributes {
		if a.key == key {
			return a.value
		}
	}
	return ""
}

// setAttribute sets an attribute that this type of target group has.
func (t *targetGroup) setAttribute(key, value string) error {
	rules := attributeRules(t.balancerType())
	i := slices.IndexFunc(rules, func(rule attributeRule) bool { return rule.key == key })
	switch {
	case i < 0:
		return refusef("ValidationError", "Target group attribute key '%s' is not recognized", key)
	case !rules[i].valid(value):
		return refusef("ValidationError", "The value '%s' is not valid for target group attribute '%s'", value, key)
	}
	if key == attributeDrain {
		t.Drain = seconds(value)
	}
	for i := range t.attributes {
		if t.attributes[i].key == key {
			t.attributes[i].value = value
			return nil
		}
	}
	t.attributes = append(t.attributes, attribute{key, value})
	return nil
}

// minHealthy is the number of healthy targets below which unhealthy ones get traffic too (API
// reference, TargetGroupAttribute): the larger of the count and the percentage of all targets.
func (t *targetGroup) minHealthy(targets int) int {
	count := max(1, whole(t.attribute(attributeRoutingCount)))
	percentage := whole(t.attribute(attributeRoutingPercentage))
	return max(count, (targets*percentage+99)/100)
}

// whole is a whole number, or 0 for "off" and other text.
func whole(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

func seconds(text string) time.Duration { return time.Duration(whole(text)) * time.Second }

func secondsText(t time.Duration) string { return strconv.Itoa(int(t / time.Second)) }
