package rehearsal

import (
	"testing"

	"balanced/internal/lab/record"
)

// twoInstances is a rollout at a speed of 10: on each instance 2 s of out, 5 s of deploy, 3 s
// of in.
func twoInstances() record.Rehearsal {
	r := record.Rehearsal{Setup: record.Setup{Concurrency: 1, Speed: 10}, Sources: []record.Source{{Kind: "application"}}}
	for n, id := range []string{"i-1", "i-2"} {
		from := 1 + 10*float64(n)
		r.Events = append(r.Events, record.Event{At: from, Instance: id, Kind: record.Began}, record.Event{At: from + 10, Instance: id, Kind: record.Ended})
		r.Instances = append(r.Instances, record.Instance{ID: id, Spans: []record.Span{
			{From: 0, To: from, State: "InService"},
			{From: from, To: from + 2, State: "EnteringStandby", Running: "balanced out"},
			{From: from + 2, To: from + 7, State: "Standby", Running: "deploy.sh"},
			{From: from + 7, To: from + 10, State: "Pending", Running: "balanced in"},
			{From: from + 10, To: 30, State: "InService"},
		}})
	}
	return r
}

func TestEstimateIsWithoutTheSpeed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*record.Rehearsal)
		want   float64
	}{
		"one by one":  {func(*record.Rehearsal) {}, 2 * (5 + 10*(2+3))},
		"two at once": {func(r *record.Rehearsal) { r.Concurrency = 2 }, 5 + 10*(2+3)},
		"speed 1":     {func(r *record.Rehearsal) { r.Speed = 1 }, 20},
		"balanced run waits for COMMAND in Standby": {func(r *record.Rehearsal) {
			for n := range r.Instances {
				r.Instances[n].Spans[2].Running = "balanced run -- deploy.sh"
			}
		}, 2 * (5 + 10*(2+3))},
		"the 2m of a Network Load Balancer": {func(r *record.Rehearsal) {
			r.Sources[0].Kind, r.Instances = "network", r.Instances[:1]
			s := r.Instances[0].Spans
			s[1].To += 120
			for n := range s[2:] {
				s[n+2].From, s[n+2].To = s[n+2].From+120, s[n+2].To+120
			}
			r.Events[1].At += 120
		}, 120 + 5 + 10*(2+3)},
		"nothing ran": {func(r *record.Rehearsal) { r.Events = nil }, 0},
	} {
		r := twoInstances()
		c.change(&r)
		if got := estimate(r); got != c.want {
			t.Errorf("%s: %g s, want %g s", name, got, c.want)
		}
	}
}
