package elb

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"golang.org/x/sync/errgroup"

	"balanced/internal/fleet"
)

// targetGroup is a source under construction.
type targetGroup struct {
	fleet.Source
	balancers []string // ARNs of the load balancers that route to it
	inherits  bool     // CrossZone is what those say
}

func (c *Client) describeTargetGroups(ctx context.Context, arns []string) ([]targetGroup, error) {
	out, err := c.targets.groups(ctx, &elbv2.DescribeTargetGroupsInput{TargetGroupArns: arns})
	if err != nil {
		return nil, wrap(err, "describe target group", strings.Join(arns, ", "))
	}
	var all []targetGroup
	for _, t := range out.TargetGroups {
		s := source(t)
		s.Check = targetCheck(t)
		all = append(all, targetGroup{Source: s, balancers: t.LoadBalancerArns})
	}
	return all, nil
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

func (c *Client) targetGroupAttributes(ctx context.Context, t *targetGroup) error {
	out, err := c.targets.attributes(ctx, &elbv2.DescribeTargetGroupAttributesInput{
		TargetGroupArn: aws.String(t.ID),
	})
	if err != nil {
		return wrap(err, "describe attributes of target group", t.Name)
	}
	values := map[string]string{}
	for _, a := range out.Attributes {
		values[aws.ToString(a.Key)] = aws.ToString(a.Value)
	}
	t.apply(values)
	return nil
}

// apply reads the attributes (API reference, TargetGroupAttribute; absent ones have
// the documented default).
func (t *targetGroup) apply(values map[string]string) {
	t.Drain = 300 * time.Second
	if n, err := strconv.Atoi(values["deregistration_delay.timeout_seconds"]); err == nil {
		t.Drain = time.Duration(n) * time.Second
	}
	switch t.Kind {
	case fleet.Application:
		t.CutsFlows = true
	case fleet.Gateway:
		t.CutsFlows = values["target_failover.on_deregistration"] == "rebalance" ||
			values["send_tcp_reset.on_deregistration.enabled"] == "true"
	default:
		t.CutsFlows = values["deregistration_delay.connection_termination.enabled"] == "true"
	}
	switch values["load_balancing.cross_zone.enabled"] {
	case "true":
		t.CrossZone = true
	case "false":
		t.CrossZone = false
	default: // use_load_balancer_configuration; for an Application Load Balancer always on
		t.CrossZone = t.Kind == fleet.Application
		t.inherits = t.Kind != fleet.Application
	}
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
	out, err := c.targets.loadBalancerAttributes(ctx, &elbv2.DescribeLoadBalancerAttributesInput{
		LoadBalancerArn: aws.String(arn),
	})
	if err != nil {
		return false, wrap(err, "describe attributes of load balancer", arn)
	}
	for _, a := range out.Attributes {
		if aws.ToString(a.Key) == "load_balancing.cross_zone.enabled" {
			return aws.ToString(a.Value) == "true", nil
		}
	}
	return false, nil
}
