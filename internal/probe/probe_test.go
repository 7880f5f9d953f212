package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// host serves HTTP by port, in memory, for bubbles.
type host map[string]http.Handler

func (h host) dial(_ context.Context, _, address string) (net.Conn, error) {
	near, far := net.Pipe()
	_, port, _ := net.SplitHostPort(address)
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	go (&http.Server{Handler: h[port], Protocols: both}).Serve(&one{conn: far})
	return near, nil
}

type one struct{ conn net.Conn }

func (l *one) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l *one) Close() error   { return nil }
func (l *one) Addr() net.Addr { return &net.TCPAddr{} }

// statuses answers with one code after the other, and with the last one ever after.
func statuses(codes ...int) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.WriteHeader(codes[0])
		if len(codes) > 1 {
			codes = codes[1:]
		}
	}
}

// hang answers nothing for as long as anybody listens.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func web(port, healthy int) Check {
	return Check{
		Source: "web", Protocol: "HTTP", Port: port, Path: "/health",
		Timeout: 5 * time.Second, Healthy: healthy, Interval: 30 * time.Second,
	}
}

// run probes in a bubble, which also fails when a goroutine is left behind.
func run(t *testing.T, h host, budget time.Duration, checks ...Check) (told []string, took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), budget)
		defer cancel()
		start := time.Now()
		err = New("10.0.1.5", Options{Dial: h.dial}).Run(ctx, checks, func(s string) { told = append(told, s) })
		took = time.Since(start)
	})
	return told, took, err
}

func TestASlowStartPassesItsThresholdInARow(t *testing.T) {
	h := host{"8080": statuses(503, 503, 200, 200, 500, 200)}
	told, took, err := run(t, h, time.Minute, web(8080, 3))
	want := []string{
		"GET :8080/health: 503",
		"GET :8080/health: 503",
		"GET :8080/health: 200, passed 1 of 3",
		"GET :8080/health: 200, passed 2 of 3",
		"GET :8080/health: 500",
		"GET :8080/health: 200, passed 1 of 3",
		"GET :8080/health: 200, passed 2 of 3",
		"GET :8080/health: 200, passed 3 of 3",
	}
	if diff := cmp.Diff(want, told); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if took != 7*time.Second { // of the bubble
		t.Errorf("eight questions one second apart took %v", took)
	}
}

func TestWhatNeverPassesIsToldWithItsLastAnswer(t *testing.T) {
	noContent := web(8080, 2)
	noContent.Matcher = "204"
	for name, c := range map[string]struct {
		app   http.HandlerFunc
		check Check
		want  string
	}{
		"500":           {statuses(500), web(8080, 2), "GET :8080/health: 500 after 42s"},
		"was different": {statuses(500, 502, 503), web(8080, 2), "GET :8080/health: 503 after 42s"},
		"not that code": {statuses(200), noContent, "GET :8080/health: 200 after 42s"},
		"redirect":      {http.RedirectHandler("/login?secret", http.StatusFound).ServeHTTP, web(8080, 2), "GET :8080/health: 302 after 42s"},
		"hangs":         {hang, web(8080, 2), "GET :8080/health: no answer within 5s after 42s"},
		"not enough":    {statuses(200), web(8080, 99), "GET :8080/health: 200, passed 42 of 99 after 42s"},
		"breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			w.Write([]byte("five!"))
		}, web(8080, 2), "GET :8080/health: connection closed before the end of the answer after 42s"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := run(t, host{"8080": c.app}, 42*time.Second, c.check)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if failed, ok := errors.AsType[*FailedError](err); !ok || failed.Check != c.check || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%#v", err)
			}
		})
	}
}

func TestNoAnswerAtAll(t *testing.T) {
	told, _, err := run(t, host{"8080": http.HandlerFunc(hang)}, 3*time.Second, web(8080, 2))
	if err == nil || err.Error() != "GET :8080/health: no answer after 3s" || len(told) > 0 {
		t.Errorf("%v, told %q", err, told)
	}
}

func TestChecksAreAskedSideBySide(t *testing.T) {
	h := host{"8080": statuses(200), "8081": http.HandlerFunc(hang)}
	told, _, err := run(t, h, 12*time.Second, web(8080, 5), web(8081, 2))
	if err == nil || err.Error() != "GET :8081/health: no answer within 5s after 12s" {
		t.Errorf("%v", err)
	}
	// The slow one answers at 5 and 10 s, the quick one before at 0, 1, 2, 3 and 4 s.
	if i := slices.Index(told, "GET :8080/health: 200, passed 5 of 5"); i != 4 {
		t.Errorf("told:\n%s", strings.Join(told, "\n"))
	}
}

func TestWhatBreaksWhileAnotherComesUpDoesNotCount(t *testing.T) {
	h := host{"8080": statuses(200, 200, 500), "8081": statuses(503, 503, 503, 200)}
	_, _, err := run(t, h, 20*time.Second, web(8081, 2), web(8080, 2))
	if err == nil || err.Error() != "GET :8080/health: 500 after 20s" {
		t.Errorf("%v", err)
	}
}

// TestNothingIsLeftBehind relies on the bubble, which waits for all goroutines in it and
// fails when they wait for each other.
func TestNothingIsLeftBehind(t *testing.T) {
	flow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	})
	for _, c := range []Check{
		{Protocol: "TCP", Port: 1},
		{Protocol: "TLS", Port: 1},
		{Protocol: "HTTP", Port: 1},
		{Protocol: "HTTPS", Port: 1},
		{Protocol: "HTTP", Port: 1, HTTP2: true},
		{Protocol: "GRPC", Port: 1},
		{Protocol: "GRPCS", Port: 1},
		{Protocol: "HTTP", Port: 2},
		{Protocol: "HTTP", Port: 2, HTTP2: true},
		{Protocol: "GRPC", Port: 2},
	} {
		c.Healthy = 100
		h := host{"1": http.HandlerFunc(hang), "2": flow}
		if _, _, err := run(t, h, 12*time.Second, c); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", c, err)
		}
	}
}

func TestASignalStaysRecognisable(t *testing.T) {
	signalled := errors.New("SIGTERM")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(7*time.Second, func() { cancel(signalled) })
		err := New("10.0.1.5", Options{Dial: host{"8080": statuses(503)}.dial}).Run(ctx, []Check{web(8080, 2)}, nil)
		if !errors.Is(err, signalled) || !errors.Is(err, context.Canceled) || err.Error() != "GET :8080/health: 503 after 7s" {
			t.Errorf("%v", err)
		}
	})
}

func TestTheQuestionIsTheLoadBalancers(t *testing.T) {
	var got string
	asked := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = fmt.Sprintf("%s %s %s %s %s close=%v", r.Method, r.Host, r.RequestURI, r.Proto, r.UserAgent(), r.Close)
	})
	t.Setenv("HTTP_PROXY", "http://proxy.invalid:3128")
	for want, c := range map[string]Check{
		"GET 10.0.1.5:80 / HTTP/1.1 ELB-HealthChecker/2.0 close=true":             {Protocol: "HTTP", Port: 80},
		"GET 10.0.1.5:80 /a%20b?deep=1 HTTP/1.1 ELB-HealthChecker/2.0 close=true": {Protocol: "HTTP", Port: 80, Path: "/a%20b?deep=1"},
		"GET 10.0.1.5:80 //x HTTP/1.1 ELB-HealthChecker/2.0 close=true":           {Protocol: "HTTP", Port: 80, Path: "//x"},
		"GET [2600:1f::5]:80 /x HTTP/1.1 ELB-HealthChecker/2.0 close=true":        {Protocol: "HTTP", Host: "2600:1f::5", Port: 80, Path: "/x"},
		"GET app.local /x HTTP/1.1 ELB-HealthChecker/2.0 close=true":              {Source: "--probe", Protocol: "HTTP", Host: "app.local", Port: 80, Path: "/x"},
		"GET [::1] /x HTTP/1.1 ELB-HealthChecker/2.0 close=true":                  {Source: "--probe", Protocol: "HTTP", Host: "[::1]", Port: 80, Path: "/x"},
	} {
		if _, _, err := run(t, host{"80": asked}, time.Minute, c); err != nil || got != want {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
		}
	}
}

func TestWhatMakesNoSenseIsNotAsked(t *testing.T) {
	for want, c := range map[string]Check{
		`health check of tg: port 0 is not from 1 to 65535`:     {Protocol: "TCP"},
		`health check of tg: protocol "UDP" cannot be asked`:    {Protocol: "UDP", Port: 53},
		`health check of tg: matcher "ok": "ok" is not a code`:  {Protocol: "HTTP", Port: 80, Matcher: "ok"},
		`health check of tg: path does not begin with /`:        {Protocol: "HTTP", Port: 80, Path: "x"},
		`health check of tg: path is not one of a URL`:          {Protocol: "HTTP", Port: 80, Path: "/%zz?token=1"},
		`health check of tg: protocol "GENEVE" cannot be asked`: {Protocol: "GENEVE", Port: 6081},
		`health check of tg: address "fe80::1%eth0" has a zone`: {Protocol: "TCP", Port: 80, Host: "[fe80::1%eth0]"},
	} {
		c.Source = "tg"
		told, _, err := run(t, nil, time.Minute, web(80, 1), c)
		if _, failed := errors.AsType[*FailedError](err); err == nil || err.Error() != want || failed || len(told) > 0 {
			t.Errorf("%+v: %v, told %q", c, err, told)
		}
	}
}

func TestAHostWithoutAnAddressIsNotAsked(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := New("", Options{}).Run(ctx, []Check{{Source: "tg", Protocol: "TCP", Port: 80}}, func(string) { cancel() })
	if err == nil || err.Error() != "health check of tg: no address to ask" {
		t.Error(err)
	}
}

func TestNothingToAskIsFine(t *testing.T) {
	if err := New("10.0.1.5", Options{}).Run(t.Context(), nil, nil); err != nil {
		t.Error(err)
	}
}

func TestChecksAreNamedWithoutTheirQuery(t *testing.T) {
	for want, c := range map[string]Check{
		"GET :8080/health":                                 {Protocol: "HTTP", Port: 8080, Path: "/health"},
		"GET :8080/health?…":                               {Protocol: "HTTP", Port: 8080, Path: "/health?token=1"},
		"GET [::1]:8443/ over TLS":                         {Protocol: "HTTPS", Host: "::1", Port: 8443},
		"connect :22":                                      {Protocol: "TCP", Port: 22},
		"TLS handshake :443":                               {Protocol: "SSL", Port: 443},
		"gRPC :50051/AWS.ALB/healthcheck":                  {Protocol: "GRPC", Port: 50051},
		"gRPC :50051/grpc.health.v1.Health/Check over TLS": {Protocol: "GRPCS", Port: 50051, Path: "/grpc.health.v1.Health/Check"},
		"GET :80/" + strings.Repeat("é", 39) + "…":         {Protocol: "HTTP", Port: 80, Path: "/" + strings.Repeat("é", 500)},
	} {
		if got := c.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
