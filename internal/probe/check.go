package probe

import (
	"net"
	"strconv"
	"strings"
	"time"
)

// Kind is the kind of load balancer whose check it is. Each kind asks in its own way.
type Kind string

const (
	Application Kind = "alb"
	Network     Kind = "nlb"
	Gateway     Kind = "gwlb"
	Classic     Kind = "classic"
)

// operator is the Source of a check that an operator gave instead of the load balancers'.
const operator = "--probe"

// Check is what a load balancer asks of a target, and how often the answer has to be
// good.
type Check struct {
	Source string // the load balancer or target group it comes from, or "--probe"
	Kind   Kind   // "" asks over HTTP as an Application Load Balancer does
	// Protocol is HTTP, HTTPS, TCP, SSL or TLS, as AWS spells it. Target groups with
	// protocol version GRPC have GRPC for health check protocol HTTP, GRPCS for HTTPS.
	Protocol string
	// HTTP2 sends an HTTP or HTTPS check over HTTP/2 and accepts no HTTP/1.1: a target
	// group with protocol version HTTP2.
	HTTP2 bool
	// ProxyV2 sends a PROXY protocol header before the check: a target group with the
	// attribute proxy_protocol_v2.enabled (Network Load Balancers alone have it).
	ProxyV2 bool
	// Host is asked instead of the address of the Prober: a name, an IPv4 address or an
	// IPv6 address, in brackets or not, without a zone. Targets of a target group with
	// address type ipv6 have their IPv6 address here.
	Host string
	Port int // from 1 to 65535, never traffic-port
	// Path with its query. "" is "/", and "/AWS.ALB/healthcheck" for gRPC, where it
	// names a method (ELB user guide, "Health checks for target groups").
	Path string
	// Matcher lists the codes that pass; see ParseMatcher. "" is "200", and "12"
	// (UNIMPLEMENTED) for gRPC. AWS has other defaults for other kinds of load balancer
	// and always spells them out (API reference, Matcher).
	Matcher  string
	Timeout  time.Duration // of one attempt; 0 is 5 s
	Healthy  int           // passes in a row; 0 is one
	Interval time.Duration // between attempts; the probe waits one second at most
}

// String names the check in a message: "GET :8080/health", "connect :443". What follows
// a "?" is left out, because it may be a secret.
func (c Check) String() string {
	at := HostPort(c.Host, c.Port)
	switch c.Protocol {
	case "HTTP":
		return "GET " + at + c.shownPath()
	case "HTTPS":
		return "GET " + at + c.shownPath() + " over TLS"
	case "GRPC":
		return "gRPC " + at + c.shownPath()
	case "GRPCS":
		return "gRPC " + at + c.shownPath() + " over TLS"
	case "SSL", "TLS":
		return "TLS handshake " + at
	}
	return "connect " + at
}

// Differs lists what a load balancer does and the probe cannot do, for a check that
// fails here and may pass there: noun phrases for a message. It is nil for a check that
// the operator gave, because no load balancer asks that.
func (c Check) Differs() []string {
	if c.Source == operator {
		return nil
	}
	all := []string{"the source address, which is a load balancer node's"}
	if c.http() && (c.Kind == Network || c.Kind == Gateway) {
		// ELB user guide, "Health checks for Network Load Balancer target groups".
		all = append(all, "the Host header, which holds a load balancer node's address and the listener port")
	}
	return all
}

// HostPort joins an address and a port, with brackets around an IPv6 address: "[::1]:80".
// The brackets may be there already. Without a host it is ":80".
func HostPort(host string, port int) string {
	return net.JoinHostPort(unbracketed(host), strconv.Itoa(port))
}

func unbracketed(host string) string {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		return strings.TrimSuffix(inner, "]")
	}
	return host
}

func (c Check) shownPath() string {
	const limit = 80 // bytes: the message of a failure has to fit one line
	path, _, query := strings.Cut(c.path(), "?")
	switch {
	case len(path) > limit:
		return strings.ToValidUTF8(path[:limit], "") + "…"
	case query:
		return path + "?…"
	}
	return path
}

func (c Check) path() string {
	switch {
	case c.Path != "":
		return c.Path
	case c.grpc():
		return "/AWS.ALB/healthcheck"
	}
	return "/"
}

func (c Check) http() bool { return c.Protocol == "HTTP" || c.Protocol == "HTTPS" }

func (c Check) grpc() bool { return c.Protocol == "GRPC" || c.Protocol == "GRPCS" }

func (c Check) tls() bool {
	switch c.Protocol {
	case "HTTPS", "SSL", "TLS", "GRPCS":
		return true
	}
	return false
}

// userAgent is what AWS's load balancers call themselves. Applications recognise health
// checks by it and some answer nobody else.
func (c Check) userAgent() string {
	if c.Kind == Classic {
		return "ELB-HealthChecker/1.0"
	}
	return "ELB-HealthChecker/2.0"
}

func (c Check) timeout() time.Duration {
	if c.Timeout <= 0 {
		return 5 * time.Second
	}
	return c.Timeout
}

// pause is the time from one attempt to the next. Load balancers wait half a minute,
// because they watch for ever; here a person waits for the result.
func (c Check) pause() time.Duration {
	if c.Interval <= 0 {
		return time.Second
	}
	return min(c.Interval, time.Second)
}
