package record

import (
	"fmt"
	"testing"
)

func TestFinalLeavesOutInstancesThatAreGone(t *testing.T) {
	r := Rehearsal{Instances: []Instance{
		{After: "v2", Spans: []Span{{State: "Standby"}, {State: "InService", Healthy: true}}},
		{After: "v2", Spans: []Span{{State: "Standby"}}},
		{After: "v1", Spans: []Span{{State: "InService"}}},
		{After: "v1", Spans: []Span{{State: "InService", Healthy: true}, {State: "gone"}}},
		{After: "v1"},
	}}
	f := r.Final()
	if got, want := fmt.Sprint(f.Members, f.Healthy, f.Standby, f.Versions), "3 1 1 map[v1:1 v2:2]"; got != want {
		t.Errorf("members, healthy, Standby, versions: %s, want %s", got, want)
	}
	if got, want := f.Text(), "1 on v1 and 1 on v2"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
}

func TestCompareMarksWhatIsWorseWithoutBalanced(t *testing.T) {
	with := Rehearsal{Setup: Setup{Speed: 10}, Group: Group{Desired: 4, FewestHealthy: 3}, Traffic: Traffic{Requests: 1500, Seconds: []Second{{}}}}
	without := Rehearsal{Setup: Setup{Speed: 10}, Group: Group{Desired: 4, FewestHealthy: 2}, Traffic: Traffic{Requests: 700, Lost: 30, Seconds: []Second{{Lost: 9}, {Lost: 21}}}}
	without.Estimate = 312
	want := map[string]Compared{
		"lost":                    {With: "0", Without: "30", Worse: true},
		"most lost in one second": {With: "0", Without: "21", Worse: true},
		"fewest healthy":          {With: "3 of 4", Without: "2 of 4", Worse: true},
		"requests":                {With: "1,500", Without: "700"},
		"in production, about":    {With: "0s", Without: "5m12s"},
	}
	for _, row := range Compare(with, without) {
		if w, tested := want[row.Name]; tested {
			w.Name = row.Name
			if row != w {
				t.Errorf("got %+v, want %+v", row, w)
			}
			delete(want, row.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing %v", want)
	}
	for _, row := range Compare(with, with) {
		if row.Worse {
			t.Errorf("a rehearsal compared with itself is worse: %+v", row)
		}
	}
}
