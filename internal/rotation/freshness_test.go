package rotation

import (
	"testing"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// How old what was read may be when a move is asked for.
func TestHowFreshALookMustBe(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*view)
		want   time.Duration
	}{
		"MinSize holds the minimum":      {func(v *view) {}, time.Minute},
		"it does not":                    {func(v *view) { v.Group.Min = 2 }, 10 * time.Second},
		"it does not, and reads lag":     {func(v *view) { v.Group.Min, v.settle = 2, 20*time.Second }, 20 * time.Second},
		"a lock does":                    {func(v *view) { v.Group.Min, v.locks = 2, true }, time.Minute},
		"it goes back":                   {func(v *view) { v.Group.Min, v.State = 2, fleet.Standby }, time.Minute},
		"it goes back, and reads lag":    {func(v *view) { v.settle = 2 * time.Minute }, 2 * time.Minute},
		"with a lock, and reads may lag": {func(v *view) { v.Group.Min, v.locks, v.settle = 2, true, 2*time.Minute }, 2 * time.Minute},
	} {
		v := sound()
		tc.change(&v)
		if got := v.freshFor(); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
		v.looked = time.Now()
		v.began = v.looked.Add(-tc.want)
		if judged := stale(v); judged.kind != settled {
			t.Errorf("%s: %q", name, judged.reason())
		}
		v.began = v.began.Add(-1)
		for _, v.held = range []time.Duration{0, 1} {
			if judged := stale(v); judged.kind != blocked || judged.throttled != (v.held > 0) {
				t.Errorf("%s: %v, throttled %v", name, judged.kind, judged.throttled)
			}
		}
	}
}

// A call that AWS throttled did nothing, unless an earlier try of it may have come through.
func TestWhatAThrottledCallDid(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"throttled":                    {throttledCall, true},
		"throttled, after it was sent": {&awsapi.UnreachableError{Why: awsapi.Throttled, Landed: true, Err: errLost}, false},
		"no answer":                    {&awsapi.UnreachableError{Why: awsapi.NoAnswer, Err: errLost}, false},
		"lost":                         {errLost, false},
		"none":                         {nil, false},
	} {
		if got := turnedAway(tc.err); got != tc.want {
			t.Errorf("%s: it did nothing: %v", name, got)
		}
	}
}

// Whether Auto Scaling, or a lock, held the minimum when the instance left.
func TestWhatHeldTheMinimum(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*view)
		want   bool
	}{
		"MinSize did":                    {func(v *view) {}, true},
		"MinSize was lower":              {func(v *view) { v.before.Group.Min = 2 }, false},
		"the answer left more":           {func(v *view) { v.answer.To = 4 }, true},
		"the answer left less":           {func(v *view) { v.answer.To = 2 }, false},
		"the answer has no numbers":      {func(v *view) { v.answer.Moved = false }, false},
		"a lock did":                     {func(v *view) { v.before.Group.Min, v.slot.mine = 2, true }, true},
		"found out":                      {func(v *view) { v.sent = time.Time{} }, true},
		"found out, MinSize is lower":    {func(v *view) { v.sent = time.Time{}; v.Group.Min = 2 }, false},
		"found out, with --replace":      {func(v *view) { v.sent = time.Time{}; v.Activities[0].Moved = false }, false},
		"found out, nobody knows how":    {func(v *view) { v.sent = time.Time{}; v.Activities = nil }, false},
		"found out, MinSize was no help": {func(v *view) { v.sent = time.Time{}; v.before.Group.Min = 0 }, true},
	} {
		v := left()
		v.Group.Min, v.before.Group.Min = 3, 3
		if tc.change(&v); v.fenceHolds() != tc.want {
			t.Errorf("%s: %v, want %v", name, !tc.want, tc.want)
		}
	}
}
