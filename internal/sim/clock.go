package sim

import (
	"container/heap"
	"time"
)

// event is something the world does at a known moment.
type event struct {
	at  time.Time
	seq int
	do  func()
}

// agenda orders what is to come by moment, then by the order it was decided in.
type agenda struct {
	events []event
	seq    int
}

func (a *agenda) Len() int      { return len(a.events) }
func (a *agenda) Swap(i, j int) { a.events[i], a.events[j] = a.events[j], a.events[i] }
func (a *agenda) Push(x any)    { a.events = append(a.events, x.(event)) }

func (a *agenda) Less(i, j int) bool {
	if !a.events[i].at.Equal(a.events[j].at) {
		return a.events[i].at.Before(a.events[j].at)
	}
	return a.events[i].seq < a.events[j].seq
}

func (a *agenda) Pop() any {
	last := len(a.events) - 1
	e := a.events[last]
	a.events[last] = event{} // lets what the event holds be collected
	a.events = a.events[:last]
	return e
}

// after puts an event on the agenda, d from the Region's present.
func (r *Region) after(d time.Duration, do func()) { r.at(r.now.Add(d), do) }

// at puts an event on the agenda; a moment already past means at once, after what is already due.
func (r *Region) at(moment time.Time, do func()) {
	if moment.Before(r.now) {
		moment = r.now
	}
	r.agenda.seq++
	heap.Push(&r.agenda, event{moment, r.agenda.seq, do})
}

// catchUp lets everything happen that is due by now, in order. There is no goroutine that moves the
// world: whoever looks at it or acts on it brings it up to date first.
func (r *Region) catchUp() {
	present := time.Now()
	for r.agenda.Len() > 0 && !r.agenda.events[0].at.After(present) {
		e := heap.Pop(&r.agenda).(event)
		if e.at.After(r.now) {
			r.now = e.at
		}
		e.do()
	}
	if present.After(r.now) {
		r.now = present
	}
}

// lock takes the Region for a request, a lever or a look, and brings it up to date.
func (r *Region) lock() {
	r.mu.Lock()
	r.catchUp()
}

// unlock lets the immediate consequences of what was done happen before anyone else looks.
func (r *Region) unlock() {
	r.catchUp()
	r.mu.Unlock()
}
