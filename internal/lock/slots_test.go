package lock

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"balanced/internal/fleet"
)

// Whatever the entries and the looks are, an entry is dropped only when its instance is leaving, or when it has been
// read unchanged for as long as deadAfter before the look began and no look in between said anything but in service or
// not listed. Every other one counts, once.
func TestWhatTheWatchDrops(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type step struct {
			wait     time.Duration
			entries  map[string]string
			presence map[string]Presence
			out      []string
			keep     bool
		}
		names := []string{"i-1", "i-2", "i-3", "self"}
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			s := step{wait: time.Duration(rapid.IntRange(0, 60).Draw(rt, "wait")) * time.Second, entries: map[string]string{}, presence: map[string]Presence{}}
			for _, id := range names {
				if rapid.IntRange(0, 5).Draw(rt, "has an entry") > 0 {
					s.entries[id] = rapid.SampledFrom([]string{"a", "a", "a", "a", "b"}).Draw(rt, "entry")
				}
				s.presence[id] = rapid.SampledFrom([]Presence{Serving, Serving, Serving, NotListed, NotListed, Elsewhere, Leaving}).Draw(rt, "presence")
			}
			if rapid.IntRange(0, 5).Draw(rt, "somebody is out") == 0 {
				s.out = []string{rapid.SampledFrom(names[:3]).Draw(rt, "out")}
			}
			s.keep = rapid.IntRange(0, 5).Draw(rt, "keep") == 0
			return s
		}), 1, 12).Draw(rt, "steps")
		var problem string
		synctest.Test(t, func(*testing.T) {
			w, calm := watch{}, map[string]time.Time{} // since when an entry has been unchanged, and nothing was against it
			for i, s := range steps {
				<-time.After(s.wait)
				seen := Look{Began: time.Now(), At: time.Now(), KeepUnlisted: s.keep, Presence: func(id string) Presence { return s.presence[id] }}
				for _, id := range s.out {
					seen.Out = append(seen.Out, fleet.Holder{ID: id, State: fleet.Standby})
				}
				j := w.judge("self", s.entries, seen)
				var want, dropped []string
				for _, id := range names[:3] {
					entry, has := s.entries[id]
					out := slices.Contains(s.out, id)
					watched := has && !out && (s.presence[id] == Serving || s.presence[id] == NotListed && !s.keep)
					if !watched {
						delete(calm, id)
					} else if i == 0 || steps[i-1].entries[id] != entry || calm[id].IsZero() {
						calm[id] = time.Now()
					}
					switch {
					case out:
						want = append(want, id)
					case has && (s.presence[id] == Leaving || watched && time.Since(calm[id]) >= 90*time.Second):
						dropped = append(dropped, id)
					case has:
						want = append(want, id)
					}
				}
				got := j.ids()
				slices.Sort(got)
				var gone []string
				for _, d := range j.dropped {
					gone = append(gone, d.ID)
				}
				if !slices.Equal(got, want) || !slices.Equal(gone, dropped) {
					problem = fmt.Sprintf("step %d: %v count and %v are dropped, want %v and %v", i, got, gone, want, dropped)
					return
				}
			}
		})
		if problem != "" {
			rt.Fatal(problem)
		}
	})
}

// An item is read back as it was written.
func TestItemsRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := holding(rapid.MapOf(rapid.StringN(1, 20, -1), rapid.StringN(1, 30, -1)).Draw(rt, "holders"))
		next := s.with("me", nil, true, nil)
		back, err := readItem(next.item("web"))
		if err != nil || !maps.Equal(back.holders, next.holders) || back.version != next.version || next.version == s.version || next.holders["me"] == s.holders["me"] {
			rt.Fatalf("%v: wrote %+v, read %+v", err, next, back)
		}
	})
}

// Outside a group an entry says by what addresses target groups list its holder.
func TestAnEntryTellsAddresses(t *testing.T) {
	for _, addresses := range [][]string{nil, {"10.0.0.5"}, {"10.0.0.5", "fd00::5"}, {"10.0.0.5", ""}, {"", "fd00::5"}} {
		list := slots{}.with("i-1", addresses, true, nil).list()
		want := slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return a == "" })
		if len(list) != 1 || list[0].ID != "i-1" || list[0].Since.IsZero() || !slices.Equal(list[0].Addresses, want) {
			t.Errorf("of %q: %+v", addresses, list)
		}
	}
}

// A person is told how to free a slot where the item is known, and where there are entries.
func TestWhenThereIsACommandThatFreesASlot(t *testing.T) {
	for _, c := range []struct {
		where, group string
		is           bool
	}{{"dynamodb:locks", "web", true}, {"dynamodb:locks", "", false}, {"https://lock.example.com/", "web", false}, {"https://lock.example.com/", "", false}} {
		w, err := Parse(c.where)
		if err != nil {
			t.Fatal(err)
		}
		l, err := New(w, Options{Group: c.group})
		if err != nil {
			t.Fatal(err)
		}
		if got := l.FreeCommand(fleet.Group{}, "i-1"); (got != "") != c.is {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// An entry that nobody could name is none of ours.
func TestAnEntryWithoutANameIsForeign(t *testing.T) {
	raw := holding(map[string]string{"": "now"}).item("web")
	if s, err := readItem(raw); err == nil {
		t.Errorf("read %+v", s)
	}
}

func holding(holders map[string]string) slots { return slots{version: "1", holders: holders} }

// Two changes within one tick of the clock differ all the same.
func TestStampsDiffer(t *testing.T) {
	here := time.Local
	t.Cleanup(func() { time.Local = here })
	time.Local = time.FixedZone("elsewhere", 3600) // entries are in UTC wherever they are written
	synctest.Test(t, func(t *testing.T) {
		s := slots{}
		for range 3 {
			next := s.with("me", nil, true, nil)
			if next.version == s.version || next.holders["me"] == s.holders["me"] || !entryTime(next.holders["me"]).After(entryTime(s.holders["me"])) {
				t.Fatalf("%+v after %+v", next, s)
			}
			if entry := next.holders["me"]; !strings.HasSuffix(entry, "Z") {
				t.Fatalf("%s is not in UTC", entry)
			}
			s = next
		}
	})
}

// A write that turns out to have taken effect after all counts as long as more than ten seconds are left to enter
// Standby in.
func TestHowLateAnEntryIsRecognised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrote := func(left time.Duration) attempt { return attempt{"mine", Held{until: time.Now().Add(left)}} }
		for name, c := range map[string]struct {
			attempt attempt
			entry   string
			want    bool
		}{
			"in time":         {wrote(10*time.Second + 1), "mine", true},
			"late":            {wrote(10 * time.Second), "mine", false},
			"another entry":   {wrote(30 * time.Second), "another", false},
			"no entry":        {wrote(30 * time.Second), "", false},
			"nothing written": {attempt{}, "", false},
		} {
			if got := c.attempt.recognise(c.entry); got != c.want {
				t.Errorf("%s: recognised %v", name, got)
			}
		}
	})
}

// A time that is over is no signal, whatever it is over for.
func TestWhatStopsAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("SIGTERM")
		cancelled := func(cause error) context.Context {
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(cause)
			return ctx
		}
		over, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("the budget"))
		defer cancel()
		<-over.Done()
		for name, c := range map[string]struct {
			ctx  context.Context
			want string
		}{
			"nothing": {t.Context(), ""}, "a signal": {cancelled(cause), "stopped: SIGTERM"}, "its time is over": {over, ""},
			"a time that somebody else kept": {cancelled(context.DeadlineExceeded), ""},
		} {
			if err := stopped(c.ctx); (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	})
}
