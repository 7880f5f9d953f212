package hostlock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Lock is this host, taken. It lasts until Release or the end of the process, however it
// ends, and with a Keeper also until the end of the COMMAND that it started.
type Lock struct {
	folder   *folder
	instance string
	fd       int // of the lock file
	note     int // of the holder file
	holder   Holder
	keeper   *Keeper
	released bool
}

// Take takes the host for a command: a line without secrets, since every user can read
// it. Another run that has the host is a [*BusyError], a folder that cannot be trusted or
// written to a [*PlaceError].
func Take(instance, command string) (*Lock, error) {
	p, err := ownPlace()
	if err != nil {
		return nil, err
	}
	return p.take(instance, command)
}

// HolderOf says who has the host; false: nobody. Only what the kernel confirms counts, and
// only the word of root and of the own user.
func HolderOf(instance string) (Holder, bool, error) {
	p, err := ownPlace()
	if err != nil {
		return Holder{}, false, err
	}
	return p.holderOf(instance)
}

// Check says why Take would fail, other than with a [*BusyError], and changes nothing.
func Check() error {
	p, err := ownPlace()
	if err != nil {
		return err
	}
	return p.check()
}

func (p place) take(instance, command string) (*Lock, error) {
	if err := checkName(instance); err != nil {
		return nil, err
	}
	f, err := p.open(true)
	if err != nil {
		return nil, err
	}
	l := &Lock{folder: f, instance: instance, fd: -1, note: -1}
	if err := l.take(command); err != nil {
		l.drop(l.fd >= 0)
		return nil, err
	}
	return l, nil
}

func (l *Lock) take(command string) error {
	fd, err := l.folder.lock(l.instance + ".lock")
	if errors.Is(err, unix.EWOULDBLOCK) {
		h, _, err := l.folder.read(l.instance)
		if err != nil {
			return err
		}
		h.UID = l.folder.uid
		return &BusyError{Instance: l.instance, Holder: h}
	}
	if err != nil {
		return err
	}
	l.fd = fd
	l.holder = Holder{PID: os.Getpid(), Command: bounded(command, maxCommand), Since: time.Now()}
	if l.note, err = l.folder.publish(l.instance, l.holder); err != nil {
		return err
	}
	h, held, err := l.folder.seniorHolder(l.instance)
	if held {
		err = &BusyError{Instance: l.instance, Holder: h}
	}
	return err
}

// Release frees the host, or leaves it to the keeper as long as its COMMAND lives. Nothing
// stays behind in the folder. A second Release does nothing.
func (l *Lock) Release() {
	if l.released {
		return
	}
	l.released = true
	ended := l.keeper == nil || l.keeper.idle()
	if l.keeper != nil {
		l.keeper.close()
	}
	l.drop(ended)
}

// drop closes everything. With free, the lock goes even if a keeper that has not yet
// noticed the end of its COMMAND has it open; the files go before, while they are ours.
func (l *Lock) drop(free bool) {
	if free {
		_ = unix.Unlinkat(l.folder.fd, l.instance+".holder", 0)
		_ = unix.Unlinkat(l.folder.fd, l.instance+".lock", 0)
	}
	for _, fd := range []int{l.note, l.fd} {
		if fd < 0 {
			continue
		}
		if free {
			_ = unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_UNLCK})
			_ = unix.Flock(fd, unix.LOCK_UN)
		}
		_ = unix.Close(fd)
	}
	l.folder.close()
}

// lock makes and locks a file; unix.EWOULDBLOCK: another process has it. Whoever frees a
// lock deletes its file first, so the one that was opened may no longer be the one there.
func (f *folder) lock(name string) (int, error) {
	for {
		fd, err := f.openOwn(name, unix.O_RDWR|unix.O_CREAT, 0o600, 0o077)
		if err != nil {
			return -1, err
		}
		if err := f.flock(fd, name); err == nil {
			return fd, nil
		} else if !errors.Is(err, errReplaced) {
			unix.Close(fd)
			return -1, err
		}
		unix.Close(fd)
	}
}

var errReplaced = errors.New("replaced meanwhile")

func (f *folder) flock(fd int, name string) error {
	if err := retried(func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) }); err != nil {
		return err
	}
	var mine, there unix.Stat_t
	if err := unix.Fstat(fd, &mine); err != nil {
		return err
	}
	err := unix.Fstatat(f.fd, name, &there, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) || err == nil && (mine.Dev != there.Dev || mine.Ino != there.Ino) {
		return errReplaced
	}
	return err
}

// openOwn opens a file of the folder without following a link and without waiting, and
// refuses one whose mode has any bit of tooOpen.
func (f *folder) openOwn(name string, flags int, mode, tooOpen uint32) (int, error) {
	path := filepath.Join(f.path, name)
	fd, err := unix.Openat(f.fd, name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, mode)
	switch {
	case errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EISDIR):
		return -1, &PlaceError{Path: path, Reason: "is not a regular file", Hint: "remove it"}
	case errors.Is(err, unix.EROFS) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM):
		return -1, &PlaceError{Path: path, Reason: "cannot be opened", Err: err, Hint: fmt.Sprintf("let uid %d write to %s", f.uid, f.path)}
	case err != nil:
		return -1, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if err := f.checkFile(fd, name, tooOpen); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// check asks whether the folder, or the nearest one above it that is there, can be
// written to.
func (p place) check() error {
	f, err := p.open(false)
	path := p.path
	switch {
	case err == nil:
		f.close()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	default:
		for path = filepath.Dir(path); !exists(path); {
			path = filepath.Dir(path)
		}
	}
	if err := unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return &PlaceError{Path: path, Reason: "cannot be written to", Err: err, Hint: fmt.Sprintf("let uid %d write to it", p.uid)}
	}
	return nil
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }

// retried repeats what a signal interrupted.
func retried(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
