package conform_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balanced/internal/conform"
	"balanced/internal/sim"
)

var example = flag.Bool("example", false, "write testdata/recordings/simulated-in-turn.json")

// unfollowed are the facts of a recording that a Region which is set from it does not show.
func unfollowed(t *testing.T, file []byte) []string {
	t.Helper()
	rec, err := sim.ReadRecording(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var recorded conform.Report
	if err := json.Unmarshal(file, &recorded); err != nil {
		t.Fatal(err)
	}
	var differ []string
	cfg := sim.Config{}
	rec.Configure(&cfg)
	inWorld(t, cfg, webGroup(), func(w *world) {
		rec.Prepare(w.Region)
		got := w.run()
		for _, f := range recorded.Facts {
			if !isFact(f.ID) || f.Verdict == conform.NotTried {
				continue
			}
			if g := find(t, got, f.ID); g.Verdict != conform.NotTried && g.Observed != f.Observed {
				differ = append(differ, fmt.Sprintf("%s: %q, recorded %q", f.ID, g.Observed, f.Observed))
			}
		}
	})
	return differ
}

// TestTheRegionFollowsEveryRecording fails until the Region does what a recording of AWS shows.
func TestTheRegionFollowsEveryRecording(t *testing.T) {
	files, err := filepath.Glob("testdata/recordings/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, difference := range unfollowed(t, file) {
			t.Errorf("%s: %s", name, difference)
		}
	}
}

// recordExample is a run against a Region with several settings and a read lag of 2 s.
func recordExample(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	inWorld(t, sim.Config{
		MaxLag:    time.Minute,
		Behaviour: sim.Behaviour{SerialDrains: true, DrainSuffix: true, AlwaysPlural: true},
	}, webGroup(), func(w *world) {
		w.SetFaults(func(sim.Call) *sim.Fault { return &sim.Fault{Lag: 2 * time.Second} })
		report := w.run()
		report.Recording = []conform.Exchange{} // to be small
		if err := report.Write(&file); err != nil {
			t.Fatal(err)
		}
	})
	return file.Bytes()
}

func TestADifferenceInARecordingIsTold(t *testing.T) {
	file := recordExample(t)
	if *example {
		if err := os.WriteFile("testdata/recordings/simulated-in-turn.json", file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if differ := unfollowed(t, file); len(differ) != 0 {
		t.Errorf("a Region differs from its own recording: %v", differ)
	}
	changed := bytes.ReplaceAll(file, []byte("Moving EC2 instance out of Standby: ID"), []byte("Moving EC2 instance back: ID"))
	differ := strings.Join(unfollowed(t, changed), "\n")
	if !strings.Contains(differ, "exit-description: ") || !strings.Contains(differ, "exit-activity-ends: ") {
		t.Errorf("told: %s", differ)
	}
}
