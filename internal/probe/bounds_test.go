package probe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// read counts the bytes that come from the server.
type read struct {
	net.Conn
	n *atomic.Int64
}

func (c read) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// readOf is the last answer to a check that fails, and how much was read for it.
func readOf(t *testing.T, at net.Addr, c Check) (bytes int64, err error) {
	t.Helper()
	var n atomic.Int64
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return read{conn, &n}, err
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.Port, c.Timeout = at.(*net.TCPAddr).Port, time.Minute
	err = New("127.0.0.1", Options{Dial: dial}).Run(ctx, []Check{c}, func(string) { cancel() })
	return n.Load(), err
}

func TestAnswersWithoutAnEnd(t *testing.T) {
	repeat := func(first, again string) net.Addr {
		return listen(t, func(c net.Conn) {
			io.WriteString(c, first)
			go io.Copy(io.Discard, c)
			for err := error(nil); err == nil; {
				_, err = io.WriteString(c, again)
			}
		})
	}
	const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00" // an empty SETTINGS frame
	big := quietly(httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range maxHeader/1024 + 2 {
			w.Header().Set(fmt.Sprint("Big-", i), strings.Repeat("x", 1024))
		}
	})))
	big.Config.Protocols = new(http.Protocols)
	big.Config.Protocols.SetUnencryptedHTTP2(true)
	big.Start()
	defer big.Close()
	for name, c := range map[string]struct {
		at    net.Addr
		check Check
		want  string
	}{
		"header":           {repeat("HTTP/1.1 200 OK\r\n", "A: a\r\n"), Check{Protocol: "HTTP"}, "answer too long"},
		"one line":         {repeat("HTTP/1.1 ", "200"), Check{Protocol: "HTTP"}, "answer too long"},
		"interim answers":  {repeat("", "HTTP/1.1 100 Continue\r\n\r\n"), Check{Protocol: "HTTP"}, "answer too long"},
		"body":             {repeat("HTTP/1.1 404 Not Found\r\n\r\n", "more "), Check{Protocol: "HTTP"}, "404"},
		"chunks":           {repeat("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nmore\r\n"), Check{Protocol: "HTTP"}, "404"},
		"pings":            {repeat(settings, "\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678"), Check{Protocol: "HTTP", HTTP2: true}, "answer too long"},
		"settings":         {repeat("", settings), Check{Protocol: "GRPC"}, "answer too long"},
		"header in HTTP/2": {big.Listener.Addr(), Check{Protocol: "HTTP", HTTP2: true}, "answer too long"},
		"alerts":           {repeat("", "\x15\x03\x03\x00\x02\x01\x5a"), Check{Protocol: "TLS"}, "tls: too many ignored records"},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := readOf(t, c.at, c.check)
			answers(t, err, c.want)
			most := int64(maxRead)
			if name == "header" || name == "one line" || name == "interim answers" {
				most = 64 << 10
			}
			if n > most {
				t.Errorf("%d bytes read, at most %d may be", n, most)
			}
		})
	}
}

// TestAnswersThatTrickle is in virtual time: a byte a second never ends an attempt that
// may take five seconds.
func TestAnswersThatTrickle(t *testing.T) {
	for name, c := range map[string]struct{ quick, slow string }{
		"status": {"", "HTTP/1.1 200 OK\r\n\r\n"},
		"body":   {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", strings.Repeat("x", 50)},
	} {
		t.Run(name, func(t *testing.T) {
			h := host{"80": trickle(c.quick, c.slow)}
			_, took, err := run(t, h, 12*time.Second, Check{Protocol: "HTTP", Port: 80})
			if err == nil || !strings.Contains(err.Error(), "no answer within 5s") || took != 12*time.Second {
				t.Errorf("after %v: %v", took, err)
			}
		})
	}
}

// trickle answers with quick at once and then with slow, a byte a second, for as long as
// the connection lives.
func trickle(quick, slow string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		ended := make(chan struct{})
		go func() { io.Copy(io.Discard, c); close(ended) }()
		io.WriteString(c, quick)
		for i := range slow {
			select {
			case <-ended:
				return
			case <-time.After(time.Second):
				io.WriteString(c, slow[i:i+1])
			}
		}
	}
}

func TestRedirectsAndCookiesAreNotFollowed(t *testing.T) {
	var requests, cookies atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		cookies.Add(int32(len(r.Cookies())))
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		http.Redirect(w, r, "/again", http.StatusMovedPermanently)
	}))
	defer s.Close()
	answers(t, askTwice(t, s.Listener.Addr(), Check{Protocol: "HTTP", Matcher: "301"}), "")
	if requests.Load() != 2 || cookies.Load() != 0 {
		t.Errorf("%d requests with %d cookies for 2 attempts", requests.Load(), cookies.Load())
	}
}

func TestATCPCheckSendsTheProxyHeaderAndNothingElse(t *testing.T) {
	got := make(chan string, 9)
	at := listen(t, func(c net.Conn) {
		all, _ := io.ReadAll(bufio.NewReader(c))
		got <- string(all)
	})
	for want, c := range map[string]Check{
		string(proxyHeader("127.0.0.1")): {Kind: Network, Protocol: "TCP", ProxyV2: true},
		"":                               {Kind: Network, Protocol: "TCP"},
	} {
		answers(t, askTwice(t, at, c), "")
		for range 2 {
			if sent := <-got; sent != want {
				t.Errorf("sent %q, want %q", sent, want)
			}
		}
	}
}
