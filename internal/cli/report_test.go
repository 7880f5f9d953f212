package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"balanced/internal/rotation"
)

func TestReportIsWrittenInOnePiece(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report.json")
	for _, id := range []string{"i-first", "i-second"} {
		f, err := openReport(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.write(&rotation.Report{Instance: rotation.InstanceReport{ID: id}}); err != nil {
			t.Fatal(err)
		}
		var got rotation.Report
		text, _ := os.ReadFile(path)
		if err := json.Unmarshal(text, &got); err != nil || got.Instance.ID != id {
			t.Errorf("read %q (%v), want the report of %s", text, err, id)
		}
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, want 0644: others collect it", info.Mode())
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d files, want the report alone: %v", len(left), left)
	}
}

// The check must leave a report of an earlier run as it is.
func TestOpenReportWritesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report.json")
	os.WriteFile(path, []byte("earlier"), 0o600)
	if _, err := openReport(path); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "earlier" {
		t.Errorf("it says %q now", text)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// A link that another user left there would lead root's report anywhere.
func TestReportReplacesALinkAndNotWhatItPointsTo(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "passwd"), filepath.Join(dir, "latest")
	os.WriteFile(path, []byte("kept"), 0o644)
	os.Symlink(path, link)
	if os.Geteuid() == 0 {
		os.Lchown(link, 65534, 65534)
	}
	if f, err := openReport(link); err == nil {
		if err := f.write(&rotation.Report{Command: "out"}); err != nil {
			t.Fatal(err)
		}
	} else if endOf(err).code != 73 {
		t.Fatalf("%v, code %d", err, endOf(err).code)
	}
	if text, _ := os.ReadFile(path); string(text) != "kept" {
		t.Errorf("what the link points to says %q now", text)
	}
}

func TestAPrivateReportStaysPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	os.WriteFile(path, nil, 0o600)
	f, err := openReport(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.write(&rotation.Report{}); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600 as it was", info.Mode())
	}
}

func TestNoReportIsFine(t *testing.T) {
	f, err := openReport("")
	if err != nil || f.write(&rotation.Report{}) != nil {
		t.Error("no --report is an error")
	}
}

func TestReportsThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "file"), nil, 0o644)
	for name, path := range map[string]string{
		"no folder":        filepath.Join(dir, "none", "report.json"),
		"a folder":         dir,
		"a device":         os.DevNull,
		"a file as folder": filepath.Join(dir, "file", "report.json"),
	} {
		if _, err := openReport(path); endOf(err).code != 73 {
			t.Errorf("%s: %v, code %d, want 73", name, err, endOf(err).code)
		}
	}
}
