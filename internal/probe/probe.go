// Package probe answers whether a load balancer would call this host healthy, by asking
// the host what the load balancer asks of it, before there is one that does.
package probe

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Check is one question a load balancer asks of a target, and how often it has to be
// answered well.
type Check struct {
	Source string // the load balancer or target group it is derived from, or "--probe"
	// Protocol is HTTP, HTTPS, TCP, SSL or TLS, as AWS spells it, and for target groups
	// with protocol version GRPC: GRPC where they are asked by HTTP, GRPCS by HTTPS.
	Protocol string
	// HTTP2 asks an HTTP or HTTPS check in HTTP/2, with no HTTP/1.1 to fall back to: a
	// target group with protocol version HTTP2.
	HTTP2 bool
	Host  string // asked instead of the instance itself; "" nearly always
	Port  int    // a number: never traffic-port
	// Path with its query. "" is "/", and "/AWS.ALB/healthcheck" for gRPC, where it
	// names a method (ELB user guide, "Health checks for target groups").
	Path string
	// Matcher lists the codes that pass; see ParseMatcher. "" is "200", and "12"
	// (UNIMPLEMENTED) for gRPC. AWS has other defaults for other kinds of load balancer
	// and always spells them out (API reference, Matcher).
	Matcher  string
	Timeout  time.Duration // of one question; 0 is 5 s
	Healthy  int           // passes in a row; 0 is one
	Interval time.Duration // between questions; the probe takes at most one second
}

// String is the question as people know it: "GET :8080/health", "connect :443". What
// follows a "?" is left out, since it may be a secret.
func (c Check) String() string {
	at := net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
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

func (c Check) shownPath() string {
	const most = 80 // bytes: the reason of a failure has to fit one line
	path, _, query := strings.Cut(c.path(), "?")
	switch {
	case len(path) > most:
		return strings.ToValidUTF8(path[:most], "") + "…"
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

func (c Check) grpc() bool { return c.Protocol == "GRPC" || c.Protocol == "GRPCS" }

func (c Check) tls() bool {
	switch c.Protocol {
	case "HTTPS", "SSL", "TLS", "GRPCS":
		return true
	}
	return false
}

func (c Check) timeout() time.Duration {
	if c.Timeout <= 0 {
		return 5 * time.Second
	}
	return c.Timeout
}

// gap is the time from one question to the next. Nothing is gained by the half minute
// that load balancers take: they watch, a person waits for this.
func (c Check) gap() time.Duration {
	if c.Interval <= 0 {
		return time.Second
	}
	return min(c.Interval, time.Second)
}

// Dial opens a connection, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Options may be zero.
type Options struct {
	Dial Dial // nil: the network
}

// Prober asks one host.
type Prober struct {
	address string
	dial    Dial
}

// New returns a Prober of the host at address, an IP address without a port. It should
// be the instance's own private one: an application that listens on the loopback
// address alone looks well there and is out of reach for every load balancer.
func New(address string, opt Options) *Prober {
	p := &Prober{address: address, dial: opt.Dial}
	if p.dial == nil {
		p.dial = new(net.Dialer).DialContext
	}
	return p
}

// Run asks all checks side by side, each once every Interval or second, whichever is
// shorter, and returns nil at the first moment at which every one of them has passed its
// last Healthy times. A check that has passed is asked on, so that what broke again
// while another one was slow to come up does not count. No checks: nil.
//
// When ctx ends first the error is a *FailedError, which wraps the cause of ctx. Any
// other error says that a check makes no sense, and nothing was asked.
//
// progress is told each answer, one call at a time; it may be nil. No connection is
// open when Run returns.
func (p *Prober) Run(ctx context.Context, checks []Check, progress func(string)) error {
	questions, err := p.questions(checks)
	if err != nil || len(questions) == 0 {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	t := newTally(questions, progress, stop)
	var asking sync.WaitGroup
	for i, q := range questions {
		asking.Go(func() { p.keepAsking(ctx, q, func(a answer) { t.note(ctx, i, a) }) })
	}
	asking.Wait()
	return t.verdict(ctx)
}

// keepAsking asks until ctx ends. An answer that takes longer than the gap does not put
// off the next question, as with the load balancers.
func (p *Prober) keepAsking(ctx context.Context, q *question, note func(answer)) {
	for {
		next := time.NewTimer(q.gap())
		note(p.ask(ctx, q))
		select {
		case <-ctx.Done():
			next.Stop()
			return
		case <-next.C:
		}
	}
}
