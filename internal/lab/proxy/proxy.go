// Package proxy serves the load balancers of a simulated Region. Each is an HTTP proxy on
// loopback that routes as the Region says and checks the health of what is registered.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"balanced/internal/sim"
)

// Source is what the proxy of a load balancer needs to know about it.
type Source struct {
	Name          string // of the target group or Classic Load Balancer
	Port          int    // on which the servers of its instances listen
	Path          string // of its health checks; 200 passes
	Interval      time.Duration
	Timeout       time.Duration
	SlowStart     time.Duration
	Zones         []string // nil: cross-zone load balancing; else each zone routes to its own instances
	OutlivesDrain bool     // open requests go on after the drain
}

// Set is the proxies of all load balancers of a Region that has sim.Config.DataPlane set.
type Set struct {
	balancers []*balancer
	cancel    context.CancelFunc
	working   sync.WaitGroup
}

// Outcome is what the proxy knows about a lost request.
type Outcome struct {
	Instance string // the instance that the request was routed to, "" if it was not
	Cause    string
}

// IDKey is the query parameter with the name of a request. A name that arrives a second
// time is refused: a library has sent the request again to hide a failure from its caller.
const IDKey = "n"

// InstanceHeader is in every answer that comes from an instance, and has its ID.
const InstanceHeader = "X-Lab-Instance"

// Open starts a proxy for each source, on a port of its own. Close stops them.
func Open(region *sim.Region, sources []Source) (*Set, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Set{cancel: cancel}
	for _, source := range sources {
		b := newBalancer(region, source)
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("load balancer %s: %w", source.Name, err)
		}
		b.url = "http://" + ln.Addr().String()
		b.server = &http.Server{Handler: b, ReadHeaderTimeout: 10 * time.Second, ErrorLog: discardLogger()}
		s.balancers = append(s.balancers, b)
		s.working.Go(func() {
			if err := b.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				b.listenerFailed(err)
			}
		})
		s.working.Go(func() { b.syncLoop(ctx) })
	}
	return s, nil
}

// Close closes every connection and returns when no proxy runs any longer.
func (s *Set) Close() {
	s.cancel()
	for _, b := range s.balancers {
		b.server.Close()
	}
	s.working.Wait()
}

// URL is where the proxy of a source listens, "" if there is no such source.
func (s *Set) URL(source string) string {
	for _, b := range s.balancers {
		if b.Name == source {
			return b.url
		}
	}
	return ""
}

// Outcome returns what is known about a lost request, once.
func (s *Set) Outcome(id string) (Outcome, bool) {
	for _, b := range s.balancers {
		if f, ok := b.takeOutcome(id); ok {
			return f, true
		}
	}
	return Outcome{}, false
}
