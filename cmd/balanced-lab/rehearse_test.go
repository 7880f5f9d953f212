package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"balanced/internal/lab/record"
	"balanced/internal/lab/rehearsal"
)

var (
	allScenarios = flag.Bool("rehearse", false, "run every scenario")
	proofs       = flag.Int("proof", 0, "rehearse a good version so many times, one by one and by half")
)

var programsDir string

// programs builds balanced and balanced-lab, once for all tests.
var programs = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "balanced-programs-"); err != nil {
		return "", err
	}
	programsDir = dir
	cmd := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "balanced/cmd/balanced", "balanced/cmd/balanced-lab")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return dir, cmd.Run()
})

func program(t *testing.T, name string) string {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// rehearsed runs balanced-lab rehearse as a process of its own and returns its record.
func rehearsed(t *testing.T, args ...string) record.Rehearsal {
	t.Helper()
	file := filepath.Join(t.TempDir(), "record.json")
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program(t, "balanced-lab"), append([]string{"rehearse", "--json", file}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Run() // its exit code is in the record
	var rec record.Rehearsal
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &rec)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if code := cmd.ProcessState.ExitCode(); code != rec.Exit {
		t.Errorf("balanced-lab exits with %d, the rollout with %d", code, rec.Exit)
	}
	if t.Failed() || testing.Verbose() {
		t.Log(rec.Summary)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", &out)
		}
	})
	return rec
}

func TestScenariosEndAsTheySay(t *testing.T) {
	if !*allScenarios {
		t.Skip("takes minutes: make rehearse")
	}
	for _, name := range rehearsal.Scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := rehearsal.ReadScenario(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Expect.Met(rehearsed(t, "--scenario", name)); err != nil {
				t.Error(err)
			}
		})
	}
}

// quick is about as fast as the wire's whole seconds allow, and calm: on a busy machine a
// check or two may be late, and a request take much longer than it asks for.
var quick = []string{"--drain", "30s", "--long", "500ms", "--check-interval", "10s", "--unhealthy-threshold", "5", "--move-time", "2s", "--speed", "10"}

const upgrade = "balanced out && balanced-lab deploy v2 && balanced in"

func TestAnUpgradeLosesNothingAndANaiveOneDoes(t *testing.T) {
	with := rehearsed(t, append(quick, "--size", "2", "--balanced", program(t, "balanced"), upgrade)...)
	if err := (rehearsal.Expect{Members: 2, Versions: map[string]int{"v2": 2}, Lost: "none", Fewest: 1}).Met(with); err != nil {
		t.Error(err)
	}
	without := rehearsed(t, append(quick, "--size", "2", "--naive", upgrade)...)
	if err := (rehearsal.Expect{Lost: "some"}).Met(without); err != nil {
		t.Error(err)
	}
	for _, l := range without.Traffic.Losses {
		if l.Cause == "" || l.Source == "" {
			t.Fatalf("a loss without a name: %+v", l)
		}
	}
}

// TestNoRequestIsLost: ten thousand requests or more in each run, those that take long
// and those on kept connections among them.
func TestNoRequestIsLost(t *testing.T) {
	if *proofs == 0 {
		t.Skip("takes a quarter of an hour: make rehearse-proof")
	}
	common := []string{"--drain", "40s", "--check-interval", "10s", "--unhealthy-threshold", "5", "--move-time", "10s", "--speed", "10", "--rate", "300"}
	for _, c := range []struct {
		name string
		args []string
	}{
		{"one of four at a time", []string{"--size", "4", upgrade}},
		{"half of eight at a time", []string{
			"--size", "8", "--min", "4", "--concurrency", "50%",
			strings.Replace(strings.Replace(upgrade, "out", "out --min-healthy 50%", 1), "v2", "--takes 5s v2", 1),
		}},
	} {
		for range *proofs {
			rec := rehearsed(t, append(common, c.args...)...)
			t.Logf("%s: %s", c.name, rec.Summary)
			if rec.Exit != 0 || rec.Traffic.Lost != 0 || rec.Traffic.Requests < 10_000 {
				t.Errorf("%s: exit %d, %d of %d lost", c.name, rec.Exit, rec.Traffic.Lost, rec.Traffic.Requests)
			}
		}
	}
}
