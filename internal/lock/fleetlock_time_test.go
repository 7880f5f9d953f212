package lock_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/failure"
	"balanced/internal/lock"
)

// One request is given half a minute: a server may drain a node before it answers.
func TestAFleetLockServerThatIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		var asked []time.Duration
		began := time.Now()
		l := client(t, "i-1", handler{http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
			asked = append(asked, time.Since(began))
			<-req.Context().Done()
		})})
		_, err := l.Acquire(w.until(100*time.Second), lock.Look{Group: web}, 1)
		w.wantClass(err, failure.Unreachable)
		ms := time.Millisecond
		if want := []time.Duration{0, 30375 * ms, 61125 * ms, 92625 * ms}; !slices.Equal(asked, want) {
			t.Errorf("asked at %v, want %v", asked, want)
		}
	})
}

// A server that does not answer is asked again after half a second, then after twice as long each time, up to ten seconds,
// less chance.
func TestPausesBetweenRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		var waits []float64 // in seconds
		last := time.Now()
		l := client(t, "i-1", handler{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			waits, last = append(waits, time.Since(last).Seconds()), time.Now()
			w.WriteHeader(http.StatusServiceUnavailable)
		})})
		w.wantClass(l.Check(w.until(40*time.Second), web), failure.Unreachable)
		if want := []float64{0, 0.375, 0.75, 1.5, 3, 6, 7.5, 7.5, 7.5}; !slices.Equal(waits, want) {
			t.Errorf("waited %v, want %v", waits, want)
		}
	})
}

// Eight races in a row may be lost. One more, and the server is taken for one without a free slot.
func TestPausesAfterLostRacesAtAServer(t *testing.T) {
	const lost = `{"kind":"failed_lock","value":"conflict"}`
	want := []float64{0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4} // in seconds
	for name, c := range map[string]struct {
		call  func(l *lock.Lock, w *world) error
		class failure.Class // where all are lost
	}{
		"Acquire": {func(l *lock.Lock, w *world) error {
			_, err := l.Acquire(w.Context(), lock.Look{Group: web}, 1)
			return err
		}, failure.NotNow},
		"Release": {func(l *lock.Lock, w *world) error { return l.Release(w.Context(), web, lock.Basis{}) }, failure.Unfinished},
	} {
		for lose, won := range map[int]bool{8: true, 9: false} {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t}
				var waits []float64
				last := time.Now()
				l := client(t, "i-1", handler{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					waits, last = append(waits, time.Since(last).Seconds()), time.Now()
					if len(waits) <= lose {
						http.Error(w, lost, http.StatusInternalServerError)
					}
				})})
				if err := c.call(l, w); (err == nil) != won || err != nil && failure.Of(err) != c.class {
					t.Errorf("%s, %d races lost: %v (%s)", name, lose, err, failure.Of(err))
				}
				if !slices.Equal(waits, want) {
					t.Errorf("%s, %d races lost: waited %v, want %v", name, lose, waits, want)
				}
			})
		}
	}
}

// An answer may have 64 KB.
func TestTheLongestAnswer(t *testing.T) {
	for size, read := range map[int]bool{64 << 10: true, 64<<10 + 1: false} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{t: t}
			l := client(t, "i-1", handler{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", size)) })})
			if _, err := l.Acquire(w.until(time.Second), lock.Look{Group: web}, 1); (err == nil) != read {
				t.Errorf("%d bytes: %v", size, err)
			}
		})
	}
}

// The last word is that of the latest request that ended by itself; where none did, that the time is over.
func TestWhyAServerDoesNotAnswer(t *testing.T) {
	const hang = 0
	for name, c := range map[string]struct {
		statuses []int
		want     string
	}{
		"the latest":  {[]int{http.StatusServiceUnavailable, http.StatusBadGateway, hang}, " (3 attempts), last: status 502"},
		"only silent": {[]int{hang}, ": context deadline exceeded"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{t: t}
			n := 0
			l := client(t, "i-1", handler{http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				status := c.statuses[n]
				if n++; status == hang {
					<-req.Context().Done()
					return
				}
				w.WriteHeader(status)
			})})
			_, err := l.Acquire(w.until(20*time.Second), lock.Look{Group: web}, 1)
			if want := "https://lock.example.com/base/ does not answer" + c.want; err == nil || err.Error() != want {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		})
	}
}

// A request that was refused at once took no slot. One that was not answered may have.
func TestWhetherASlotMayBeHeld(t *testing.T) {
	const full, denied, silent, yes = http.StatusLocked, http.StatusForbidden, http.StatusBadGateway, http.StatusOK
	for name, c := range map[string]struct {
		statuses []int
		calls    int
		want     bool
	}{
		"taken": {[]int{yes}, 1, true}, "full": {[]int{full}, 1, false}, "denied": {[]int{denied}, 1, false},
		"not answered, then full": {[]int{silent, full}, 1, true}, "not answered twice, then full": {[]int{silent, silent, full}, 1, true},
		"taken, then full": {[]int{yes, full}, 2, true}, "never answered": {[]int{silent, silent, silent, silent}, 1, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, n := &world{t: t}, 0
			l := client(t, "i-1", handler{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.statuses[n])
				n++
			})})
			var err error
			for range c.calls {
				_, err = l.Acquire(w.until(3*time.Second), lock.Look{Group: web}, 1)
			}
			if got := l.MayHold(); got != c.want || n != len(c.statuses) {
				t.Errorf("%s: may hold a slot: %v after %d requests; %v", name, got, n, err)
			}
		})
	}
}

// The header says that a client means it, so a request that only looks for a server does without it.
func TestWhatARequestSays(t *testing.T) {
	for name, call := range map[string]func(*lock.Lock) error{
		"true": func(l *lock.Lock) error { return l.Release(t.Context(), web, lock.Basis{}) },
		"":     func(l *lock.Lock) error { return l.Check(t.Context(), web) },
	} {
		var said http.Header
		l := client(t, "i-1", handler{http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) { said = req.Header })})
		_ = call(l)
		if said.Get("Content-Type") != "application/json" || said.Get("fleet-lock-protocol") != name {
			t.Errorf("want the header %q: %v", name, said)
		}
	}
}

// What a server says to the request to unlock.
func TestWhatAnUnlockIsAnswered(t *testing.T) {
	const unconfirmed = "https://lock.example.com/base/ did not confirm that the slot of i-1 is free: "
	for name, c := range map[string]struct {
		status int
		body   string
		want   string // empty: it is released
		asked  int
	}{
		"done":                     {200, "", "", 1},
		"held by somebody else":    {423, `{"kind":"lock_held","value":"by i-2"}`, "", 1},
		"all locked, not by whom":  {500, `{"kind":"failed_lock","value":"all 1 slots locked"}`, "no slot of web at https://lock.example.com/base/: all 1 slots locked", 9},
		"denied":                   {403, "", "https://lock.example.com/base/ denies it: status 403", 1},
		"a group it does not know": {400, `{"kind":"unknown_group","value":"web"}`, "https://lock.example.com/base/ knows no group web", 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			l := client(t, "i-1", handler{http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if strings.HasSuffix(req.URL.Path, "pre-reboot") {
					return
				}
				asked++
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			})})
			_, err := l.Acquire(t.Context(), lock.Look{Group: web}, 1)
			if err == nil {
				err = l.Release(t.Context(), web, lock.Basis{})
			}
			if (err == nil) != (c.want == "") || err != nil && (err.Error() != unconfirmed+c.want || failure.Of(err) != failure.Unfinished) {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
			if asked != c.asked || l.MayHold() != (c.want != "") {
				t.Errorf("%s: asked %d times, may hold a slot: %v", name, asked, l.MayHold())
			}
			if err := l.Check(t.Context(), web); (err == nil) != strings.Contains(c.body, "unknown_group") {
				t.Errorf("%s: checked: %v", name, err)
			}
		})
	}
}

func TestAnObjectionBeforeAServerIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, objection := 0, errors.New("the minimum would not hold")
		l := client(t, "i-1", handler{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++ })})
		var says error
		seen := lock.Look{Group: web, Object: func([]string) error { return says }}
		for range 2 {
			_, err := l.Acquire(t.Context(), seen, 1)
			foreseen := l.Foresee(t.Context(), seen, 1)
			if says != nil && (!errors.Is(err, says) || !errors.Is(foreseen, says) || asked != 2) || says == nil && (err != nil || asked != 2) {
				t.Errorf("with the objection %v: %v; foreseen %v; %d requests", says, err, foreseen, asked)
			}
			says = objection
		}
	})
}

// A race that the time was too short for is told with the number of requests.
func TestTimeThatEndsBetweenLostRaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		l := client(t, "i-1", handler{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"kind":"failed_lock","value":"conflict"}`, http.StatusInternalServerError)
		})})
		_, err := l.Acquire(w.until(time.Second), lock.Look{Group: web}, 1)
		if want := "https://lock.example.com/base/ does not answer (5 attempts), last: context deadline exceeded"; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	})
}
