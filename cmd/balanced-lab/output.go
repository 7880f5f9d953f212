package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// output is a file that is written at the end, in one step, and whose place was found
// good at the start. nil is one that nobody asked for.
type output struct {
	flag, path string
	file       *os.File
}

// outputs are those of a rehearsal.
func outputs(json, html string) (data, page *output, err error) {
	if json != "" && filepath.Clean(json) == filepath.Clean(html) {
		return nil, nil, misused("--json and --html are one file, %s", json)
	}
	if data, err = reserve("json", json); err != nil {
		return nil, nil, err
	}
	if page, err = reserve("html", html); err != nil {
		data.release()
	}
	return data, page, err
}

// reserve makes sure that a file can be written.
func reserve(flag, path string) (*output, error) {
	if path == "" {
		return nil, nil
	}
	switch at, err := os.Stat(path); {
	case err == nil && at.IsDir():
		return nil, misused("--%s %s: is a directory", flag, path)
	case err == nil && !at.Mode().IsRegular(): // a device would be replaced
		return nil, misused("--%s %s: is not a regular file", flag, path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".balanced-lab-*")
	if err != nil {
		return nil, misused("--%s: %v", flag, err)
	}
	return &output{flag, path, f}, nil
}

// write fills the file and puts it in its place.
func (o *output) write(fill func(io.Writer) error) error {
	if o == nil {
		return nil
	}
	err := errors.Join(fill(o.file), o.file.Chmod(0o644), o.file.Close())
	if err == nil {
		err = os.Rename(o.file.Name(), o.path)
	}
	if err != nil {
		return fmt.Errorf("--%s: %w", o.flag, err)
	}
	return nil
}

// release gives up the place of a file that was not written.
func (o *output) release() {
	if o != nil {
		o.file.Close()
		os.Remove(o.file.Name())
	}
}
