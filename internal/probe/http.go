package probe

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

const (
	// enough of a body is read, in bytes, for the server not to find itself cut off.
	enough = 64 << 10
	// header and body together, in bytes.
	atMost = 1 << 20
)

// get asks for the path. A redirect is an answer like any other. A body that breaks off,
// or does not end in time, is not a pass: AWS does not say what its load balancers make
// of one, and no sound application sends it.
func (q *question) get(ctx context.Context, conn net.Conn) (answer, error) {
	exchange := q.exchange
	if q.http2() {
		exchange = q.exchange2
	}
	resp, err := exchange(q.request(ctx, http.MethodGet), conn)
	if err != nil {
		return answer{}, err
	}
	if err := drain(resp); err != nil {
		return answer{}, err
	}
	return answer{text: strconv.Itoa(resp.StatusCode), pass: q.want.Match(resp.StatusCode)}, nil
}

func drain(resp *http.Response) error {
	_, err := io.Copy(io.Discard, io.LimitReader(resp.Body, enough))
	return err
}

// request names its sender as what it is. Some applications know a health check by
// "ELB-HealthChecker/2.0" and answer others differently; a probe under that name would
// be in their logs and counts as a load balancer that was not there.
func (q *question) request(ctx context.Context, method string) *http.Request {
	header := http.Header{"User-Agent": {"balanced-probe"}}
	return (&http.Request{Method: method, URL: q.url, Host: q.url.Host, Header: header, Close: true}).WithContext(ctx)
}

// exchange speaks HTTP/1.1 without http.Transport, which logs what a server says
// unasked. The body ends with the connection: Close would read all of it.
func (q *question) exchange(req *http.Request, conn net.Conn) (*http.Response, error) {
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	in := bufio.NewReader(io.LimitReader(conn, atMost))
	for {
		resp, err := http.ReadResponse(in, req)
		if err != nil {
			return nil, err
		}
		if interim := resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols; !interim {
			return resp, nil
		}
	}
}

var errNoHTTP2 = errors.New("no answer in HTTP/2")

// exchange2 speaks HTTP/2 and nothing else, past proxies, redirects and cookies. The
// transport is for one connection: an answer that asks for another one ("try again
// elsewhere") is none.
func (q *question) exchange2(req *http.Request, conn net.Conn) (*http.Response, error) {
	var given atomic.Bool
	give := func(context.Context, string, string) (net.Conn, error) {
		if given.Swap(true) {
			return nil, errNoHTTP2
		}
		return conn, nil
	}
	only := new(http.Protocols)
	only.SetHTTP2(true)
	only.SetUnencryptedHTTP2(true)
	tr := &http.Transport{
		DialContext: give, DialTLSContext: give, Protocols: only,
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: atMost,
	}
	resp, err := tr.RoundTrip(req)
	if err != nil && silent(err) {
		return nil, errNoHTTP2
	}
	return resp, err
}

// silent: the server said nothing, or nothing in HTTP/2. Which of these errors tells is
// a matter of microseconds.
func silent(err error) bool {
	return cut(err) || strings.Contains(err.Error(), "client conn could not be established") ||
		strings.Contains(err.Error(), "looked like an HTTP/1.1 header")
}
