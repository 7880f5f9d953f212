package hostlock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// rootsFolder is where root's runs lock. Its parent is root's on every Linux, and empty
// after a reboot.
const rootsFolder = "/run/balanced"

// place is the folder of one user's locks.
type place struct {
	path   string // absolute
	uid    int    // whose it is
	mode   uint32 // that it is made with
	senior *place // whose locks are respected besides; nil: nobody's
}

// ownPlace is where this process locks.
func ownPlace() (place, error) {
	uid := os.Geteuid()
	if uid == 0 {
		return place{path: rootsFolder, mode: 0o755}, nil
	}
	path, err := privateFolder(uid)
	return place{path: path, uid: uid, mode: 0o700, senior: &place{path: rootsFolder, mode: 0o755}}, err
}

// privateFolder is where a user who is not root locks.
func privateFolder(uid int) (string, error) {
	home := os.Getenv("HOME") // of users that only a directory service knows
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		home = u.HomeDir
	}
	path, err := ownFolder(home, uid)
	if err == nil {
		return filepath.Join(path, ".balanced"), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", &PlaceError{Path: home, Reason: "cannot be used", Err: err, Hint: "run balanced as root, or let it read the home folder of uid " + strconv.Itoa(uid)}
	}
	path, err = ownFolder(os.Getenv("XDG_RUNTIME_DIR"), uid)
	if err != nil {
		return "", &PlaceError{
			Path: home, Reason: fmt.Sprintf("is no home of uid %d, and XDG_RUNTIME_DIR names no folder of it", uid),
			Hint: "run balanced as root, or set XDG_RUNTIME_DIR to a folder that only this user can write to",
		}
	}
	return filepath.Join(path, "balanced"), nil
}

// ownFolder is path without links in it, if it is a folder of that user. What it resolves
// to is checked again when it is opened.
func ownFolder(path string, uid int) (string, error) {
	if !filepath.IsAbs(path) {
		return "", fs.ErrNotExist
	}
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return "", err
	}
	if int(st.Uid) != uid || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return "", fs.ErrNotExist
	}
	return path, nil
}

// folder is an open place. The descriptor is good for what is in it alone (O_PATH).
type folder struct {
	place
	fd int
}

func (f *folder) close() { _ = unix.Close(f.fd) }

// open opens the folder without following a link anywhere on the way, and makes sure that
// only its owner and root can change it or put another in its place. With create, what is
// missing is made. Without, a missing folder is fs.ErrNotExist.
func (p place) open(create bool) (*folder, error) {
	fd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("lock of this host: open /: %w", err)
	}
	at := "/"
	for name := range strings.SplitSeq(strings.Trim(filepath.Clean(p.path), "/"), "/") {
		if err := p.checkParent(fd, at); err != nil {
			unix.Close(fd)
			return nil, err
		}
		at = filepath.Join(at, name)
		next, err := p.step(fd, at, create)
		unix.Close(fd)
		if err != nil {
			return nil, err
		}
		fd = next
	}
	f := &folder{place: p, fd: fd}
	if err := f.check(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

const openFolder = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// step opens the folder at, which is in parent.
func (p place) step(parent int, at string, create bool) (int, error) {
	name := filepath.Base(at)
	fd, err := unix.Openat(parent, name, openFolder, 0)
	if create && errors.Is(err, unix.ENOENT) {
		if err = p.make(parent, at); err == nil {
			fd, err = unix.Openat(parent, name, openFolder, 0)
		}
	}
	switch {
	case err == nil:
		return fd, nil
	case errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP):
		return -1, &PlaceError{Path: at, Reason: "is not a folder" + linkTo(parent, name), Hint: "remove it"}
	case errors.Is(err, unix.EROFS):
		return -1, &PlaceError{Path: at, Reason: "cannot be made", Err: err, Hint: "let balanced write to " + filepath.Dir(at) + ": ReadWritePaths= of a systemd unit, --tmpfs of a container"}
	case errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM):
		return -1, &PlaceError{Path: at, Reason: "cannot be used", Err: err, Hint: fmt.Sprintf("make %s a folder of uid %d, mode %04o", at, p.uid, p.mode)}
	}
	return -1, &fs.PathError{Op: "open", Path: at, Err: err}
}

// make makes one folder, with its mode whatever the umask is: others must be able to read
// who the holder is. Another process may just have made it.
func (p place) make(parent int, at string) error {
	mode := uint32(0o755)
	if at == p.path {
		mode = p.mode
	}
	err := unix.Mkdirat(parent, filepath.Base(at), mode)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	if err != nil {
		return err
	}
	return unix.Fchmodat(parent, filepath.Base(at), mode, 0)
}

func linkTo(parent int, name string) string {
	var st unix.Stat_t
	if unix.Fstatat(parent, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return " but a symbolic link"
	}
	return ""
}

// checkParent: who can write to a folder can replace what is in it, unless it is sticky as
// /tmp is.
func (p place) checkParent(fd int, path string) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("lock of this host: stat %s: %w", path, err)
	}
	if st.Uid != 0 && int(st.Uid) != p.uid {
		return wrongOwner(path, st.Uid, p.uid)
	}
	if st.Mode&0o022 != 0 && st.Mode&unix.S_ISVTX == 0 {
		return writable(path, st.Mode)
	}
	return nil
}

func (f *folder) check() error {
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return fmt.Errorf("lock of this host: stat %s: %w", f.path, err)
	}
	if int(st.Uid) != f.uid {
		return wrongOwner(f.path, st.Uid, f.uid)
	}
	if st.Mode&0o022 != 0 {
		return writable(f.path, st.Mode)
	}
	return nil
}

// checkFile makes sure that what was opened is a plain file of the folder's owner. How many
// names it has does not matter: a hard link elsewhere opens for nobody whom its mode keeps
// out, and refusing it would let others block the host.
func (f *folder) checkFile(fd int, name string, tooOpen uint32) error {
	path := filepath.Join(f.path, name)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("lock of this host: stat %s: %w", path, err)
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return &PlaceError{Path: path, Reason: "is not a regular file", Hint: "remove it"}
	case int(st.Uid) != f.uid:
		return wrongOwner(path, st.Uid, f.uid)
	case st.Mode&tooOpen != 0:
		return &PlaceError{Path: path, Reason: fmt.Sprintf("has mode %04o: it is open to others", st.Mode&0o7777), Hint: "remove it while no balanced runs"}
	}
	return nil
}

func wrongOwner(path string, is uint32, want int) error {
	return &PlaceError{Path: path, Reason: fmt.Sprintf("belongs to uid %d, not to uid %d", is, want), Hint: fmt.Sprintf("give it to uid %d, or remove it", want)}
}

func writable(path string, mode uint32) error {
	return &PlaceError{Path: path, Reason: fmt.Sprintf("has mode %04o: others can write to it", mode&0o7777), Hint: "chmod go-w " + path}
}
