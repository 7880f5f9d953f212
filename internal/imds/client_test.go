package imds

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/failure"
)

const document = `{"accountId":"123456789012","availabilityZone":"eu-west-1a","instanceId":"i-0abc","instanceType":"m7g.large",
"privateIp":"10.0.1.5","region":"eu-west-1","kernelId":null,"pendingTime":"2025-06-21T04:51:26Z","version":"2017-09-30"}`

// service is an instance metadata service: paths below /latest/ and what they hold.
type service map[string]string

func (s service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
		w.Write([]byte("secret-token"))
		return
	}
	if r.Header.Get("X-Aws-Ec2-Metadata-Token") != "secret-token" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	text, ok := s[strings.TrimPrefix(r.URL.Path, "/latest/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Write([]byte(text))
}

// pipe is an HTTP client of one handler that works in a synctest bubble.
func pipe(t *testing.T, h http.Handler) *http.Client {
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go (&http.Server{Handler: h}).Serve(&one{conn: far})
		return near, nil
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
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

func TestIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{HTTP: pipe(t, service{"dynamic/instance-identity/document": document}), Endpoint: "http://imds"})
		got, err := c.Identity(t.Context())
		want := Identity{
			Instance: "i-0abc", Zone: "eu-west-1a", Region: "eu-west-1", Account: "123456789012",
			Type: "m7g.large", PrivateIP: "10.0.1.5",
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

// A caller whose time is over has waited for a slow service: neither is the hop limit too low, nor
// is it a riddle.
func TestTheCallersTimeIsOver(t *testing.T) {
	for _, method := range []string{http.MethodPut, http.MethodGet} {
		synctest.Test(t, func(t *testing.T) {
			silent := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == method {
					<-r.Context().Done()
					return
				}
				service{}.ServeHTTP(w, r)
			})
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second/10, budgetOver{})
			defer cancel()
			if _, err := New(Options{HTTP: pipe(t, silent), Endpoint: "http://imds"}).Identity(ctx); !errors.Is(err, ErrSlow) || failure.Of(err) != failure.Unreachable {
				t.Errorf("silent on %s: %v", method, err)
			}
		})
	}
}

// budgetOver is a deadline with a name of its own.
type budgetOver struct{}

func (budgetOver) Error() string        { return "the budget ended" }
func (budgetOver) Is(target error) bool { return target == context.DeadlineExceeded }

func TestWhatIsWrongWithTheServiceIsTold(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	only := func(method string, h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == method {
				h(w, r)
				return
			}
			service{"dynamic/instance-identity/document": document}.ServeHTTP(w, r)
		}
	}
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	reset := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for _, c := range []struct {
		name    string
		service http.Handler
		want    error
		text    string
	}{
		{"the token never arrives", only("PUT", silent), ErrHopLimit, "hop limit"},
		{"turned off for the instance", status(403), ErrDisabled, "HTTP 403"},
		{"turned off between token and document", only("GET", status(403)), ErrDisabled, "HTTP 403"},
		{"its own token refused", only("GET", status(401)), ErrUnauthorized, "401"},
		{"not a metadata service", status(404), ErrBadAnswer, "HTTP 404"},
		{"out of order", status(503), ErrBadAnswer, "HTTP 503"},
		{"no document", service{}, ErrBadAnswer, "HTTP 404"},
		{"a document that is none", service{"dynamic/instance-identity/document": "<html>"}, ErrBadAnswer, "identity document"},
		{"an empty document", service{"dynamic/instance-identity/document": "{}"}, ErrBadAnswer, "no instance id"},
		{"silent after the token", only("GET", silent), ErrSlow, "in time"},
		{"it hangs up", http.HandlerFunc(reset), ErrNoAnswer, "no answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := New(Options{HTTP: pipe(t, c.service), Endpoint: "http://imds"}).Identity(t.Context())
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if took := time.Since(start); took > 13*time.Second {
					t.Errorf("took %v", took)
				}
				if strings.Contains(err.Error(), "secret-token") {
					t.Errorf("the token is in %v", err)
				}
			})
		})
	}
}

func TestNothingAtTheAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		defer close(over)
		for name, dial := range map[string]func() (net.Conn, error){
			"refused":  func() (net.Conn, error) { return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")} },
			"no route": func() (net.Conn, error) { return nil, &net.OpError{Op: "dial", Err: errors.New("no route to host")} },
			"dropped":  func() (net.Conn, error) { <-over; return nil, net.ErrClosed },
		} {
			client := &http.Client{Transport: &http.Transport{
				DialContext: func(context.Context, string, string) (net.Conn, error) { return dial() },
			}}
			start := time.Now()
			_, err := New(Options{HTTP: client, Endpoint: "http://imds"}).Identity(t.Context())
			if !errors.Is(err, ErrNoAnswer) || time.Since(start) > 13*time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
		}
	})
}

// The SDK's own client, with its own timeouts, on real sockets.
func TestSilenceAndRefusalOnRealSockets(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes connections nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{Endpoint: "http://" + l.Addr().String()})
	c.patience = []time.Duration{time.Second / 10, time.Second / 5}
	if _, err := c.Identity(t.Context()); !errors.Is(err, ErrHopLimit) {
		t.Errorf("connected, never answered: %v", err)
	}
	l.Close()
	if _, err := c.Identity(t.Context()); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestTurnedOffInTheEnvironment(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	_, err := New(Options{Endpoint: "http://imds"}).Identity(t.Context())
	if !errors.Is(err, ErrDisabled) || !strings.Contains(err.Error(), "AWS_EC2_METADATA_DISABLED") {
		t.Errorf("got %v", err)
	}
}

func TestASignalIsNotAFailureOfTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		_, err := New(Options{HTTP: pipe(t, silent), Endpoint: "http://imds"}).Identity(ctx)
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrHopLimit) {
			t.Errorf("got %v", err)
		}
	})
}

// A token that takes its time is waited for: only one that never arrives shows a hop limit.
func TestASlowTokenIsNoHopLimit(t *testing.T) {
	for _, c := range []struct {
		token, document time.Duration
		budget          time.Duration
		want            error
	}{
		{2200 * time.Millisecond, 0, time.Minute, nil},
		{2200 * time.Millisecond, 2200 * time.Millisecond, time.Minute, nil},
		{3900 * time.Millisecond, 2 * time.Second, time.Minute, nil},
		{5500 * time.Millisecond, 3 * time.Second, time.Minute, ErrSlow},
		{5500 * time.Millisecond, 0, 6 * time.Second, ErrSlow}, // the caller has no more time
		{time.Hour, 0, time.Minute, ErrHopLimit},
		{time.Hour, 0, 12 * time.Second, ErrSlow},
		{0, time.Hour, time.Minute, ErrSlow},
	} {
		synctest.Test(t, func(t *testing.T) {
			late := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				wait := c.document
				if r.Method == http.MethodPut {
					wait = c.token
				}
				select {
				case <-time.After(wait):
				case <-r.Context().Done():
					return
				}
				service{"dynamic/instance-identity/document": document}.ServeHTTP(w, r)
			})
			ctx, cancel := context.WithTimeout(t.Context(), c.budget)
			defer cancel()
			_, err := New(Options{HTTP: pipe(t, late), Endpoint: "http://imds"}).Identity(ctx)
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("token after %v, document after %v, %v given: %v, want %v", c.token, c.document, c.budget, err, c.want)
			}
		})
	}
}

func TestTheIPv6Address(t *testing.T) {
	only6 := strings.Replace(document, `"privateIp":"10.0.1.5",`, "", 1)
	for name, c := range map[string]struct {
		service http.Handler
		ip, six string
		fails   bool
	}{
		"both families":   {service{"dynamic/instance-identity/document": document, "meta-data/ipv6": "2001:db8::5\n"}, "10.0.1.5", "2001:db8::5", false},
		"IPv4 only":       {service{"dynamic/instance-identity/document": document}, "10.0.1.5", "", false},
		"IPv6 only":       {service{"dynamic/instance-identity/document": only6, "meta-data/ipv6": "2001:db8::5"}, "", "2001:db8::5", false},
		"no address":      {service{"dynamic/instance-identity/document": only6}, "", "", false},
		"IPv4, a failure": {failing{document}, "10.0.1.5", "", false},
		"IPv6, a failure": {failing{only6}, "", "", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			id, err := New(Options{HTTP: pipe(t, c.service), Endpoint: "http://imds"}).Identity(t.Context())
			if id.PrivateIP != c.ip || id.IPv6 != c.six || (err != nil) != c.fails {
				t.Errorf("%s: %+v, %v", name, id, err)
			}
		})
	}
}

// failing has an identity document and fails on the IPv6 address.
type failing struct{ document string }

func (f failing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/ipv6") {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	service{"dynamic/instance-identity/document": f.document}.ServeHTTP(w, r)
}
