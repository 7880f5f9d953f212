// Package safefile reads and replaces the files that a caller names on the command line,
// in folders where other users may be at work: without following their links, without
// waiting for a FIFO, and with the caller's umask.
//
// # Links
//
// On the way to a file, symbolic links of root and of our own user are followed, as on any
// other path. A link of another user is not: it would let them choose where a run of root
// reads or writes.
//
// # Writing
//
// [Write] makes a new file beside the old one and renames it into place, so a reader sees
// the old text or the new, and nothing that has the name is ever opened or followed. What
// another user put there, a link, a FIFO or a file, is replaced: it may neither lead a
// write astray nor stop it. What root or our own user put there has to be a regular file,
// so that --report /dev/stdout is an error and not the end of /dev/stdout. A hard link
// loses this one name; its other names keep the old text.
//
// # Reading
//
// [FirstLine] and [Read] answer at once, whatever is there: what cannot be read as a plain
// file is a [*KindError] that says what it is.
//
// On systems other than Linux, where balanced only rehearses, links on the way are followed
// whoever made them.
package safefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// KindError: the path names something other than the plain file that is needed.
type KindError struct {
	Path string
	Kind string // "FIFO", "symbolic link of uid 1001", …
}

func (e *KindError) Error() string { return e.Path + " is a " + e.Kind }

const dangling = "dangling symbolic link"

// entry is what is found under a name, without following it.
type entry struct {
	mode  fs.FileMode
	uid   int
	names uint64 // how many hard links
}

// kind is what people call it.
func (e entry) kind() string {
	switch t := e.mode.Type(); {
	case t.IsRegular():
		return "regular file"
	case t.IsDir():
		return "folder"
	case t&fs.ModeSymlink != 0:
		return "symbolic link of uid " + strconv.Itoa(e.uid)
	case t&fs.ModeNamedPipe != 0:
		return "FIFO"
	case t&fs.ModeSocket != 0:
		return "socket"
	case t&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}

// Write replaces the file with the text. Its mode is perm less the umask, and never more than that of the file of our own
// or of root that it replaces: one that was made private stays so.
func Write(path string, perm fs.FileMode, text []byte) error {
	f, err := find(path, false)
	if err != nil {
		return err
	}
	defer f.close()
	if err := f.checkReplaceable(); err != nil {
		return err
	}
	if there, err := f.stat(f.name); err == nil && there.mode.IsRegular() && trusted(there.uid) {
		perm &= there.mode
	}
	tmp, err := f.beside(perm)
	if err != nil {
		return err
	}
	name := filepath.Base(tmp.Name())
	if err = fill(tmp, text); err == nil {
		err = f.rename(name)
	}
	if err != nil {
		f.remove(name)
		return fmt.Errorf("write %s: %w", path, cause(err))
	}
	return nil
}

func fill(f *os.File, text []byte) error {
	_, err := f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// probeSize is what CheckWritable writes to find a full disk: one block.
const probeSize = 4096

// CheckWritable says why Write would fail now. It leaves nothing behind, and what is there
// as it is.
func CheckWritable(path string) error {
	f, err := find(path, false)
	if err != nil {
		return err
	}
	defer f.close()
	if err := f.checkReplaceable(); err != nil {
		return err
	}
	tmp, err := f.beside(0o600)
	if err != nil {
		return err
	}
	_, err = tmp.Write(make([]byte, probeSize))
	err = errors.Join(err, tmp.Close())
	f.remove(filepath.Base(tmp.Name()))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, cause(err))
	}
	return nil
}

// checkReplaceable looks at what has the name now.
func (f *found) checkReplaceable() error {
	if f.name == "" {
		return &KindError{f.path, "folder"}
	}
	there, err := f.stat(f.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	if there.mode.IsDir() || !there.mode.IsRegular() && trusted(there.uid) {
		return &KindError{f.path, there.kind()}
	}
	if f.keeps(there) {
		return fmt.Errorf("write %s: it belongs to uid %d, in a sticky folder: %w", f.path, there.uid, fs.ErrPermission)
	}
	return nil
}

// beside makes a new file in the same folder. A reader that collects files by their suffix
// does not see it.
func (f *found) beside(perm fs.FileMode) (*os.File, error) {
	name := f.name[:min(len(f.name), 200)] // a name has 255 bytes at most
	for range 100 {
		tmp, err := f.create("."+name+"."+strconv.FormatUint(uint64(rand.Uint32()), 36), perm)
		if err == nil {
			return tmp, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("write %s: %w", f.path, cause(err))
		}
	}
	return nil, fmt.Errorf("write %s: no free name beside it", f.path)
}

// maxLine is how much of a first line is read, in bytes: a reason, not a book.
const maxLine = 4096

// FirstLine is the first line of the file, of at most 4 KB, without its end and the blanks
// around it, and not escaped. fs.ErrNotExist: nothing has that name. With any other error
// something has, and the error says what: even a dangling link.
//
// A link of root or of our own user is followed. A file with several names is not read: who
// can write to the folder could show any file of the disk that way.
func FirstLine(path string) (string, error) {
	f, err := open(path, true)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxLine))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, cause(err))
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(bytes.TrimSpace(line)), nil
}

// Read is the whole file, if root or our own user owns it and it is no larger than limit
// bytes. No link in its place is followed.
func Read(path string, limit int64) ([]byte, error) {
	f, err := open(path, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, cause(err))
	}
	if int64(len(text)) > limit {
		return nil, &KindError{path, fmt.Sprintf("file of more than %d bytes", limit)}
	}
	return text, nil
}

// open opens a plain file for reading. With anyones, it may be another user's, and a
// trusted link may lead to it.
func open(path string, anyones bool) (*os.File, error) {
	f, err := find(path, anyones)
	if err != nil {
		return nil, err
	}
	defer f.close()
	if f.name == "" {
		return nil, &KindError{path, "folder"}
	}
	there, err := f.stat(f.name)
	if errors.Is(err, fs.ErrNotExist) && f.linked {
		return nil, &KindError{path, dangling}
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if err := there.checkPlain(path, anyones); err != nil {
		return nil, err
	}
	file, now, err := f.read()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: cause(err)}
	}
	if err := now.checkPlain(path, anyones); err != nil { // replaced meanwhile
		file.Close()
		return nil, err
	}
	return file, nil
}

func (e entry) checkPlain(path string, anyones bool) error {
	switch {
	case !e.mode.IsRegular():
		return &KindError{path, e.kind()}
	case e.names > 1:
		return &KindError{path, fmt.Sprintf("file with %d names (hard links)", e.names)}
	case !anyones && !trusted(e.uid):
		return &KindError{path, "file of uid " + strconv.Itoa(e.uid)}
	}
	return nil
}

// cause is err without the temporary names in it.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
