//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"balanced/internal/sim"
)

// checked is what load balancers ask the application of the first instance for, as
// keys of region: tg-check=HTTP/health, classic-check=TCP, matcher=200-299. A load
// balancer that asks nothing is not there then. Without them nothing runs on the hosts.
type checked struct{ tg, classic, matcher string }

func (c *checked) read(key, value string) bool {
	switch key {
	case "tg-check":
		c.tg = value
	case "classic-check":
		c.classic = value
	case "matcher":
		c.matcher = value
	default:
		return false
	}
	return true
}

func (c checked) any() bool { return c.tg != "" || c.classic != "" }

// addresses: where applications run, those of this machine.
func (s spec) addresses() func(int) string {
	switch {
	case s.ipv6:
		return func(int) string { return "" }
	case s.checked.any():
		return addressOf
	}
	return nil
}

func (s spec) addresses6() func(int) string {
	if s.ipv6 {
		return func(int) string { return "::1" }
	}
	return nil
}

// host is where the application of the first instance listens.
func (s spec) host() string {
	if s.ipv6 {
		return "::1"
	}
	return addressOf(0)
}

// serve serves on loopback, in the family of the instances, and returns the URL.
func (s spec) serve(ts *testscript.TestScript, h http.Handler) string {
	server := httptest.NewUnstartedServer(h)
	if s.ipv6 {
		server.Listener.Close()
		ln, err := net.Listen("tcp6", "[::1]:0")
		ts.Check(err)
		server.Listener = ln
	}
	server.Start()
	ts.Defer(func() { server.CloseClientConnections(); server.Close() })
	return server.URL
}

// hasIPv6: this machine has an IPv6 loopback address.
func hasIPv6() bool {
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err == nil {
		ln.Close()
	}
	return err == nil
}

func (s spec) api(region http.Handler) http.Handler {
	if strings.HasPrefix(s.checked.tg, "GRPC") {
		return speakingGRPC(region)
	}
	return region
}

func (s spec) probe() string {
	if s.checked.any() {
		return "" // the default
	}
	return "off" // nothing runs on these hosts
}

// application runs on the first instance of a Region, a port for each protocol.
//
// Asked for /health it answers as `app` said last; /up is 200 and /down 500. gRPC is the
// health service of the reference implementation.
type application struct {
	host  string
	ports map[string]string // by protocol

	mu      sync.Mutex
	answers []int // of /health: one to each question, the last ever after
	asked   int   // for /health, by gRPC, by a connection
}

// addressOf is that of the n-th instance. On Linux all of 127.0.0.0/8 is this machine:
// who asks another address than the instance's own finds nobody.
func addressOf(n int) string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	return fmt.Sprintf("127.88.0.%d", n+1)
}

// check starts what a load balancer is to ask, "PROTOCOL" or "PROTOCOL/PATH".
func (a *application) check(ts *testscript.TestScript, spec string) (protocol, port, path string) {
	protocol, path, slash := strings.Cut(spec, "/")
	if slash {
		path = "/" + path
	}
	if a.ports[protocol] == "" {
		ln, err := net.Listen("tcp", net.JoinHostPort(a.host, "0"))
		ts.Check(err)
		a.serve(ts, protocol, ln)
		a.ports[protocol] = strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
		ts.Setenv("PORT_"+protocol, a.ports[protocol])
	}
	return protocol, a.ports[protocol], path
}

func (a *application) serve(ts *testscript.TestScript, protocol string, ln net.Listener) {
	switch protocol {
	case "TCP":
		ts.Defer(func() { ln.Close() })
		go a.accept(ln)
	case "GRPC":
		server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, answer grpc.UnaryHandler) (any, error) {
			a.next()
			return answer(ctx, req)
		}))
		healthpb.RegisterHealthServer(server, health.NewServer())
		ts.Defer(server.Stop)
		go server.Serve(ln)
	default:
		server := httptest.NewUnstartedServer(a)
		server.Listener.Close()
		server.Listener, server.Config.ErrorLog = ln, log.New(io.Discard, "", 0)
		ts.Defer(server.Close)
		if protocol == "HTTP" {
			server.Start()
		} else {
			server.StartTLS()
		}
	}
}

// accept lets callers connect, and says nothing.
func (a *application) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		a.next()
		conn.Close()
	}
}

// next counts a question and says what /health is to answer to it.
func (a *application) next() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	code := a.answers[0]
	if len(a.answers) > 1 {
		a.answers = a.answers[1:]
	}
	return code
}

func (a *application) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// ServeHTTP makes it an http.Handler.
func (a *application) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	code := map[string]int{"/up": 200, "/down": 500}[req.URL.Path]
	switch {
	case req.URL.Path == "/health":
		code = a.next()
	case code == 0:
		code = 404
	}
	if code/100 == 3 {
		w.Header().Set("Location", "/up")
	}
	w.WriteHeader(code)
}

// app CODE...: what the application answers to /health from here on, one to each
// question, the last ever after.
func cmdApp(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) > 0, "app CODE...")
	var answers []int
	for _, arg := range args {
		answers = append(answers, number(ts, arg))
	}
	a := stageOf(ts).app
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers, a.asked = answers, 0
}

// asked N: so often was it asked since the last app.
func cmdAsked(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "asked N")
	if n := stageOf(ts).app.count(); n != number(ts, args[0]) {
		ts.Fatalf("the application was asked %d times, want %s", n, args[0])
	}
}

// employ makes the load balancers of a Region check the application.
func (a *application) employ(ts *testscript.TestScript, c checked, tg *sim.TargetGroup, elb *sim.Classic) {
	if c.tg != "" {
		protocol, port, path := a.check(ts, c.tg)
		tg.Port, tg.Check.Protocol, tg.Check.Path, tg.Check.Matcher = number(ts, port), protocol, path, c.matcher
		if protocol == "GRPC" {
			tg.Check.Protocol = "HTTP" // the rest is said by speakingGRPC
		}
	}
	if c.classic != "" {
		protocol, port, path := a.check(ts, c.classic)
		elb.Check.Target = protocol + ":" + port + path
	}
}

// speakingGRPC gives the target groups of an API protocol version GRPC, which those of
// the Region do not have.
func speakingGRPC(api http.Handler) http.Handler {
	grpc := strings.NewReplacer(
		"<ProtocolVersion>HTTP1<", "<ProtocolVersion>GRPC<", "<HttpCode>", "<GrpcCode>", "</HttpCode>", "</GrpcCode>")
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		page := httptest.NewRecorder()
		api.ServeHTTP(page, req)
		for name := range page.Header() {
			w.Header().Set(name, page.Header().Get(name))
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(page.Code)
		io.WriteString(w, grpc.Replace(page.Body.String()))
	})
}
