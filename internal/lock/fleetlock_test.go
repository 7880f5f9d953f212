package lock_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/lock"
	"balanced/internal/lock/fleetlocktest"
)

// handler carries requests to a handler without a network.
type handler struct{ http.Handler }

func (h handler) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

var web = fleet.Group{Name: "web", ARN: "arn:aws:autoscaling:eu-west-1:1:autoScalingGroup:1:autoScalingGroupName/web"}

// client is the lock of one instance on a server.
func client(t *testing.T, id string, server http.RoundTripper) *lock.Lock {
	t.Helper()
	where, err := lock.Parse("https://lock.example.com/base")
	if err != nil {
		t.Fatal(err)
	}
	l, err := lock.New(where, lock.Options{Instance: id, HTTP: server, Rand: func() float64 { return 0.5 }})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFleetLockServers(t *testing.T) {
	for style, fullText := range map[fleetlocktest.Style]string{
		fleetlocktest.Airlock:  "no slot of web at https://lock.example.com/base/: all 1 semaphore slots currently locked",
		fleetlocktest.Poseidon: "no slot of web at https://lock.example.com/base/: reboot lease lock unavailable, held by i-1",
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{t: t}
			server := fleetlocktest.New(style, map[string]int{"web": 1})
			first, second := client(t, "i-1", handler{server}), client(t, "i-2", handler{server})
			w.must(first.Check(w.until(time.Hour), web))
			w.must(first.Foresee(w.until(time.Hour), lock.Look{Group: web}, 1))
			if got := server.Holders("web"); len(got) != 0 {
				t.Fatalf("asking took a slot for %v", got)
			}
			held, err := first.Acquire(w.until(time.Hour), lock.Look{Group: web}, 1)
			w.must(err)
			pass(time.Hour)
			if !held.Valid() {
				t.Error("a slot that the server keeps is no longer valid")
			}
			if _, err := first.Acquire(w.until(time.Hour), lock.Look{Group: web}, 1); err != nil {
				t.Errorf("the holder asks again: %v", err)
			}
			_, err = second.Acquire(w.until(time.Hour), lock.Look{Group: web}, 1)
			w.wantClass(err, failure.NotNow)
			if err == nil || err.Error() != fullText {
				t.Errorf("full: %v, want %s", err, fullText)
			}
			for l, want := range map[*lock.Lock]bool{first: true, second: false} {
				if ours, err := l.Confirm(w.until(time.Hour), web); ours != want || err != nil {
					t.Errorf("confirmed %v, %v, want %v", ours, err, want)
				}
			}
			// An `in` with --lock, without one on `out`.
			w.must(second.Release(w.until(time.Hour), web, lock.Basis{}))
			if got := server.Holders("web"); len(got) != 1 || got[0] != "i-1" {
				t.Errorf("held by %v", got)
			}
			w.must(first.Release(w.until(time.Hour), web, lock.Basis{}))
			w.must(first.Release(w.until(time.Hour), web, lock.Basis{}))
			if _, err := second.Acquire(w.until(time.Hour), lock.Look{Group: web}, 1); err != nil {
				t.Errorf("free again: %v", err)
			}
			if s, err := first.State(w.until(time.Hour), web); err != nil || s.Holders != nil || s.Kind != "fleetlock" || s.Group != "web" {
				t.Errorf("%+v, %v", s, err)
			}
			if got := server.Requests()[2]; got != "/base/v1/pre-reboot web i-1" {
				t.Errorf("request %q", got)
			}
		})
	}
}

func TestAFleetLockGroupThatIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		l := client(t, "i-1", handler{fleetlocktest.New(fleetlocktest.Airlock, map[string]int{"workers": 1})})
		_, err := l.Acquire(w.until(time.Hour), lock.Look{Group: web}, 1)
		w.wantClass(err, failure.Setup)
		if want := "https://lock.example.com/base/ knows no group web"; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		_, err = l.Acquire(w.until(time.Hour), lock.Look{Group: fleet.Group{Name: "web tier"}}, 1)
		w.wantClass(err, failure.Setup)
		if want := `the group "web tier" is no FleetLock group`; err == nil || err.Error() != want || failure.Hint(err) != "name the group with --lock-group" {
			t.Errorf("%v, want %s", err, want)
		}
		w.wantClass(l.Release(w.until(time.Hour), web, lock.Basis{}), failure.Unfinished)
	})
}

// A race that is lost at the server says nothing about slots; a storage that is broken neither.
func TestALostRaceAndABrokenStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		for style, broken := range map[fleetlocktest.Style]string{
			fleetlocktest.Airlock: "failed to initialize semaphore manager: context deadline exceeded", fleetlocktest.Poseidon: "error getting reboot lease",
		} {
			server := fleetlocktest.New(style, map[string]int{"web": 1})
			l := client(t, "i-1", handler{server})
			if style == fleetlocktest.Airlock {
				server.LoseRaces(3)
				_, err := l.Acquire(w.until(time.Hour), lock.Look{Group: web}, 1)
				w.must(err)
				server.LoseRaces(3)
				w.must(l.Release(w.until(time.Hour), web, lock.Basis{}))
				server.LoseRaces(100)
				_, err = l.Acquire(w.until(time.Hour), lock.Look{Group: web}, 1)
				w.wantClass(err, failure.NotNow)
				server.LoseRaces(0)
			}
			_, err := l.Acquire(w.until(time.Hour), lock.Look{Group: web}, 1)
			w.must(err)
			server.Break(true)
			for does, call := range map[string]func() error{
				"Acquire": func() error { _, err := l.Acquire(w.until(time.Minute), lock.Look{Group: web}, 1); return err },
				"Release": func() error { return l.Release(w.until(time.Minute), web, lock.Basis{}) },
			} {
				began, err := time.Now(), call()
				w.wantClass(err, map[string]failure.Class{"Acquire": failure.Unreachable, "Release": failure.Unfinished}[does])
				if took := time.Since(began); took != time.Minute || err == nil || !strings.Contains(err.Error(), broken) {
					t.Errorf("%s: %v after %s, want %q after a minute", does, err, took, broken)
				}
			}
			server.Break(false)
			w.must(l.Release(w.until(time.Hour), web, lock.Basis{}))
			if got := server.Holders("web"); len(got) != 0 {
				t.Errorf("held by %v", got)
			}
		}
	})
}

// What may answer in place of a FleetLock server. Only exactly 200 is a slot, and only from something that is no web
// site.
func TestWhatIsNoSlot(t *testing.T) {
	const reason = `{"kind":"KIND","value":"because of\nthis"}`
	kind := func(k string) string { return strings.Replace(reason, "KIND", k, 1) }
	for name, c := range map[string]struct {
		status int
		header string // the content type
		body   string
		class  failure.Class
		want   string
	}{
		"created":                         {201, "", "", failure.Unreachable, "status 201"},
		"no content":                      {204, "", "", failure.Unreachable, "status 204"},
		"a page":                          {200, "text/html; charset=utf-8", "<html>", failure.Unreachable, "a web page"},
		"a page of no type":               {200, "", "<!doctype html><p>Log in", failure.Unreachable, "a web page"},
		"200 without end":                 {200, "text/plain", strings.Repeat("x", 65<<10), failure.Unreachable, "more than 64 KB"},
		"an error without end":            {500, "application/json", `{"kind":"failed_lock","value":"` + strings.Repeat("x", 65<<10), failure.Unreachable, "more than 64 KB"},
		"a redirect":                      {307, "", "", failure.Unreachable, `a redirect to "https://elsewhere/"`},
		"not found by a proxy":            {404, "text/html", "<html>", failure.Unreachable, "status 404 with a web page"},
		"not found":                       {404, "text/plain", "404 page not found", failure.Unreachable, "status 404"},
		"bad gateway":                     {502, "text/html", "<html>", failure.Unreachable, "status 502"},
		"too many":                        {429, "application/json", kind("slow_down"), failure.Unreachable, "because of\\nthis"},
		"internal":                        {500, "application/json", kind("internal_error"), failure.Unreachable, "because of\\nthis"},
		"an error of another form":        {500, "application/json", `["failed_lock"]`, failure.Unreachable, "status 500"},
		"null":                            {500, "application/json", `null`, failure.Unreachable, "status 500"},
		"wrong types":                     {500, "application/json", `{"kind":7,"value":{}}`, failure.Unreachable, "status 500"},
		"etcd in trouble":                 {500, "text/plain", `{"kind":"failed_lock","value":"etcdserver: request timed out"}`, failure.Unreachable, "etcdserver: request timed out"},
		"locked without a word":           {423, "", "", failure.NotNow, "status 423"},
		"full, by the protocol's example": {400, "application/json", kind("failed_lock_semaphore_full"), failure.NotNow, "because of\\nthis"},
		"a long reason":                   {423, "application/json", `{"kind":"lock_held","value":"` + strings.Repeat("y", 9999) + `"}`, failure.NotNow, strings.Repeat("y", 200) + "…"},
		"a page of a strange type":        {200, "text/html; charset", "Welcome", failure.Unreachable, "a web page"},
		"text of a page's type":           {200, "text/html", "Welcome", failure.Unreachable, "a web page"},
		"several choices":                 {300, "", "", failure.Unreachable, `a redirect to "https://elsewhere/"`},
		"accepted, with a kind":           {202, "application/json", kind("queued"), failure.Unreachable, "because of\\nthis"},
		"a kind beside a wrong type":      {500, "application/json", `{"kind":"lock_held","value":7}`, failure.Unreachable, "status 500"},
		"held, with another status":       {409, "application/json", kind("lock_held"), failure.NotNow, "because of\\nthis"},
		"a failure of another sort":       {400, "application/json", kind("failed_lock_syntax"), failure.Setup, "because of\\nthis"},
		"something else that is full":     {400, "application/json", kind("disk_full"), failure.Setup, "because of\\nthis"},
		"no login, with a page":           {401, "text/html", "<html>", failure.Denied, "status 401"},
		"denied":                          {403, "text/html", "<html>", failure.Denied, "status 403"},
		"no login":                        {401, "application/json", kind("no_token"), failure.Denied, "because of\\nthis"},
		"refused":                         {400, "application/json", kind("invalid_client_identity"), failure.Setup, "refuses the request: because of\\nthis"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t}
				n := 0
				l := client(t, "i-1", handler{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					n++
					w.Header()["Content-Type"] = nil // nothing is guessed
					if c.header != "" {
						w.Header().Set("Content-Type", c.header)
					}
					w.Header().Set("Location", "https://elsewhere/")
					w.WriteHeader(c.status)
					fmt.Fprint(w, c.body)
				})})
				held, err := l.Acquire(w.until(time.Minute), lock.Look{Group: web}, 1)
				w.wantClass(err, c.class)
				if held.Valid() || err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %q in it", err, c.want)
				}
				if again := c.class == failure.Unreachable; again != (n > 1) {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

// refusing is a network on which nothing listens.
type refusing struct{ err error }

func (r refusing) RoundTrip(*http.Request) (*http.Response, error) { return nil, r.err }

func TestAFleetLockServerOutOfReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		l := client(t, "i-1", refusing{errors.New("connection refused")})
		began := time.Now()
		_, err := l.Acquire(w.until(time.Minute), lock.Look{Group: web}, 1)
		w.wantClass(err, failure.Unreachable)
		if want := "https://lock.example.com/base/ does not answer (12 attempts), last: connection refused"; err == nil || err.Error() != want || time.Since(began) != time.Minute {
			t.Errorf("%v after %s, want %s", err, time.Since(began), want)
		}
		w.wantClass(l.Check(w.until(time.Second), web), failure.Unreachable)
	})
}

// The last word is that of a request that ended by itself, not that our own time is over.
func TestTheLastReasonIsTheServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		n := 0
		l := client(t, "i-1", handler{http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if n++; n > 1 {
				<-req.Context().Done()
			}
			http.Error(w, "starting", http.StatusServiceUnavailable)
		})})
		_, err := l.Acquire(w.until(20*time.Second), lock.Look{Group: web}, 1)
		if want := "https://lock.example.com/base/ does not answer (2 attempts), last: status 503"; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	})
}

// A server that says yes to what no client of the protocol sends is none.
func TestSomethingThatAcceptsEverything(t *testing.T) {
	w := &world{t: t}
	l := client(t, "i-1", handler{http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
	err := l.Check(w.until(time.Hour), web)
	w.wantClass(err, failure.Setup)
	if err == nil || !strings.Contains(err.Error(), "accepts requests that are not of the FleetLock protocol") {
		t.Errorf("%v", err)
	}
}

// The real transport, over loopback: no redirect is followed, and nothing is asked of where it leads.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "")
	asked := false
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(target.Close)
	server := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	where, err := lock.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lock.New(where, lock.Options{Instance: "i-1"})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t}
	_, err = l.Acquire(w.until(100*time.Millisecond), lock.Look{Group: web}, 1)
	if w.wantClass(err, failure.Unreachable); asked {
		t.Error("the redirect was followed")
	}
}
