package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counting dials and counts what is still open.
type counting struct{ dialed, open atomic.Int32 }

func (d *counting) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.dialed.Add(1)
	d.open.Add(1)
	return &counted{Conn: conn, d: d}, nil
}

type counted struct {
	net.Conn
	d      *counting
	closed atomic.Bool
}

func (c *counted) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.d.open.Add(-1)
	}
	return c.Conn.Close()
}

// loopback asks until the check has passed, or once if it fails at first.
func loopback(t *testing.T, address net.Addr, c Check) error {
	t.Helper()
	_, port, _ := net.SplitHostPort(address.String())
	c.Port, _ = strconv.Atoi(port)
	c.Healthy, c.Interval, c.Timeout = 3, time.Millisecond, time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var d counting
	var last string
	err := New("127.0.0.1", Options{Dial: d.dial}).Run(ctx, []Check{c}, func(s string) {
		last = strings.TrimPrefix(s, c.String()+": ")
		if !strings.Contains(s, "passed") {
			cancel()
		}
	})
	if d.open.Load() != 0 {
		t.Errorf("%d of %d connections left open", d.open.Load(), d.dialed.Load())
	}
	if err == nil && d.dialed.Load() != 3 {
		t.Errorf("%d connections for 3 questions", d.dialed.Load())
	}
	if err == nil && !strings.HasSuffix(last, "passed 3 of 3") {
		t.Errorf("passed with %q", last)
	}
	return err
}

// answers checks the last answer; want "" is a check that passed.
func answers(t *testing.T, err error, want string) {
	t.Helper()
	failed, ok := errors.AsType[*FailedError](err)
	switch {
	case want == "" && err != nil:
		t.Error(err)
	case want != "" && (!ok || failed.Answer != want):
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// quietly: what a server thinks of the questions is not in the tests' output.
func quietly(s *httptest.Server) *httptest.Server {
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	return s
}

func listen(t *testing.T, serve func(net.Conn)) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	return l.Addr()
}

func TestEachProtocolAgainstARealListener(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(301) }))
	defer plain.Close()
	secure := quietly(httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("x", 2*maxRead)) // more than anybody reads
	})))
	secure.StartTLS()
	defer secure.Close()
	greeting := listen(t, func(c net.Conn) { io.WriteString(c, "SSH-2.0-secret\r\n"); io.Copy(io.Discard, c) })
	mute := listen(t, func(net.Conn) {})
	says := func(answer string) net.Addr {
		return listen(t, func(c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, answer)
		})
	}
	for name, c := range map[string]struct {
		at    net.Addr
		check Check
		want  string
	}{
		"early hints":       {says("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), Check{Protocol: "HTTP"}, ""},
		"HTTP/1.0":          {says("HTTP/1.0 200 OK\r\n\r\nfine"), Check{Protocol: "HTTP"}, ""},
		"no header":         {says("HTTP/1.1 200 OK\r\nsecret\r\n\r\n"), Check{Protocol: "HTTP"}, "malformed MIME header"},
		"no status":         {says("HTTP/1.1 secret\r\n\r\n"), Check{Protocol: "HTTP"}, "malformed HTTP status code"},
		"endless header":    {says("HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 2*maxHeader)), Check{Protocol: "HTTP"}, "answer too long"},
		"TCP":               {greeting, Check{Protocol: "TCP"}, ""},
		"SSL":               {secure.Listener.Addr(), Check{Protocol: "SSL"}, ""},
		"TLS":               {secure.Listener.Addr(), Check{Protocol: "TLS"}, ""},
		"TLS, none there":   {greeting, Check{Protocol: "TLS"}, "tls: first record does not look like a TLS handshake"},
		"HTTPS self-signed": {secure.Listener.Addr(), Check{Protocol: "HTTPS"}, ""},
		"HTTPS, named":      {secure.Listener.Addr(), Check{Protocol: "HTTPS", Host: "localhost"}, ""},
		"HTTP to HTTPS":     {secure.Listener.Addr(), Check{Protocol: "HTTP"}, "400"},
		"HTTP list":         {plain.Listener.Addr(), Check{Protocol: "HTTP", Matcher: "200-204,301"}, ""},
		"HTTP default":      {plain.Listener.Addr(), Check{Protocol: "HTTP"}, "301"},
		"not HTTP":          {greeting, Check{Protocol: "HTTP"}, "malformed HTTP response"},
		"closes":            {mute, Check{Protocol: "HTTP"}, "connection closed before the end of the answer"},
	} {
		t.Run(name, func(t *testing.T) { answers(t, loopback(t, c.at, c.check), c.want) })
	}
}

func TestNobodyListensInTwoWords(t *testing.T) {
	nobody := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} // a port that was free may be another's by now
	for _, protocol := range []string{"TCP", "TLS", "HTTP", "HTTPS", "GRPC"} {
		answers(t, loopback(t, nobody, Check{Protocol: protocol}), "connection refused")
	}
}

func TestANameNobodyKnows(t *testing.T) {
	nobody := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "app.invalid", Server: "10.0.0.2:53"}}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := New("127.0.0.1", Options{Dial: nobody}).Run(ctx, []Check{{Protocol: "HTTP", Host: "app.invalid", Port: 80}},
		func(string) { cancel() })
	answers(t, err, "no such host")
}

func TestHTTP2(t *testing.T) {
	proto := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/none" {
			w.WriteHeader(http.StatusNotFound)
		}
		if r.ProtoMajor != 2 {
			w.WriteHeader(http.StatusHTTPVersionNotSupported)
		}
	})
	clear := httptest.NewUnstartedServer(proto)
	clear.Config.Protocols = new(http.Protocols)
	clear.Config.Protocols.SetUnencryptedHTTP2(true)
	clear.Start()
	defer clear.Close()
	secure := httptest.NewUnstartedServer(proto)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer secure.Close()
	old := quietly(httptest.NewUnstartedServer(proto))
	old.StartTLS()
	defer old.Close()
	certs := &tls.Config{Certificates: old.TLS.Certificates}
	deaf := listen(t, func(c net.Conn) { tls.Server(c, certs).Handshake(); io.Copy(io.Discard, c) })
	one := httptest.NewServer(proto)
	defer one.Close()
	for name, c := range map[string]struct {
		at    net.Addr
		check Check
		want  string
	}{
		"clear":        {clear.Listener.Addr(), Check{Protocol: "HTTP", HTTP2: true}, ""},
		"TLS":          {secure.Listener.Addr(), Check{Protocol: "HTTPS", HTTP2: true}, ""},
		"TLS, not two": {secure.Listener.Addr(), Check{Protocol: "HTTPS"}, "505"},
		"refused":      {old.Listener.Addr(), Check{Protocol: "HTTPS", HTTP2: true}, "remote error: tls: no application protocol"},
		"unheard of":   {deaf, Check{Protocol: "HTTPS", HTTP2: true}, errNoHTTP2.Error()},
		"not spoken":   {one.Listener.Addr(), Check{Protocol: "HTTP", HTTP2: true}, errNoHTTP2.Error()},
		"no gRPC":      {clear.Listener.Addr(), Check{Protocol: "GRPC"}, "no gRPC status"},
		"no method":    {clear.Listener.Addr(), Check{Protocol: "GRPC", Path: "/none"}, "HTTP 404"},
		"no gRPC TLS":  {secure.Listener.Addr(), Check{Protocol: "GRPCS"}, "no gRPC status"},
	} {
		t.Run(name, func(t *testing.T) { answers(t, loopback(t, c.at, c.check), c.want) })
	}
}

// askTwice asks until the check has passed twice, or once if it fails at first.
func askTwice(t *testing.T, address net.Addr, c Check) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.Port = address.(*net.TCPAddr).Port
	c.Healthy, c.Interval, c.Timeout = 2, time.Millisecond, time.Minute
	return New(address.(*net.TCPAddr).IP.String(), Options{}).Run(ctx, []Check{c}, func(s string) {
		if !strings.Contains(s, "passed") {
			cancel()
		}
	})
}
