package soak

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"balanced/internal/fleet"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// seededRun is one seeded run: the Region, the hosts, and what was seen so far.
type seededRun struct {
	*sim.Region
	t     *testing.T
	plan  plan
	ids   []string
	began time.Time
	min   fleet.MinHealthy

	targets string // --targets, outside a group

	refreshing atomic.Bool
	draws      *draws
	turns      *fleettest.Turns

	mu     sync.Mutex
	log    []string
	truth  []sample
	atWork map[string]bool
	gone   map[string]bool   // hosts that EC2 lost: nothing runs on them any more
	shifts map[[2]string]int // zonal shifts, by load balancer and zone: they may overlap
	skews  map[string]time.Duration
	left   map[string]bool // hosts that were out at the last look
	tables tables
	wanted int // desired capacity at the end
	lost   int // hosts taken away while they were out
}

func newFleet(t *testing.T, p plan) *seededRun {
	min, err := fleet.ParseMinHealthy(p.rule)
	if err != nil {
		t.Fatal(err)
	}
	f := &seededRun{
		t: t, plan: p, min: min, began: time.Now(), wanted: p.group.Desired,
		atWork: map[string]bool{}, gone: map[string]bool{}, shifts: map[[2]string]int{}, skews: map[string]time.Duration{}, left: map[string]bool{}, draws: newDraws(p.seed), turns: fleettest.NewTurns(t),
	}
	f.Region = sim.New(sim.Config{Seed: p.seed, MaxLag: max(20*time.Second, p.lag), Behaviour: p.way})
	check := sim.HealthCheck{Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 2, Unhealthy: 2, Path: "/health"}
	f.AddLoadBalancer(sim.LoadBalancer{Name: "front", Type: "application"})
	f.AddLoadBalancer(sim.LoadBalancer{Name: "net", Type: "network", CrossZone: true})
	f.AddTargetGroup(sim.TargetGroup{Name: "web", Protocol: "HTTP", Port: 80, LoadBalancer: "front", Drain: p.drains[1], Check: check})
	f.AddTargetGroup(sim.TargetGroup{Name: "tcp", Protocol: "TCP", Port: 443, LoadBalancer: "net", Drain: p.drains[2], Check: check})
	check.Target = "HTTP:80/health"
	f.AddClassic(sim.Classic{Name: "old", Check: check, Draining: p.drains[0] > 0, Drain: max(p.drains[0], time.Second), CrossZone: true})
	f.ids = f.AddGroup(p.group)
	if p.lock != noLock {
		f.AddTable(lockTable)
	}
	f.SetFaults(f.fault)
	return f
}

// run lets the operators and the world loose, and returns when all is over.
func (f *seededRun) run() {
	var operators sync.WaitGroup
	for n, a := range f.plan.acts {
		operators.Go(func() {
			f.pass(fmt.Sprintf("act %d", n), a.at)
			f.event("world", "%s", a.name)
			a.does(f)
		})
	}
	r := rand.New(rand.NewPCG(f.plan.seed, 7))
	victims := r.Perm(len(f.ids))[:min(f.plan.kills, len(f.ids))]
	slots := make(chan struct{}, f.plan.atOnce())
	for i, id := range f.ids {
		o := &operator{seededRun: f, id: id, rand: rand.New(rand.NewPCG(f.plan.seed, uint64(100+i))), starts: f.plan.start(r), slots: slots}
		for _, v := range victims {
			if v == i {
				o.killAt = 1 + r.IntN(60)
				o.killAfter = r.IntN(2) == 0
			}
		}
		operators.Go(o.upgrade)
	}
	operators.Wait()
}

// atOnce is how many hosts the operators work on at a time.
func (p plan) atOnce() int {
	switch p.starts {
	case oneByOne:
		return 1
	case twoAtATime:
		return 2
	}
	return p.group.Desired
}

// start is when one host's run begins.
func (p plan) start(r *rand.Rand) time.Duration {
	if p.starts == anyTime {
		return time.Duration(r.IntN(1800)) * time.Second
	}
	return time.Duration(r.IntN(1000)) * time.Millisecond
}

// pass lets virtual time go by, and waits for the turn of who does so.
func (f *seededRun) pass(who string, d time.Duration) {
	<-time.After(d)
	f.turns.Take(who)
}

func (f *seededRun) since() time.Duration { return time.Since(f.began) }

// event is a line of the run's log.
func (f *seededRun) event(who, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, f.line(who, format, args...))
}

func (f *seededRun) line(who, format string, args ...any) string {
	return fmt.Sprintf("%12s %-22s %s", f.since().Round(time.Millisecond), who, fmt.Sprintf(format, args...))
}

// story is the run's log with the group's own activities among it.
func (f *seededRun) story() string {
	lines := slices.Clone(f.log)
	for _, a := range f.Activities("web") {
		if a.Start.Before(f.began) {
			continue
		}
		lines = append(lines, fmt.Sprintf("%12s %-22s %s (%s) %s", a.Start.Sub(f.began).Round(time.Millisecond), "activity", a.Description, a.StatusCode, a.Cause))
	}
	slices.SortStableFunc(lines, func(a, b string) int { return cmp.Compare(at(a), at(b)) })
	return strings.Join(lines, "\n")
}

// hash is one of the run's log and of every API call: two runs of one seed have the same.
func (f *seededRun) hash() string { return f.hashOf(f.story()) }

func (f *seededRun) hashOf(log string) string {
	h := sha256.Sum256([]byte(log + "\n" + f.asked()))
	return fmt.Sprintf("%x", h[:8])
}

// asked is a line for every API call, in the order of arrival.
func (f *seededRun) asked() string {
	var lines strings.Builder
	for _, c := range f.Calls() {
		if c.Service != "imds" {
			fmt.Fprintln(&lines, c.At.Sub(f.began), c.Caller, c.Action, c.Params.Encode(), c.Status, c.Code, c.Effect, c.Lost)
		}
	}
	return lines.String()
}

// at is the instant a line of the log begins with.
func at(line string) time.Duration {
	d, err := time.ParseDuration(strings.Fields(line)[0])
	if err != nil {
		panic(err)
	}
	return d
}

// grown changes what desired must be in the end: a person changed it.
func (f *seededRun) grown(by int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted += by
}

// setShift begins or ends one zonal shift.
func (f *seededRun) setShift(lb, zone string, by int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.shifts[[2]string{lb, zone}] += by; f.shifts[[2]string{lb, zone}] {
	case 0:
		f.EndShift(lb, zone)
	default:
		f.ShiftZone(lb, zone)
	}
}

// shifted: a load balancer that the group is behind sends the zone no new traffic.
func (f *seededRun) shifted(zone string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for group, lb := range map[string]string{"web": "front", "tcp": "net"} {
		if slices.Contains(f.plan.group.TargetGroups, group) && f.shifts[[2]string{lb, zone}] > 0 {
			return true
		}
	}
	return false
}

// skew sets how far the dates of a host's answers are off.
func (f *seededRun) skew(id string, by time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.skews[id] = by
}

func (f *seededRun) skewOf(id string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.skews[id]
}

// lose counts a host that was taken away while it was out.
func (f *seededRun) lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost++
}

// died: nothing runs on the host any more. Somebody takes it out of Standby later.
func (f *seededRun) died(id string) {
	f.mu.Lock()
	f.gone[id] = true
	f.mu.Unlock()
	go func() {
		f.pass(id, 10*time.Minute)
		switch f.State(id) {
		case "": // a refresh took it away
			f.lose()
		case "Standby":
			f.event("world", "a person calls ExitStandby for the dead %s", id)
			for err := f.ExitStandby("web", id); err != nil && f.State(id) == "Standby"; err = f.ExitStandby("web", id) {
				f.event("world", "refused: %v", err)
				f.pass(id, 10*time.Minute)
			}
		}
	}()
}

func (f *seededRun) dead(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gone[id]
}

// process starts the binary on a host; end frees what it held.
func (f *seededRun) process(o *operator) (agent *rotation.Agent, ctx context.Context, end func(), err error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	client := f.Client()
	inner := client.Transport
	line := &lifeline{fleet: f, id: o.id, next: inner, cancel: cancel}
	if o.killAt > 0 && !o.killed {
		line.killAt, line.after = o.killAt, o.killAfter
		line.killed = func() { o.killed = true }
	}
	client.Transport = line
	host := &fleettest.Host{
		Region: f.Region, ID: o.id, HTTP: client, Log: zap.NewNop(), Rand: fleettest.Rand(o.rand.Uint64()), Turns: f.turns,
		Lock: f.lockOf(o.id), Targets: f.targets,
	}
	end = func() {
		cancel(nil)
		if t, ok := inner.(interface{ CloseIdleConnections() }); ok {
			t.CloseIdleConnections()
		}
	}
	agent, _, err = host.Process(ctx)
	return agent, ctx, end, err
}

var errKilled = errors.New("killed")
