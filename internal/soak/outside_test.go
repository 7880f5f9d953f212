package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/fleet"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// outsideRun is a seeded run of instances that no group has: two at once, crashes, lost answers, and somebody else who
// registers what is being taken out.
type outsideRun struct {
	*seededRun
	names []string // of the load balancers, for the Region
	size  int
	rule  fleet.MinHealthy
	least int // how many must stay healthy by that rule

	muTruth sync.Mutex
	touched map[string]time.Time // when somebody last registered an instance
	truth   []outsideSample
}

// outsideSample is who was healthy at each load balancer at one instant, by the Region's own state.
type outsideSample struct {
	at      time.Time
	healthy map[string][]string
}

// TestOutside: every run converges; 0 of out means deregistered everywhere, with enough others healthy at each, and that
// no more are at work than that leaves; and in the end every instance is registered and healthy.
func TestOutside(t *testing.T) { eachSeed(t, keptOutside, []uint64{1, 2, 1064}, 40, replayOutside) }

// keptOutside is a seed that found something once: one that had left in part was not counted where it had left.
var keptOutside = []uint64{1064}

// replayOutside runs one seed, and returns a hash of all that happened.
func replayOutside(t *testing.T, s uint64) (hash string) {
	var f *outsideRun
	defer func() {
		if f != nil && (t.Failed() || *seed > 0) {
			t.Logf("make soak OUTSIDE=1 SEED=%d\n%s %s, %s\n%+v\n%s", s, f.targets, f.rule, f.plan.lock, f.plan.faults, strings.Join(f.log, "\n"))
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		f = newOutside(t, s)
		f.run()
		f.end()
		hash = f.hashOf(strings.Join(f.log, "\n"))
	})
	return hash
}

func newOutside(t *testing.T, seed uint64) *outsideRun {
	r := rand.New(rand.NewPCG(seed, 0x0075))
	p := plan{seed: seed, settle: rotation.DefaultSettle, starts: startRule(r.IntN(4)), kills: r.IntN(4)}
	if r.IntN(4) > 0 {
		p.lag = time.Duration(r.IntN(9)) * time.Second
		p.faults = rates{r.IntN(60), r.IntN(40), r.IntN(30), r.IntN(80), r.IntN(20), r.IntN(20), 0, r.IntN(60), r.IntN(10)}
	}
	f := &outsideRun{size: 2 + r.IntN(5), touched: map[string]time.Time{}, seededRun: &seededRun{
		t: t, plan: p, began: time.Now(), draws: newDraws(seed), turns: fleettest.NewTurns(t),
		atWork: map[string]bool{}, gone: map[string]bool{}, shifts: map[[2]string]int{}, skews: map[string]time.Duration{},
	}}
	f.Region = sim.New(sim.Config{Seed: seed, MaxLag: 20 * time.Second, IPv6: func(n int) string { return fmt.Sprintf("fd00::%x", n+1) }})
	f.drawRule(r)
	all := strings.Split(fleettest.Outside, ",")
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	f.targets = strings.Join(all[:1+r.IntN(len(all))], ",")
	f.addAll()
	f.SetFaults(f.fault)
	return f
}

// drawRule draws --min-healthy, and for half of the fleets a lock, which lets it be all or a share.
func (f *outsideRun) drawRule(r *rand.Rand) {
	rule := fmt.Sprint(1 + r.IntN(f.size-1))
	if r.IntN(2) == 0 {
		f.plan.lock = allLock
		f.AddTable(lockTable)
		rule = []string{"all", "50%", rule}[r.IntN(3)]
	}
	var err error
	if f.rule, err = fleet.ParseMinHealthy(rule); err != nil {
		f.t.Fatal(err)
	}
	f.least = f.rule.Minimum(f.size, -1)
}

// addAll adds the load balancers and the instances, registered with what is declared.
func (f *outsideRun) addAll() {
	f.AddLoadBalancer(sim.LoadBalancer{Name: "front", Type: "application"})
	f.AddLoadBalancer(sim.LoadBalancer{Name: "net", Type: "network", CrossZone: true})
	check := sim.HealthCheck{Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 2, Unhealthy: 2, Path: "/health"}
	var of sim.Standalone
	for item := range strings.SplitSeq(f.targets, ",") {
		name, _, _ := strings.Cut(item, ":")
		classic, is := strings.CutPrefix(item, "classic/")
		if is {
			old := check
			old.Target, old.Path = "HTTP:80/health", ""
			f.AddClassic(sim.Classic{Name: classic, Check: old, Draining: true, Drain: 20 * time.Second, CrossZone: true})
			of.Classic, f.names = append(of.Classic, classic), append(f.names, classic)
			continue
		}
		t := sim.TargetGroup{Name: name, Protocol: "HTTP", LoadBalancer: "front", Drain: 30 * time.Second, Check: check}
		switch name {
		case "addr":
			t.TargetType, t.IPv6 = "ip", f.plan.seed%2 == 0
		case "tcp":
			t.Protocol, t.LoadBalancer, t.Drain = "TCP", "net", time.Minute
		}
		f.AddTargetGroup(t)
		of.TargetGroups, f.names = append(of.TargetGroups, item), append(f.names, name)
	}
	for range f.size {
		f.ids = append(f.ids, f.AddInstance(of))
	}
}

// fault is what goes wrong with one call, and a look at the truth.
func (f *outsideRun) fault(c sim.Call) *sim.Fault {
	if c.Service == "imds" {
		return nil
	}
	f.see()
	r := f.draws.of(c)
	ordinary := &sim.Fault{Delay: 20*time.Millisecond + time.Duration(r.Int64N(200e6))}
	if f.since() > calm {
		return ordinary
	}
	if f.plan.lag > 0 && !c.Mutating() {
		ordinary.Lag = time.Duration(r.Int64N(int64(f.plan.lag)))
	}
	if drawn := f.plan.faults.draw(r, c.Mutating()); drawn != nil {
		return drawn
	}
	return ordinary
}

func (f *outsideRun) see() {
	s := outsideSample{at: time.Now(), healthy: map[string][]string{}}
	for _, name := range f.names {
		s.healthy[name] = f.HealthyTargets(name)
	}
	f.muTruth.Lock()
	defer f.muTruth.Unlock()
	f.checkSlots()
	f.truth = append(f.truth, s)
	for len(f.truth) > 2 && s.at.Sub(f.truth[1].at) > 3*time.Minute {
		f.truth = f.truth[1:]
	}
}

// checkSlots: with a lock that all use, no more are out, or on their way, than there are slots: not only those at work
// count, but all that drain.
func (f *outsideRun) checkSlots() {
	var out []string
	for _, id := range f.ids {
		if f.Registered(id) < len(f.names) {
			out = append(out, id)
		}
	}
	if f.plan.lock == allLock && len(out) > max(1, f.size-f.least) {
		f.violated("with a lock %v are out, the minimum is %d of %d", out, f.least, f.size)
	}
}

// run lets operators, and somebody who registers, loose.
func (f *outsideRun) run() {
	var all sync.WaitGroup
	r := rand.New(rand.NewPCG(f.plan.seed, 9))
	for range r.IntN(4) {
		at, id, name := time.Duration(r.IntN(3600))*time.Second, f.ids[r.IntN(f.size)], f.names[r.IntN(len(f.names))]
		all.Go(func() { f.somebodyRegisters(at, id, name) })
	}
	if r.IntN(2) == 0 {
		at, id := time.Duration(r.IntN(1800))*time.Second, f.ids[r.IntN(f.size)]
		all.Go(func() {
			f.pass("ill", at)
			f.event("world", "%s falls ill", id)
			f.SetAppHealthy(id, false)
			f.pass("ill", 10*time.Minute)
			f.SetAppHealthy(id, true)
		})
	}
	atOnce := max(1, map[startRule]int{oneByOne: 1, twoAtATime: 2}[f.plan.starts])
	if f.plan.starts == sameSecond || f.plan.starts == anyTime {
		atOnce = f.size
	}
	slots, victims := make(chan struct{}, atOnce), r.Perm(f.size)[:min(f.plan.kills, f.size)]
	for i, id := range f.ids {
		o := &operator{seededRun: f.seededRun, id: id, rand: rand.New(rand.NewPCG(f.plan.seed, uint64(100+i))), starts: f.plan.start(r), slots: slots}
		if slices.Contains(victims, i) {
			o.killAt, o.killAfter = 1+r.IntN(90), r.IntN(2) == 0
		}
		all.Go(func() { f.upgrade(o) })
	}
	all.Wait()
}

// somebodyRegisters an instance where a run takes it out, unless work goes on there: that is the operators' own rule.
func (f *outsideRun) somebodyRegisters(at time.Duration, id, name string) {
	f.pass("somebody", at)
	f.mu.Lock()
	working := f.atWork[id]
	f.mu.Unlock()
	if !working {
		f.event("world", "somebody registers %s with %s", id, name)
		f.muTruth.Lock()
		f.touched[id] = time.Now()
		f.muTruth.Unlock()
		f.RegisterDeclared(name, id)
	}
}

func (f *outsideRun) upgrade(o *operator) {
	o.pass(o.id, o.starts)
	o.slots <- struct{}{}
	defer func() { <-o.slots }()
	o.turns.Take(o.id)
	if !f.insist(o, "out", func(ctx context.Context, a *rotation.Agent) (*rotation.Report, error) {
		return a.Out(ctx, rotation.OutOptions{Options: rotation.Options{Wait: o.wait(), Timeout: rotation.Auto}, MinHealthy: f.rule, Settle: f.plan.settle})
	}) {
		return
	}
	o.work()
	f.insist(o, "in", o.in)
}

// insist repeats a command until it returns 0.
func (f *outsideRun) insist(o *operator, name string, command func(context.Context, *rotation.Agent) (*rotation.Report, error)) bool {
	for f.since() < calm+patience {
		if f.once(o, name, command) {
			return true
		}
		if n := f.Registered(o.id); name == "out" && n > 0 && n < len(f.names) {
			f.once(o, "in", o.in) // as its warning says: a run was killed half way
		}
		o.pass(o.id, time.Duration(10+o.rand.IntN(50))*time.Second)
	}
	f.violated("%s on %s does not converge", name, o.id)
	return false
}

func (f *outsideRun) once(o *operator, name string, command func(context.Context, *rotation.Agent) (*rotation.Report, error)) bool {
	killed := o.killed
	agent, ctx, end, err := f.process(o)
	defer end()
	if err != nil {
		return false
	}
	first, began := len(f.Calls()), time.Now()
	f.event(o.id, "%s begins, registered with %d", name, f.Registered(o.id))
	report, err := command(ctx, agent)
	o.turns.Take(o.id)
	f.event(o.id, "%s ends: %s %v", name, report.Outcome, err)
	if ctx.Err() != nil || killed != o.killed {
		return false
	}
	if bound := time.Duration(report.TimeLimitSeconds * float64(time.Second)); time.Since(began) > bound {
		f.violated("%s on %s took %v, its limit is %v", name, o.id, time.Since(began), bound)
	}
	f.judgeCalls(o.id, name, report, err, f.Calls()[first:])
	switch {
	case err != nil:
	case name == "out":
		f.judgeOut(o.id, report)
	default:
		f.judgeIn(o.id)
	}
	return err == nil
}

// judgeCalls: 64 to 81 means that nothing was changed, and nothing but registrations ever is.
func (f *outsideRun) judgeCalls(id, name string, report *rotation.Report, err error, calls []sim.Call) {
	for _, c := range calls {
		if c.Caller != id || !c.Effect || c.Action == "PutItem" && f.plan.lock != noLock {
			continue
		}
		if !strings.HasPrefix(c.Action, "Register") && !strings.HasPrefix(c.Action, "Deregister") {
			f.violated("%s on %s called %s", name, id, c.Action)
		}
		if err != nil && movedNothing(err) || !report.Moved {
			f.violated("%s on %s ended with %v, moved %v, and %s took effect", name, id, err, report.Moved, c.Action)
		}
	}
}

// judgeOut: deregistered everywhere, and enough others healthy at each.
func (f *outsideRun) judgeOut(id string, report *rotation.Report) {
	f.muTruth.Lock()
	at, touched := f.touched[id]
	f.muTruth.Unlock()
	if n := f.Registered(id); (n > 0 || len(f.RoutedBy(id)) > 0) && !(touched && time.Since(at) < f.fresh()) {
		f.violated("0 from out on %s, but %d have it registered and %v send it traffic", id, n, f.RoutedBy(id))
	}
	f.see()
	f.mu.Lock()
	f.atWork[id] = true
	working := len(f.atWork)
	f.mu.Unlock()
	if report.Moved && working > f.size-f.least {
		f.violated("0 from out on %s: %d of %d are at work, the minimum is %d", id, working, f.size, f.least)
	}
	f.muTruth.Lock()
	defer f.muTruth.Unlock()
	for _, name := range f.names {
		most := 0
		for i, s := range f.truth {
			if time.Since(s.at) > f.fresh() && (i+1 == len(f.truth) || time.Since(f.truth[i+1].at) > f.fresh()) {
				continue
			}
			others := slices.DeleteFunc(slices.Clone(s.healthy[name]), func(x string) bool { return x == id })
			most = max(most, len(others))
		}
		if report.Moved && most < f.least {
			f.violated("0 from out on %s, which moved it, but %d others were healthy at %s, minimum %d", id, most, name, f.least)
		}
	}
}

func (f *outsideRun) judgeIn(id string) {
	if n := f.Registered(id); n != len(f.names) {
		f.violated("0 from in on %s, but %d of %d have it registered", id, n, len(f.names))
	}
}

// end: everything is registered and healthy.
func (f *outsideRun) end() {
	f.pass("end", 2*time.Hour)
	for _, id := range f.ids {
		if healthy, all := f.HealthyAt(id); healthy != len(f.names) || all != healthy {
			f.violated("in the end %s is healthy at %d, registered with %d of %d", id, healthy, all, len(f.names))
		}
	}
}
