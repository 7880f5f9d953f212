package elb

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"balanced/internal/fleet"
)

func TestParseClassicTarget(t *testing.T) {
	for target, want := range map[string]fleet.HealthCheck{
		"HTTP:80/health":       {Protocol: "HTTP", Port: "80", Path: "/health", Matcher: "200"},
		"HTTP:80/":             {Protocol: "HTTP", Port: "80", Path: "/", Matcher: "200"},
		"HTTPS:443/a/b?c=d:e/": {Protocol: "HTTPS", Port: "443", Path: "/a/b?c=d:e/", Matcher: "200"},
		"TCP:22":               {Protocol: "TCP", Port: "22"},
		"SSL:65535":            {Protocol: "SSL", Port: "65535"},
		"http:8080/x":          {Protocol: "HTTP", Port: "8080", Path: "/x", Matcher: "200"},
		"tcp:22":               {Protocol: "TCP", Port: "22"},
		"TCP:80/":              {Protocol: "TCP", Port: "80"}, // what comes after the port means nothing to TCP
		"ssl:443/x":            {Protocol: "SSL", Port: "443"},
		"HTTP:80":              {Protocol: "HTTP", Port: "80", Path: "/", Matcher: "200"},
		"HTTP:080/":            {Protocol: "HTTP", Port: "80", Path: "/", Matcher: "200"},
		" HTTP:80/ ":           {Protocol: "HTTP", Port: "80", Path: "/", Matcher: "200"},
	} {
		got, err := ParseClassicTarget(target)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", target, err, diff)
		}
	}
	for _, target := range []string{
		"", "HTTP", "HTTP:", "HTTP:/x", "HTTP:0/", "HTTP:65536/", "HTTP:+80/", "HTTP:80x/", "TCP:", "UDP:53", ":80", "HTTP 80/",
	} {
		if got, err := ParseClassicTarget(target); err == nil {
			t.Errorf("%q is taken for %+v", target, got)
		}
	}
}

func FuzzParseClassicTarget(f *testing.F) {
	for _, target := range []string{"HTTP:80/health", "HTTPS:443/", "TCP:22", "SSL:443", "HTTP:80", "TCP:0", "http:1/%"} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		c, err := ParseClassicTarget(target)
		if err != nil {
			if c != (fleet.HealthCheck{}) {
				t.Errorf("%q: %v and %+v", target, err, c)
			}
			return
		}
		if again, err := ParseClassicTarget(c.Protocol + ":" + c.Port + c.Path); again != c || err != nil {
			t.Errorf("%q is %+v, which reads back as %+v, %v", target, c, again, err)
		}
		if web := strings.HasPrefix(c.Protocol, "HTTP"); web != strings.HasPrefix(c.Path, "/") || web != (c.Matcher == "200") {
			t.Errorf("%q is %+v", target, c)
		}
	})
}

func TestKinds(t *testing.T) {
	for protocol, want := range map[types.ProtocolEnum]fleet.SourceKind{
		"HTTP": fleet.Application, "HTTPS": fleet.Application, "TCP": fleet.Network, "TLS": fleet.Network, "UDP": fleet.Network,
		"TCP_UDP": fleet.Network, "QUIC": fleet.Network, "TCP_QUIC": fleet.Network, "GENEVE": fleet.Gateway,
	} {
		if got := kindOf(protocol); got != want {
			t.Errorf("%s is %s", protocol, got)
		}
	}
}

func TestTargetGroupAttributes(t *testing.T) {
	const delay, cut, zone = "deregistration_delay.timeout_seconds", "deregistration_delay.connection_termination.enabled", "load_balancing.cross_zone.enabled"
	type read struct {
		drain           time.Duration
		cuts, cross, up bool
	}
	for _, c := range []struct {
		name   string
		kind   fleet.SourceKind
		values map[string]string
		want   read
	}{
		{"defaults of an ALB", fleet.Application, nil, read{300 * time.Second, true, true, false}},
		{"defaults of an NLB", fleet.Network, nil, read{300 * time.Second, false, false, true}},
		{"no delay", fleet.Application, map[string]string{delay: "0"}, read{0, true, true, false}},
		{"ALB, cross-zone off", fleet.Application, map[string]string{zone: "false"}, read{300 * time.Second, true, false, false}},
		{"ALB, as its load balancer", fleet.Application, map[string]string{zone: "use_load_balancer_configuration"}, read{300 * time.Second, true, true, false}},
		{"NLB, on", fleet.Network, map[string]string{zone: "true", cut: "true", delay: "30"}, read{30 * time.Second, true, true, false}},
		{"NLB, off", fleet.Network, map[string]string{zone: "false"}, read{300 * time.Second, false, false, false}},
		{"NLB, as its load balancer", fleet.Network, map[string]string{zone: "use_load_balancer_configuration"}, read{300 * time.Second, false, false, true}},
		{"GWLB that rebalances", fleet.Gateway, map[string]string{"target_failover.on_deregistration": "rebalance"}, read{300 * time.Second, true, false, true}},
		{"GWLB that resets flows", fleet.Gateway, map[string]string{"send_tcp_reset.on_deregistration.enabled": "true", "stickiness.enabled": "false"}, read{300 * time.Second, true, false, true}},
		{"GWLB whose stickiness keeps it from resetting", fleet.Gateway, map[string]string{"send_tcp_reset.on_deregistration.enabled": "true", "stickiness.enabled": "true"}, read{300 * time.Second, false, false, true}},
		{"GWLB, nothing said", fleet.Gateway, nil, read{300 * time.Second, false, false, true}},
		{"GWLB that keeps flows", fleet.Gateway, map[string]string{"target_failover.on_deregistration": "no_rebalance"}, read{300 * time.Second, false, false, true}},
	} {
		g := targetGroup{Source: fleet.Source{Kind: c.kind}}
		g.apply(c.values)
		if got := (read{g.Drain, g.CutsFlows, g.CrossZone, g.inherits}); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestTargetChecks(t *testing.T) {
	for _, c := range []struct {
		in   types.TargetGroup
		want fleet.HealthCheck
	}{
		{types.TargetGroup{
			HealthCheckEnabled: aws.Bool(true), HealthCheckProtocol: "HTTP", HealthCheckPort: aws.String("traffic-port"),
			HealthCheckPath: aws.String("/up"), HealthCheckIntervalSeconds: aws.Int32(30), HealthCheckTimeoutSeconds: aws.Int32(5),
			HealthyThresholdCount: aws.Int32(5), UnhealthyThresholdCount: aws.Int32(2), Matcher: &types.Matcher{HttpCode: aws.String("200-299")},
		}, fleet.HealthCheck{Protocol: "HTTP", Port: "traffic-port", Path: "/up", Matcher: "200-299", Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 5, Unhealthy: 2}},
		{types.TargetGroup{Matcher: &types.Matcher{GrpcCode: aws.String("0-99")}}, fleet.HealthCheck{GRPC: true, Matcher: "0-99"}},
		{types.TargetGroup{HealthCheckEnabled: aws.Bool(false)}, fleet.HealthCheck{Disabled: true}},
		{types.TargetGroup{IpAddressType: "ipv6", ProtocolVersion: aws.String("HTTP2")}, fleet.HealthCheck{IPv6: true, HTTP2: true}},
		{types.TargetGroup{IpAddressType: "ipv4", ProtocolVersion: aws.String("HTTP1")}, fleet.HealthCheck{}},
		{types.TargetGroup{}, fleet.HealthCheck{}},
	} {
		if diff := cmp.Diff(c.want, targetCheck(c.in)); diff != "" {
			t.Error(diff)
		}
	}
}

// What a health check is made of has to be there where there is one.
func TestAWholeTargetGroup(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*types.TargetGroup)
		lacks  string
	}{
		"whole":                        {func(*types.TargetGroup) {}, ""},
		"checked":                      {func(g *types.TargetGroup) { g.HealthCheckEnabled = aws.Bool(true) }, ""},
		"checked, by no protocol":      {func(g *types.TargetGroup) { g.HealthCheckEnabled, g.HealthCheckProtocol = aws.Bool(true), "" }, "health check protocol"},
		"checked perhaps, at no port":  {func(g *types.TargetGroup) { g.HealthCheckPort = nil }, "health check port"},
		"checked perhaps, at any time": {func(g *types.TargetGroup) { g.HealthCheckIntervalSeconds = nil }, "health check interval"},
		"not checked, and nothing is said": {func(g *types.TargetGroup) {
			g.HealthCheckEnabled, g.HealthCheckProtocol, g.HealthCheckPort, g.HealthCheckIntervalSeconds = aws.Bool(false), "", nil, nil
		}, ""},
		"without a name": {func(g *types.TargetGroup) { g.TargetGroupName = nil }, "name"},
		"without an ARN": {func(g *types.TargetGroup) { g.TargetGroupArn = nil }, "ARN"},
		"without a type": {func(g *types.TargetGroup) { g.TargetType = "" }, "target type"},
		"of functions":   {func(g *types.TargetGroup) { *g = types.TargetGroup{TargetType: "lambda"} }, ""},
	} {
		g := types.TargetGroup{
			TargetGroupArn: aws.String("arn:1"), TargetGroupName: aws.String("web"), TargetType: "instance", Protocol: "HTTP", Port: aws.Int32(80),
			LoadBalancerArns: []string{}, HealthCheckProtocol: "HTTP", HealthCheckPort: aws.String("80"), HealthCheckIntervalSeconds: aws.Int32(30),
		}
		c.change(&g)
		err := wholeTargetGroup(g)
		if (err == nil) != (c.lacks == "") || err != nil && !strings.HasPrefix(err.Error(), "the answer has no "+c.lacks+" of target group ") {
			t.Errorf("%s: %v, want it to lack %q", name, err, c.lacks)
		}
	}
}

// One address may be written in several ways; ids, and what is neither, are the same only where they read the same.
func TestSameTargets(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"i-1", "i-1", true},
		{"i-1", "i-2", false},
		{"", "", false},
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "10.0.0.2", false},
		{"fd00::1", "fd00:0:0:0::1", true},
		{"fd00::1", "fd00::2", false},
		{"fd00::1", "i-1", false},
		{"i-1", "fd00::1", false},
		{"::", "i-1", false},
	} {
		if got := sameTarget(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}

func TestFirstPass(t *testing.T) {
	check := fleet.HealthCheck{Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 3}
	for kind, want := range map[fleet.SourceKind]time.Duration{fleet.Application: 35 * time.Second, fleet.Network: 105 * time.Second, fleet.Classic: 105 * time.Second} {
		if got := (fleet.Source{Kind: kind, Check: check}).FirstPass(); got != want {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
	}
}

func TestNewerAttributes(t *testing.T) {
	const dns, routing = "target_group_health.dns_failover.minimum_healthy_targets.", "target_group_health.unhealthy_state_routing.minimum_healthy_targets."
	one := fleet.Threshold{Count: 1}
	for name, c := range map[string]struct {
		kind   fleet.SourceKind
		values map[string]string
		want   fleet.Source
	}{
		"defaults":         {fleet.Application, nil, fleet.Source{Thresholds: fleet.Thresholds{DNS: one, Routing: one}}},
		"none for a GWLB":  {fleet.Gateway, nil, fleet.Source{}},
		"switched off":     {fleet.Network, map[string]string{dns + "count": "off", dns + "percentage": "off"}, fleet.Source{Thresholds: fleet.Thresholds{Routing: one}}},
		"a count":          {fleet.Network, map[string]string{dns + "count": "3"}, fleet.Source{Thresholds: fleet.Thresholds{DNS: fleet.Threshold{Count: 3}, Routing: one}}},
		"a percentage":     {fleet.Application, map[string]string{routing + "percentage": "50"}, fleet.Source{Thresholds: fleet.Thresholds{DNS: one, Routing: fleet.Threshold{Count: 1, Percent: 50}}}},
		"slow start":       {fleet.Application, map[string]string{"slow_start.duration_seconds": "90"}, fleet.Source{SlowStart: 90 * time.Second, Thresholds: fleet.Thresholds{DNS: one, Routing: one}}},
		"anomalies":        {fleet.Application, map[string]string{"load_balancing.algorithm.anomaly_mitigation": "on"}, fleet.Source{AnomalyMitigation: true, Thresholds: fleet.Thresholds{DNS: one, Routing: one}}},
		"PROXY protocol":   {fleet.Network, map[string]string{"proxy_protocol_v2.enabled": "true"}, fleet.Source{Check: fleet.HealthCheck{ProxyV2: true}, Thresholds: fleet.Thresholds{DNS: one, Routing: one}}},
		"no such duration": {fleet.Application, map[string]string{"slow_start.duration_seconds": "soon"}, fleet.Source{Thresholds: fleet.Thresholds{DNS: one, Routing: one}}},
	} {
		g := targetGroup{Source: fleet.Source{Kind: c.kind}}
		g.apply(c.values)
		got := fleet.Source{SlowStart: g.SlowStart, AnomalyMitigation: g.AnomalyMitigation, Check: g.Check, Thresholds: g.Thresholds}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s\n%s", name, diff)
		}
	}
}
