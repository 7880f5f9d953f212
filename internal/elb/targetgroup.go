package elb

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"golang.org/x/sync/errgroup"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// targetGroup is a source under construction.
type targetGroup struct {
	fleet.Source
	balancers []string // ARNs of the load balancers that route to it
	inherits  bool     // CrossZone is what those say
}

func (c *Client) targetGroupsByARN(ctx context.Context, arns []string) ([]targetGroup, error) {
	return c.describeTargetGroups(ctx, elbv2.DescribeTargetGroupsInput{TargetGroupArns: arns}, arns)
}

func (c *Client) targetGroupsByName(ctx context.Context, names []string) ([]targetGroup, error) {
	return c.describeTargetGroups(ctx, elbv2.DescribeTargetGroupsInput{Names: names}, names)
}

// describeTargetGroups asks a question about target groups that it names.
func (c *Client) describeTargetGroups(ctx context.Context, in elbv2.DescribeTargetGroupsInput, asked []string) ([]targetGroup, error) {
	all, err := complete(ctx, c, "DescribeTargetGroups", func(ctx context.Context) ([]targetGroup, error) {
		return c.namedTargetGroups(ctx, in, asked)
	})
	if err != nil {
		return nil, wrap(err, "describe target group", strings.Join(asked, ", "))
	}
	return all, nil
}

func (c *Client) namedTargetGroups(ctx context.Context, in elbv2.DescribeTargetGroupsInput, asked []string) ([]targetGroup, error) {
	var all []targetGroup
	var found []string
	err := awsapi.Pages(func(marker string) (next string, enough bool, err error) {
		in.Marker = page(marker)
		out, err := c.targets.groups(ctx, &in)
		if err != nil {
			return "", false, err
		}
		for _, t := range out.TargetGroups {
			if err := wholeTargetGroup(t); err != nil {
				return "", false, err
			}
			s := source(t)
			s.Check = targetCheck(t)
			all, found = append(all, targetGroup{Source: s, balancers: t.LoadBalancerArns}), append(found, s.ID, s.Name)
		}
		return aws.ToString(out.NextMarker), false, nil
	})
	if err == nil {
		err = unanswered(asked, found)
	}
	return all, err
}

// wholeTargetGroup: a target group without its protocol would be one of a Network Load Balancer, one without its load
// balancers nobody's, one without its port on every port.
func wholeTargetGroup(t types.TargetGroup) error {
	name := cmp.Or(aws.ToString(t.TargetGroupName), aws.ToString(t.TargetGroupArn))
	if t.TargetType == types.TargetTypeEnumLambda {
		return nil // it has neither port nor protocol
	}
	checked := t.HealthCheckEnabled == nil || *t.HealthCheckEnabled
	for _, part := range []struct {
		what string
		has  bool
	}{
		{"ARN", t.TargetGroupArn != nil},
		{"name", t.TargetGroupName != nil},
		{"target type", t.TargetType != ""},
		{"protocol", t.Protocol != ""},
		{"port", t.Port != nil},
		{"load balancers", t.LoadBalancerArns != nil},
		{"health check protocol", !checked || t.HealthCheckProtocol != ""},
		{"health check port", !checked || t.HealthCheckPort != nil},
		{"health check interval", !checked || t.HealthCheckIntervalSeconds != nil},
	} {
		if !part.has {
			return awsapi.Lacks("%s of target group %s", part.what, name)
		}
	}
	return nil
}

// kindOf: what is neither HTTP nor GENEVE flows through a Network Load Balancer,
// whatever AWS calls its next protocol.
func kindOf(p types.ProtocolEnum) fleet.SourceKind {
	switch p {
	case types.ProtocolEnumHttp, types.ProtocolEnumHttps:
		return fleet.Application
	case types.ProtocolEnumGeneve:
		return fleet.Gateway
	}
	return fleet.Network
}

func targetCheck(t types.TargetGroup) fleet.HealthCheck {
	check := fleet.HealthCheck{
		Disabled:  !aws.ToBool(t.HealthCheckEnabled) && t.HealthCheckEnabled != nil,
		Protocol:  string(t.HealthCheckProtocol),
		Port:      aws.ToString(t.HealthCheckPort),
		Path:      aws.ToString(t.HealthCheckPath),
		HTTP2:     aws.ToString(t.ProtocolVersion) == "HTTP2",
		IPv6:      t.IpAddressType == types.TargetGroupIpAddressTypeEnumIpv6,
		Interval:  seconds(t.HealthCheckIntervalSeconds),
		Timeout:   seconds(t.HealthCheckTimeoutSeconds),
		Healthy:   int(aws.ToInt32(t.HealthyThresholdCount)),
		Unhealthy: int(aws.ToInt32(t.UnhealthyThresholdCount)),
	}
	if m := t.Matcher; m != nil {
		check.Matcher = aws.ToString(m.HttpCode)
		if m.GrpcCode != nil {
			check.GRPC, check.Matcher = true, *m.GrpcCode
		}
	}
	return check
}

// delayKey and crossZoneKey are attributes that AWS lists for every target group of instances or addresses, and for every
// load balancer.
const (
	delayKey     = "deregistration_delay.timeout_seconds"
	crossZoneKey = "load_balancing.cross_zone.enabled"
)

func (c *Client) targetGroupAttributes(ctx context.Context, t *targetGroup) error {
	values, err := complete(ctx, c, "DescribeTargetGroupAttributes", func(ctx context.Context) (map[string]string, error) {
		out, err := c.targets.attributes(ctx, &elbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: aws.String(t.ID)})
		if err != nil {
			return nil, err
		}
		values := map[string]string{}
		for _, a := range out.Attributes {
			values[aws.ToString(a.Key)] = aws.ToString(a.Value)
		}
		if _, err := strconv.Atoi(values[delayKey]); err != nil {
			return nil, awsapi.Lacks("%s of target group %s", delayKey, t.Name)
		}
		return values, nil
	})
	if err != nil {
		return wrap(err, "describe attributes of target group", t.Name)
	}
	t.apply(values)
	return nil
}

// apply reads the attributes (API reference, TargetGroupAttribute; absent ones have
// the documented default).
func (t *targetGroup) apply(values map[string]string) {
	t.Drain = 300 * time.Second
	if n, err := strconv.Atoi(values[delayKey]); err == nil {
		t.Drain = time.Duration(n) * time.Second
	}
	t.CutsFlows = cutsFlows(t.Kind, values)
	t.SlowStart = time.Duration(number(values["slow_start.duration_seconds"])) * time.Second
	t.AnomalyMitigation = values["load_balancing.algorithm.anomaly_mitigation"] == "on"
	t.Check.ProxyV2 = values["proxy_protocol_v2.enabled"] == "true"
	t.Thresholds = fleet.Thresholds{DNS: threshold(t.Kind, "dns_failover", values), Routing: threshold(t.Kind, "unhealthy_state_routing", values)}
	switch values[crossZoneKey] {
	case "true":
		t.CrossZone = true
	case "false":
		t.CrossZone = false
	default: // use_load_balancer_configuration; for an Application Load Balancer always on
		t.CrossZone = t.Kind == fleet.Application
		t.inherits = t.Kind != fleet.Application
	}
}

// cutsFlows: a Gateway Load Balancer resets flows only where it does not rebalance them, and only with 5-tuple
// stickiness, which is what stickiness.enabled=false stands for.
func cutsFlows(kind fleet.SourceKind, values map[string]string) bool {
	switch kind {
	case fleet.Application:
		return true
	case fleet.Gateway:
		return values["target_failover.on_deregistration"] == "rebalance" ||
			values["send_tcp_reset.on_deregistration.enabled"] == "true" && values["stickiness.enabled"] != "true"
	}
	return values["deregistration_delay.connection_termination.enabled"] == "true"
}

// threshold reads one of target_group_health.*: a number, or off. A count that is absent is 1; Gateway Load Balancers
// have none of them.
func threshold(kind fleet.SourceKind, name string, values map[string]string) fleet.Threshold {
	begins := "target_group_health." + name + ".minimum_healthy_targets."
	t := fleet.Threshold{Count: number(values[begins+"count"]), Percent: number(values[begins+"percentage"])}
	if values[begins+"count"] == "" && kind != fleet.Gateway {
		t.Count = 1
	}
	return t
}

// number is 0 for off and for nothing.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// inheritCrossZone asks each load balancer once. Behind several, one that keeps its
// clients within their zone is enough to need a peer there.
func (c *Client) inheritCrossZone(ctx context.Context, all []targetGroup) error {
	on := map[string]*bool{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, t := range all {
		for _, arn := range t.balancers {
			if !t.inherits || on[arn] != nil {
				continue
			}
			zone := new(bool)
			on[arn] = zone
			g.Go(func() (err error) { *zone, err = c.crossZone(gctx, arn); return err })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range all {
		t := &all[i]
		if !t.inherits {
			continue
		}
		t.CrossZone = len(t.balancers) > 0
		for _, arn := range t.balancers {
			t.CrossZone = t.CrossZone && *on[arn]
		}
	}
	return nil
}

func (c *Client) crossZone(ctx context.Context, arn string) (bool, error) {
	on, err := complete(ctx, c, "DescribeLoadBalancerAttributes", func(ctx context.Context) (bool, error) {
		out, err := c.targets.loadBalancerAttributes(ctx, &elbv2.DescribeLoadBalancerAttributesInput{LoadBalancerArn: aws.String(arn)})
		if err != nil {
			return false, err
		}
		for _, a := range out.Attributes {
			if aws.ToString(a.Key) == crossZoneKey {
				return aws.ToString(a.Value) == "true", nil
			}
		}
		return false, awsapi.Lacks("%s of %s", crossZoneKey, arn)
	})
	if err != nil {
		return false, wrap(err, "describe attributes of load balancer", arn)
	}
	return on, nil
}
