package conform

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Measurements are times that AWS does not publish, in seconds.
type Measurements struct {
	// Resolution is the time from one look to the next.
	Resolution float64 `json:"resolution"`
	// ReadLag is, by describe call, how long after the answer to a move the call first showed it.
	ReadLag map[string]*Lag `json:"read_lag"`
	Drains  []Drain         `json:"drains"`
	// Standby and InService are the times that the moves took by the clock of Auto Scaling: EndTime less
	// StartTime of their activities, to the second.
	Standby   []float64 `json:"standby"`
	InService []float64 `json:"in_service"`
	// Healthy is the time from ExitStandby until every load balancer showed the instance as before.
	Healthy []float64 `json:"healthy"`
}

// Lag is the read lag of one call.
type Lag struct {
	Samples   []float64      `json:"samples"`
	Max       float64        `json:"max"`
	Histogram map[string]int `json:"histogram"` // upper limit of the bucket to number of samples
	First     int            `json:"first"`     // how often no other call showed the move earlier
	WentBack  int            `json:"went_back"` // how often it showed the past again after that
}

// Drain is one deregistration.
type Drain struct {
	LoadBalancer string  `json:"load_balancer"`
	Delay        float64 `json:"delay"` // as configured
	Began        float64 `json:"began"` // after the answer to EnterStandby, as seen
	Ended        float64 `json:"ended"`
}

// measured are the passages of a run.
type measured struct {
	passages []*passage
	delays   map[string]time.Duration
	tick     time.Duration
}

func (m *measured) add(p *passage) { m.passages = append(m.passages, p) }

// bucketLimits are those of the histogram.
var bucketLimits = []struct {
	limit float64
	name  string
}{{0, "0"}, {0.5, "0.5"}, {1, "1"}, {2, "2"}, {5, "5"}, {10, "10"}, {30, "30"}}

func bucketOf(sample float64) string {
	for _, b := range bucketLimits {
		if sample <= b.limit {
			return b.name
		}
	}
	return "more"
}

// summary is what the passages say.
func (m *measured) summary() Measurements {
	sum := Measurements{Resolution: seconds(m.tick), ReadLag: map[string]*Lag{}, Drains: []Drain{}, Standby: []float64{}, InService: []float64{}, Healthy: []float64{}}
	for _, p := range m.passages {
		p.addLags(sum.ReadLag)
		took, ended := p.took()
		switch {
		case !ended:
		case p.leaves():
			sum.Standby = append(sum.Standby, seconds(took))
		default:
			sum.InService = append(sum.InService, seconds(took))
		}
		if p.leaves() {
			for name, d := range p.drains() {
				sum.Drains = append(sum.Drains, Drain{name, seconds(m.delays[name]), seconds(d.began), seconds(d.ended)})
			}
		} else if healthy, all := p.healthy(); all {
			sum.Healthy = append(sum.Healthy, seconds(healthy))
		}
	}
	slices.SortStableFunc(sum.Drains, func(a, b Drain) int { return strings.Compare(a.LoadBalancer, b.LoadBalancer) })
	for _, lag := range sum.ReadLag {
		lag.Max = slices.Max(lag.Samples)
	}
	return sum
}

// addLags adds a sample for every call that showed the move.
func (p *passage) addLags(to map[string]*Lag) {
	first := time.Duration(-1)
	seen := map[string]time.Duration{}
	for _, t := range p.tracks {
		at, changed := t.changed()
		if !changed || t.op == opTargetState || t.of != "" && (!p.leaves() || p.waitsItsTurn(t)) {
			continue // registration, and a drain after another one, are not what the answer began
		}
		if known, twice := seen[t.op]; !twice || at > known {
			seen[t.op] = at
		}
		if first < 0 || at < first {
			first = at
		}
	}
	for _, op := range slices.Sorted(maps.Keys(seen)) {
		lag := to[op]
		if lag == nil {
			lag = &Lag{Histogram: map[string]int{}}
			to[op] = lag
		}
		sample := seconds(seen[op])
		lag.Samples = append(lag.Samples, sample)
		lag.Histogram[bucketOf(sample)]++
		if seen[op] == first {
			lag.First++
		}
		if p.wentBack(op) {
			lag.WentBack++
		}
	}
}

// waitsItsTurn says whether a load balancer began to drain only when another one was done, give or take
// the read lag of either.
func (p *passage) waitsItsTurn(t *track) bool {
	at, _ := t.changed()
	for _, other := range p.balancers() {
		done, over := other.first(func(text string) bool { return text == gone })
		began, drained := other.first(draining)
		if other != t && over && drained && at > (began+done)/2 {
			return true
		}
	}
	return false
}

// wentBack says whether a call showed a text again that it had left.
func (p *passage) wentBack(op string) bool {
	for _, t := range p.tracks {
		past := []string{t.before}
		for _, m := range t.marks {
			if t.op == op && m.text != past[len(past)-1] && slices.Contains(past, m.text) {
				return true
			}
			past = append(past, m.text)
		}
	}
	return false
}

// leaves says whether the move is one to Standby.
func (p *passage) leaves() bool {
	return p.track(opInstances).goal("Standby/")
}

// took is how long the activity took by its own times.
func (p *passage) took() (time.Duration, bool) {
	if p.ended.IsZero() || p.activity.StartTime == nil {
		return 0, false
	}
	return max(0, p.ended.Sub(*p.activity.StartTime)), true
}

// healthy is when all load balancers showed the instance as before.
func (p *passage) healthy() (time.Duration, bool) {
	last := time.Duration(0)
	for _, t := range p.balancers() {
		at, healthy := t.first(t.goal)
		if !healthy {
			return 0, false
		}
		last = max(last, at)
	}
	return last, len(p.balancers()) > 0
}
