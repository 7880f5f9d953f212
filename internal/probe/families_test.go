package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// servers are one of each protocol at the loopback address, behind wrap. The HTTP ones
// answer 200 where the Host header is the address with the port.
func servers(t *testing.T, loopback string, wrap func(net.Listener) net.Listener) map[string]net.Addr {
	t.Helper()
	cert := certificate(t, nil)
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	both.SetHTTP2(true)
	all := map[string]net.Addr{}
	open := func(name string) net.Listener {
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			t.Skipf("no %s on this machine: %v", loopback, err)
		}
		t.Cleanup(func() { l.Close() })
		all[name] = l.Addr()
		return wrap(l)
	}
	web := func(at func() net.Addr) *http.Server {
		s := &http.Server{Protocols: both, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host != at().String() {
				w.WriteHeader(http.StatusMisdirectedRequest)
			}
		})
		t.Cleanup(func() { s.Close() })
		return s
	}
	plain, secure := open("HTTP"), open("HTTPS")
	go web(func() net.Addr { return plain.Addr() }).Serve(plain)
	go web(func() net.Addr { return secure.Addr() }).ServeTLS(secure, "", "")
	clear, encrypted := open("GRPC"), open("GRPCS")
	for _, s := range []struct {
		l net.Listener
		s *grpc.Server
	}{{clear, grpc.NewServer(app)}, {encrypted, grpc.NewServer(app, grpc.Creds(credentials.NewServerTLSFromCert(&cert)))}} {
		go s.s.Serve(s.l)
		t.Cleanup(s.s.Stop)
	}
	return all
}

// questionsTo is every protocol at these servers.
func questionsTo(at map[string]net.Addr) map[string]struct {
	at    net.Addr
	check Check
} {
	type one = struct {
		at    net.Addr
		check Check
	}
	return map[string]one{
		"TCP":         {at["HTTP"], Check{Protocol: "TCP"}},
		"TLS":         {at["HTTPS"], Check{Protocol: "TLS"}},
		"HTTP":        {at["HTTP"], Check{Protocol: "HTTP"}},
		"HTTP/2":      {at["HTTP"], Check{Protocol: "HTTP", HTTP2: true}},
		"HTTPS":       {at["HTTPS"], Check{Protocol: "HTTPS"}},
		"HTTPS by h2": {at["HTTPS"], Check{Protocol: "HTTPS", HTTP2: true}},
		"gRPC":        {at["GRPC"], Check{Protocol: "GRPC"}},
		"gRPC, TLS":   {at["GRPCS"], Check{Protocol: "GRPCS"}},
	}
}

func plainly(l net.Listener) net.Listener { return l }

func TestEveryProtocolOverIPv6(t *testing.T) {
	for name, c := range questionsTo(servers(t, "::1", plainly)) {
		t.Run(name, func(t *testing.T) {
			answers(t, askTwice(t, c.at, c.check), "") // the Prober's address
			for _, host := range []string{"::1", "[::1]"} {
				c.check.Host = host // the target group's
				at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: c.at.(*net.TCPAddr).Port}
				answers(t, askTwice(t, at, c.check), "")
			}
		})
	}
}

func TestEveryProtocolAfterAProxyHeader(t *testing.T) {
	for _, loopback := range []string{"127.0.0.1", "::1"} {
		t.Run(loopback, func(t *testing.T) {
			at := servers(t, loopback, func(l net.Listener) net.Listener { return proxied{l} })
			for name, c := range questionsTo(at) {
				c.check.Kind, c.check.ProxyV2 = Network, true
				t.Run(name, func(t *testing.T) { answers(t, askTwice(t, c.at, c.check), "") })
				c.check.ProxyV2 = false
				if name != "TCP" { // which connects, and that is all
					t.Run(name+" without it", func(t *testing.T) {
						if err := askTwice(t, c.at, c.check); err == nil {
							t.Error("the server takes connections without the header, so it shows nothing")
						}
					})
				}
			}
		})
	}
}

// The certificate is refused on a first connection, and the second begins with the
// header too.
func TestARefusedCertificateAfterAProxyHeader(t *testing.T) {
	cfg := &tls.Config{Certificates: []tls.Certificate{certificate(t, refusedParts["negative serial number"])}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{TLSConfig: cfg, ErrorLog: log.New(io.Discard, "", 0)}
	go s.ServeTLS(proxied{l}, "", "")
	t.Cleanup(func() { s.Close() })
	answers(t, askTwice(t, l.Addr(), Check{Kind: Network, Protocol: "HTTPS", ProxyV2: true, Matcher: "404"}), "")
}

func TestHostsArePrintedWithTheirPort(t *testing.T) {
	for want, c := range map[string]struct {
		host string
		port int
	}{
		":80":                {"", 80},
		"10.0.1.5:8080":      {"10.0.1.5", 8080},
		"[2600:1f::5]:443":   {"2600:1f::5", 443},
		"[::1]:443":          {"[::1]", 443},
		"app.local:8080":     {"app.local", 8080},
		"[::ffff:1.2.3.4]:1": {"::ffff:1.2.3.4", 1},
	} {
		if got := HostPort(c.host, c.port); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAFailureSaysWhatWasAskedAndWhatMayDiffer(t *testing.T) {
	const source = "the source address, which is a load balancer node's"
	const host = "the Host header, which holds a load balancer node's address and the listener port"
	for want, c := range map[string]struct {
		check   Check
		differs []string
	}{
		"GET http://10.0.1.5:1/health?… as ELB-HealthChecker/2.0":                          {Check{Kind: Application, Protocol: "HTTP", Path: "/health?token=1"}, []string{source}},
		"GET https://10.0.1.5:1/ as ELB-HealthChecker/2.0 over HTTP/2":                     {Check{Kind: Application, Protocol: "HTTPS", HTTP2: true}, []string{source}},
		"GET http://10.0.1.5:1/ as ELB-HealthChecker/2.0 after a PROXY protocol v2 header": {Check{Kind: Network, Protocol: "HTTP", ProxyV2: true}, []string{source, host}},
		"GET http://10.0.1.5:1/ as ELB-HealthChecker/2.0":                                  {Check{Kind: Gateway, Protocol: "HTTP"}, []string{source, host}},
		"GET http://10.0.1.5:1/ as ELB-HealthChecker/1.0":                                  {Check{Kind: Classic, Protocol: "HTTP"}, []string{source}},
		"TCP connection to 10.0.1.5:1":                                                     {Check{Kind: Network, Protocol: "TCP"}, []string{source}},
		"TLS handshake with [2600:1f::5]:1":                                                {Check{Kind: Classic, Protocol: "SSL", Host: "2600:1f::5"}, []string{source}},
		"gRPC call of http://10.0.1.5:1/AWS.ALB/healthcheck as ELB-HealthChecker/2.0":      {Check{Kind: Application, Protocol: "GRPC"}, []string{source}},
		"GET http://app.local:1/ as ELB-HealthChecker/2.0":                                 {Check{Source: "--probe", Protocol: "HTTP", Host: "app.local"}, nil},
	} {
		nobody := func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
		ctx, cancel := context.WithCancel(t.Context())
		c.check.Port = 1
		err := New("10.0.1.5", Options{Dial: nobody}).Run(ctx, []Check{c.check}, func(string) { cancel() })
		failed, ok := errors.AsType[*FailedError](err)
		if !ok || failed.Asked != want || failed.Answer != "connection refused" {
			t.Errorf("got  %+v\nwant %s", failed, want)
		}
		if diff := cmp.Diff(c.differs, c.check.Differs()); diff != "" {
			t.Errorf("%s\n%s", want, diff)
		}
		cancel()
	}
}
