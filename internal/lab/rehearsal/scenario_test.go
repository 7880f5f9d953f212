package rehearsal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balanced/internal/lab/record"
)

func TestScenariosOfTheLabAreComplete(t *testing.T) {
	names := Scenarios()
	if len(names) < 10 {
		t.Fatalf("only %v", names)
	}
	for _, name := range names {
		s, err := ReadScenario(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.About == "" || s.Command == "" || s.Expect.Lost == "" || strings.Count(s.About, "\n") > 0 {
			t.Errorf("%s has no about, command or lost: %+v", name, s)
		}
		for _, text := range s.Faults {
			if _, err := ParseFault(text); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestErrorOfAScenarioIsOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"comand: x":                    "field comand not found",
		"expect: {exit: lots}":         "cannot unmarshal",
		"expect: {lost: few}":          `lost is "few"`,
		"flags: [a":                    "yaml:",
		"expect: {exit: 0, exits: 80}": "field exits not found",
		"expect: {standby: 1}":         "need members",
		"expect: {versions: {v2: 1}}":  "need members",
		"\n":                           "the file is empty",
	} {
		file := filepath.Join(t.TempDir(), "s.yaml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadScenario(file); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v; want one line with %q", text, err, want)
		}
	}
	if _, err := ReadScenario(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("%v; want the cause", err)
	}
	if _, err := ReadScenario("no-such"); err == nil || !strings.Contains(err.Error(), "bad-version") {
		t.Errorf("%v; want the names of the lab's scenarios", err)
	}
}

// sampleRecord is a fleet of four whose first instance stays in Standby.
func sampleRecord() record.Rehearsal {
	code := 80
	r := record.Rehearsal{Result: record.Result{Exit: 80}, Group: record.Group{FewestHealthy: 3}, Traffic: record.Traffic{Requests: 12345, OK: 12345}, Events: []record.Event{{Text: "it stays in Standby"}}}
	for n, state := range []string{"Standby", "InService", "InService", "InService", "gone"} {
		i := record.Instance{ID: "i-" + string(rune('1'+n)), Before: "v1", After: "v1", Spans: []record.Span{{State: state, Healthy: state == "InService"}}}
		if n == 0 {
			i.After, i.Exit = "v2", &code
		}
		r.Instances = append(r.Instances, i)
	}
	return r
}

func TestSummary(t *testing.T) {
	want := "stopped at i-1: exit 80; 1 of 4 in Standby; 3 on v1; 0 of 12,345 requests lost"
	if got := summary(sampleRecord(), "i-1", true); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := summary(sampleRecord(), "i-1", false); !strings.HasPrefix(got, "failed at i-1: exit 80; ") {
		t.Errorf("the rollout went on: %q", got)
	}
	good := sampleRecord()
	good.Exit = 0
	if got, want := summary(good, "", true), "done; 3 on v1; 3 of 4 healthy, never fewer than 3; 0 of 12,345 requests lost"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	good.Traffic.Lost = 211
	if got := summary(good, "", true); !strings.HasPrefix(got, "finished, but 211 of 12,345 requests lost; 3 on v1") {
		t.Errorf("with losses: %q", got)
	}
}

func TestVerifyReportsEveryDifference(t *testing.T) {
	expect := Expect{Exit: 80, Members: 4, Standby: 1, Versions: map[string]int{"v1": 3, "v2": 1}, Lost: "none", FewestHealthy: 3, Event: "stays"}
	if err := expect.Verify(sampleRecord()); err != nil {
		t.Errorf("as expected: %v", err)
	}
	for want, change := range map[string]func(*record.Rehearsal){
		`no event contains "stays"`:                           func(r *record.Rehearsal) { r.Events[0].Text = "it goes" },
		"exit code is 0, expected 80":                         func(r *record.Rehearsal) { r.Exit = 0 },
		"number of lost requests is 2, expected none":         func(r *record.Rehearsal) { r.Traffic.Lost = 2 },
		"lowest number of healthy instances is 2, expected 3": func(r *record.Rehearsal) { r.Group.FewestHealthy = 2 },
		"0 of 4 are in Standby, expected 1 of 4":              func(r *record.Rehearsal) { r.Instances[0].Spans[0].State = "InService" },
		"versions are map[v1:4]":                              func(r *record.Rehearsal) { r.Instances[0].After = "v1" },
	} {
		r := sampleRecord()
		change(&r)
		if err := expect.Verify(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
