package rotation

import (
	"strings"
	"testing"
	"time"

	"balanced/internal/fleet"
)

// left is a view of i-1 in Standby by this run's own move, 20 s ago, with all proof
// complete.
func left() view {
	v := sound()
	takeOut(&v, 0, 20*time.Second)
	v.State = fleet.Standby
	v.before = sound().Observed
	v.settle = DefaultSettle
	v.sent = time.Now().Add(-20 * time.Second)
	v.Began, v.looked = time.Now(), time.Now()
	mine := &v.Activities[0]
	v.answer = *mine
	return v
}

func TestProven(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*view)
		class  Class // 0: proven
		yields bool
		says   string
	}{
		"all is well":                     {func(v *view) {}, 0, false, ""},
		"the look began too early":        {func(v *view) { v.Began = v.sent.Add(9 * time.Second) }, Unfinished, false, "catch up"},
		"the two views differ":            {func(v *view) { v.Torn = true }, Unfinished, false, "catch up"},
		"the feed does not show the move": {func(v *view) { v.Activities = nil }, Unfinished, false, "catch up"},
		"out since a moment": {func(v *view) {
			v.sent, v.answer, v.found = time.Time{}, fleet.Activity{}, v.Began.Add(-3*time.Second)
		}, Unfinished, false, "catch up"},
		"out since a while": {func(v *view) {
			v.sent, v.answer, v.found = time.Time{}, fleet.Activity{}, v.Began.Add(-20*time.Second)
		}, 0, false, ""},
		"still registered":           {func(v *view) { v.Traffic[0].Mine = []fleet.Target{{Instance: "i-1", Port: 80, Health: fleet.Draining}} }, Unfinished, false, "still lists"},
		"registered on another port": {func(v *view) { v.Traffic[0].Mine = []fleet.Target{{Instance: "i-1", Port: 81, Health: fleet.Healthy}} }, Unfinished, false, "still lists"},
		"still registered where ignored": {func(v *view) {
			v.Traffic[0].Ignored = true
			v.Traffic[0].Mine = []fleet.Target{{Instance: "i-1", Port: 80, Health: fleet.Draining}}
		}, Unfinished, false, "still lists"},
		"an NLB that let go too lately":    {func(v *view) { v.Traffic[0].Kind = fleet.Network }, Unfinished, false, "new connections"},
		"a peer ahead":                     {func(v *view) { takeOut(v, 2, time.Minute) }, GaveBack, false, "i-3 left first"},
		"a peer ahead, found out already":  {func(v *view) { takeOut(v, 2, time.Minute); v.resumed = true }, Unfinished, false, "i-3"},
		"a peer behind":                    {func(v *view) { takeOut(v, 2, time.Second) }, Unfinished, true, "only 2 others serve"},
		"a sick peer":                      {func(v *view) { v.Traffic[0].Targets[3].Health = fleet.Unhealthy }, Unfinished, true, "i-4 is unhealthy"},
		"a sick peer, found out already":   {func(v *view) { v.Traffic[0].Targets[3].Health = fleet.Unhealthy; v.resumed = true }, 0, false, ""},
		"someone lowered desired unseen":   {func(v *view) { v.answer.From, v.answer.To = 3, 2 }, Unfinished, true, "no read shows who"},
		"a sick peer, and a rule for that": {func(v *view) { v.Traffic[0].Targets[3].Health = fleet.Unhealthy; v.min = MinHealthy{ruleCount, 2} }, 0, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := left()
			tc.change(&v)
			stop := proven(v)
			switch {
			case stop == nil && tc.class == 0:
			case stop == nil:
				t.Errorf("proven, want class %v", tc.class)
			case stop.Class != tc.class || stop.yields != tc.yields || !strings.Contains(stop.Reason, tc.says):
				t.Errorf("%v (yields %v): %s\nwant %v (yields %v): …%s…", stop.Class, stop.yields, stop.Reason, tc.class, tc.yields, tc.says)
			}
		})
	}
}
