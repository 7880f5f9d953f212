package safefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func wantText(t *testing.T, path, want string) {
	t.Helper()
	if text, err := os.ReadFile(path); err != nil || string(text) != want {
		t.Errorf("%s holds %q (%v), want %q", filepath.Base(path), text, err, want)
	}
}

// wantAlone: nothing is left beside the files that belong there.
func wantAlone(t *testing.T, dir string, names ...string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range left {
		got = append(got, f.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("in the folder: %q, want %q", got, names)
	}
}

func TestWriteReplacesInOneStep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report.json")
	must(t, CheckWritable(path))
	wantAlone(t, dir)
	must(t, Write(path, 0o600, []byte("first")))
	old, err := os.Open(path)
	must(t, err)
	defer old.Close()
	must(t, CheckWritable(path))
	wantText(t, path, "first")
	must(t, Write(path, 0o600, []byte("second")))
	wantText(t, path, "second")
	if text := make([]byte, 16); true {
		if n, _ := old.Read(text); string(text[:n]) != "first" {
			t.Errorf("a reader of the old file reads %q", text[:n])
		}
	}
	wantAlone(t, dir, "report.json")
}

func TestARelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, os.Mkdir("sub", 0o755), Write("report", 0o600, []byte("a")), Write("./sub/../sub//report", 0o600, []byte("b")))
	wantText(t, "report", "a")
	wantText(t, "sub/report", "b")
	if line, err := FirstLine("sub/report"); line != "b" || err != nil {
		t.Errorf("%q %v", line, err)
	}
}

func TestALongNameStillHasATemporaryOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("n", 255))
	must(t, CheckWritable(path), Write(path, 0o600, []byte("a")))
	wantText(t, path, "a")
}

func TestWhatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600), os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	for path, want := range map[string]string{
		"none/report.json": "no such file",
		"folder":           "is a folder",
		"folder/":          "is a folder",
		"folder/.":         "is a folder",
		"":                 "is a folder",
		"file/report.json": "not a ",
	} {
		full := dir + "/" + path
		for name, err := range map[string]error{"CheckWritable": CheckWritable(full), "Write": Write(full, 0o600, nil)} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s of %q: %v, want %q", name, path, err, want)
			}
		}
	}
	wantAlone(t, dir, "file", "folder")
}

func TestFirstLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hold")
	if _, err := FirstLine(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	for text, want := range map[string]string{
		"":                               "",
		"\n":                             "",
		"ticket 7":                       "ticket 7",
		"  ticket 7 \r\nmore":            "ticket 7",
		strings.Repeat("x", maxLine+100): strings.Repeat("x", maxLine),
	} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		if line, err := FirstLine(path); line != want || err != nil {
			t.Errorf("%.20q: %.20q %v, want %.20q", text, line, err, want)
		}
	}
}

func TestReadIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, []byte("12345678"), 0o600))
	if text, err := Read(path, 8); string(text) != "12345678" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	if kind := new(KindError); true {
		if _, err := Read(path, 7); !errors.As(err, &kind) {
			t.Errorf("%v, want a KindError", err)
		}
	}
	if _, err := Read(path+".none", 7); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want that there is none", err)
	}
}
