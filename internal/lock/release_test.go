package lock_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/lock"
	"balanced/internal/sim"
)

// group is what names the item.
func (w *world) group() fleet.Group { return fleet.Group{Name: "web", ARN: w.key} }

// An instance that was only read as in service may have been asked to leave just before. Its entry stays until others
// would drop it, unless this very run took the slot, and asked for nothing.
func TestWhenASlotIsReleased(t *testing.T) {
	take := func(w *world, a *agent) {
		_, err := a.acquire(w.Context(), 1)
		w.must(err)
		pass(time.Second)
	}
	earlier := func(w *world, a *agent) { w.die(a.id); pass(time.Second) }
	for name, c := range map[string]struct {
		before   []func(*world, *agent)
		seen     time.Duration // after the time in the entry; 0: its return was proven
		unused   bool
		released bool
	}{
		"its return was proven":                       {[]func(*world, *agent){earlier}, 0, false, true},
		"read in service, its slot used":              {[]func(*world, *agent){take}, time.Second, false, false},
		"read in service, its slot not used":          {[]func(*world, *agent){take}, time.Second, true, true},
		"taken twice, and not used":                   {[]func(*world, *agent){take, take}, time.Second, true, true},
		"an earlier run's entry":                      {[]func(*world, *agent){earlier}, time.Second, true, false},
		"an earlier run's entry, taken anew":          {[]func(*world, *agent){earlier, take}, time.Second, true, false},
		"an earlier run's entry, taken anew twice":    {[]func(*world, *agent){earlier, take, take}, time.Second, true, false},
		"an earlier run's entry, just before 90s":     {[]func(*world, *agent){earlier}, 90*time.Second - 1, true, false},
		"an earlier run's entry, after 90s":           {[]func(*world, *agent){earlier}, 90 * time.Second, false, true},
		"an entry that was taken anew, just too late": {[]func(*world, *agent){take, take}, 90*time.Second - 1, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, func(w *world) {
				a := w.agent(w.ids[0])
				for _, step := range c.before {
					step(w, a)
				}
				s, err := w.agent(a.id).lock.State(w.Context(), w.group())
				w.must(err)
				basis := lock.Basis{Unused: c.unused}
				if c.seen > 0 {
					basis.Seen = s.Holders[0].Since.Add(c.seen)
				}
				err = a.lock.Release(w.Context(), w.group(), basis)
				if released := len(w.entries()) == 0; released != c.released || (err == nil) != c.released || released && a.lock.MayHold() {
					t.Errorf("%v; the item has %v, may hold one: %v", err, w.entries(), a.lock.MayHold())
				}
				const young = "its entry is younger than 1m30s, and reads may not show a move that followed it yet"
				if err != nil && (err.Error() != young || failure.Of(err) != failure.NotNow || failure.Hint(err) != "others free it") {
					t.Errorf("%v (%s; %s)", err, failure.Of(err), failure.Hint(err))
				}
			})
		})
	}
}

// A release that others get in the way of is tried again, one that is not allowed is not, and none goes on for long.
func TestWhatBecomesOfARelease(t *testing.T) {
	conflicts := func(w *world, n int) {
		w.SetFaults(func(c sim.Call) *sim.Fault {
			if c.Action == "PutItem" && n > 0 {
				n--
				return &sim.Fault{Code: "ConditionalCheckFailedException", Message: "The conditional request failed"}
			}
			return nil
		})
	}
	for name, c := range map[string]struct {
		arrange func(*world)
		class   failure.Class // Internal: no error
		want    string
		calls   string // after the one read and the one write that took the slot
		takes   time.Duration
		mayHold bool
	}{
		"nothing in the way":    {func(*world) {}, failure.Internal, "", "2 GetItem, 2 PutItem", 0, false},
		"two others at work":    {func(w *world) { conflicts(w, 2) }, failure.Internal, "", "4 GetItem, 4 PutItem", 0, false},
		"writing is denied":     {func(w *world) { w.Deny("dynamodb:PutItem") }, failure.Denied, "dynamodb:PutItem denied", "2 GetItem, 2 PutItem", 0, true},
		"reading is denied":     {func(w *world) { w.Deny("dynamodb:GetItem") }, failure.Denied, "dynamodb:GetItem denied", "2 GetItem, 1 PutItem", 0, true},
		"the item is gone":      {func(w *world) { w.DeleteItem("locks", w.key) }, failure.Internal, "", "2 GetItem, 1 PutItem", 0, false},
		"others always at work": {func(w *world) { conflicts(w, 1000) }, failure.Unreachable, "table locks: ", "", 15 * time.Second, true},
		"not to be written": {func(w *world) {
			w.SetFaults(func(c sim.Call) *sim.Fault {
				if c.Action == "PutItem" {
					return &sim.Fault{Reset: true}
				}
				return nil
			})
		}, failure.Unreachable, "table locks: no answer, ", "", 15 * time.Second, true},
		"out of reach": {func(w *world) { w.SetFaults(unreachable) }, failure.Unreachable, "table locks: ", "", 15 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, func(w *world) {
				a := w.agent(w.ids[0])
				_, err := a.acquire(w.Context(), 1)
				w.must(err)
				c.arrange(w)
				began := time.Now()
				err = a.lock.Release(w.Context(), w.group(), lock.Basis{})
				if (err == nil) != (c.want == "") || err != nil && (failure.Of(err) != c.class || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%v (%s), want %s: %q", err, failure.Of(err), c.class, c.want)
				}
				if took := time.Since(began).Round(time.Second); took != c.takes || a.lock.MayHold() != c.mayHold {
					t.Errorf("took %s, may hold a slot: %v", took, a.lock.MayHold())
				}
				if c.calls != "" && w.counts() != c.calls {
					t.Errorf("%s, want %s", w.counts(), c.calls)
				}
			})
		})
	}
}

// gaps are the times between the requests to DynamoDB, less those that the requests took.
func (w *world) gaps() (all []time.Duration) {
	last := time.Time{}
	for _, c := range w.Calls() {
		if c.Service == "dynamodb" {
			if !last.IsZero() {
				all = append(all, c.At.Sub(last)-20*time.Millisecond)
			}
			last = c.At
		}
	}
	return all
}

// The pauses after lost races double from a tenth of a second to five seconds at most, less chance.
func TestPausesAfterLostRaces(t *testing.T) {
	seconds := func(all ...float64) (durations []time.Duration) {
		for _, s := range all {
			durations = append(durations, 0, time.Duration(s*float64(time.Second))) // a write follows its read at once
		}
		return durations
	}
	for name, call := range map[string]func(*world, *agent, lock.Look) error{
		"Acquire": func(w *world, a *agent, seen lock.Look) error {
			_, err := a.lock.Acquire(w.Context(), seen, 2)
			return err
		},
		"Release": func(w *world, a *agent, seen lock.Look) error {
			return a.lock.Release(w.Context(), seen.Group, lock.Basis{})
		},
	} {
		inWorld(t, 3, func(w *world) {
			w.luck = func() float64 { return 0.5 }
			w.die(w.ids[0])
			a := w.agent(w.ids[0])
			seen, before := a.seen(), len(w.gaps())
			w.SetFaults(func(c sim.Call) *sim.Fault {
				if c.Action == "PutItem" {
					return &sim.Fault{Code: "ConditionalCheckFailedException", Message: "The conditional request failed"}
				}
				return nil
			})
			err := call(w, a, seen)
			w.wantClass(err, map[string]failure.Class{"Acquire": failure.NotNow, "Release": failure.Unreachable}[name])
			want := seconds(0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.5, 2.5, 2.5)
			if got := w.gaps()[before+1:]; len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		})
	}
}
