package plane

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
	region *sim.Region
	url    string
	server *http.Server
	proxy  *httputil.ReverseProxy
	checks *checks

	mu    sync.Mutex // guards all below; taken before the Region's own
	open  map[*passage]bool
	share map[string]float64 // of the traffic, that an instance has to its credit
	node  int                // whose turn it is, with zones apart
	seen  map[string]bool
	fates map[string]Fate
}

// passage is one request on its way through.
type passage struct {
	id, instance, address string
	cut                   context.CancelCauseFunc
}

type passageKey struct{}

func of(ctx context.Context) *passage { return ctx.Value(passageKey{}).(*passage) }

// errDrained is why a request is cut that is open when its load balancer lets go.
var errDrained = errors.New("cut when the drain ended")

func newBalancer(region *sim.Region, s Source) *balancer {
	b := &balancer{
		Source: s, region: region,
		open: map[*passage]bool{}, share: map[string]float64{}, seen: map[string]bool{}, fates: map[string]Fate{},
	}
	b.checks = &checks{balancer: b, running: map[checked]context.CancelFunc{}}
	b.proxy = &httputil.ReverseProxy{
		Rewrite:        b.rewrite,
		ModifyResponse: b.inspect,
		ErrorHandler:   b.failed,
		FlushInterval:  -1,
		ErrorLog:       silent(),
		// A connection for each request: on one that was used before, Go's client hides the
		// first failure by sending again.
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext},
	}
	return b
}

func silent() *log.Logger { return log.New(io.Discard, "", 0) }

func (b *balancer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	ctx, cut := context.WithCancelCause(req.Context())
	defer cut(nil)
	p := &passage{id: req.URL.Query().Get(IDKey), cut: cut}
	if !b.first(p.id) {
		http.Error(w, "sent twice", http.StatusBadGateway)
		return
	}
	if !b.admit(p) {
		b.lose(p, "no target to send it to")
		http.Error(w, "no target", http.StatusServiceUnavailable)
		return
	}
	defer b.leave(p)
	b.proxy.ServeHTTP(w, req.WithContext(context.WithValue(ctx, passageKey{}, p)))
}

// first says whether a request arrives for the first time.
func (b *balancer) first(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id != "" && b.seen[id] {
		if _, told := b.fates[id]; !told {
			b.fates[id] = Fate{Cause: "connection lost, sent again by the client's library"}
		}
		return false
	}
	b.seen[id] = true
	return true
}

// admit routes a request. The Region is asked and the request counted as open in one
// step: a drain cannot begin and end in between.
func (b *balancer) admit(p *passage) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	target, ok := b.pick(b.region.Registrations(b.Name), time.Now())
	if !ok {
		return false
	}
	p.instance, p.address = target.Instance, target.Address
	b.open[p] = true
	return true
}

func (b *balancer) leave(p *passage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, p)
}

func (b *balancer) rewrite(r *httputil.ProxyRequest) {
	p := of(r.In.Context())
	r.SetURL(&url.URL{Scheme: "http", Host: net.JoinHostPort(p.address, strconv.Itoa(b.Port))})
}

// inspect looks at an answer's beginning, and at its body as it goes through.
func (b *balancer) inspect(resp *http.Response) error {
	p := of(resp.Request.Context())
	resp.Header.Set(InstanceHeader, p.instance)
	if resp.StatusCode >= 300 {
		b.lose(p, "answered "+strconv.Itoa(resp.StatusCode))
	}
	resp.Body = &body{resp.Body, func(err error) { b.lose(p, cause(resp.Request.Context(), err)) }}
	return nil
}

// failed answers for an instance that did not.
func (b *balancer) failed(w http.ResponseWriter, req *http.Request, err error) {
	b.lose(of(req.Context()), cause(req.Context(), err))
	http.Error(w, "bad gateway", http.StatusBadGateway)
}

// body tells of a read that failed.
type body struct {
	io.ReadCloser
	failed func(error)
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.failed(err)
	}
	return n, err
}

// cause words a failure between the proxy and an instance.
func cause(ctx context.Context, err error) string {
	switch {
	case errors.Is(context.Cause(ctx), errDrained):
		return errDrained.Error()
	case ctx.Err() != nil:
		return "given up by the client"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection cut by the instance"
	}
	return err.Error()
}

// lose keeps the first that is known of a lost request.
func (b *balancer) lose(p *passage, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, told := b.fates[p.id]; !told {
		b.fates[p.id] = Fate{p.instance, why}
	}
}

func (b *balancer) takeFate(id string) (Fate, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f, ok := b.fates[id]
	delete(b.fates, id)
	return f, ok
}

// broken: the listener failed. Nothing gets through any longer, which clients see.
func (b *balancer) broken(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range b.open {
		p.cut(fmt.Errorf("listener: %w", err))
	}
}
