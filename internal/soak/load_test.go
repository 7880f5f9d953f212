package soak

import (
	"time"
)

// load is what one service was asked, second by second.
type load struct {
	offered, admitted int
	perSecond         []second
}

type second struct{ offered, admitted int }

// loads counts a crowd's requests by service.
func (o *outcome) loads() map[string]*load {
	all := map[string]*load{}
	for _, c := range o.calls {
		if c.Service == "imds" {
			continue
		}
		if all[c.Service] == nil {
			all[c.Service] = &load{perSecond: make([]second, int(o.lasted/time.Second)+1)}
		}
		l := all[c.Service]
		s := &l.perSecond[int(c.At.Sub(o.began)/time.Second)]
		l.offered++
		s.offered++
		if c.Code != "Throttling" && c.Code != "ThrottlingException" {
			l.admitted++
			s.admitted++
		}
	}
	return all
}

// ideal is how long the bucket needs for what was answered.
func (l *load) ideal(b bucket) time.Duration {
	return time.Duration(max(float64(l.admitted)-b.capacity, 0) / b.refill * float64(time.Second))
}

// peak is the most that was asked in one second, from a second on.
func (l *load) peak(from int) int {
	most := 0
	for _, s := range l.perSecond[min(from, len(l.perSecond)):] {
		most = max(most, s.offered)
	}
	return most
}
