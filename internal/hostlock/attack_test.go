//go:build linux

package hostlock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
}

// attack is what another user can try next to the lock. It prints what each attempt got,
// and keeps every lock that it got until its input ends.
func attack(dir string) int {
	lock, holder := filepath.Join(dir, instance+".lock"), filepath.Join(dir, instance+".holder")
	own := "/tmp/" // another file system where /run is a tmpfs: the link fails there anyway
	for _, try := range []struct {
		name string
		do   func() error
	}{
		{"open the lock", func() error { return opened(lock, unix.O_RDONLY) }},
		{"write the lock", func() error { return opened(lock, unix.O_RDWR) }},
		{"write the holder", func() error { return opened(holder, unix.O_RDWR) }},
		{"make a file", func() error { return opened(filepath.Join(dir, "i-new.lock"), unix.O_RDWR|unix.O_CREAT) }},
		{"make a link", func() error { return os.Symlink("/etc/passwd", filepath.Join(dir, "i-new.lock")) }},
		{"make a FIFO", func() error { return unix.Mkfifo(filepath.Join(dir, "i-new.lock"), 0o666) }},
		{"make a folder", func() error { return os.Mkdir(filepath.Join(dir, "i-new.lock"), 0o777) }},
		{"delete the lock", func() error { return os.Remove(lock) }},
		{"rename the holder", func() error { return os.Rename(holder, holder+".old") }},
		{"rename the folder", func() error { return os.Rename(dir, dir+".old") }},
		{"hard-link the lock", func() error {
			to := fmt.Sprintf("%sbalanced-test-%d", own, os.Getpid())
			defer os.Remove(to)
			return os.Link(lock, to)
		}},
		{"lock the folder", func() error { return locked(dir, unix.LOCK_EX) }},
		{"lock the holder", func() error { return locked(holder, unix.LOCK_EX) }},
	} {
		fmt.Printf("%s: %v\n", try.name, underlying(try.do()))
	}
	fmt.Println("done")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

func opened(path string, flags int) error {
	fd, err := unix.Open(path, flags, 0o666)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// locked takes every kind of lock that the right to read allows, and keeps it.
func locked(path string, how int) error {
	fd, err := unix.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	_ = unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_RDLCK})
	return unix.Flock(fd, how|unix.LOCK_NB)
}

func underlying(err error) error {
	if errno := unix.Errno(0); errors.As(err, &errno) {
		return errno
	}
	return err
}

// Another user sees the holder, can lock what they can read, and nothing follows from it.
func TestAnotherUserCanNeitherBlockNorPretend(t *testing.T) {
	needRoot(t)
	for _, free := range []bool{false, true} {
		t.Run(fmt.Sprintf("host free %v", free), func(t *testing.T) {
			p := newPlace(t)
			first := start(t, 0, "hold", p.path)
			first.want("taken")
			if free {
				first.kill() // its files stay, stale
			}
			attacker := start(t, nobody, "attack", p.path)
			for line := attacker.says(); line != "done"; line = attacker.says() {
				t.Log(line)
				if strings.HasSuffix(line, "<nil>") && !strings.HasPrefix(line, "lock the ") {
					t.Errorf("allowed: %s", line)
				}
			}
			if free {
				if h, held, err := p.holderOf(instance); held || err != nil {
					t.Errorf("pretends to hold the host: %+v %v", h, err)
				}
			} else {
				first.kill()
			}
			l := mustTake(t, p)
			defer l.Release()
			if h := mustBeTaken(t, p); h.PID != os.Getpid() {
				t.Errorf("holder %+v, want this process", h)
			}
		})
	}
}

func TestARunWithoutRootRespectsRoots(t *testing.T) {
	needRoot(t)
	roots, theirs := newPlace(t), newPlace(t)
	if err := os.Mkdir(theirs.path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(theirs.path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	root := start(t, 0, "hold", roots.path)
	root.want("taken")
	second := start(t, nobody, "hold", theirs.path, roots.path)
	if line := second.says(); !strings.Contains(line, fmt.Sprintf("(pid %d) of uid 0", root.cmd.Process.Pid)) {
		t.Errorf("%q, want root's run named", line)
	}
	root.kill()
	third := start(t, nobody, "hold", theirs.path, roots.path)
	third.want("taken")
	mustTake(t, roots).Release() // and it does not block root
	third.kill()
	if err := os.Chmod(roots.path, 0o777); err != nil {
		t.Fatal(err)
	}
	start(t, nobody, "hold", theirs.path, roots.path).want("taken") // where root would not lock, root has no lock
}

// Whoever could change the folder, or what leads to it, could free the host or take it.
func TestPlacesThatAreNotTrusted(t *testing.T) {
	needRoot(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		make func(p place)
		want string
	}{
		"another user's folder": {func(p place) { must(os.Mkdir(p.path, 0o755)); must(os.Chown(p.path, nobody, 0)) }, "belongs to uid 65534, not to uid 0"},
		"a folder others write to": {
			func(p place) { must(os.Mkdir(p.path, 0o755)); must(os.Chmod(p.path, os.ModeSticky|0o777)) }, "has mode 1777: others can write to it",
		},
		"a folder a group writes to": {
			func(p place) { must(os.Mkdir(p.path, 0o755)); must(os.Chmod(p.path, 0o775)) }, "has mode 0775: others can write to it",
		},
		"in another user's folder":    {func(p place) { must(os.Chown(filepath.Dir(p.path), nobody, 0)) }, "belongs to uid 65534"},
		"in a folder others write to": {func(p place) { must(os.Chmod(filepath.Dir(p.path), 0o777)) }, "others can write to it"},
		"a link": {
			func(p place) { must(os.Mkdir(p.path+".real", 0o755)); must(os.Symlink(p.path+".real", p.path)) }, "is not a folder but a symbolic link",
		},
		"a link on the way": {func(p place) {
			dir := filepath.Dir(p.path)
			must(os.Rename(dir, dir+".real"))
			must(os.Symlink(dir+".real", dir))
		}, "is not a folder but a symbolic link"},
		"a dangling link":  {func(p place) { must(os.Symlink("/none/such", p.path)) }, "is not a folder but a symbolic link"},
		"a file":           {func(p place) { must(os.WriteFile(p.path, nil, 0o600)) }, "is not a folder"},
		"a FIFO":           {func(p place) { must(unix.Mkfifo(p.path, 0o600)) }, "is not a folder"},
		"a FIFO as lock":   {func(p place) { must(os.Mkdir(p.path, 0o755)); must(unix.Mkfifo(p.lockFile(), 0o600)) }, "is not a regular file"},
		"a folder as lock": {func(p place) { must(os.MkdirAll(p.lockFile(), 0o755)) }, "is not a regular file"},
		"a link as lock":   {func(p place) { must(os.Mkdir(p.path, 0o755)); must(os.Symlink("/etc/passwd", p.lockFile())) }, "is not a regular file"},
		"a device as lock": {func(p place) {
			must(os.Mkdir(p.path, 0o755))
			must(unix.Mknod(p.lockFile(), unix.S_IFCHR|0o600, 0x103))
		}, "is not a regular file"},
		"a lock others open": {func(p place) { must(os.Mkdir(p.path, 0o755)); must(os.WriteFile(p.lockFile(), nil, 0o644)) }, "has mode 0644: it is open to others"},
		"another user's lock": {func(p place) {
			must(os.Mkdir(p.path, 0o755))
			must(os.WriteFile(p.lockFile(), nil, 0o600))
			must(os.Chown(p.lockFile(), nobody, 0))
		}, "belongs to uid 65534"},
	} {
		p := newPlace(t)
		c.make(p)
		_, err := p.take(instance, "balanced out")
		if unsafe := new(PlaceError); !errors.As(err, &unsafe) || !strings.Contains(err.Error(), c.want) || unsafe.Hint == "" {
			t.Errorf("%s: %v, want a PlaceError: %s", name, err, c.want)
		}
	}
}

// Reading is as careful: a FIFO as holder file would block it.
func TestHolderFilesThatAreNotTrusted(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a FIFO":   func(path string) error { return unix.Mkfifo(path, 0o600) },
		"a link":   func(path string) error { return os.Symlink("/etc/passwd", path) },
		"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"one that others write to": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o666))
		},
	} {
		p := newPlace(t)
		if err := errors.Join(os.Mkdir(p.path, 0o755), put(filepath.Join(p.path, instance+".holder"))); err != nil {
			t.Fatal(err)
		}
		h, held, err := p.holderOf(instance)
		if unsafe := new(PlaceError); !errors.As(err, &unsafe) || held {
			t.Errorf("%s: %+v %v %v, want a PlaceError", name, h, held, err)
		}
	}
}

func (p place) lockFile() string { return filepath.Join(p.path, instance+".lock") }

// Deleting one of two names does not matter, and neither does having two: refusing that
// would let others block root where the kernel lets them link (protected_hardlinks 0).
func TestAHardLinkOfTheLockChangesNothing(t *testing.T) {
	p := newPlace(t)
	first := start(t, os.Geteuid(), "hold", p.path)
	first.want("taken")
	elsewhere := filepath.Join(t.TempDir(), "link")
	if err := os.Link(p.lockFile(), elsewhere); err != nil {
		t.Skip("no hard links here: ", err)
	}
	mustBeTaken(t, p)
	first.kill()
	mustTake(t, p).Release()
	if text, err := os.ReadFile(elsewhere); err != nil || len(text) > 0 {
		t.Errorf("the other name holds %q (%v)", text, err)
	}
}
