package traffic

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"balanced/internal/lab/appserver"
	"balanced/internal/lab/proxy"
	"balanced/internal/lab/record"
)

// Meter counts requests and what became of them. Its methods may be called from several
// goroutines.
type Meter struct {
	started time.Time
	Observer

	mu        sync.Mutex // guards all below
	total     record.Traffic
	seconds   map[int]*second
	instances map[string]*instanceCount
	latency   vegeta.LatencyMetrics
	histogram vegeta.Histogram
}

// second counts the requests that began within one second.
type second struct {
	record.Second
	latencies []time.Duration // of successful requests that are not long
}

// instanceCount counts the requests that one instance got. The key "" counts those that
// reached no instance.
type instanceCount struct {
	requests, lost int
	endedIn        map[int]int // by second
}

// bucketBounds are the lower bounds of the histogram's buckets.
func bucketBounds() vegeta.Buckets {
	b := vegeta.Buckets{0}
	for d := time.Millisecond; d < 20*time.Second; d *= 2 {
		b = append(b, d)
	}
	return b
}

// result is what became of one request.
type result struct {
	began, latency    time.Duration // began: since the start
	instance, version string        // "" if it reached none
	lost, long        bool
}

func (m *Meter) add(source string, k kind, v *vegeta.Result) {
	r := result{
		began: v.Timestamp.Sub(m.started), latency: v.Latency, long: k.name == long,
		instance: v.Headers.Get(proxy.InstanceHeader), version: v.Headers.Get(appserver.VersionHeader),
		lost: v.Error != "" || v.Code < http.StatusOK || v.Code >= http.StatusMultipleChoices,
	}
	var loss record.Loss
	if r.lost {
		loss = m.loss(source, v)
		loss.At = r.began.Seconds()
		r.instance, r.version = loss.Instance, loss.Version
	}
	m.mu.Lock()
	m.init()
	m.count(r)
	switch {
	case r.lost:
		m.total.Losses = append(m.total.Losses, loss)
	case !r.long:
		m.latency.Add(r.latency)
		m.histogram.Add(v)
	}
	m.mu.Unlock()
	if r.lost {
		m.OnLost(loss)
	}
}

// init is called with m.mu held.
func (m *Meter) init() {
	if m.seconds == nil {
		m.seconds, m.instances = map[int]*second{}, map[string]*instanceCount{}
		m.total.Versions = map[string]int{}
		m.histogram.Buckets = bucketBounds()
	}
}

// count is called with m.mu held.
func (m *Meter) count(r result) {
	at := int(r.began.Seconds())
	s := m.seconds[at]
	if s == nil {
		s = &second{Second: record.Second{At: at, Versions: map[string]int{}}}
		m.seconds[at] = s
	}
	c := m.instances[r.instance]
	if c == nil {
		c = &instanceCount{endedIn: map[int]int{}}
		m.instances[r.instance] = c
	}
	m.total.Requests++
	c.requests++
	c.endedIn[int((r.began+r.latency).Seconds())]++
	if r.lost {
		m.total.Lost++
		s.Lost++
		c.lost++
		return
	}
	m.total.OK++
	m.total.Versions[r.version]++
	s.OK++
	s.Versions[r.version]++
	if !r.long {
		s.latencies = append(s.latencies, r.latency)
	}
}

// loss is what is known about a lost request: by the load balancer, or else by the client.
func (m *Meter) loss(source string, v *vegeta.Result) record.Loss {
	l := record.Loss{Source: source, Cause: cmp.Or(v.Error, http.StatusText(int(v.Code)))}
	if u, err := url.Parse(v.URL); err == nil {
		l.Request = u.Query().Get(proxy.IDKey)
		if outcome, known := m.Outcome(l.Request); known {
			l.Instance, l.Cause = outcome.Instance, outcome.Cause
		}
	}
	if l.Instance != "" {
		l.Version = cmp.Or(v.Headers.Get(appserver.VersionHeader), m.Version(l.Instance))
	}
	return l
}

// Totals returns the number of requests so far, and how many of them were lost.
func (m *Meter) Totals() (requests, lost int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total.Requests, m.total.Lost
}

// Instance returns the number of requests that an instance got, how many of them were lost,
// and how many ended in the last whole second, long ones included.
func (m *Meter) Instance(id string, now time.Time) (requests, lost, lastSecond int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.instances[id]
	if c == nil {
		return 0, 0, 0
	}
	return c.requests, c.lost, c.endedIn[int(now.Sub(m.started).Seconds())-1]
}

// Record returns the counts, with one record.Second for each second up to end.
func (m *Meter) Record(end time.Duration) record.Traffic {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.init()
	t := m.total
	t.Versions = maps.Clone(t.Versions)
	t.Losses = slices.SortedFunc(slices.Values(t.Losses), func(a, b record.Loss) int { return cmp.Compare(a.At, b.At) })
	t.Latency = m.latencies()
	for at := range int(end.Seconds()) + 1 {
		s := record.Second{At: at, Versions: map[string]int{}}
		if counted := m.seconds[at]; counted != nil {
			s = counted.Second
			s.P50, s.P99 = percentiles(counted.latencies)
		}
		t.Seconds = append(t.Seconds, s)
	}
	return t
}

// percentiles are the 50th and the 99th (nearest rank), in milliseconds; 0 if there is no
// latency.
func percentiles(all []time.Duration) (p50, p99 float64) {
	if len(all) == 0 {
		return 0, 0
	}
	sorted := slices.Sorted(slices.Values(all))
	rank := func(percent int) float64 { return milliseconds(sorted[(len(sorted)*percent+99)/100-1]) }
	return rank(50), rank(99)
}

// latencies is called with m.mu held.
func (m *Meter) latencies() record.Latency {
	if m.histogram.Total == 0 {
		return record.Latency{}
	}
	l := record.Latency{
		P50: milliseconds(m.latency.Quantile(0.50)), P90: milliseconds(m.latency.Quantile(0.90)),
		P99: milliseconds(m.latency.Quantile(0.99)), Max: milliseconds(m.latency.Max),
	}
	for n, count := range m.histogram.Counts {
		most := m.latency.Max
		if n+1 < len(m.histogram.Buckets) {
			most = m.histogram.Buckets[n+1]
		}
		l.Buckets = append(l.Buckets, record.Bucket{AtMost: milliseconds(most), Count: int(count)})
	}
	for n := len(l.Buckets); n > 1 && l.Buckets[n-1].Count == 0; n-- {
		l.Buckets = l.Buckets[:n-1]
	}
	return l
}

// milliseconds is rounded to microseconds.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}
