package safefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// found is a name in an open folder: whatever happens to the path, they stay together.
type found struct {
	path   string // as the caller wrote it
	dir    int    // O_PATH
	name   string // "": the path ends in a folder
	linked bool   // through a link in its place
}

// maxLinks is how many links a path may have, as in the kernel (path_resolution(7)).
const maxLinks = 40

// find walks the path to its folder. With follow, a trusted link in the place of the file
// is followed, too.
func find(path string, follow bool) (*found, error) {
	f := &found{path: path, dir: -1}
	if err := f.walk(follow); err != nil {
		f.close()
		if _, ok := errors.AsType[*KindError](err); ok {
			return nil, err
		}
		if f.linked && errors.Is(err, unix.ENOENT) {
			return nil, &KindError{path, dangling}
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return f, nil
}

func (f *found) close() {
	if f.dir >= 0 {
		_ = unix.Close(f.dir)
	}
}

func (f *found) walk(follow bool) error {
	rest, err := f.path, f.start(f.path)
	for links := 0; err == nil; {
		name, behind, more := strings.Cut(strings.TrimLeft(rest, "/"), "/")
		if name == "" {
			return nil
		}
		last := !more && name != "." && name != ".."
		target := ""
		if !last || follow {
			target, err = f.link(name)
		}
		switch {
		case last && (err == nil && target == "" || errors.Is(err, unix.ENOENT)):
			f.name = name
			return nil
		case err != nil:
		case target == "":
			rest, err = behind, f.enter(name)
		case links == maxLinks:
			err = unix.ELOOP
		default:
			links++
			f.linked = f.linked || last
			rest = target + "/" + behind
			if last {
				rest = target
			}
			if target[0] == '/' {
				err = f.start(target)
			}
		}
	}
	return err
}

// start is where an absolute or a relative path begins.
func (f *found) start(path string) error {
	if path == "" {
		return unix.ENOENT
	}
	at := "."
	if path[0] == '/' {
		at = "/"
	}
	fd, err := unix.Open(at, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f.close()
	f.dir = fd
	return nil
}

// enter goes into a folder that is no link.
func (f *found) enter(name string) error {
	fd, err := unix.Openat(f.dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f.close()
	f.dir = fd
	return nil
}

// link is where a link leads, "" if it is none. The owner and the target are those of one
// and the same link, whatever is put in its place meanwhile.
func (f *found) link(name string) (string, error) {
	fd, err := unix.Openat(f.dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", nil
	}
	if e := entryOf(&st); !trusted(e.uid) {
		return "", &KindError{f.path, fmt.Sprintf("path through %s, a %s", name, e.kind())}
	}
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", target)
	if err == nil && n == 0 {
		err = unix.ENOENT
	}
	return string(target[:max(n, 0)]), err
}

// trusted: root can do everything anyway, and we are our own.
func trusted(uid int) bool { return uid == 0 || uid == os.Geteuid() }

func (f *found) stat(name string) (entry, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(f.dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return entry{}, err
	}
	return entryOf(&st), nil
}

func entryOf(st *unix.Stat_t) entry {
	kinds := map[uint32]fs.FileMode{
		unix.S_IFDIR: fs.ModeDir, unix.S_IFLNK: fs.ModeSymlink, unix.S_IFIFO: fs.ModeNamedPipe,
		unix.S_IFSOCK: fs.ModeSocket, unix.S_IFCHR: fs.ModeDevice | fs.ModeCharDevice, unix.S_IFBLK: fs.ModeDevice,
	}
	return entry{mode: kinds[st.Mode&unix.S_IFMT] | fs.FileMode(st.Mode&0o777), uid: int(st.Uid), names: uint64(st.Nlink)}
}

// keeps: a sticky folder lets only root and its owner replace what others own.
func (f *found) keeps(there entry) bool {
	var st unix.Stat_t
	if unix.Fstatat(f.dir, ".", &st, 0) != nil {
		return false
	}
	me := os.Geteuid()
	return st.Mode&unix.S_ISVTX != 0 && me != 0 && int(st.Uid) != me && there.uid != me
}

func (f *found) create(name string, perm fs.FileMode) (*os.File, error) {
	fd, err := unix.Openat(f.dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, uint32(perm.Perm()))
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// read opens the file without waiting, whatever it has become meanwhile: a FIFO, or a file
// whose owner has a lease on it (fcntl(2), F_SETLEASE).
func (f *found) read() (*os.File, entry, error) {
	fd, err := unix.Openat(f.dir, f.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, entry{}, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, entry{}, err
	}
	return os.NewFile(uintptr(fd), f.path), entryOf(&st), nil
}

func (f *found) rename(from string) error { return unix.Renameat(f.dir, from, f.dir, f.name) }

func (f *found) remove(name string) { _ = unix.Unlinkat(f.dir, name, 0) }
