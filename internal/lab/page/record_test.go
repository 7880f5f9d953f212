package page_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"balanced/internal/lab/record"
)

// compared is a record of --compare.
func compared() record.Rehearsal {
	r, without := makeRecord(goodRun), makeRecord(naiveRun)
	r.Without = &without
	return r
}

// madeUp describes a record to make up.
type madeUp struct {
	size    int
	naive   bool
	bad     int // the instance from which on the new version is a bad one; 0: none
	deploy  float64
	rate    int
	elapsed float64 // at least
}

// story is a record that is being made up.
type story struct {
	madeUp
	r      record.Rehearsal
	random *rand.Rand
	now    float64
}

// makeRecord makes up a rollout, one instance after another.
func makeRecord(p madeUp) record.Rehearsal {
	s := &story{madeUp: p, random: rand.New(rand.NewPCG(1, 2)), now: 2}
	s.r = record.Rehearsal{
		Format:  record.Format,
		Setup:   record.Setup{Command: "balanced out && ./deploy.sh v2 && balanced in", Naive: p.naive, Concurrency: 1, Speed: 10},
		Result:  record.Result{Started: time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC), Estimate: 312},
		Group:   record.Group{Name: "web", Min: p.size - 1, Max: p.size, Desired: p.size, Minimum: p.size - 1, FewestHealthy: p.size - 1},
		Sources: []record.Source{{Name: "web-alb", Kind: "application", Drain: 3}, {Name: "web-clb", Kind: "classic", Drain: 3}},
	}
	if p.naive {
		s.r.Command = "./deploy.sh v2"
	}
	for n := range p.size {
		s.r.Instances = append(s.r.Instances, record.Instance{ID: fmt.Sprintf("i-0%015x", 0xa31b90+n*4099), Zone: "eu-west-1" + "abc"[n%3:n%3+1], Before: "v1", After: "v1"})
	}
	for n := range p.size {
		if s.r.Exit == 0 {
			s.host(n)
		}
	}
	s.end()
	return s.r
}

func (s *story) event(n int, kind, text string) {
	s.r.Events = append(s.r.Events, record.Event{At: s.now, Instance: s.r.Instances[n].ID, Kind: kind, Text: text})
}

// span keeps an instance in a state for a time.
func (s *story) span(n int, last float64, state, alb, clb, version, doing string) {
	i := &s.r.Instances[n]
	from := 0.0
	if len(i.Spans) > 0 {
		from = i.Spans[len(i.Spans)-1].To
	}
	if from < s.now {
		i.Spans = append(i.Spans, record.Span{From: from, To: s.now, State: "InService", Healthy: true, Targets: s.views("healthy", "healthy"), Version: i.After})
	}
	serves := state == "InService" && alb == "healthy" && clb == "healthy"
	i.Spans = append(i.Spans, record.Span{From: s.now, To: s.now + last, State: state, Healthy: serves, Targets: s.views(alb, clb), Version: version, Running: doing})
	s.now += last
	i.After = version
	if !serves {
		i.Out += last
	}
	s.event(n, record.Changed, fmt.Sprintf("%s web-alb %s web-clb %s", state, alb, clb))
}

func (s *story) views(alb, clb string) []record.TargetState {
	return []record.TargetState{{Source: "web-alb", State: alb}, {Source: "web-clb", State: clb}}
}

func (s *story) host(n int) {
	s.event(n, record.Began, s.r.Command)
	version, exit := "v2", 0
	if s.bad > 0 && n+1 >= s.bad {
		version, exit = "v2-bad", 80
	}
	if s.naive {
		s.span(n, 0.8, "InService", "healthy", "healthy", "v1", "./deploy.sh v2")
		s.span(n, 1.6, "InService", "unhealthy", "healthy", "v1", "./deploy.sh v2")
		s.span(n, s.deploy, "InService", "unhealthy", "unhealthy", version, "./deploy.sh v2")
		s.span(n, 1.2, "InService", "healthy", "unhealthy", version, "")
		exit = 0
	} else {
		s.out(n, version)
		s.in(n, version, exit)
	}
	s.event(n, record.Ended, fmt.Sprintf("exit %d", exit))
	s.r.Instances[n].Exit = &exit
	s.r.Exit = exit
	s.now += 0.4
}

func (s *story) out(n int, version string) {
	s.span(n, 0.9, "InService", "healthy", "healthy", "v1", "balanced out")
	s.span(n, 3.1, "EnteringStandby", "draining", "draining", "v1", "balanced out")
	s.span(n, 1.1, "Standby", "unused", "unused", "v1", "balanced out")
	s.event(n, record.Output, "balanced: "+s.r.Instances[n].ID+" is out of service")
	s.span(n, s.deploy/2, "Standby", "unused", "unused", "v1", "./deploy.sh v2")
	s.event(n, record.Output, "deploying "+version)
	s.span(n, s.deploy/2, "Standby", "unused", "unused", version, "./deploy.sh v2")
}

func (s *story) in(n int, version string, exit int) {
	if exit != 0 {
		s.span(n, 5, "Standby", "unused", "unused", version, "balanced in")
		s.event(n, record.Output, "balanced: the host does not pass the health check of web-alb: 500, not 200; fix it, then run balanced in")
		return
	}
	s.span(n, 1.2, "Standby", "unused", "unused", version, "balanced in")
	s.span(n, 0.7, "Pending", "unused", "unused", version, "balanced in")
	s.span(n, 2.2, "InService", "initial", "unhealthy", version, "balanced in")
	s.span(n, 0.3, "InService", "healthy", "healthy", version, "balanced in")
}

// end keeps all states until the end, and makes up the traffic.
func (s *story) end() {
	s.now = max(s.now+3, s.elapsed)
	s.r.Elapsed = s.now
	for n := range s.r.Instances {
		i := &s.r.Instances[n]
		last := record.Span{State: "InService", Healthy: true, Targets: s.views("healthy", "healthy"), Version: i.After}
		if len(i.Spans) > 0 {
			before := i.Spans[len(i.Spans)-1]
			last.From = before.To
			if i.Exit != nil && *i.Exit != 0 {
				last.State, last.Healthy, last.Targets = before.State, false, before.Targets
			}
		}
		last.To = s.now
		i.Spans = append(i.Spans, last)
	}
	s.r.Events = append(s.r.Events, record.Event{At: 11, Instance: s.r.Instances[s.size-1].ID, Kind: record.Fault, Text: "its application answers the health check late"})
	for at := range int(math.Ceil(s.now)) {
		s.second(at)
	}
	s.latency()
	s.summary()
}

// second makes up the requests of one second, for the instances that take traffic then.
func (s *story) second(at int) {
	sec := record.Second{At: at, Versions: map[string]int{}}
	var take []record.Instance
	var span []record.Span
	for _, i := range s.r.Instances {
		for _, sp := range i.Spans {
			if float64(at) >= sp.From && float64(at) < sp.To && sp.State == "InService" && (sp.Healthy || s.naive && sp.Targets[1].State == "healthy") {
				take, span = append(take, i), append(span, sp)
			}
		}
	}
	for n := range s.rate + s.random.IntN(s.rate/10+1) {
		to := n % len(take)
		if s.naive && !span[to].Healthy && s.random.IntN(3) > 0 {
			sec.Lost++
			cause := []string{"connection reset by peer", "502 Bad Gateway: no answer from the target", "unexpected EOF: the body was cut off"}[s.random.IntN(3)]
			s.r.Traffic.Losses = append(s.r.Traffic.Losses, record.Loss{Request: fmt.Sprintf("web-clb-kept-%d", len(s.r.Traffic.Losses)+1), At: float64(at) + float64(n)/float64(2*s.rate), Source: "web-clb", Instance: take[to].ID, Version: span[to].Version, Cause: cause})
			continue
		}
		sec.OK++
		sec.Versions[span[to].Version]++
	}
	sec.P50 = math.Round(2000+1000*s.random.Float64()) / 1000
	sec.P99 = math.Round(4000*sec.P50)/1000 + float64(sec.Lost)
	s.r.Traffic.Seconds = append(s.r.Traffic.Seconds, sec)
	t := &s.r.Traffic
	t.OK, t.Lost, t.Requests = t.OK+sec.OK, t.Lost+sec.Lost, t.Requests+sec.OK+sec.Lost
	for v, n := range sec.Versions {
		if t.Versions == nil {
			t.Versions = map[string]int{}
		}
		t.Versions[v] += n
	}
	if sec.Lost > 0 {
		s.r.Events = append(s.r.Events, record.Event{At: float64(at), Instance: t.Losses[len(t.Losses)-1].Instance, Kind: record.Lost, Text: t.Losses[len(t.Losses)-1].Cause})
	}
}

func (s *story) latency() {
	l := record.Latency{P50: 2.1, P90: 4.4, P99: 11.8, Max: 61}
	left := s.r.Traffic.OK
	for n := range 24 {
		count := int(float64(s.r.Traffic.OK) * math.Exp(-math.Pow(float64(n)-6, 2)/12) / 6.2)
		count = min(count, left)
		left -= count
		l.Buckets = append(l.Buckets, record.Bucket{AtMost: math.Round(50*math.Pow(1.3, float64(n))) / 100, Count: count})
	}
	l.Buckets[23].Count += left
	s.r.Traffic.Latency = l
}

func (s *story) summary() {
	done := 0
	for _, i := range s.r.Instances {
		if i.After != i.Before {
			done++
		}
	}
	s.r.Summary = fmt.Sprintf("All %d instances went from v1 to v2, and none of %d requests was lost.", s.size, s.r.Traffic.Requests)
	switch {
	case s.naive:
		s.r.Summary = fmt.Sprintf("All %d instances went from v1 to v2 without balanced, and %d of %d requests were lost.", s.size, s.r.Traffic.Lost, s.r.Traffic.Requests)
		s.r.Group.FewestHealthy = s.size - 1
	case s.r.Exit != 0:
		s.r.Summary = fmt.Sprintf("The rollout stopped at instance %d of %d with exit code %d: it stays in Standby, the others serve, and none of %d requests was lost.", done, s.size, s.r.Exit, s.r.Traffic.Requests)
	}
}
