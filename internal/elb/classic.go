package elb

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv1 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"balanced/internal/fleet"
)

func (c *Client) describeClassic(ctx context.Context, names []string) ([]fleet.Source, error) {
	what := strings.Join(names, ", ")
	out, err := c.classic.loadBalancers(ctx, &elbv1.DescribeLoadBalancersInput{LoadBalancerNames: names})
	if err != nil {
		return nil, wrap(err, "describe Classic load balancer", what)
	}
	var all []fleet.Source
	for _, lb := range out.LoadBalancerDescriptions {
		s, err := classicSource(lb)
		if err != nil {
			return nil, wrap(err, "describe Classic load balancer", s.Name)
		}
		all = append(all, s)
	}
	return all, nil
}

func classicSource(lb types.LoadBalancerDescription) (fleet.Source, error) {
	name := aws.ToString(lb.LoadBalancerName)
	s := fleet.Source{Kind: fleet.Classic, Name: name, ID: name, CutsFlows: true}
	if lb.HealthCheck == nil {
		return s, fmt.Errorf("no health check in the answer")
	}
	check, err := ParseClassicTarget(aws.ToString(lb.HealthCheck.Target))
	if err != nil {
		return s, err
	}
	check.Interval = seconds(lb.HealthCheck.Interval)
	check.Timeout = seconds(lb.HealthCheck.Timeout)
	check.Healthy = int(aws.ToInt32(lb.HealthCheck.HealthyThreshold))
	check.Unhealthy = int(aws.ToInt32(lb.HealthCheck.UnhealthyThreshold))
	s.Check = check
	return s, nil
}

func (c *Client) classicAttributes(ctx context.Context, s *fleet.Source) error {
	out, err := c.classic.attributes(ctx, &elbv1.DescribeLoadBalancerAttributesInput{
		LoadBalancerName: aws.String(s.ID),
	})
	if err != nil {
		return wrap(err, "describe attributes of Classic load balancer", s.Name)
	}
	a := out.LoadBalancerAttributes
	if a == nil {
		return nil
	}
	// With draining off AWS still prints a timeout.
	if d := a.ConnectionDraining; d != nil && d.Enabled {
		s.Drain = seconds(d.Timeout)
		if d.Timeout == nil {
			s.Drain = 300 * time.Second // the documented default
		}
	}
	if z := a.CrossZoneLoadBalancing; z != nil {
		s.CrossZone = z.Enabled
	}
	return nil
}

// ParseClassicTarget reads the target of a Classic health check: "TCP:port",
// "SSL:port", "HTTP:port/path" or "HTTPS:port/path" (API reference, HealthCheck). Only
// 200 passes an HTTP check.
func ParseClassicTarget(target string) (fleet.HealthCheck, error) {
	bad := func(why string) (fleet.HealthCheck, error) {
		return fleet.HealthCheck{}, fmt.Errorf("health check target %q: %s", target, why)
	}
	protocol, rest, ok := strings.Cut(target, ":")
	if !ok {
		return bad("no port")
	}
	protocol = strings.ToUpper(protocol)
	port, path, slash := strings.Cut(rest, "/")
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port != strconv.FormatUint(n, 10) {
		return bad("port is not a number from 1 to 65535")
	}
	switch protocol {
	case "TCP", "SSL":
		if slash {
			return bad("a path makes no sense for " + protocol)
		}
		return fleet.HealthCheck{Protocol: protocol, Port: port}, nil
	case "HTTP", "HTTPS":
		if !slash {
			return bad("no path")
		}
		return fleet.HealthCheck{Protocol: protocol, Port: port, Path: "/" + path, Matcher: "200"}, nil
	}
	return bad("unknown protocol")
}
