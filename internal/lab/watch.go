package lab

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Event is a change in what the Region says of one instance.
type Event struct {
	At     time.Time
	Member Member
	Fleet  Picture
}

// Watcher follows a fleet and keeps count of what its users would have felt.
type Watcher struct {
	fleet  *Fleet
	notify func(Event)
	last   map[string]string // what was said of each instance
	since  map[string]time.Time
	out    map[string]time.Duration
	least  int
}

// Watch follows a fleet from now on, once it is started. notify is told every change.
func Watch(fleet *Fleet, notify func(Event)) *Watcher {
	w := &Watcher{
		fleet: fleet, notify: notify,
		last: map[string]string{}, since: map[string]time.Time{}, out: map[string]time.Duration{},
	}
	p := fleet.Picture()
	w.least = p.Serving
	for _, m := range p.Members {
		w.last[m.ID] = m.said()
	}
	return w
}

// Start looks on in a goroutine of its own until done is called, which looks once more.
// A ctx that ends does not end it: what a stopped rollout still does is watched too.
func (w *Watcher) Start(ctx context.Context) (done func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var looking sync.WaitGroup
	looking.Go(func() { w.run(ctx) })
	return func() {
		cancel()
		looking.Wait()
	}
}

func (w *Watcher) run(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		w.look(time.Now())
		select {
		case <-ctx.Done():
			w.look(time.Now())
			return
		case <-tick.C:
		}
	}
}

func (w *Watcher) look(now time.Time) {
	p := w.fleet.Picture()
	w.least = min(w.least, p.Serving)
	for _, m := range p.Members {
		w.count(m, now)
		if said := m.said(); w.last[m.ID] != said {
			w.last[m.ID] = said
			w.notify(Event{At: now, Member: m, Fleet: p})
		}
	}
	for id := range w.last {
		if _, there := p.Member(id); !there {
			delete(w.last, id)
			w.notify(Event{At: now, Member: Member{ID: id, State: "gone"}, Fleet: p})
		}
	}
}

// count adds up how long an instance did not serve.
func (w *Watcher) count(m Member, now time.Time) {
	since, out := w.since[m.ID]
	switch {
	case m.Serves && out:
		w.out[m.ID] += now.Sub(since)
		delete(w.since, m.ID)
	case !m.Serves && !out:
		w.since[m.ID] = now
	}
}

// Out is how long an instance did not serve, all told. Call it after done.
func (w *Watcher) Out(id string) time.Duration {
	out := w.out[id]
	if since, still := w.since[id]; still {
		out += time.Since(since)
	}
	return out
}

// LeastServing is the smallest number that served at any look. Call it after
// done.
func (w *Watcher) LeastServing() int { return w.least }

// said is all that an operator would want to hear about.
func (m Member) said() string {
	return fmt.Sprint(m.State, m.Views, m.Serves)
}

// String is the event as one line: state, each load balancer's view, the group.
func (e Event) String() string {
	line := fmt.Sprintf("%-16s", e.Member.State)
	for _, v := range e.Member.Views {
		line += fmt.Sprintf(" %s %-9s", v.Source, v.State)
	}
	return line + fmt.Sprintf(" desired %d, min %d; %d serve, floor %d", e.Fleet.Desired, e.Fleet.Min, e.Fleet.Serving, e.Fleet.Floor)
}
