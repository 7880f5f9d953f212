package sim

import (
	"container/heap"
	"time"
)

// event is something that happens in the Region at a known time.
type event struct {
	at  time.Time
	seq int
	do  func()
}

// agenda orders future events by time, then by the order they were scheduled in.
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
	a.events[last] = event{} // frees what the event refers to
	a.events = a.events[:last]
	return e
}

// scheduleAfter schedules an event d after the Region's current time.
func (r *Region) scheduleAfter(d time.Duration, do func()) { r.schedule(r.now.Add(d), do) }

// schedule schedules an event. A time in the past means as soon as possible, after the events that
// are already due.
func (r *Region) schedule(moment time.Time, do func()) {
	if moment.Before(r.now) {
		moment = r.now
	}
	r.agenda.seq++
	heap.Push(&r.agenda, event{moment, r.agenda.seq, do})
}

// catchUp runs all events that are due, in order. No goroutine drives the Region: every access
// brings it up to date first.
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

// lock locks the Region and brings it up to date.
func (r *Region) lock() {
	r.mu.Lock()
	r.catchUp()
}

// unlock runs the events that the access made due, then unlocks the Region.
func (r *Region) unlock() {
	r.catchUp()
	r.mu.Unlock()
}
