package cli

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/logging"
	"balanced/internal/rotation"
)

// buffer may be read while others write to it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var draining = rotation.Progress{Step: "drain", Waiting: "i-0abc is still draining at web", Elapsed: 5 * time.Second, Limit: 12 * time.Minute}

// A silent five-minute ssh session is forgotten on the way; a chatty log is read by nobody.
func TestWithoutATerminalOneLineAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &buffer{}
		s := newScreen(w, 0)
		log, _ := logging.New(s, "info", logging.Console)
		progress, stop := s.follow(t.Context(), log)
		for range 21 { // for five minutes and a little, a look every 15 s
			progress(draining)
			time.Sleep(15 * time.Second)
		}
		stop()
		if n := strings.Count(w.String(), "waiting: i-0abc is still"); n != 6 {
			t.Errorf("%d lines in five minutes, want one at once and one a minute:\n%s", n, w)
		}
		if strings.ContainsAny(w.String(), "\x1b\r") {
			t.Errorf("redrawn without a terminal: %q", w)
		}
	})
}

// Looks become sparse in the middle of a long drain; the signs of life do not.
func TestASignOfLifeBetweenLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &buffer{}
		s := newScreen(w, 0)
		log, _ := logging.New(s, "info", logging.Console)
		progress, stop := s.follow(t.Context(), log)
		progress(draining)
		time.Sleep(3*time.Minute + time.Second)
		stop()
		if n := strings.Count(w.String(), "waiting: i-0abc"); n != 4 || !strings.Contains(w.String(), "elapsed=3m5s") {
			t.Errorf("%d lines in three minutes after one look, want 4, the last at 3m5s:\n%s", n, w)
		}
	})
}

func TestOnATerminalOneLineIsRedrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &buffer{}
		s := newScreen(w, 40)
		log, _ := logging.New(s, "info", logging.Console)
		progress, stop := s.follow(t.Context(), log)
		progress(draining)
		time.Sleep(1500 * time.Millisecond)
		log.Info("lifecycle state changed")
		time.Sleep(time.Second)
		stop()
		got := w.String()
		if n := strings.Count(got, "\n"); n != 1 {
			t.Errorf("%d lines, want the log's alone: %q", n, got)
		}
		for _, line := range strings.FieldsFunc(got, func(r rune) bool { return r == '\r' || r == '\n' }) {
			if status := strings.TrimPrefix(line, "\x1b[K"); strings.Contains(status, "of at most") && len(status) > 39 {
				t.Errorf("%d columns on a terminal of 40: %q", len(status), status)
			}
		}
		if !strings.Contains(got, eraseLine+"5s of at most 12m") || !strings.Contains(got, eraseLine+"6s of at most 12m") {
			t.Errorf("the clock does not run: %q", got)
		}
		if i := strings.Index(got, "lifecycle state"); !strings.HasSuffix(got[:i-len("00:00:00 ")], eraseLine) {
			t.Errorf("the log line is written into the status line: %q", got)
		}
		if !strings.HasSuffix(got, eraseLine) {
			t.Errorf("the status line is left behind: %q", got)
		}
	})
}

func TestFollowEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newScreen(&buffer{}, 0)
		log, _ := logging.New(s, "info", logging.Console)
		progress, stop := s.follow(ctx, log)
		cancel()
		progress(draining) // must not hang
		stop()
	})
}

func TestTheLiveLineSaysHowLongAndWhatEachLoadBalancerSays(t *testing.T) {
	for want, p := range map[string]rotation.Progress{
		"5s of at most 12m: i-1 is Pending": {Waiting: "i-1 is Pending", Elapsed: 5 * time.Second, Limit: 12 * time.Minute},
		"5s of at most 12m, about 20s left: app draining, old deregistered": {
			Waiting: "i-1 is still draining at app", Balancers: "app draining, old deregistered", Elapsed: 5 * time.Second, Left: 20 * time.Second, Limit: 12 * time.Minute,
		},
		"29s of at most 12m: app draining": {Balancers: "app draining", Elapsed: 29 * time.Second, Left: 400 * time.Millisecond, Limit: 12 * time.Minute},
	} {
		if got := status(p); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What the log has just said is not said again at once.
func TestWhatTheLogHasSaidIsNotRepeatedWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &buffer{}
		s := newScreen(w, 0)
		log, _ := logging.New(s, "info", logging.Console)
		progress, stop := s.follow(t.Context(), log)
		logged := draining
		logged.Logged = true
		progress(logged)
		synctest.Wait()
		if w.String() != "" {
			t.Errorf("said again: %q", w)
		}
		time.Sleep(speakEvery)
		stop()
		if !strings.Contains(w.String(), "waiting: i-0abc") {
			t.Errorf("silent a minute later: %q", w)
		}
	})
}
