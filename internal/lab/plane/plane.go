// Package plane is the data plane of a simulated Region: each of its load balancers is an
// HTTP proxy on loopback, which routes as the Region says and checks the health of what
// is registered.
package plane

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

// Source is a load balancer as its proxy has to know it.
type Source struct {
	Name      string // of the target group or Classic Load Balancer
	Port      int    // on which its instances serve
	Path      string // of its health checks, which 200 passes
	Interval  time.Duration
	Timeout   time.Duration
	SlowStart time.Duration
	Zones     []string // nil: cross-zone; otherwise each zone's node routes within its zone
	Lasting   bool     // what is open goes on when a drain ends
}

// Plane is the proxies of a Region made with sim.Config.DataPlane.
type Plane struct {
	balancers []*balancer
	cancel    context.CancelFunc
	working   sync.WaitGroup
}

// Fate is what became of a request that the proxy knows to be lost.
type Fate struct {
	Instance string // that it was routed to, if any
	Cause    string
}

// IDKey is the query parameter that names a request. One that arrives twice was sent
// again by a library that hides a failure from its caller: it is refused.
const IDKey = "n"

// InstanceHeader is in every answer that came from an instance.
const InstanceHeader = "X-Lab-Instance"

// Open starts a proxy for each source on a port of its own. Close ends what it began.
func Open(region *sim.Region, sources []Source) (*Plane, error) {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Plane{cancel: cancel}
	for _, s := range sources {
		b := newBalancer(region, s)
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			p.Close()
			return nil, fmt.Errorf("load balancer %s: %w", s.Name, err)
		}
		b.url = "http://" + ln.Addr().String()
		b.server = &http.Server{Handler: b, ReadHeaderTimeout: 10 * time.Second, ErrorLog: silent()}
		p.balancers = append(p.balancers, b)
		p.working.Go(func() {
			if err := b.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				b.broken(err)
			}
		})
		p.working.Go(func() { b.tend(ctx) })
	}
	return p, nil
}

// Close cuts every connection and returns when nothing of the plane runs any longer.
func (p *Plane) Close() {
	p.cancel()
	for _, b := range p.balancers {
		b.server.Close()
	}
	p.working.Wait()
}

// URL is where a load balancer takes requests.
func (p *Plane) URL(source string) string {
	for _, b := range p.balancers {
		if b.Name == source {
			return b.url
		}
	}
	return ""
}

// Fate takes what is known of a lost request out of the books.
func (p *Plane) Fate(id string) (Fate, bool) {
	for _, b := range p.balancers {
		if f, ok := b.takeFate(id); ok {
			return f, true
		}
	}
	return Fate{}, false
}
