package soak

import (
	"fmt"
	"slices"
	"strings"
	"testing"
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

// ideal is how long the buckets need for what was answered.
func ideal(loads map[string]*load, b bucket) time.Duration {
	most := 0
	for _, l := range loads {
		most = max(most, l.admitted)
	}
	return time.Duration(max(float64(most)-b.capacity, 0) / b.refill * float64(time.Second))
}

// peak is the most that was asked in one second, from a second on.
func (l *load) peak(from int) int {
	most := 0
	for _, s := range l.perSecond[min(from, len(l.perSecond)):] {
		most = max(most, s.offered)
	}
	return most
}

// during is what was asked and answered a second, on average, between two moments.
func (l *load) during(from, to int) (offered, admitted float64) {
	to = min(to, len(l.perSecond))
	for _, s := range l.perSecond[min(from, to):to] {
		offered, admitted = offered+float64(s.offered), admitted+float64(s.admitted)
	}
	n := float64(max(to-from, 1))
	return offered / n, admitted / n
}

// crowdTables runs the large crowds and writes down what came of them.
func crowdTables(t *testing.T) string {
	var crowded, requests strings.Builder
	crowded.WriteString("| 1,000 hosts | bucket | ended with | all took | the bucket alone needs | a run: median, longest | requests per answer |\n|---|---|---|---|---|---|---|\n")
	requests.WriteString("| 1,000 hosts | bucket | 1st second | 2 to 10 s | 11 to 60 s | 2 to 10 min | after | most in a second after 1 min |\n|---|---|---|---|---|---|---|---|\n")
	for _, b := range []bucket{published, quarter} {
		for _, c := range crowds(1000, b, 1) {
			var o *outcome
			t.Run(fmt.Sprintf("%s/%v", c.name, b.refill), func(t *testing.T) { o = c.check(t) })
			loads := o.loads()
			l := loads["autoscaling"]
			slices.Sort(o.took)
			bucket := fmt.Sprintf("%v, %v/s", b.capacity, b.refill)
			fmt.Fprintf(&crowded, "| %s | %s | %s | %v | %v | %v, %v | %.1f |\n", c.name, bucket, strings.Trim(fmt.Sprint(o.ends), "map[]"),
				o.lasted.Round(time.Second), ideal(loads, b).Round(time.Second), o.took[len(o.took)/2].Round(time.Second),
				o.took[len(o.took)-1].Round(time.Second), float64(l.offered)/float64(l.admitted))
			fmt.Fprintf(&requests, "| %s | %s", c.name, bucket)
			for _, w := range [][2]int{{0, 1}, {1, 10}, {10, 60}, {60, 600}, {600, len(l.perSecond)}} {
				offered, admitted := l.during(w[0], w[1])
				fmt.Fprintf(&requests, " | %.0f, %.1f", offered, admitted)
			}
			fmt.Fprintf(&requests, " | %d |\n", l.peak(60))
		}
	}
	return crowded.String() + "\n" + requests.String()
}
