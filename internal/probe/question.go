package probe

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// question is a check that makes sense, ready to be asked.
type question struct {
	Check
	address string   // host and port to connect to
	host    string   // without the port and without brackets
	url     *url.URL // nil for checks that only connect
	matcher Matcher
	// refused is set when crypto/tls refuses the server's certificate and the handshake
	// works without it. Only the goroutine that asks the question uses it.
	refused *refusedError
}

func (q *question) needed() int { return max(q.Healthy, 1) }

// http2 reports whether HTTP/2 is all that is spoken.
func (q *question) http2() bool { return q.HTTP2 || q.grpc() }

func (p *Prober) questions(checks []Check) ([]*question, error) {
	var all []*question
	for _, c := range checks {
		q, err := p.question(c)
		if err != nil {
			return nil, fmt.Errorf("health check of %s: %w", c.Source, err)
		}
		all = append(all, q)
	}
	return all, nil
}

func (p *Prober) question(c Check) (*question, error) {
	q := &question{Check: c, host: unbracketed(cmp.Or(c.Host, p.address))}
	switch {
	case c.Port < 1 || c.Port > 65535:
		return nil, fmt.Errorf("port %d is not from 1 to 65535", c.Port)
	case q.host == "":
		return nil, errors.New("no address to ask")
	case strings.Contains(q.host, "%"):
		return nil, fmt.Errorf("address %q has a zone", q.host) // load balancers do not use link-local addresses
	}
	q.address = HostPort(q.host, c.Port)
	switch c.Protocol {
	case "TCP", "SSL", "TLS":
		return q, nil
	case "HTTP", "HTTPS", "GRPC", "GRPCS":
		return q, q.prepareRequest()
	}
	return nil, fmt.Errorf("protocol %q cannot be asked", c.Protocol)
}

func (q *question) prepareRequest() (err error) {
	if q.matcher, err = ParseMatcher(cmp.Or(q.Matcher, q.defaultMatcher())); err != nil {
		return err
	}
	if !strings.HasPrefix(q.path(), "/") {
		return errors.New("path does not begin with /")
	}
	if q.url, err = url.ParseRequestURI(q.path()); err != nil {
		return errors.New("path is not one of a URL") // the cause quotes it with its query
	}
	q.url.Scheme, q.url.Host = "http", q.authority()
	if q.tls() {
		q.url.Scheme = "https"
	}
	return nil
}

func (q *question) defaultMatcher() string {
	if q.grpc() {
		return "12"
	}
	return "200"
}

// authority is the Host header: the target's address and the port, even port 80 (ELB
// user guide, "Troubleshoot your Application Load Balancers"). In a URL that an operator
// gave the usual port is left out, as browsers do.
func (q *question) authority() string {
	usual := q.tls() && q.Port == 443 || !q.tls() && q.Port == 80
	if q.Source != operator || q.Host == "" || !usual {
		return q.address
	}
	return strings.TrimSuffix(q.address, ":"+strconv.Itoa(q.Port))
}

// asked says what was sent to where, without the query.
func (q *question) asked() string {
	text := "TCP connection to " + q.address
	switch {
	case q.url != nil:
		method := "GET "
		if q.grpc() {
			method = "gRPC call of "
		}
		text = method + q.url.Scheme + "://" + q.address + q.shownPath() + " as " + q.userAgent()
	case q.tls():
		text = "TLS handshake with " + q.address
	}
	if q.HTTP2 {
		text += " over HTTP/2"
	}
	if q.ProxyV2 {
		text += " after a PROXY protocol v2 header"
	}
	return text
}
