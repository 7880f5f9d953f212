package lock_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/lock"
	"balanced/internal/sim"
)

// What an entry of another instance means for one that wants the only slot, depending on what the group says about its
// holder at the first look and at a second.
func TestWhenAnEntryIsDropped(t *testing.T) {
	nothing := func(*world, string) {}
	for name, c := range map[string]struct {
		first, between func(w *world, holder string)
		pause          time.Duration
		want           string // in the error, or in why the entry was dropped
		dropped        bool
	}{
		"in service, watched for long enough": {nothing, nothing, 90 * time.Second, "it is in service and healthy, and its entry has not changed for 1m30s", true},
		"in service, not watched long enough": {nothing, nothing, 89 * time.Second, "the slot is taken in dynamodb:locks by HOLDER (for 1m29s)", false},
		"unhealthy at the first look": {
			func(w *world, id string) { w.SetHealthStatus(id, "Unhealthy") }, func(w *world, id string) { w.SetHealthStatus(id, "Healthy") },
			2 * time.Minute, "the slot is taken in dynamodb:locks by HOLDER (for 2m", false,
		},
		"unhealthy now":          {nothing, func(w *world, id string) { w.SetHealthStatus(id, "Unhealthy") }, 2 * time.Minute, "taken in dynamodb:locks by HOLDER (for 2m", false},
		"in Standby now":         {nothing, func(w *world, id string) { w.must(w.EnterStandby("web", id, true)) }, 2 * time.Minute, "by HOLDER (Standby for 2m", false},
		"written anew meanwhile": {nothing, func(w *world, id string) { w.die(id) }, 100 * time.Second, "by HOLDER (for 1m40s)", false},
		"leaving the group":      {nothing, func(w *world, id string) { w.Terminate(id) }, time.Second, "it is leaving the group", true},
		"gone from the group":    {func(w *world, id string) { w.Terminate(id); pass(time.Minute) }, nothing, 90 * time.Second, "it is not in the group, and its entry", true},
		"gone for a moment":      {func(w *world, id string) { w.Terminate(id); pass(time.Minute) }, nothing, 89 * time.Second, "by HOLDER (for 2m", false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, func(w *world) {
				w.Suspend("web", "ReplaceUnhealthy")
				holder := w.ids[1]
				w.die(holder)
				c.first(w, holder)
				a := w.agent(w.ids[0])
				_, err := a.acquire(w.Context(), 1)
				if !strings.Contains(name, "leaving") {
					w.wantClass(err, failure.NotNow)
				}
				c.between(w, holder)
				pass(c.pause)
				held, err := a.acquire(w.Context(), 1)
				want := strings.ReplaceAll(c.want, "HOLDER", holder)
				switch {
				case !c.dropped:
					w.wantClass(err, failure.NotNow)
					if err != nil && !strings.Contains(err.Error(), want) {
						t.Errorf("refused with %q, want %q in it", err, want)
					}
				case err != nil || len(held.Dropped) != 1 || held.Dropped[0].ID != holder || !strings.Contains(held.Dropped[0].String(), want):
					t.Errorf("%v, dropped %v, want %s: %q", err, held.Dropped, holder, want)
				case strings.Join(w.entries(), " ") != w.ids[0]:
					t.Errorf("the item has %v", w.entries())
				}
			})
		})
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// A waiter is told when it is worth looking again, and gets the slot then. One that does not wait is refused.
func TestADeadHoldersSlotIsFreeAfterNinetySeconds(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.die(w.ids[1])
		died := time.Now()
		_, err := w.agent(w.ids[0]).acquire(w.Context(), 1)
		full, ok := errors.AsType[*lock.FullError](err)
		if !ok || full.NextLook.Sub(died) < 90*time.Second || full.NextLook.Sub(died) > 91*time.Second {
			t.Fatalf("%v: to look again at %v", err, full)
		}
		if want := "run it again, and let it wait: a slot whose holder died is free after 1m30s"; failure.Hint(err) != want {
			t.Errorf("hint %q", failure.Hint(err))
		}
		w.must(w.agent(w.ids[0]).out(w.until(3*time.Minute), 1))
		if after := time.Since(died); after > 95*time.Second {
			t.Errorf("free after %s", after)
		}
	})
}

// A holder that is out names what frees its slot.
func TestWhoIsOutIsNamed(t *testing.T) {
	inWorld(t, 8, func(w *world) {
		for _, id := range w.ids[1:6] {
			w.must(w.agent(id).out(w.Context(), 7))
			pass(time.Minute)
		}
		_, err := w.agent(w.ids[0]).acquire(w.Context(), 5)
		want := "all 5 slots are taken in dynamodb:locks by " + w.ids[1] + " (Standby for 5m), " + w.ids[2] + " (Standby for 4m), " + w.ids[3] + " (Standby for 3m) and 2 more"
		if err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
		if got, want := failure.Hint(err), "finish the work on "+w.ids[1]+", then run balanced in there"; got != want {
			t.Errorf("hint %q, want %q", got, want)
		}
	})
}

// Agents without a lock hold slots too.
func TestWhoIsOutWithoutAnEntryHoldsASlot(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.must(w.EnterStandby("web", w.ids[1], true))
		if _, err := w.agent(w.ids[0]).acquire(w.Context(), 1); !failure.Is(err, failure.NotNow) || !strings.Contains(err.Error(), w.ids[1]+" (EnteringStandby") {
			t.Errorf("%v", err)
		}
		if w.entries() != nil {
			t.Errorf("entries of %v", w.entries())
		}
	})
}

// Outside a group nobody tells who is gone, so only a person removes an entry.
func TestAnEntryIsKeptWhereNobodyListsInstances(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.die(w.ids[1])
		a := w.agent(w.ids[0])
		for range 3 {
			seen := lock.Look{
				Group: fleet.Group{ARN: w.key}, Began: time.Now(), At: time.Now(), KeepUnlisted: true,
				Presence: func(string) lock.Presence { return lock.NotListed },
			}
			_, err := a.lock.Acquire(w.Context(), seen, 1)
			w.wantClass(err, failure.NotNow)
			if got := failure.Hint(err); got != "wait until "+w.ids[1]+" is back in service" {
				t.Errorf("hint %q", got)
			}
			want := `aws dynamodb update-item --table-name locks --key '{"group":{"S":"` + w.key + `"}}' --update-expression 'REMOVE holders.#i' ` +
				`--expression-attribute-names '{"#i":"` + w.ids[1] + `"}'`
			if got := a.lock.FreeCommand(seen.Group, w.ids[1]); got != want {
				t.Errorf("command\n%s, want\n%s", got, want)
			}
			pass(2 * time.Minute)
		}
	})
}

// What the caller objects to is asked with the holders that the look does not show as out.
func TestAnObjectionIsHeardBeforeTheSlotIsTaken(t *testing.T) {
	inWorld(t, 5, func(w *world) {
		w.die(w.ids[1])
		a := w.agent(w.ids[0])
		seen, objection := a.seen(), errors.New("the minimum would not hold")
		var heard []string
		seen.Object = func(holders []string) error { heard = holders; return objection }
		if _, err := a.lock.Acquire(w.Context(), seen, 3); !errors.Is(err, objection) || len(heard) != 1 || heard[0] != w.ids[1] {
			t.Errorf("%v, heard %v", err, heard)
		}
		if err := a.lock.Foresee(w.Context(), seen, 3); !errors.Is(err, objection) {
			t.Errorf("foreseen: %v", err)
		}
		if got := w.entries(); len(got) != 1 {
			t.Errorf("the item has %v", got)
		}
	})
}

// Holders may be as slow as EnterWithin allows, and reads of the group lag by less than a minute: nobody takes the slot
// of one that has entered. With a longer lag somebody does: the promise needs that minute.
func TestTheWatchNeedsReadsThatLagLessThanAMinute(t *testing.T) {
	for lag, want := range map[time.Duration]int{0: 1, 30 * time.Second: 1, 59 * time.Second: 1, 62 * time.Second: 2} {
		if testing.Short() && lag < 59*time.Second {
			continue // the two sides of the limit are left
		}
		inWorld(t, 3, func(w *world) {
			w.SetFaults(func(c sim.Call) *sim.Fault {
				if strings.HasPrefix(c.Action, "Describe") {
					return &sim.Fault{Lag: lag}
				}
				return nil
			})
			slow := w.agent(w.ids[1])
			held, err := slow.acquire(w.Context(), 1)
			w.must(err)
			watcher := w.agent(w.ids[0])
			_, err = watcher.acquire(w.Context(), 1)
			w.wantClass(err, failure.NotNow)
			pass(29500 * time.Millisecond)
			if !held.Valid() {
				t.Fatal("the slot is no longer valid")
			}
			_, err = slow.groups.EnterStandby(w.Context(), "web", slow.id, true)
			w.must(err)
			if err := watcher.out(w.until(10*time.Minute), 1); (err == nil) != (want == 2) {
				t.Errorf("lag %s: the watcher ended with %v", lag, err)
			}
			if got := w.mostOut(); got != want {
				t.Errorf("lag %s: %d out at once, want %d", lag, got, want)
			}
		})
	}
}

// The exception: EnterStandby takes no token that AWS would check against the lock. A process that is frozen after it
// has last looked at the clock, until others have taken its slot, enters all the same. One that looks does not.
func TestAFrozenProcess(t *testing.T) {
	for looks, want := range map[bool]int{true: 1, false: 2} {
		inWorld(t, 3, func(w *world) {
			frozen := w.agent(w.ids[1])
			held, err := frozen.acquire(w.Context(), 1)
			w.must(err)
			w.must(w.agent(w.ids[0]).out(w.until(3*time.Minute), 1))
			if held.Valid() {
				t.Fatalf("valid after %s", 3*time.Minute)
			}
			if !looks || held.Valid() {
				_, err = frozen.groups.EnterStandby(w.Context(), "web", frozen.id, true)
				w.must(err)
			} else {
				_, err = frozen.acquire(w.Context(), 1)
				w.wantClass(err, failure.NotNow)
			}
			if got := w.mostOut(); got != want {
				t.Errorf("looks at the clock: %v; %d out at once, want %d", looks, got, want)
			}
		})
	}
}

func TestHowLongASlotMayBeUsed(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		if (lock.Held{}).Valid() {
			t.Error("no slot is valid")
		}
		sent := time.Now()
		held, err := w.agent(w.ids[0]).acquire(w.Context(), 1)
		w.must(err)
		pass(time.Until(sent.Add(29900 * time.Millisecond)))
		early := held.Valid()
		pass(300 * time.Millisecond) // the look took some of the time, too
		if late := held.Valid(); !early || late {
			t.Errorf("valid just before 30s: %v, just after: %v", early, late)
		}
	})
}
