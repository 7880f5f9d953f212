package soak

import (
	"slices"
	"time"

	"balanced/internal/fleet"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// ending is how one run ended.
type ending struct {
	name, id string
	report   *rotation.Report
	err      error
	took     time.Duration
	calls    []sim.Call // since it began
}

// sample is the truth at one instant, by the Region's own state.
type sample struct {
	at       time.Time
	strength int
	serving  map[string]bool
	healthy  map[string]bool // in service, and healthy at every load balancer
	out      map[string]bool // on its way to Standby, or in it
}

// fresh is how old a reading may be that a run rests its word on: what describes lag
// behind, and what a slow call and its retries take.
func (f *seededRun) fresh() time.Duration { return f.plan.lag + 45*time.Second }

// actsOnUnhealthy: Auto Scaling replaces what it calls Unhealthy. It never takes that word back, so where it does not
// replace, a host that was ill for a minute serves on under it.
func (f *seededRun) actsOnUnhealthy() bool {
	return !slices.ContainsFunc([]string{"HealthCheck", "ReplaceUnhealthy", "Terminate"}, func(process string) bool {
		return f.Suspends("web", process)
	})
}

// look takes a sample.
func (f *seededRun) look() {
	s := sample{at: time.Now(), serving: map[string]bool{}, healthy: map[string]bool{}, out: map[string]bool{}}
	_, _, desired := f.Sizes("web")
	staying, out := 0, 0
	acts := f.actsOnUnhealthy()
	for _, m := range f.Members("web") {
		state := fleet.State(m.State)
		if state.Out() {
			out++
			s.out[m.ID] = true
		}
		if !state.Leaving() {
			staying++
		}
		healthy, all := f.HealthyAt(m.ID)
		s.healthy[m.ID] = state == fleet.InService && (m.Health == "Healthy" || !acts) && healthy == all
		s.serving[m.ID] = s.healthy[m.ID] && !f.shifted(m.Zone)
	}
	s.strength = max(desired+out, staying)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.truth = append(f.truth, s)
	f.checkLock(s)
	for len(f.truth) > 2 && s.at.Sub(f.truth[1].at) > 3*time.Minute {
		f.truth = f.truth[1:]
	}
}

// watch takes samples while a run is at work, besides those at every API call.
func (f *seededRun) watch(id string) (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				f.turns.Take("watch " + id)
				f.look()
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// recent are the samples a reading may have seen: those young enough, and the one
// before them, which holds until the first of them.
func (f *seededRun) recent() []sample {
	f.look()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, s := range f.truth {
		if time.Since(s.at) <= f.fresh() {
			return slices.Clone(f.truth[max(0, i-1):])
		}
	}
	return nil
}

// violated: a promise is broken.
func (f *seededRun) violated(format string, args ...any) {
	f.event("BROKEN", format, args...)
	f.t.Errorf(format, args...)
}

// judge checks the promises at the end of one run.
func (f *seededRun) judge(e ending) {
	f.checkMoves(e)
	if bound := time.Duration(e.report.TimeLimitSeconds * float64(time.Second)); e.took > bound {
		f.violated("(f) %s on %s took %v, its bound is %v", e.name, e.id, e.took, bound)
	}
	switch {
	case e.err != nil:
	case e.report.Outcome == "nothing to do":
	case f.plan.lag >= f.plan.settle: // what these promise rests on the settle time
	case e.name == "out":
		f.checkOut(e)
	default:
		f.checkIn(e)
	}
}

// checkMoves: (c) 64 to 81 means that nothing was moved, and (d) nothing but the two
// standby calls is ever made.
func (f *seededRun) checkMoves(e ending) {
	for _, c := range e.calls {
		if c.Caller != e.id || !c.Effect || c.Action == "PutItem" && f.plan.lock != noLock {
			continue
		}
		if c.Action != "EnterStandby" && c.Action != "ExitStandby" {
			f.violated("(d) %s on %s called %s", e.name, e.id, c.Action)
		}
		if f.plan.lag >= f.plan.settle {
			continue // what became of a move whose answer was lost rests on the settle time
		}
		if e.err != nil && movedNothing(e.err) {
			f.violated("(c) %s on %s ended with %v, but %s took effect", e.name, e.id, e.err, c.Action)
		}
		if !e.report.Moved {
			f.violated("(c) %s on %s: the report says not moved, but %s took effect", e.name, e.id, c.Action)
		}
	}
}

// checkOut: (a) the floor and the places, (b) no load balancer sends it traffic.
func (f *seededRun) checkOut(e ending) {
	if takes := f.RoutedBy(e.id); len(takes) > 0 {
		f.violated("(b) 0 from out on %s, but %v send it traffic", e.id, takes)
	}
	if draining := f.Draining(e.id); len(draining) > 0 {
		f.violated("(b) 0 from out on %s, but it drains from %v", e.id, draining)
	}
	if state := f.State(e.id); state != "Standby" {
		f.violated("(b) 0 from out on %s, but it is %s", e.id, state)
	}
	f.mu.Lock()
	f.atWork[e.id] = true
	working := 0
	for id := range f.atWork {
		if !f.gone[id] {
			working++
		}
	}
	f.mu.Unlock()
	serving := map[string]bool{}
	floor, places := 1<<30, 0
	for _, s := range f.recent() {
		for id, ok := range s.serving {
			serving[id] = serving[id] || ok && id != e.id
		}
		low := f.min.Minimum(s.strength, -1)
		floor, places = min(floor, low), max(places, s.strength-low, 1)
	}
	n := 0
	for _, ok := range serving {
		if ok {
			n++
		}
	}
	if e.report.Moved && n < floor {
		f.violated("(a) 0 from out on %s, which moved it, but %d others serve and the floor is %d", e.id, n, floor)
	}
	if working > places {
		f.violated("(a) 0 from out on %s: %d are at work, there are %d places", e.id, working, places)
	}
}

// checkIn: (b) every load balancer says healthy; a zonal shift may still keep traffic away.
func (f *seededRun) checkIn(e ending) {
	for _, s := range f.recent() {
		if s.healthy[e.id] {
			return
		}
	}
	f.violated("(b) 0 from in on %s, but it is not healthy", e.id)
}

// checkEnd: (e) in the end every living instance is in service and desired is what it
// was.
func (f *seededRun) checkEnd() {
	f.pass("end", 2*time.Hour)
	for _, m := range f.Members("web") {
		if m.State != "InService" && !fleet.State(m.State).Retained() {
			f.violated("(e) in the end %s is %s", m.ID, m.State)
		}
	}
	// A host taken away while it was out takes the place with it: it alone would have
	// raised desired again.
	f.mu.Lock()
	wanted, lost := f.wanted, f.lost
	f.mu.Unlock()
	if _, _, desired := f.Sizes("web"); desired > wanted || desired < wanted-lost {
		f.violated("(e) in the end desired is %d, want %d, with %d taken away while out", desired, wanted, lost)
	}
}
