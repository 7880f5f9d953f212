package soak

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

var (
	crowdSeed     = flag.Uint64("crowd", 0, "replay the large crowds with this one seed")
	largeCrowds   = flag.Uint64("large", 0, "run the large crowds with so many seeds")
	measureCrowds = flag.Bool("crowds", false, "measure the large crowds, and print the tables")
)

// crowd is many agents on one account's token buckets.
type crowd struct {
	name   string
	size   int           // instances, in all groups
	groups int           // they are spread over
	agents int           // of them are upgraded
	atOnce int           // as many at a time
	rule   string        // --min-healthy
	wait   time.Duration // --wait
	once   bool          // each tries once to leave, and that is all
	bucket bucket
	seed   uint64
	oneIn  int // somebody else empties the buckets: one call in so many is answered; 0: nobody does
}

// bucket is a token bucket, one for each service.
type bucket struct{ capacity, refill float64 }

var (
	// published is what AWS documents for describe calls of both Elastic Load Balancing
	// services. Auto Scaling has one bucket for all its actions, of unpublished size: that
	// it is the same is a guess.
	published = bucket{40, 10}
	quarter   = bucket{10, 2.5}
)

// crowds are the three ways to use many agents at once: in many groups with places for
// all, in one group as an operator would run them, and in one group as nobody should,
// all at once for one place. size is below 50 or a multiple of it.
func crowds(size int, b bucket, seed uint64) []crowd {
	return []crowd{
		{"many groups", size, max(1, size/50), size, size, "0", rotation.Auto, false, b, seed, 0},
		{"a tenth at a time", size, 1, size * 3 / 10, size / 10, "90%", rotation.Auto, false, b, seed, 0},
		{"all for one place", size, 1, size, size, "all", 0, true, b, seed, 0},
	}
}

// TestCrowd: however many agents share a bucket, all get through; nobody fails because
// AWS throttles; and the requests neither pile up nor come in step.
//
//	go test ./internal/soak -run TestCrowd -v -timeout 0 -args -crowds
//
// prints the tables of docs/architecture.md.
func TestCrowd(t *testing.T) {
	if *measureCrowds {
		t.Log("\n" + crowdTables(t) + "\n" + aloneTable(t))
		return
	}
	size, buckets, runs := 30, []bucket{{4, 1}}, []uint64{1}
	switch {
	case testing.Short():
		size = 12
	case *crowdSeed > 0:
		size, buckets, runs = 1000, []bucket{published, quarter}, []uint64{*crowdSeed}
	case *largeCrowds > 0: // make crowds
		size, buckets = 1000, []bucket{published, quarter}
		for seed := uint64(2); seed <= *largeCrowds; seed++ {
			runs = append(runs, seed)
		}
	}
	for _, seed := range runs {
		for _, b := range buckets {
			for _, c := range crowds(size, b, seed) {
				t.Run(fmt.Sprintf("%s/%v a second/%d", c.name, b.refill, seed), func(t *testing.T) { c.check(t) })
			}
		}
	}
}

// check runs a crowd and says what it broke.
func (c crowd) check(t *testing.T) *outcome {
	t.Helper()
	var o *outcome
	synctest.Test(t, func(t *testing.T) { o = c.run(t) })
	for _, wrong := range o.wrong {
		t.Error(wrong)
	}
	want := map[string]int{"out 0": c.agents, "in 0": c.agents}
	if c.once {
		want = map[string]int{"out 0": 1, "out not now": c.agents - 1}
	}
	if fmt.Sprint(o.ends) != fmt.Sprint(want) {
		t.Errorf("ended with %v, want %v", o.ends, want)
	}
	loads := o.loads()
	if most := 2*ideal(loads, c.bucket) + 15*time.Minute; o.lasted > most {
		t.Errorf("it took %v, want at most %v: the buckets need %v", o.lasted, most, ideal(loads, c.bucket))
	}
	for service, l := range loads {
		if most := 7 * l.admitted; l.offered > most {
			t.Errorf("%s was asked %d times for %d answers", service, l.offered, l.admitted)
		}
		if most := max(40, c.size/10); l.peak(60) > most {
			t.Errorf("%s was asked %d times in one second, after the first minute: in step", service, l.peak(60))
		}
	}
	if t.Failed() {
		t.Logf("make crowds CROWD=%d", c.seed)
	}
	return o
}

// outcome is what came of a crowd, by the Region's own state.
type outcome struct {
	mu     sync.Mutex
	ends   map[string]int // "out 0": how many
	wrong  []string       // what must never happen
	atWork int            // in a group with places for some
	took   []time.Duration
	began  time.Time
	lasted time.Duration
	calls  []sim.Call
}

func (o *outcome) broken(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wrong = append(o.wrong, fmt.Sprintf(format, args...))
}

func (c crowd) group(i int) sim.Group {
	name := fmt.Sprintf("web%d", i)
	size := c.size / c.groups
	g := sim.Group{Name: name, Desired: size, Max: size + 2, Zones: zones, TargetGroups: []string{name}, HealthCheckType: "EC2"}
	if c.once {
		g.Min = size - 1
	}
	return g
}

// build makes the Region, and the agents that are to run in it.
func (c crowd) build() (*sim.Region, []*agent) {
	region := sim.New(sim.Config{Seed: c.seed, MaxLag: rushLag})
	region.AddLoadBalancer(sim.LoadBalancer{Name: "front", Type: "application"})
	var all []*agent
	for i := range c.groups {
		g := c.group(i)
		region.AddTargetGroup(sim.TargetGroup{
			Name: g.Name, Protocol: "HTTP", Port: 80, LoadBalancer: "front", Drain: time.Minute,
			Check: sim.HealthCheck{Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 2, Unhealthy: 2, Path: "/health"},
		})
		for _, id := range region.AddGroup(g) {
			all = append(all, &agent{crowd: c, Region: region, group: g.Name, id: id, seed: c.seed<<16 + uint64(len(all))})
		}
	}
	region.SetFaults(weather(c.seed))
	if c.oneIn > 0 {
		region.SetFaults(crowdedOut(c.oneIn, c.seed))
	}
	for _, service := range []string{"autoscaling", "elasticloadbalancing", "elasticloadbalancingv2"} {
		if c.bucket.refill > 0 {
			region.SetBucket(service, c.bucket.capacity, c.bucket.refill)
		}
	}
	return region, all[:c.agents]
}

// run is one crowd, in a bubble.
func (c crowd) run(t *testing.T) *outcome {
	region, agents := c.build()
	o := &outcome{ends: map[string]int{}, began: time.Now()}
	turns := make(chan struct{}, c.atOnce)
	var all sync.WaitGroup
	for _, a := range agents {
		a.outcome = o
		start := time.Duration(fleettest.Rand(a.seed).IntN(1000)) * time.Millisecond
		all.Go(func() {
			<-time.After(start)
			turns <- struct{}{}
			a.upgrade(t.Context())
			<-turns
		})
	}
	all.Wait()
	o.lasted, o.calls = time.Since(o.began), region.Calls()
	return o
}

// agent is one host of the crowd.
type agent struct {
	crowd
	*outcome
	*sim.Region
	group, id string
	seed      uint64
}

func (a *agent) upgrade(ctx context.Context) {
	min, err := fleet.ParseMinHealthy(a.rule)
	if err != nil {
		panic(err)
	}
	opt := rotation.Options{Wait: a.wait, Timeout: rotation.Auto}
	out := func(p *rotation.Agent) (*rotation.Report, error) {
		return p.Out(ctx, rotation.OutOptions{Options: opt, MinHealthy: min, Settle: rotation.DefaultSettle, AllowEmptyZone: true})
	}
	if a.process(ctx, "out", out) != nil {
		return
	}
	a.work(min)
	if a.once {
		return
	}
	_ = a.process(ctx, "in", func(p *rotation.Agent) (*rotation.Report, error) { // counted, with all others
		return p.In(ctx, rotation.InOptions{Options: opt})
	})
}

// work is the upgrade: there is a place for it, and the floor holds.
func (a *agent) work(min fleet.MinHealthy) {
	size := a.size / a.groups
	floor := min.Minimum(size, -1)
	serving := 0
	for _, m := range a.Members(a.group) {
		if healthy, all := a.HealthyAt(m.ID); m.State == "InService" && healthy == all {
			serving++
		}
	}
	if serving < floor {
		a.broken("0 from out on %s, but %d serve and the floor is %d", a.id, serving, floor)
	}
	a.count(1, size-floor)
	<-time.After(30 * time.Second)
	a.count(-1, size-floor)
}

// count counts who is at work; only the crowds in one group have places for some.
func (a *agent) count(by, places int) {
	a.mu.Lock()
	a.atWork += by
	n := a.atWork
	a.mu.Unlock()
	if a.groups == 1 && n > places {
		a.broken("%d are at work, there are %d places", n, places)
	}
}

// process is one run of the binary, and what it promised.
func (a *agent) process(ctx context.Context, name string, command func(*rotation.Agent) (*rotation.Report, error)) error {
	client := a.Client()
	defer client.CloseIdleConnections()
	a.seed = a.seed*2 + 1
	host := &fleettest.Host{Region: a.Region, ID: a.id, HTTP: client, Log: zap.NewNop(), Rand: fleettest.Rand(a.seed)}
	began := time.Now()
	p, _, err := host.Process(ctx)
	if err != nil {
		a.broken("%s: no process: %v", a.id, err)
		return err
	}
	report, err := command(p)
	a.ended(name, report, err, time.Since(began))
	return err
}

// ended notes how a run ended, and whether its word is true.
func (a *agent) ended(name string, report *rotation.Report, err error, took time.Duration) {
	a.mu.Lock()
	a.ends[name+" "+called(err)]++
	a.took = append(a.took, took)
	a.mu.Unlock()
	state := a.State(a.id)
	healthy, pools := a.HealthyAt(a.id)
	switch {
	case took.Seconds() > report.TimeLimitSeconds:
		a.broken("%s on %s took %v, its bound is %v s", name, a.id, took, report.TimeLimitSeconds)
	case err == nil && name == "out" && (state != "Standby" || len(a.RoutedBy(a.id))+len(a.Draining(a.id)) > 0):
		a.broken("0 from out on %s, which is %s", a.id, state)
	case err == nil && name == "in" && (state != "InService" || healthy != pools):
		a.broken("0 from in on %s, which is %s", a.id, state)
	case movedNothing(err) && report.Moved:
		a.broken("%s on %s ended with %v, but moved", name, a.id, err)
	}
}

// called names what the exit code stands for.
func called(err error) string {
	stop, ok := errors.AsType[*failure.Refusal](err)
	switch {
	case err == nil:
		return "0"
	case ok && stop.Class != 0:
		return stop.Class.String()
	}
	if away, ok := errors.AsType[*awsapi.UnreachableError](err); ok {
		return string(away.Why)
	}
	return err.Error()
}
