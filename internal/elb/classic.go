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

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
)

func (c *Client) describeClassic(ctx context.Context, names []string) ([]fleet.Source, error) {
	all, err := complete(ctx, c, "DescribeLoadBalancers", func(ctx context.Context) ([]fleet.Source, error) {
		return c.namedClassic(ctx, names)
	})
	if err != nil {
		return nil, wrap(err, "describe Classic load balancer", strings.Join(names, ", "))
	}
	return all, nil
}

func (c *Client) namedClassic(ctx context.Context, names []string) ([]fleet.Source, error) {
	var all []fleet.Source
	var found []string
	err := awsapi.Pages(func(marker string) (next string, enough bool, err error) {
		out, err := c.classic.loadBalancers(ctx, &elbv1.DescribeLoadBalancersInput{LoadBalancerNames: names, Marker: page(marker)})
		if err != nil {
			return "", false, err
		}
		for _, lb := range out.LoadBalancerDescriptions {
			s, err := classicSource(lb)
			if err != nil {
				return "", false, err
			}
			all, found = append(all, s), append(found, s.Name)
		}
		return aws.ToString(out.NextMarker), false, nil
	})
	if err == nil {
		err = unanswered(names, found)
	}
	return all, err
}

func classicSource(lb types.LoadBalancerDescription) (fleet.Source, error) {
	name := aws.ToString(lb.LoadBalancerName)
	s := fleet.Source{Kind: fleet.Classic, Name: name, ID: name, CutsFlows: true}
	if lb.HealthCheck == nil || aws.ToString(lb.HealthCheck.Target) == "" {
		return s, awsapi.Lacks("health check of %s", name)
	}
	check, err := ParseClassicTarget(aws.ToString(lb.HealthCheck.Target))
	if err != nil {
		return s, failure.New(failure.Setup, "give Classic load balancer "+name+" a health check such as HTTP:80/",
			"Classic load balancer %s: %s", name, err)
	}
	check.Interval = seconds(lb.HealthCheck.Interval)
	check.Timeout = seconds(lb.HealthCheck.Timeout)
	check.Healthy = int(aws.ToInt32(lb.HealthCheck.HealthyThreshold))
	check.Unhealthy = int(aws.ToInt32(lb.HealthCheck.UnhealthyThreshold))
	s.Check = check
	return s, nil
}

func (c *Client) classicAttributes(ctx context.Context, s *fleet.Source) error {
	a, err := complete(ctx, c, "DescribeLoadBalancerAttributes", func(ctx context.Context) (*types.LoadBalancerAttributes, error) {
		out, err := c.classic.attributes(ctx, &elbv1.DescribeLoadBalancerAttributesInput{LoadBalancerName: aws.String(s.ID)})
		switch {
		case err != nil:
			return nil, err
		case out.LoadBalancerAttributes.ConnectionDraining == nil:
			return nil, awsapi.Lacks("ConnectionDraining of %s", s.Name)
		case out.LoadBalancerAttributes.CrossZoneLoadBalancing == nil:
			return nil, awsapi.Lacks("CrossZoneLoadBalancing of %s", s.Name)
		}
		return out.LoadBalancerAttributes, nil
	})
	if err != nil {
		return wrap(err, "describe attributes of Classic load balancer", s.Name)
	}
	// With draining off AWS still prints a timeout.
	if d := a.ConnectionDraining; d.Enabled {
		s.Drain = seconds(d.Timeout)
		if d.Timeout == nil {
			s.Drain = 300 * time.Second // the documented default
		}
	}
	s.CrossZone = a.CrossZoneLoadBalancing.Enabled
	return nil
}

// ParseClassicTarget reads the target of a Classic health check: "TCP:port", "SSL:port", "HTTP:port/path" or
// "HTTPS:port/path" (API reference, HealthCheck). Only 200 passes an HTTP check. It reads what AWS takes or may have
// taken once: any case, zeros before the port, a path that means nothing to TCP and SSL, and none for HTTP.
func ParseClassicTarget(target string) (fleet.HealthCheck, error) {
	bad := func(why string) (fleet.HealthCheck, error) {
		return fleet.HealthCheck{}, fmt.Errorf("health check target %q: %s", target, why)
	}
	protocol, rest, ok := strings.Cut(strings.TrimSpace(target), ":")
	if !ok {
		return bad("no port")
	}
	number, path, _ := strings.Cut(rest, "/")
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || n == 0 {
		return bad("port is not a number from 1 to 65535")
	}
	check := fleet.HealthCheck{Protocol: strings.ToUpper(protocol), Port: strconv.FormatUint(n, 10)}
	switch check.Protocol {
	case "TCP", "SSL":
		return check, nil
	case "HTTP", "HTTPS":
		check.Path, check.Matcher = "/"+path, "200"
		return check, nil
	}
	return bad("unknown protocol")
}
