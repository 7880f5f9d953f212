package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
)

// Client is an HTTP client for this Region only. It reaches APIEndpoint and every instance's
// MetadataEndpoint through in-process pipes and the whole HTTP stack. After CloseIdleConnections
// and the end of the last request none of its goroutines is left, so it can be used in a
// testing/synctest bubble.
func (r *Region) Client() *http.Client {
	return &http.Client{Transport: wholeRequests{&http.Transport{
		DialContext:         r.dial,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 100,
	}}}
}

// wholeRequests sends a request's header and body in one piece, from memory. Otherwise net/http
// sends the header first and, after the body, reads once more to see that it has ended. Go's SDK
// (smithy-go 1.28) closes the body as soon as an answer begins; the late read then fails, and
// net/http closes the connection in the middle of the answer. A Region in the same process answers
// fast enough for that: of 2,000 answers longer than a read buffer 910 broke off, and none when
// requests were sent whole.
type wholeRequests struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (t wholeRequests) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		return t.Transport.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err := errors.Join(err, req.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the request's body: %w", err)
	}
	whole := req.Clone(req.Context())
	whole.Body = io.NopCloser(bytes.NewReader(body))
	whole.ContentLength = int64(len(body))
	return t.Transport.RoundTrip(whole)
}

// dial opens a connection to one of the Region's endpoints.
func (r *Region) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	instance, api, ok := endpointHost(host)
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}
	handler := r.Handler()
	if !api {
		handler = r.Metadata(instance)
	}
	near, far := net.Pipe()
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	// Serve returns errServing as soon as it has started to serve the one connection.
	go server.Serve(&oneConn{conn: far})
	return near, nil
}

var errServing = errors.New("the connection is being served")

// oneConn is a listener that accepts one connection.
type oneConn struct {
	conn     net.Conn
	accepted atomic.Bool
}

func (l *oneConn) Accept() (net.Conn, error) {
	if l.accepted.Swap(true) {
		return nil, errServing
	}
	return l.conn, nil
}

func (l *oneConn) Close() error   { return nil } // the server closes the connection
func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }
