package doctor

import (
	"testing"
	"time"

	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
)

// The state is certain enough to ask for the impossible only when nothing moved.
func TestUnsteady(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*fleet.Snapshot)
		steady bool
	}{
		"in service for long": {func(o *fleet.Snapshot) {}, true},
		"in Standby for long": {func(o *fleet.Snapshot) { o.State = fleet.Standby }, true},
		"entering":            {func(o *fleet.Snapshot) { o.State = fleet.EnteringStandby }, false},
		"returning":           {func(o *fleet.Snapshot) { o.State = fleet.Pending }, false},
		"two views":           {func(o *fleet.Snapshot) { o.Torn = true }, false},
		"moved just now":      {func(o *fleet.Snapshot) { o.Activities = []fleet.Activity{moved("i-1", 30*time.Second, "Successful")} }, false},
		"moving":              {func(o *fleet.Snapshot) { o.Activities = []fleet.Activity{moved("i-1", time.Hour, "InProgress")} }, false},
		"moved long ago":      {func(o *fleet.Snapshot) { o.Activities = []fleet.Activity{moved("i-1", time.Hour, "Successful")} }, true},
		"a peer moved":        {func(o *fleet.Snapshot) { o.Activities = []fleet.Activity{moved("i-2", time.Second, "InProgress")} }, true},
		"ended just now": {func(o *fleet.Snapshot) {
			a := moved("i-1", time.Hour, "Successful")
			a.End = o.Now.Add(-time.Second)
			o.Activities = []fleet.Activity{a}
		}, false},
	} {
		o := sample.Group()
		tc.change(&o)
		if why := unsteady(o); (why == "") != tc.steady {
			t.Errorf("%s: %q, want steady %v", name, why, tc.steady)
		}
	}
}

func moved(id string, ago time.Duration, status string) fleet.Activity {
	return fleet.Activity{Kind: fleet.ToStandby, Instance: id, Status: status, Start: sample.Noon.Add(-ago)}
}
