package rotation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// calls are those to a Mover that says yes.
type calls []string

func (c *calls) EnterStandby(_ context.Context, _, _ string, decrement bool) (fleet.Activity, error) {
	*c = append(*c, fmt.Sprintf("enter, decrement %v", decrement))
	return fleet.Activity{ID: "a"}, nil
}

func (c *calls) ExitStandby(context.Context, string, string) (fleet.Activity, error) {
	*c = append(*c, "exit")
	return fleet.Activity{ID: "a"}, nil
}

// With a lock nothing leaves by a slot whose time is over, but what goes back into Standby needs none.
func TestWhoNeedsASlotToLeave(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*run)
		want   string
	}{
		"without a lock":         {func(r *run) {}, "enter, decrement true"},
		"with --replace":         {func(r *run) { r.replace, r.seen.Group.Min = true, 4 }, "enter, decrement false"},
		"its time is over":       {func(r *run) { r.locks = true }, ""},
		"a rollback of a return": {func(r *run) { r.locks, r.isRollback = true, true }, "enter, decrement true"},
	} {
		r, _ := atWork()
		var made calls
		r.Mover = &made
		tc.change(r)
		if err := r.enterStandby(t.Context()); err != nil || strings.Join(made, ";") != tc.want || r.moved != (tc.want != "") {
			t.Errorf("%s: %v, called %q, want %q", name, err, made, tc.want)
		}
	}
}

// even is a source whose numbers are all in the middle.
type even struct{}

func (even) Uint64() uint64 { return 1 << 52 }

func evenly() *rand.Rand { return rand.New(even{}) }

// The last try of a throttled move comes two seconds before the look is too old, or at once after that.
func TestTheLastTryOfAThrottledMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := atWork()
		r.seen.Group.Min, r.Jitter = 0, evenly()
		began, tries := time.Now(), 0
		err := r.move(t.Context(), func() (fleet.Activity, error) { tries++; return fleet.Activity{}, throttledCall })
		if took := time.Since(began); err != nil || tries != 9 || took != 8*time.Second {
			t.Errorf("%v: %d tries in %s, want 9 in 8s", err, tries, took)
		}
		if got := r.heldBack(); got != 8*time.Second {
			t.Errorf("held back for %s, want 8s", got)
		}
	})
}

// What a run knows of its slot after an answer.
func TestTheSlotAfterAnAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		err        error
		mine, used bool // before
		stays      bool // its own
		isUsed     bool
		tries      int
	}{
		"yes":                       {nil, true, false, true, true, 1},
		"lost":                      {errLost, true, false, true, true, 1},
		"denied":                    {&awsapi.DeniedError{Err: errLost}, true, false, false, false, 1},
		"throttled, and time over":  {throttledCall, true, false, false, false, 1},
		"throttled, perhaps before": {throttledCall, true, true, false, true, 1},
		"denied, perhaps before":    {&awsapi.DeniedError{Err: errLost}, true, true, false, true, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := atWork()
			r.slot.mine, r.slot.used = tc.mine, tc.used // until a moment that is over
			tries := 0
			_ = r.move(t.Context(), func() (fleet.Activity, error) { tries++; return fleet.Activity{}, tc.err })
			if r.slot.mine != tc.stays || r.slot.used != tc.isUsed || tries != tc.tries {
				t.Errorf("%s: its own %v, used %v, %d tries", name, r.slot.mine, r.slot.used, tries)
			}
		})
	}
}
