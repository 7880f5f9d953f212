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

	"balanced/internal/lab/host"
	"balanced/internal/lab/plane"
	"balanced/internal/lab/record"
)

// Meter counts what came of the requests. Its methods may be called from several
// goroutines.
type Meter struct {
	started time.Time
	Witness

	mu        sync.Mutex // guards all below
	total     record.Traffic
	seconds   map[int]*record.Second
	instances map[string]*Count
	latency   vegeta.LatencyMetrics
	histogram vegeta.Histogram
}

// Count is what one instance has had.
type Count struct {
	Requests, Lost int
	endings        map[int]int // by second
}

// bounds of the histogram.
func bounds() vegeta.Buckets {
	b := vegeta.Buckets{0}
	for d := time.Millisecond; d < 20*time.Second; d *= 2 {
		b = append(b, d)
	}
	return b
}

func (m *Meter) add(source string, k kind, r *vegeta.Result) {
	at := r.Timestamp.Sub(m.started)
	instance, version := r.Headers.Get(plane.InstanceHeader), r.Headers.Get(host.VersionHeader)
	lost := r.Error != "" || r.Code < http.StatusOK || r.Code >= http.StatusMultipleChoices
	var loss record.Loss
	if lost {
		loss = m.loss(source, r)
		loss.At = at.Seconds()
		instance, version = loss.Instance, loss.Version
	}
	m.mu.Lock()
	m.init()
	m.count(at, at+r.Latency, instance, version, lost)
	switch {
	case lost:
		m.total.Losses = append(m.total.Losses, loss)
	case k.name != "long":
		m.latency.Add(r.Latency)
		m.histogram.Add(r)
	}
	m.mu.Unlock()
	if lost {
		m.Lost(loss)
	}
}

// init is called with m.mu held.
func (m *Meter) init() {
	if m.seconds == nil {
		m.seconds, m.instances = map[int]*record.Second{}, map[string]*Count{}
		m.total.Versions = map[string]int{}
		m.histogram.Buckets = bounds()
	}
}

// count is called with m.mu held.
func (m *Meter) count(at, ended time.Duration, instance, version string, lost bool) {
	s := m.seconds[int(at.Seconds())]
	if s == nil {
		s = &record.Second{At: int(at.Seconds()), Versions: map[string]int{}}
		m.seconds[s.At] = s
	}
	c := m.instances[instance]
	if c == nil {
		c = &Count{endings: map[int]int{}}
		m.instances[instance] = c
	}
	m.total.Requests++
	c.Requests++
	c.endings[int(ended.Seconds())]++
	if lost {
		m.total.Lost++
		s.Lost++
		c.Lost++
		return
	}
	m.total.OK++
	m.total.Versions[version]++
	s.OK++
	s.Versions[version]++
}

// loss is what is known of a lost request: by the load balancer, or else by the client.
func (m *Meter) loss(source string, r *vegeta.Result) record.Loss {
	l := record.Loss{Source: source, Cause: cmp.Or(r.Error, http.StatusText(int(r.Code)))}
	if u, err := url.Parse(r.URL); err == nil {
		if fate, known := m.Fate(u.Query().Get(plane.IDKey)); known {
			l.Instance, l.Cause = fate.Instance, fate.Cause
		}
	}
	if l.Instance != "" {
		l.Version = cmp.Or(r.Headers.Get(host.VersionHeader), m.Version(l.Instance))
	}
	return l
}

// Now is the totals so far.
func (m *Meter) Now() (requests, lost int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total.Requests, m.total.Lost
}

// Of is the count of an instance, and how many requests ended there in the last whole
// second: those that take long count too. "" is all that reached none.
func (m *Meter) Of(instance string, now time.Time) (requests, lost, lastSecond int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.instances[instance]
	if c == nil {
		return 0, 0, 0
	}
	return c.Requests, c.Lost, c.endings[int(now.Sub(m.started).Seconds())-1]
}

// Record is what users felt, second by second up to an end.
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
		if seen := m.seconds[at]; seen != nil {
			s = *seen
		}
		t.Seconds = append(t.Seconds, s)
	}
	return t
}

// latencies is called with m.mu held.
func (m *Meter) latencies() record.Latency {
	if m.histogram.Total == 0 {
		return record.Latency{}
	}
	l := record.Latency{
		P50: ms(m.latency.Quantile(0.50)), P90: ms(m.latency.Quantile(0.90)),
		P99: ms(m.latency.Quantile(0.99)), Max: ms(m.latency.Max),
	}
	for n, count := range m.histogram.Counts {
		most := m.latency.Max
		if n+1 < len(m.histogram.Buckets) {
			most = m.histogram.Buckets[n+1]
		}
		l.Buckets = append(l.Buckets, record.Bucket{AtMost: ms(most), Count: int(count)})
	}
	for n := len(l.Buckets); n > 1 && l.Buckets[n-1].Count == 0; n-- {
		l.Buckets = l.Buckets[:n-1]
	}
	return l
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
