package probe

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// question is a check that makes sense, ready to be asked.
type question struct {
	Check
	at   string   // address and port to connect to
	url  *url.URL // nil for checks that only connect
	want Matcher
}

func (q *question) needed() int { return max(q.Healthy, 1) }

// http2 without HTTP/1.1 to fall back to.
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
	if c.Port < 1 || c.Port > 65535 {
		return nil, fmt.Errorf("port %d is not from 1 to 65535", c.Port)
	}
	q := &question{Check: c, at: net.JoinHostPort(cmp.Or(c.Host, p.address), strconv.Itoa(c.Port))}
	switch c.Protocol {
	case "TCP", "SSL", "TLS":
		return q, nil
	case "HTTP", "HTTPS", "GRPC", "GRPCS":
		return q, q.spell()
	}
	return nil, fmt.Errorf("protocol %q is none that can be asked", c.Protocol)
}

// spell prepares the request of a check that makes one.
func (q *question) spell() (err error) {
	if q.want, err = ParseMatcher(cmp.Or(q.Matcher, q.defaultMatcher())); err != nil {
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

// authority is the Host header. Load balancers give the target's address and the port,
// 80 too; to a named host it is what a browser would say.
func (q *question) authority() string {
	usual := q.tls() && q.Port == 443 || !q.tls() && q.Port == 80
	if q.Host == "" || !usual {
		return q.at
	}
	return strings.TrimSuffix(q.at, ":"+strconv.Itoa(q.Port))
}
