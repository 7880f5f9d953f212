package metrics

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"

	"balanced/internal/safefile"
)

var end = time.Date(2026, 9, 1, 3, 4, 5, 678e6, time.UTC)

// series reads the file as node_exporter does, with Prometheus' own parser.
func series(t *testing.T, path string) map[string]float64 {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	got := map[string]float64{}
	for name, family := range families {
		if family.GetHelp() == "" || family.GetType().String() != "GAUGE" {
			t.Errorf("%s: help %q, type %v", name, family.GetHelp(), family.GetType())
		}
		for _, m := range family.GetMetric() {
			key := name
			for _, l := range m.GetLabel() {
				key += " " + l.GetName() + "=" + l.GetValue()
			}
			got[key] = m.GetGauge().GetValue()
		}
	}
	return got
}

func wantSeries(t *testing.T, path string, want map[string]float64) {
	t.Helper()
	if diff := cmp.Diff(want, series(t, path)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARunReplacesItsOwnSeriesAndKeepsTheOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balanced.prom")
	yes, no := true, false
	for _, r := range []struct {
		command string
		Run
	}{
		{"out", Run{75, end, 90 * time.Second, &yes}},
		{"out", Run{0, end.Add(time.Hour), 312400 * time.Millisecond, &no}},
		{"in", Run{83, end.Add(2 * time.Hour), time.Minute, nil}},
	} {
		if err := update(path, r.command, r.Run); err != nil {
			t.Fatal(err)
		}
		if r.command == "out" && r.Code == 0 {
			wantSeries(t, path, map[string]float64{
				"balanced_last_run_exit_code command=out":             0,
				"balanced_last_run_end_timestamp_seconds command=out": 1788231845.678 + 3600,
				"balanced_last_run_duration_seconds command=out":      312.4,
				"balanced_in_service":                                 0,
			})
		}
	}
	wantSeries(t, path, map[string]float64{
		"balanced_last_run_exit_code command=out":             0,
		"balanced_last_run_end_timestamp_seconds command=out": 1788231845.678 + 3600,
		"balanced_last_run_duration_seconds command=out":      312.4,
		"balanced_last_run_exit_code command=in":              83,
		"balanced_last_run_end_timestamp_seconds command=in":  1788231845.678 + 7200,
		"balanced_last_run_duration_seconds command=in":       60,
	})
	if err := update(path, "in", Run{0, end, 0, &yes}); err != nil {
		t.Fatal(err)
	}
	plain := path + ".plain"
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	want, _ := os.Stat(plain)
	if got, err := os.Stat(path); err != nil || got.Mode() != want.Mode() {
		t.Errorf("mode %v (%v), want %v: 0644 less the umask", got.Mode(), err, want.Mode())
	}
	if got := series(t, path)["balanced_in_service"]; got != 1 {
		t.Errorf("balanced_in_service %v, want 1", got)
	}
}

// The page of docs shows this text.
func TestTheTextOfTheFile(t *testing.T) {
	yes := true
	const want = `# HELP balanced_last_run_exit_code Exit code of the last run of this command.
# TYPE balanced_last_run_exit_code gauge
balanced_last_run_exit_code{command="in"} 0
balanced_last_run_exit_code{command="out"} 84
# HELP balanced_last_run_end_timestamp_seconds When the last run of this command ended, in seconds since 1970.
# TYPE balanced_last_run_end_timestamp_seconds gauge
balanced_last_run_end_timestamp_seconds{command="in"} 1788231845.678
balanced_last_run_end_timestamp_seconds{command="out"} 1788231845
# HELP balanced_last_run_duration_seconds How long the last run of this command took.
# TYPE balanced_last_run_duration_seconds gauge
balanced_last_run_duration_seconds{command="in"} 31.5
balanced_last_run_duration_seconds{command="out"} 100000
# HELP balanced_in_service Whether this instance was in service at the end of the last run: 1 or 0, and absent when that is not known.
# TYPE balanced_in_service gauge
balanced_in_service 1
`
	runs := map[string]sample{"out": {84, 1788231845, 1e5}, "in": {0, seconds(end), 31.5}}
	got := format(runs, &yes)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(runs, parse(got)); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

// Whatever a file says, the next one is one that Prometheus reads, and what was whole in
// the old one is in it.
func TestADamagedFileIsReplaced(t *testing.T) {
	whole := string(format(map[string]sample{"wait": {0, 1, 2}}, nil))
	for name, old := range map[string]string{
		"empty":              "",
		"no text":            "\x00\xff\n\n{",
		"cut in a line":      whole[:len(whole)-20],
		"one value missing":  strings.Replace(whole, `balanced_last_run_exit_code{command="wait"} 0`, "", 1),
		"a value that lies":  strings.Replace(whole, "} 1\n", "} NaN\n", 1),
		"a value that's odd": strings.Replace(whole, "} 1\n", "} soon\n", 1),
		"too large":          whole + strings.Repeat("#\n", maxFile/2),
		"whole":              whole,
		"with more":          "# HELP other x\nother{a=\"b\"} 1\n" + whole + "balanced_last_run_exit_code{command=\"a\\nb\"} 0\nbalanced_in_service 1\n",
	} {
		path := filepath.Join(t.TempDir(), "balanced.prom")
		if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := update(path, "in", Run{End: end}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := series(t, path)
		_, kept := got[`balanced_last_run_exit_code command=wait`]
		if _, known := got[inService]; known || kept != (name == "whole" || name == "with more") || got["balanced_last_run_end_timestamp_seconds command=in"] != seconds(end) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(format(map[string]sample{"out": {84, 1788231845, 1e5}}, nil))
	f.Add([]byte("balanced_last_run_exit_code{command=\"in\"} -0x1p-3\nbalanced_last_run_end_timestamp_seconds{command=\"in\"} 1_0"))
	f.Fuzz(func(t *testing.T, text []byte) {
		runs := parse(text)
		again := format(runs, nil)
		if diff := cmp.Diff(runs, parse(again)); diff != "" {
			t.Errorf("read back (-want +got):\n%s", diff)
		}
		var parser expfmt.TextParser
		if _, err := parser.TextToMetricFamilies(bytes.NewReader(again)); err != nil {
			t.Errorf("%v\n%s", err, again)
		}
	})
}

func TestTwoCommandsThatEndTogetherLoseNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balanced.prom")
	commands := []string{"out", "in", "run", "hook", "ready", "wait"}
	var all sync.WaitGroup
	for _, command := range commands {
		all.Go(func() {
			for code := range 25 {
				if err := Update(path, command, Run{Code: code, End: end}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	got := series(t, path)
	for _, command := range commands {
		if code := got["balanced_last_run_exit_code command="+command]; code != 24 {
			t.Errorf("%s: exit code %v, want that of its last run, 24", command, code)
		}
	}
	if len(got) != 3*len(commands) {
		t.Errorf("%d series, want %d: %v", len(got), 3*len(commands), got)
	}
}

func TestWhatCannotBeUpdated(t *testing.T) {
	dir := t.TempDir()
	if err := update(filepath.Join(dir, "none", "balanced.prom"), "in", Run{End: end}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if kind := new(safefile.KindError); !errors.As(update(dir, "in", Run{End: end}), &kind) || !errors.As(Check(dir), &kind) {
		t.Error("a folder was taken for a file")
	}
	for _, command := range []string{"", "In", "a b", "a\"b", "a\nb"} {
		if err := Update(filepath.Join(dir, "balanced.prom"), command, Run{}); err == nil {
			t.Errorf("command %q is accepted", command)
		}
	}
	if err := Check(filepath.Join(dir, "balanced.prom")); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOnePathIsOneSection(t *testing.T) {
	t.Chdir(t.TempDir())
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if a, b := sectionOf("x.prom"), sectionOf(wd+"/./x.prom"); a != b {
		t.Errorf("%s and %s", a, b)
	}
	if sectionOf("x.prom") == sectionOf("y.prom") {
		t.Error("two files are one section")
	}
}
