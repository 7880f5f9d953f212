//go:build !linux

package safefile

import (
	"io/fs"
	"os"
	"path/filepath"
)

// found is a name in a folder.
type found struct {
	path   string // as the caller wrote it
	dir    string
	name   string // "": the path ends in a folder
	linked bool   // through a link in its place
}

func find(path string, follow bool) (*found, error) {
	f := &found{path: path, dir: filepath.Dir(path), name: filepath.Base(path)}
	if info, err := os.Stat(f.dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, &KindError{f.dir, "file, not a folder"}
	}
	info, err := os.Lstat(path)
	if err != nil || !follow || info.Mode()&fs.ModeSymlink == 0 {
		return f, nil
	}
	f.linked = true
	if real, err := filepath.EvalSymlinks(path); err == nil {
		f.dir, f.name = filepath.Dir(real), filepath.Base(real)
	} else {
		f.dir, f.name = path, "."
	}
	return f, nil
}

func (f *found) close() {}

// trusted: who owns a file is not looked at here.
func trusted(int) bool { return true }

func (f *found) stat(name string) (entry, error) {
	info, err := os.Lstat(filepath.Join(f.dir, name))
	if err != nil {
		return entry{}, err
	}
	return entry{mode: info.Mode(), names: 1}, nil
}

func (f *found) keeps(entry) bool { return false }

func (f *found) create(name string, perm fs.FileMode) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(f.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	return file, err
}

func (f *found) read() (*os.File, entry, error) {
	file, err := os.Open(filepath.Join(f.dir, f.name))
	if err != nil {
		return nil, entry{}, err
	}
	e, err := f.stat(f.name)
	return file, e, err
}

func (f *found) rename(from string) error {
	return os.Rename(filepath.Join(f.dir, from), filepath.Join(f.dir, f.name))
}

func (f *found) remove(name string) { _ = os.Remove(filepath.Join(f.dir, name)) }
