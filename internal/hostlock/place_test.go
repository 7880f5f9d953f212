//go:build linux

package hostlock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The home folder comes first: it is the same for a shell, cron and a service.
func TestWhereAUserLocks(t *testing.T) {
	needRoot(t)
	const unlisted = 4242 // not in the password database, so that HOME counts
	home, runtime, others := filepath.Dir(newPlace(t).path), filepath.Dir(newPlace(t).path), filepath.Dir(newPlace(t).path)
	for path, uid := range map[string]int{home: unlisted, runtime: unlisted, others: 1} {
		if err := os.Chown(path, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	link := home + ".link"
	if err := os.Symlink(home, link); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		uid           int
		home, runtime string
		want          string
	}{
		{0, others, others, "/run/balanced <nil>"},
		{unlisted, home, runtime, home + "/.balanced <nil>"},
		{unlisted, link, runtime, home + "/.balanced <nil>"},
		{unlisted, "/none/such", runtime, runtime + "/balanced <nil>"},
		{unlisted, others, runtime, runtime + "/balanced <nil>"},
		{unlisted, "/", runtime, runtime + "/balanced <nil>"},
		{unlisted, "", runtime, runtime + "/balanced <nil>"},
		{unlisted, others, others, " lock of this host: " + others + " is no home of uid 4242, and XDG_RUNTIME_DIR names no folder of it"},
		{unlisted, "relative", "", " lock of this host: relative is no home of uid 4242, and XDG_RUNTIME_DIR names no folder of it"},
	} {
		p := startWith(t, tt.uid, []string{"HOME=" + tt.home, "XDG_RUNTIME_DIR=" + tt.runtime}, "place")
		p.want(tt.want)
	}
}

// Neither the umask nor a missing parent keeps others from seeing who the holder is.
func TestTheFolderIsMadeForOthersToRead(t *testing.T) {
	p := newPlace(t)
	p.path = filepath.Join(p.path, "balanced")
	old := unix.Umask(0o077)
	l, err := p.take(instance, "balanced out")
	unix.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	above, file := filepath.Dir(p.path), filepath.Join(p.path, instance+".lock")
	for path, want := range map[string]os.FileMode{
		above:  0o755 | os.ModeDir,
		p.path: 0o755 | os.ModeDir,
		file:   0o600,
		filepath.Join(p.path, instance+".holder"): 0o644,
	} {
		if info, err := os.Lstat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v (%v), want %v", path, info.Mode(), err, want)
		}
	}
}

func TestAReadOnlyPlace(t *testing.T) {
	needRoot(t)
	p := newPlace(t)
	dir := filepath.Dir(p.path)
	if err := unix.Mount("none", dir, "tmpfs", unix.MS_RDONLY, "mode=755"); err != nil {
		t.Skip("cannot mount a tmpfs: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	_, err := p.take(instance, "balanced out")
	for name, err := range map[string]error{"Take": err, "Check": p.check()} {
		if unsafe := new(PlaceError); !errors.As(err, &unsafe) || !errors.Is(err, unix.EROFS) || unsafe.Hint == "" {
			t.Errorf("%s: %v, want a PlaceError: read-only", name, err)
		}
	}
}

// A full tmpfs is no reason to go on without saying who has the host.
func TestAFullPlace(t *testing.T) {
	needRoot(t)
	p := newPlace(t)
	dir := filepath.Dir(p.path)
	if err := unix.Mount("none", dir, "tmpfs", 0, "mode=755,nr_blocks=1"); err != nil {
		t.Skip("cannot mount a tmpfs: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	if err := os.WriteFile(filepath.Join(dir, "full"), make([]byte, os.Getpagesize()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.take(instance, "balanced out"); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v, want no space left", err)
	}
	if left, _ := os.ReadDir(p.path); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCheckChangesNothing(t *testing.T) {
	p := newPlace(t)
	if err := p.check(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(p.path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there now (%v)", p.path, err)
	}
	mustTake(t, p).Release()
	if err := p.check(); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(p.path, 0o777); err != nil {
		t.Fatal(err)
	}
	if unsafe := new(PlaceError); !errors.As(p.check(), &unsafe) {
		t.Error("a folder that others write to passes")
	}
}

// A reader may come in the middle of a write, and a file may be damaged.
func TestTheLastWholeNoteCounts(t *testing.T) {
	const one, two = `{"pid":1,"command":"a"}` + "\n", `{"pid":2,"command":"b"}` + "\n"
	for text, want := range map[string]int{
		"": 0, one: 1, one + two: 2, one + two[:10]: 1, one + strings.TrimSuffix(two, "\n"): 1,
		"\x00\x00\n" + one: 1, one + "damaged\n": 1, `{"pid":"x"}` + "\n": 0,
	} {
		if got := lastNote([]byte(text)).PID; got != want {
			t.Errorf("%q: PID %d, want %d", text, got, want)
		}
	}
}

func TestALongCommandIsCut(t *testing.T) {
	p := newPlace(t)
	l, err := p.take(instance, strings.Repeat("\x01", maxCommand-1)+"é and more")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if h := mustBeTaken(t, p); h.Command != strings.Repeat("\x01", maxCommand-1) {
		t.Errorf("command %q of %d bytes", h.Command, len(h.Command))
	}
}

func TestWhatAHolderIsCalled(t *testing.T) {
	since := time.Date(2026, 9, 1, 3, 4, 5, 6, time.UTC)
	for want, h := range map[string]Holder{
		`another balanced of uid 7`:                                                                   {UID: 7},
		`"balanced in" (pid 8) of uid 0, since 2026-09-01T03:04:05Z`:                                  {PID: 8, Command: "balanced in", Since: since},
		`"balanced run" (pid 8) and its "chef-client" (pid 9) of uid 0, since 2026-09-01T03:04:05Z`:   {PID: 8, Command: "balanced run", Since: since, Work: Work{9, "chef-client"}},
		`"chef-client" (pid 9), left by a killed "balanced run" of uid 0, since 2026-09-01T03:04:05Z`: {Command: "balanced run", Since: since, Work: Work{9, "chef-client"}},
		`"a\x1b[2J\u202e\n" (pid 8) of uid 0, since 2026-09-01T03:04:05Z, in another PID namespace`:   {PID: 8, Command: "a\x1b[2J\u202e\n", Since: since, Elsewhere: true},
	} {
		if got := fmt.Sprint(h); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
