package probe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// maxHeader bounds the header of an answer, in bytes; see maxRead.
const maxHeader = 64 << 10

// get asks for the path. A redirect is an answer like any other. A body that breaks off,
// or does not end in time, is not a pass: AWS does not say what its load balancers make
// of one, and no application in order sends it.
func (q *question) get(ctx context.Context, conn net.Conn) (answer, error) {
	exchange := q.exchange1
	if q.http2() {
		exchange = q.exchange2
	}
	resp, err := exchange(q.request(ctx, http.MethodGet), conn)
	if err != nil {
		return answer{}, err
	}
	if err := discard(resp.Body); err != nil {
		return answer{}, err
	}
	return answer{text: strconv.Itoa(resp.StatusCode), pass: q.matcher.Match(resp.StatusCode)}, nil
}

func (q *question) request(ctx context.Context, method string) *http.Request {
	header := http.Header{"User-Agent": {q.userAgent()}}
	return (&http.Request{Method: method, URL: q.url, Host: q.url.Host, Header: header, Close: true}).WithContext(ctx)
}

// request1 is the request in HTTP/1.1, byte for byte. That of an Application Load
// Balancer is known from a capture of March 2024, that of a Classic Load Balancer from
// two dumps that agree. Network Load Balancers have another Host header (see Differs).
func (q *question) request1() string {
	format := "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nUser-Agent: %s\r\nAccept-Encoding: gzip, compressed\r\n\r\n"
	if q.Kind == Classic {
		format = "GET %s HTTP/1.1\r\nhost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"
	}
	return fmt.Sprintf(format, q.url.RequestURI(), q.url.Host, q.userAgent())
}

// exchange1 speaks HTTP/1.1 without http.Transport, which has its own order of headers
// and logs what a server says unasked. The body ends with the connection: Close would
// read all of it.
func (q *question) exchange1(req *http.Request, conn net.Conn) (*http.Response, error) {
	if _, err := io.WriteString(conn, q.request1()); err != nil {
		return nil, err
	}
	header := &io.LimitedReader{R: conn, N: maxHeader}
	in := bufio.NewReader(header)
	for {
		resp, err := http.ReadResponse(in, req)
		if err != nil && header.N <= 0 {
			return nil, errTooLong
		}
		if err != nil {
			return nil, err
		}
		if interim := resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols; !interim {
			header.N = maxRead // for the body, which discard bounds
			return resp, nil
		}
	}
}

// exchange2 speaks HTTP/2 and nothing else: no proxies, redirects or cookies. The
// transport is for one connection; an answer that asks for another one ("try again
// elsewhere") is no answer.
func (q *question) exchange2(req *http.Request, conn net.Conn) (*http.Response, error) {
	var used atomic.Bool
	once := func(context.Context, string, string) (net.Conn, error) {
		if used.Swap(true) {
			return nil, errNoHTTP2
		}
		return conn, nil
	}
	http2 := new(http.Protocols)
	http2.SetHTTP2(true)
	http2.SetUnencryptedHTTP2(true)
	tr := &http.Transport{
		DialContext: once, DialTLSContext: once, Protocols: http2,
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
	}
	resp, err := tr.RoundTrip(req)
	switch {
	case err == nil:
		return resp, nil
	case speaksNoHTTP2(err):
		return nil, errNoHTTP2
	case strings.Contains(err.Error(), "header list larger than advertised limit"):
		return nil, errTooLong
	}
	return nil, err
}

// speaksNoHTTP2 reports that the server said nothing, or nothing in HTTP/2. Which of
// these errors comes depends on microseconds.
func speaksNoHTTP2(err error) bool {
	return cutOff(err) || strings.Contains(err.Error(), "client conn could not be established") ||
		strings.Contains(err.Error(), "looked like an HTTP/1.1 header")
}
