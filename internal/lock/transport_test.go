package lock

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// ownTransport is what carries requests to a FleetLock server where nothing else is given.
func ownTransport(t *testing.T, where string) (*fleetLock, *http.Transport) {
	t.Helper()
	parsed, err := Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	f := newFleetLock(parsed, Options{Instance: "i-1"}, func() float64 { return 0 })
	transport := f.client.Transport.(*http.Transport)
	transport.Proxy = nil // the environment of whoever runs the test is not asked
	t.Cleanup(transport.CloseIdleConnections)
	return f, transport
}

func TestHTTP2WhereTheServerSpeaksIt(t *testing.T) {
	proto := make(chan string, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) { proto <- req.Proto }))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	f, transport := ownTransport(t, server.URL)
	transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig
	if a := f.post(t.Context(), lockEndpoint, "web", true); a.kind != yes {
		t.Fatalf("%+v", a)
	}
	if got := <-proto; got != "HTTP/2.0" {
		t.Errorf("asked in %s", got)
	}
}

// A server that accepts connections and says nothing is left after ten seconds, so that another may answer.
func TestAServerThatDoesNotShakeHands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, transport := ownTransport(t, "https://lock.example.com/")
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, theirs) }()
			return ours, nil
		}
		began := time.Now()
		if a := f.post(t.Context(), lockEndpoint, "web", true); a.silent == nil || time.Since(began) != 10*time.Second {
			t.Errorf("%+v after %s", a, time.Since(began))
		}
	})
}
