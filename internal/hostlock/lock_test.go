//go:build linux

package hostlock

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func TestASecondTakeNamesTheHolder(t *testing.T) {
	p := newPlace(t)
	first := start(t, os.Geteuid(), "hold", p.path)
	first.want("taken")

	h := mustBeTaken(t, p)
	if h.PID != first.cmd.Process.Pid || h.UID != os.Geteuid() || h.Command != "balanced out --timeout 5m" || h.Since.IsZero() || h.Elsewhere {
		t.Errorf("holder %+v, want PID %d and its command line", h, first.cmd.Process.Pid)
	}
	if seen, held, err := p.holderOf(instance); !held || err != nil || seen != h {
		t.Errorf("HolderOf: %+v %v %v, want %+v", seen, held, err, h)
	}
	other, err := p.take("i-0c4", "balanced out")
	if err != nil {
		t.Fatalf("another instance: %v", err)
	}
	other.Release()
}

func TestReleaseFreesAndLeavesNothingBehind(t *testing.T) {
	p := newPlace(t)
	l := mustTake(t, p)
	l.Release()
	l.Release()
	if left, _ := os.ReadDir(p.path); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	mustTake(t, p).Release()
}

func TestKillingTheHolderFreesTheHost(t *testing.T) {
	p := newPlace(t)
	first := start(t, os.Geteuid(), "hold", p.path)
	first.want("taken")
	first.kill()
	if _, err := os.Stat(filepath.Join(p.path, instance+".holder")); err != nil {
		t.Fatalf("no stale holder file: the test shows nothing: %v", err)
	}
	if h, held, err := p.holderOf(instance); held || err != nil {
		t.Errorf("the dead is shown as holder: %+v %v", h, err)
	}
	mustTake(t, p).Release()
}

// What a reader may lock, it may lock: that makes nobody a holder.
func TestAReadersLockIsNoHolder(t *testing.T) {
	p := newPlace(t)
	first := start(t, os.Geteuid(), "hold", p.path)
	first.want("taken")
	f, err := os.Open(filepath.Join(p.path, instance+".holder"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	shared := unix.Flock_t{Type: unix.F_RDLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &shared); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("a reader's lock on a live holder's file: %v, want EAGAIN", err)
	}
	first.kill()
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &shared); err != nil {
		t.Fatal(err)
	}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); !errors.Is(err, unix.EBADF) {
		t.Errorf("a writer's lock without write access: %v, want EBADF", err)
	}
	if h, held, err := p.holderOf(instance); held || err != nil {
		t.Errorf("a reader's lock made a holder of %+v (%v)", h, err)
	}
	l := mustTake(t, p)
	defer l.Release()
	if h := mustBeTaken(t, p); h.PID != os.Getpid() {
		t.Errorf("holder %+v, want this process", h)
	}
}

// Files are deleted on release, so a run may lock one that is no longer there.
func TestNeverTwoAtOnce(t *testing.T) {
	p := newPlace(t)
	var inside, taken atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				l, err := p.take(instance, "balanced out")
				if busy := new(BusyError); errors.As(err, &busy) {
					continue
				} else if err != nil {
					t.Error(err)
					return
				}
				taken.Add(1)
				if inside.Add(1) != 1 {
					t.Error("two have the host")
				}
				inside.Add(-1)
				l.Release()
			}
		})
	}
	all.Wait()
	t.Logf("%d of 1600 took it", taken.Load())
}

func TestASectionHoldsOneAtATimeAndLosesNobody(t *testing.T) {
	p := newPlace(t)
	count, inside := 0, atomic.Int32{}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 25 {
				leave, err := p.section("metrics")
				if err != nil {
					t.Error(err)
					return
				}
				if inside.Add(1) != 1 {
					t.Error("two in the section")
				}
				count++
				inside.Add(-1)
				leave()
			}
		})
	}
	all.Wait()
	if count != 200 {
		t.Errorf("%d were in the section, want 200", count)
	}
	if left, _ := os.ReadDir(p.path); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWhatIsNoInstanceID(t *testing.T) {
	p := newPlace(t)
	for _, name := range []string{"", ".", "..", "../i-0c3", "i/0c3", "i-0c3\n", "i-\x00", ".i-0c3", string(make([]byte, 200))} {
		if _, err := p.take(name, "balanced out"); err == nil {
			t.Errorf("%q was taken", name)
		}
		if _, _, err := p.holderOf(name); err == nil {
			t.Errorf("%q has a holder", name)
		}
	}
}
