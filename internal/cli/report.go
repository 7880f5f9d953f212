package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"balanced/internal/failure"
	"balanced/internal/format"
	"balanced/internal/safefile"
)

// fileError: a file that a flag names cannot be written.
type fileError struct{ error }

func (e fileError) Unwrap() error { return e.error }

// FailureClass and FailureHint meet package failure.
func (e fileError) FailureClass() failure.Class { return failure.ReportFile }

func (e fileError) FailureHint() string { return "name a file in a folder that can be written to" }

// reportFile is the path of --report; empty: none. The file is made anew beside its place and moved there in one step, so
// that nobody reads half of it. Links are not followed; the mode is 0644 less the umask, since others collect it.
type reportFile string

// openReport makes sure, before anything is moved, that the report can be written.
func openReport(path string) (reportFile, error) {
	if path == "" {
		return "", nil
	}
	if err := safefile.CheckWritable(path); err != nil {
		return "", fileError{fmt.Errorf("--report: %w", err)}
	}
	return reportFile(path), nil
}

// write puts the report in its place.
func (f reportFile) write(report any) error {
	if f == "" {
		return nil
	}
	var text bytes.Buffer
	if err := writeJSON(&text, report); err != nil {
		return err
	}
	return safefile.Write(string(f), 0o644, text.Bytes())
}

// writeJSON writes JSON that people can read too.
func writeJSON(w io.Writer, v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(format.EscapeJSON(text.Bytes()))
	return err
}
