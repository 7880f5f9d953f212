package targets

import (
	"sync"
	"time"

	"balanced/internal/fleet"
)

// readLag is for how long after its answer a change may not be read yet: within it, it is not sent again. AWS publishes no
// bound; reads were seen to follow within seconds.
const readLag = 10 * time.Second

// record is what the load balancers hold of this instance as last read, and what was sent to them. It is safe for
// concurrent use.
type record struct {
	mu       sync.Mutex
	last     map[string]fleet.Health // by place
	answered map[string]time.Time    // changes in the last direction that were answered with a yes, on this host's clock
	inward   bool                    // the last direction
	changed  bool                    // a change was sent
}

// moved: a change was sent.
func (r *record) moved() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// read notes what was read of a place.
func (r *record) read(p place, health fleet.Health) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last[p.key()] = health
}

// due are the places whose registration has to change, in their order, as last read.
func (r *record) due(places []place, inward bool) []place {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inward != inward {
		r.inward, r.answered = inward, map[string]time.Time{}
	}
	var due []place
	for _, p := range places {
		health, known := r.last[p.key()]
		at, answered := r.answered[p.key()]
		if (known && registered(health)) != inward && !(answered && time.Since(at) < readLag) {
			due = append(due, p)
		}
	}
	return due
}

// sends notes that a change is about to be sent, took that it was answered with a yes.
func (r *record) sends() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = true
}

func (r *record) took(p place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answered[p.key()] = time.Now()
}

// partly: some place took a change in the last direction.
func (r *record) partly() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.answered) > 0
}

// holds counts what was last read.
func (r *record) holds(places []place) (held fleet.Held) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range places {
		switch health, known := r.last[p.key()]; {
		case health == fleet.Draining:
			held.Draining++
		case known && registered(health):
			held.Registered++
		default:
			held.Missing++
		}
	}
	return held
}

// slowest is the place that drains longest, where nothing is registered any more.
func (r *record) slowest(places []place) (slowest place, drains bool) {
	if r.holds(places).Registered > 0 {
		return place{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range places {
		if r.last[p.key()] == fleet.Draining && (!drains || p.Drain > slowest.Drain) {
			slowest, drains = p, true
		}
	}
	return slowest, drains
}
