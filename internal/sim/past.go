package sim

import "time"

// past is a value with its recent history, so that a describe call can answer from a moment ago as
// an eventually consistent service does. The last version is the truth.
type past[T any] struct {
	versions []version[T]
}

type version[T any] struct {
	from time.Time
	is   T
}

// always is a value that has been so for as long as anyone can ask.
func always[T any](v T) past[T] {
	return past[T]{versions: []version[T]{{is: v}}}
}

// now is the current truth; the zero value before the first set.
func (p *past[T]) now() T {
	if len(p.versions) == 0 {
		var none T
		return none
	}
	return p.versions[len(p.versions)-1].is
}

// at is what was true at a moment, and whether there was anything yet.
func (p *past[T]) at(moment time.Time) (T, bool) {
	for i := len(p.versions) - 1; i >= 0; i-- {
		if !p.versions[i].from.After(moment) {
			return p.versions[i].is, true
		}
	}
	var none T
	return none, false
}

// set makes v true from a moment on and forgets what no question reaching back keep could still see.
func (p *past[T]) set(from time.Time, keep time.Duration, v T) {
	p.versions = append(p.versions, version[T]{from, v})
	horizon := from.Add(-keep)
	forget := 0
	for forget+1 < len(p.versions) && !p.versions[forget+1].from.After(horizon) {
		forget++
	}
	p.versions = append(p.versions[:0], p.versions[forget:]...)
}

// become records a change that happens in the Region's present.
func become[T any](r *Region, p *past[T], v T) { p.set(r.now, r.maxLag, v) }
