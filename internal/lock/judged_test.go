package lock

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
)

func TestWhatARefusalSays(t *testing.T) {
	noon := sample.Noon
	out := func(id string, age time.Duration) otherHolder {
		return otherHolder{id: id, state: fleet.Standby, age: age}
	}
	entry := func(id string, age time.Duration, freed time.Time) otherHolder {
		return otherHolder{id: id, age: age, freed: freed}
	}
	const died = "run it again, and let it wait: a slot whose holder died is free after 1m30s"
	for name, c := range map[string]struct {
		others     []otherHolder
		slots      int
		want, hint string
		next       time.Time
	}{
		"one out":                  {[]otherHolder{out("i-1", time.Minute)}, 1, "the slot is taken in dynamodb:locks by i-1 (Standby for 1m)", "finish the work on i-1, then run balanced in there", time.Time{}},
		"out since nobody knows":   {[]otherHolder{out("i-1", 0)}, 1, "the slot is taken in dynamodb:locks by i-1 (Standby)", "finish the work on i-1, then run balanced in there", time.Time{}},
		"a free slot":              {[]otherHolder{out("i-1", 0)}, 2, "", "", time.Time{}},
		"two of two":               {[]otherHolder{out("i-1", time.Minute), entry("i-2", 0, noon)}, 2, "all 2 slots are taken in dynamodb:locks by i-1 (Standby for 1m), i-2", "finish the work on i-1, then run balanced in there", noon},
		"an entry of a known age":  {[]otherHolder{entry("i-1", 3*time.Second, noon)}, 1, "the slot is taken in dynamodb:locks by i-1 (for 3s)", died, noon},
		"an entry of this moment":  {[]otherHolder{entry("i-1", 1, noon)}, 1, "the slot is taken in dynamodb:locks by i-1 (for 0s)", died, noon},
		"out for a moment":         {[]otherHolder{out("i-1", 1)}, 1, "the slot is taken in dynamodb:locks by i-1 (Standby for 0s)", "finish the work on i-1, then run balanced in there", time.Time{}},
		"two that are not watched": {[]otherHolder{entry("i-1", 0, time.Time{}), entry("i-2", 0, time.Time{})}, 1, "the slot is taken in dynamodb:locks by i-1, i-2", "wait until i-1 is back in service", time.Time{}},
		"freed later and earlier":  {[]otherHolder{entry("i-1", 0, noon.Add(time.Minute)), entry("i-2", 0, noon), entry("i-3", 0, noon.Add(time.Hour))}, 3, "all 3 slots are taken in dynamodb:locks by i-1, i-2, i-3", died, noon},
		"four of three":            {[]otherHolder{entry("i-1", 0, noon), entry("i-2", 0, noon), entry("i-3", 0, noon), entry("i-4", 0, time.Time{})}, 3, "all 3 slots are taken in dynamodb:locks by i-1, i-2, i-3 and 1 more", died, noon},
		"one that nothing lists":   {[]otherHolder{{id: "i-1"}}, 1, "the slot is taken in dynamodb:locks by i-1", "wait until i-1 is back in service", time.Time{}},
	} {
		err := judged{others: c.others}.full(c.slots, Where{table: "locks"})
		if err == nil {
			if c.want != "" {
				t.Errorf("%s: no refusal", name)
			}
			continue
		}
		full := err.(*FullError)
		if full.Error() != c.want || failure.Hint(full) != c.hint || !full.NextLook.Equal(c.next) || failure.Of(full) != failure.NotNow {
			t.Errorf("%s: %v (%s), next look %v", name, full, failure.Hint(full), full.NextLook)
		}
	}
}

// Ages are on AWS's clock, 0 where it or the time is not known, and never negative: entries are by their holders' clocks.
func TestHowOldHoldersAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Now()
		stampOf := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
		seen := Look{At: at, Began: at, Presence: func(string) Presence { return Elsewhere }, Out: []fleet.Holder{
			{ID: "i-new", State: fleet.Standby, Since: at.Add(time.Second)}, {ID: "i-unknown", State: fleet.Standby}, {ID: "i-old", State: fleet.Standby, Since: at.Add(-time.Hour)},
		}}
		entries := map[string]string{
			"i-entry": stampOf(at.Add(-time.Minute)), "i-future": stampOf(at.Add(time.Minute)), "i-strange": "soon", "self": stampOf(at), "i-old": stampOf(at),
		}
		ages := func(j judged) string {
			var all []string
			for _, o := range j.others {
				all = append(all, o.id+" "+o.age.String())
			}
			return strings.Join(all, ", ")
		}
		if got, want := ages(watch{}.judge("self", entries, seen)), "i-old 1h0m0s, i-entry 1m0s, i-future 0s, i-new 0s, i-strange 0s, i-unknown 0s"; got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		seen.At = time.Time{}
		if got, want := ages(watch{}.judge("self", entries, seen)), "i-entry 0s, i-future 0s, i-new 0s, i-old 0s, i-strange 0s, i-unknown 0s"; got != want {
			t.Errorf("without AWS's clock %s\nwant %s", got, want)
		}
	})
}

func TestWhyAnEntryIsDropped(t *testing.T) {
	for presence, want := range map[Presence]string{
		Serving:   "it is in service and healthy, and its entry has not changed for 1m30s",
		NotListed: "it is not in the group, and its entry has not changed for 1m30s",
	} {
		if got := deadWhy(presence, 90*time.Second); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	s := slots{holders: map[string]string{"i-1": "a", "i-2": "b"}}
	if next := s.with("i-3", nil, true, []Dropped{{ID: "i-1"}}); len(next.holders) != 2 || next.holders["i-1"] != "" {
		t.Errorf("after i-1 was dropped: %v", next.holders)
	}
}

// What a look knows of an instance that has an entry.
func TestPresence(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*fleet.Snapshot)
		want   Presence
	}{
		"in service":           {func(*fleet.Snapshot) {}, Serving},
		"while another is out": {func(s *fleet.Snapshot) { sample.TakeOut(s, 2, time.Minute) }, Serving},
		"unhealthy":            {func(s *fleet.Snapshot) { s.Group.Members[1].Healthy = false }, Elsewhere},
		"out":                  {func(s *fleet.Snapshot) { sample.TakeOut(s, 1, time.Minute) }, Elsewhere},
		"about to leave": {func(s *fleet.Snapshot) {
			s.Activities = append(s.Activities, sample.ToStandby("i-2", -1, "InProgress"))
		}, Elsewhere},
		"terminating":           {func(s *fleet.Snapshot) { s.Group.Members[1].State = fleet.TerminatingWait }, Leaving},
		"retained":              {func(s *fleet.Snapshot) { s.Group.Members[1].State = fleet.WarmedTermRetain }, Leaving},
		"in no group any more":  {func(s *fleet.Snapshot) { s.Group.Members = s.Group.Members[2:] }, NotListed},
		"arriving":              {func(s *fleet.Snapshot) { s.Group.Members[1].State = fleet.Pending }, Elsewhere},
		"unhealthy for its ALB": {func(s *fleet.Snapshot) { s.Traffic[0].Targets[1].Health = fleet.Unhealthy }, Elsewhere},
	} {
		s := sample.Group()
		c.change(&s)
		if got := AtGroup(s, time.Now()).Presence("i-2"); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// apart is a time whose monotonic clock reads d more, and whose wall clock reads the same, as after the wall clock was set
// or the machine slept.
func apart(t *testing.T, now time.Time, d time.Duration) time.Time {
	t.Helper()
	moved := now
	(*struct {
		wall uint64
		ext  int64
		loc  *time.Location
	})(unsafe.Pointer(&moved)).ext += int64(d)
	if !moved.Round(0).Equal(now.Round(0)) || moved.Sub(now) != d {
		t.Fatal("a time is kept in another way than this test assumes")
	}
	return moved
}

// A slot may be used while neither clock says that its time is over: one stands still while a machine hibernates, the
// other may be set.
func TestBothClocksSayHowLongASlotMayBeUsed(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		until time.Time
		want  bool
	}{
		"both":               {now.Add(time.Hour), true},
		"neither":            {now.Add(-time.Hour), false},
		"the wall clock":     {apart(t, now.Add(-time.Hour), 2*time.Hour), false},
		"the monotonic one":  {apart(t, now.Add(time.Hour), -2*time.Hour), false},
		"one without a hand": {now.Add(time.Hour).Round(0), true},
	} {
		if got := (Held{until: c.until}).Valid(); got != c.want {
			t.Errorf("valid by %s: %v", name, got)
		}
	}
}

func TestShortTexts(t *testing.T) {
	for _, n := range []int{1, 199, 200} {
		if got := shorten(strings.Repeat("ü", n)); got != strings.Repeat("ü", n) {
			t.Errorf("%d letters became %q", n, got)
		}
	}
	if got := shorten(strings.Repeat("ü", 201)); got != strings.Repeat("ü", 200)+"…" {
		t.Errorf("201 letters became %q", got)
	}
}
