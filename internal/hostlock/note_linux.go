package hostlock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// maxNote is how much of a holder file is read. Its writers add at most three lines of
// about 4 KB: on taking, on starting COMMAND, and after a kill.
const maxNote = 16 << 10

// note is one line of a holder file; the last whole one counts. Lines are added and never
// changed, so that a reader sees either the old or the new.
type note struct {
	PID       int       `json:"pid"`
	Command   string    `json:"command"`
	Since     time.Time `json:"since"`
	Work      int       `json:"work,omitempty"`
	Name      string    `json:"name,omitempty"`
	Namespace uint64    `json:"pid_namespace,omitempty"`
}

func noteOf(h Holder) note {
	return note{PID: h.PID, Command: h.Command, Since: h.Since, Work: h.Work.PID, Name: h.Work.Name, Namespace: pidNamespace()}
}

func (n note) holder(uid int) Holder {
	return Holder{
		PID: n.PID, UID: uid, Command: bounded(n.Command, maxCommand), Since: n.Since,
		Work: Work{PID: n.Work, Name: bounded(n.Name, maxCommand)}, Elsewhere: n.Namespace != 0 && n.Namespace != pidNamespace(),
	}
}

// pidNamespace tells PID namespaces apart; 0: not known.
func pidNamespace() uint64 {
	var st unix.Stat_t
	if unix.Stat("/proc/self/ns/pid", &st) != nil {
		return 0
	}
	return st.Ino
}

// publish makes the holder file anew. The lock on it is older than its mode: before, only
// the owner can open it, and afterwards nobody can lock it. The caller has the lock file.
func (f *folder) publish(instance string, h Holder) (int, error) {
	name, tmp := instance+".holder", instance+".new"
	_ = unix.Unlinkat(f.fd, tmp, 0) // of a run that was killed just here
	fd, err := f.openOwn(tmp, unix.O_RDWR|unix.O_APPEND|unix.O_CREAT|unix.O_EXCL, 0o600, 0o077)
	if err != nil {
		return -1, err
	}
	err = unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	if err == nil {
		err = add(fd, h)
	}
	if err == nil {
		err = unix.Fchmod(fd, 0o644)
	}
	if err == nil {
		err = unix.Renameat(f.fd, tmp, f.fd, name)
	}
	if err != nil {
		_ = unix.Unlinkat(f.fd, tmp, 0)
		unix.Close(fd)
		return -1, &fs.PathError{Op: "write", Path: filepath.Join(f.path, name), Err: err}
	}
	return fd, nil
}

// add writes one line.
func add(fd int, h Holder) error {
	line, err := json.Marshal(noteOf(h))
	if err != nil {
		return err
	}
	line = append(line, '\n')
	n, err := unix.Write(fd, line)
	if err == nil && n < len(line) {
		err = unix.ENOSPC
	}
	return err
}

// holderOf is the holder in the senior place, if there is one, or in this one.
func (p place) holderOf(instance string) (Holder, bool, error) {
	if err := checkName(instance); err != nil {
		return Holder{}, false, err
	}
	if h, held, err := p.seniorHolder(instance); held || err != nil {
		return h, held, err
	}
	f, err := p.open(false)
	if errors.Is(err, fs.ErrNotExist) {
		return Holder{}, false, nil
	}
	if err != nil {
		return Holder{}, false, err
	}
	defer f.close()
	return f.read(instance)
}

// seniorHolder is the holder in the senior place. Nobody can hold the host in one that is
// not to be trusted: root's own run refuses it.
func (p place) seniorHolder(instance string) (Holder, bool, error) {
	if p.senior == nil {
		return Holder{}, false, nil
	}
	h, held, err := p.senior.holderOf(instance)
	if _, unsafe := errors.AsType[*PlaceError](err); unsafe {
		err = nil
	}
	return h, held, err
}

// read reads the holder file. Where root has closed its folder to others, they see nobody.
func (f *folder) read(instance string) (Holder, bool, error) {
	fd, err := f.openOwn(instance+".holder", unix.O_RDONLY, 0, 0o022)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) && f.uid != os.Geteuid() {
		return Holder{}, false, nil
	}
	if err != nil {
		return Holder{}, false, err
	}
	defer unix.Close(fd)
	if held, err := writeLocked(fd); !held || err != nil {
		return Holder{}, false, err
	}
	text := make([]byte, maxNote)
	n, err := unix.Pread(fd, text, 0)
	if err != nil {
		return Holder{}, false, fmt.Errorf("lock of this host: read %s.holder: %w", instance, err)
	}
	return lastNote(text[:n]).holder(f.uid), true, nil
}

// writeLocked asks the kernel whether the writer of the file lives. Shared locks, which
// every reader can take, do not count: one lock of that kind does not conflict with them.
func writeLocked(fd int) (bool, error) {
	lk := unix.Flock_t{Type: unix.F_RDLCK}
	if err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &lk); err != nil {
		return false, fmt.Errorf("lock of this host: ask for the holder: %w", err)
	}
	return lk.Type == unix.F_WRLCK, nil
}

// lastNote is the last line that is whole and makes sense; without one, nothing is known.
func lastNote(text []byte) note {
	var last note
	for {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			return last
		}
		var n note
		if json.Unmarshal(line, &n) == nil {
			last = n
		}
		text = rest
	}
}
