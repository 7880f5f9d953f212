// Package traffic is what users do while a rollout goes on: a steady load through every
// load balancer that does not wait for answers, and the count of what came of it.
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

	"balanced/internal/lab/host"
	"balanced/internal/lab/plane"
	"balanced/internal/lab/record"
)

// Target is a load balancer under load.
type Target struct{ Source, URL string }

// Load is how much of it. Of ten requests six use connections again and again, three get
// one of their own, and one takes long.
type Load struct {
	Rate int           // requests a second, through all load balancers together
	Long time.Duration // that one takes
}

// Patience is how long a client waits for an answer longer than it should take.
const Patience = 20 * time.Second

// kinds of requests, in tenths of the load.
func (l Load) kinds() []kind {
	seconds := url.Values{"seconds": {strconv.FormatFloat(l.Long.Seconds(), 'f', -1, 64)}}
	return []kind{
		{name: "again", path: "/", tenths: 6, again: true},
		{name: "new", path: "/", tenths: 3},
		{name: "long", path: host.SlowPath, query: seconds, tenths: 1, again: true},
	}
}

type kind struct {
	name, path string
	query      url.Values
	tenths     int
	again      bool // on connections that are kept
}

// Run is a load that goes on.
type Run struct {
	Meter *Meter

	attackers []*vegeta.Attacker
	clients   []*http.Transport
	counting  sync.WaitGroup
	dropped   atomic.Bool
}

// Witness is who knows more of a lost request than its client, and who is told of it.
type Witness struct {
	Fate    func(id string) (plane.Fate, bool)
	Version func(instance string) string // that its server answered with last
	Lost    func(record.Loss)
}

// Start begins to load the targets.
func Start(targets []Target, load Load, w Witness) *Run {
	r := &Run{Meter: &Meter{started: time.Now(), Witness: w}}
	for _, t := range targets {
		for _, k := range load.kinds() {
			// Over ten seconds, so that low rates come out whole.
			pace := vegeta.ConstantPacer{Freq: max(1, load.Rate*k.tenths/len(targets)), Per: 10 * time.Second}
			r.attack(t, k, load, pace)
		}
	}
	return r
}

func (r *Run) attack(t Target, k kind, load Load, pace vegeta.Pacer) {
	transport := &http.Transport{DisableKeepAlives: !k.again, MaxIdleConnsPerHost: 1000}
	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{Transport: transport, Timeout: Patience + load.Long}),
		vegeta.Workers(4),
	)
	var n atomic.Int64
	results := attacker.Attack(func(target *vegeta.Target) error {
		query := url.Values{plane.IDKey: {fmt.Sprintf("%s-%s-%d", t.Source, k.name, n.Add(1))}}
		for key, v := range k.query {
			query[key] = v
		}
		target.Method, target.URL = http.MethodGet, t.URL+k.path+"?"+query.Encode()
		return nil
	}, pace, 0, "")
	r.attackers, r.clients = append(r.attackers, attacker), append(r.clients, transport)
	r.counting.Go(func() {
		for result := range results {
			if !r.dropped.Load() {
				r.Meter.add(t.Source, k, result)
			}
		}
	})
}

// Drop begins no more requests and counts none that is still open. It does not end those;
// Stop waits for them.
func (r *Run) Drop() {
	r.dropped.Store(true)
	for _, a := range r.attackers {
		a.Stop()
	}
}

// Stop begins no more requests and returns when the last one that is open has ended.
func (r *Run) Stop() {
	for _, a := range r.attackers {
		a.Stop()
	}
	r.counting.Wait()
	for _, c := range r.clients {
		c.CloseIdleConnections()
	}
}
