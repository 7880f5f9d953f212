package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"syscall"
	"time"

	"balanced/internal/sim"
)

// balancer is the proxy of one load balancer.
type balancer struct {
	Source
	region  *sim.Region
	url     string
	server  *http.Server
	reverse *httputil.ReverseProxy
	checks  *checks

	mu       sync.Mutex // guards all below; taken before the Region's own
	open     map[*request]bool
	credit   map[string]float64 // requests that an instance should have got by its weight but has not, by ID
	nextZone int                // index of the zone that gets the next request, if Zones is set
	arrived  map[string]bool    // names of requests
	outcomes map[string]Outcome // of lost requests, by name
}

// request is a request that is open.
type request struct {
	id, instance, address string
	cancel                context.CancelCauseFunc
}

type requestKey struct{}

func requestOf(ctx context.Context) *request { return ctx.Value(requestKey{}).(*request) }

// errDrained is the cause of a request that is cut off because it was still open when its
// instance was deregistered.
var errDrained = errors.New("cut off at the end of the drain")

func newBalancer(region *sim.Region, source Source) *balancer {
	b := &balancer{
		Source: source, region: region,
		open: map[*request]bool{}, credit: map[string]float64{}, arrived: map[string]bool{}, outcomes: map[string]Outcome{},
	}
	b.checks = &checks{balancer: b, running: map[registration]context.CancelFunc{}}
	b.reverse = &httputil.ReverseProxy{
		Rewrite:        b.rewrite,
		ModifyResponse: b.inspectResponse,
		ErrorHandler:   b.badGateway,
		FlushInterval:  -1,
		ErrorLog:       discardLogger(),
		// Each request gets a connection of its own: if a reused connection fails, Go's client
		// sends the request again and hides the failure.
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext},
	}
	return b
}

func discardLogger() *log.Logger { return log.New(io.Discard, "", 0) }

func (b *balancer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	ctx, cancel := context.WithCancelCause(req.Context())
	defer cancel(nil)
	r := &request{id: req.URL.Query().Get(IDKey), cancel: cancel}
	if !b.firstArrival(r.id) {
		http.Error(w, "the request was sent twice", http.StatusBadGateway)
		return
	}
	if !b.route(r) {
		b.recordLoss(r, "no target to route it to")
		http.Error(w, "no target", http.StatusServiceUnavailable)
		return
	}
	defer b.done(r)
	b.reverse.ServeHTTP(w, req.WithContext(context.WithValue(ctx, requestKey{}, r)))
}

// firstArrival reports whether a request arrives for the first time.
func (b *balancer) firstArrival(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id != "" && b.arrived[id] {
		if _, known := b.outcomes[id]; !known {
			b.outcomes[id] = Outcome{Cause: "connection lost; the client's library sent the request again"}
		}
		return false
	}
	b.arrived[id] = true
	return true
}

// route chooses the target of a request; false if there is none. It reads the Region and
// counts the request as open under one lock, so that no drain begins and ends in between.
func (b *balancer) route(r *request) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	target, ok := b.pick(b.region.Registrations(b.Name), time.Now())
	if !ok {
		return false
	}
	r.instance, r.address = target.Instance, target.Address
	b.open[r] = true
	return true
}

func (b *balancer) done(r *request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, r)
}

func (b *balancer) rewrite(pr *httputil.ProxyRequest) {
	r := requestOf(pr.In.Context())
	pr.SetURL(&url.URL{Scheme: "http", Host: net.JoinHostPort(r.address, strconv.Itoa(b.Port))})
}

// inspectResponse records a loss if the status says so, or if reading the body fails.
func (b *balancer) inspectResponse(resp *http.Response) error {
	r := requestOf(resp.Request.Context())
	resp.Header.Set(InstanceHeader, r.instance)
	if resp.StatusCode >= 300 {
		b.recordLoss(r, "answered "+strconv.Itoa(resp.StatusCode))
	}
	resp.Body = &body{resp.Body, func(err error) { b.recordLoss(r, failureCause(resp.Request.Context(), err)) }}
	return nil
}

// badGateway answers a request to which the instance did not answer.
func (b *balancer) badGateway(w http.ResponseWriter, req *http.Request, err error) {
	b.recordLoss(requestOf(req.Context()), failureCause(req.Context(), err))
	http.Error(w, "bad gateway", http.StatusBadGateway)
}

// body reports a read that fails.
type body struct {
	io.ReadCloser
	onError func(error)
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.onError(err)
	}
	return n, err
}

// failureCause describes a failure between the proxy and an instance.
func failureCause(ctx context.Context, err error) string {
	switch {
	case errors.Is(context.Cause(ctx), errDrained):
		return errDrained.Error()
	case ctx.Err() != nil:
		return "the client gave up"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the instance closed the connection"
	}
	return err.Error()
}

// recordLoss keeps the first cause that is known of a lost request.
func (b *balancer) recordLoss(r *request, cause string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.outcomes[r.id]; !known {
		b.outcomes[r.id] = Outcome{r.instance, cause}
	}
}

func (b *balancer) takeOutcome(id string) (Outcome, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f, ok := b.outcomes[id]
	delete(b.outcomes, id)
	return f, ok
}

// listenerFailed ends all open requests. Later ones fail to connect.
func (b *balancer) listenerFailed(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for r := range b.open {
		r.cancel(fmt.Errorf("listener: %w", err))
	}
}
