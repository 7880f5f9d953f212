package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"balanced/internal/failure"
)

// reportError: the file of --report cannot be written.
type reportError struct{ error }

func (e reportError) Unwrap() error { return e.error }

// FailureClass and FailureHint meet package failure.
func (e reportError) FailureClass() failure.Class { return failure.ReportFile }

func (e reportError) FailureHint() string { return "name a file in a folder that can be written to" }

// reportFile is the file of --report. It is made anew beside its place and moved
// there in one step, so that nobody reads half of it.
type reportFile struct{ path string }

// openReport makes sure, before anything is moved, that the report can be written;
// an empty path is no file at all.
func openReport(path string) (reportFile, error) {
	if path == "" {
		return reportFile{}, nil
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return reportFile{}, reportError{fmt.Errorf("--report %s: not a regular file", path)}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return reportFile{}, reportError{fmt.Errorf("--report: %w", err)}
	}
	f, err := beside(path)
	if err != nil {
		return reportFile{}, reportError{fmt.Errorf("--report %s: %w", path, err)}
	}
	f.Close()
	return reportFile{path: path}, os.Remove(f.Name())
}

func beside(path string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
}

// write puts the report in its place.
func (f reportFile) write(report any) error {
	if f.path == "" {
		return nil
	}
	tmp, err := beside(f.path)
	if err != nil {
		return err
	}
	err = errors.Join(writeJSON(tmp, report), tmp.Chmod(0o644), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), f.path)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}

// writeJSON writes JSON that people can read too.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
