package sim

import "time"

// history is a value with its recent versions, so that a describe call can answer with a past state
// as an eventually consistent service does. The last version is the current one.
type history[T any] struct {
	versions []version[T]
}

type version[T any] struct {
	from  time.Time
	value T
}

// newHistory is a value that has always been so.
func newHistory[T any](v T) history[T] {
	return history[T]{versions: []version[T]{{value: v}}}
}

// current is the current value, or the zero value if none was ever set.
func (p *history[T]) current() T {
	if len(p.versions) == 0 {
		var none T
		return none
	}
	return p.versions[len(p.versions)-1].value
}

// asOf is the value at a time, and whether there was one yet.
func (p *history[T]) asOf(moment time.Time) (T, bool) {
	for i := len(p.versions) - 1; i >= 0; i-- {
		if !p.versions[i].from.After(moment) {
			return p.versions[i].value, true
		}
	}
	var none T
	return none, false
}

// set makes v the value from a time on, and forgets versions that no read up to keep in the past
// can see.
func (p *history[T]) set(from time.Time, keep time.Duration, v T) {
	p.versions = append(p.versions, version[T]{from, v})
	horizon := from.Add(-keep)
	forget := 0
	for forget+1 < len(p.versions) && !p.versions[forget+1].from.After(horizon) {
		forget++
	}
	p.versions = append(p.versions[:0], p.versions[forget:]...)
}

// setNow sets a value at the Region's current time.
func setNow[T any](r *Region, p *history[T], v T) { p.set(r.now, r.config.MaxLag, v) }
