// Package traffic is what clients do while a rollout runs: a steady rate of requests through
// every load balancer, which does not wait for answers, and a count of the answers.
package traffic

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"balanced/internal/lab/appserver"
	"balanced/internal/lab/proxy"
	"balanced/internal/lab/record"
)

// Target is a load balancer that gets requests.
type Target struct{ Source, URL string }

// Load is the rate of requests. Of ten requests, six reuse connections, three open one of
// their own, and one takes long.
type Load struct {
	Rate int           // requests a second through all load balancers together
	Long time.Duration // how long the long requests take
}

// ClientTimeout is how much longer than expected a client waits for an answer: longer than a
// busy machine delays one, so that only answers that never come are lost by it.
const ClientTimeout = 20 * time.Second

// kinds returns the kinds of requests and their shares of the load.
func (l Load) kinds() []kind {
	seconds := url.Values{"seconds": {strconv.FormatFloat(l.Long.Seconds(), 'f', -1, 64)}}
	return []kind{
		{name: kept, path: "/", tenths: 6, reuse: true},
		{name: "new", path: "/", tenths: 3},
		{name: long, path: appserver.SlowPath, query: seconds, tenths: 1, reuse: true},
	}
}

// Names of kinds, as they are in the names of requests.
const (
	kept = "kept" // over connections that are kept alive
	long = "long"
)

type kind struct {
	name, path string
	query      url.Values
	tenths     int  // of the load
	reuse      bool // connections
}

// Run is a load that has been started.
type Run struct {
	Meter *Meter

	attackers  []*vegeta.Attacker
	transports []*http.Transport
	counting   sync.WaitGroup
	abandoned  atomic.Bool
}

// Observer knows more about a lost request than the client that sent it. OnLost is called with
// each lost request.
type Observer struct {
	Outcome func(id string) (proxy.Outcome, bool)
	Version func(instance string) string // the newest version that its server had
	OnLost  func(record.Loss)
}

// Start begins to send requests to the targets.
func Start(targets []Target, load Load, o Observer) *Run {
	r := &Run{Meter: &Meter{started: time.Now(), Observer: o}}
	for _, t := range targets {
		for _, k := range load.kinds() {
			// The rate is given for ten seconds, so that a tenth of a low rate is still a whole number.
			pace := vegeta.ConstantPacer{Freq: max(1, load.Rate*k.tenths/len(targets)), Per: 10 * time.Second}
			r.attack(t, k, load, pace)
		}
	}
	return r
}

func (r *Run) attack(t Target, k kind, load Load, pace vegeta.Pacer) {
	transport := &http.Transport{DisableKeepAlives: !k.reuse, MaxIdleConnsPerHost: 1000}
	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{Transport: transport, Timeout: ClientTimeout + load.Long}),
		vegeta.Workers(4),
	)
	var n atomic.Int64
	results := attacker.Attack(func(target *vegeta.Target) error {
		query := url.Values{proxy.IDKey: {fmt.Sprintf("%s-%s-%d", t.Source, k.name, n.Add(1))}}
		for key, v := range k.query {
			query[key] = v
		}
		target.Method, target.URL = http.MethodGet, t.URL+k.path+"?"+query.Encode()
		return nil
	}, pace, 0, "")
	r.attackers, r.transports = append(r.attackers, attacker), append(r.transports, transport)
	r.counting.Go(func() {
		for result := range results {
			if !r.abandoned.Load() {
				r.Meter.add(t.Source, k, result)
			}
		}
	})
}

// Abandon begins no more requests and does not count those that are still open. It does not
// end them: Stop waits for them.
func (r *Run) Abandon() {
	r.abandoned.Store(true)
	for _, a := range r.attackers {
		a.Stop()
	}
}

// Stop begins no more requests, and returns when the last open request has ended.
func (r *Run) Stop() {
	for _, a := range r.attackers {
		a.Stop()
	}
	r.counting.Wait()
	for _, t := range r.transports {
		t.CloseIdleConnections()
	}
}
