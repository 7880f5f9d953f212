package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// output is a file that is written at the end, atomically, and that was checked to be
// writable at the start. nil is a file that was not asked for.
type output struct {
	flag, path string
	file       *os.File
}

// outputs opens the output files of a rehearsal.
func outputs(json, html string) (data, page *output, err error) {
	if json != "" && filepath.Clean(json) == filepath.Clean(html) {
		return nil, nil, usageErrorf("--json and --html name the same file, %s", json)
	}
	if data, err = openOutput("json", json); err != nil {
		return nil, nil, err
	}
	if page, err = openOutput("html", html); err != nil {
		data.discard()
	}
	return data, page, err
}

// openOutput makes sure that a file can be written.
func openOutput(flag, path string) (*output, error) {
	if path == "" {
		return nil, nil
	}
	switch at, err := os.Stat(path); {
	case err == nil && at.IsDir():
		return nil, usageErrorf("--%s %s: is a directory", flag, path)
	case err == nil && !at.Mode().IsRegular(): // write would replace a device
		return nil, usageErrorf("--%s %s: is not a regular file", flag, path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".balanced-lab-*")
	if err != nil {
		return nil, usageErrorf("--%s: %v", flag, err)
	}
	return &output{flag, path, f}, nil
}

// write writes the content to a temporary file and renames it.
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

// discard removes the temporary file, if write was not called or failed.
func (o *output) discard() {
	if o != nil {
		o.file.Close()
		os.Remove(o.file.Name())
	}
}
