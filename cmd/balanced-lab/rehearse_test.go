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
	proofs       = flag.Int("proof", 0, "rehearse a good version `N` times, one by one and by half")
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

// runRehearse runs balanced-lab rehearse as a process and returns its record.
func runRehearse(t *testing.T, args ...string) record.Rehearsal {
	t.Helper()
	file := filepath.Join(t.TempDir(), "record.json")
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program(t, "balanced-lab"), append([]string{"rehearse", "--json", file}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Run() // its exit code is compared with that in the record
	var rec record.Rehearsal
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &rec)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if code := cmd.ProcessState.ExitCode(); code != rec.Exit {
		t.Errorf("balanced-lab exited with %d, the rollout with %d", code, rec.Exit)
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

func TestScenariosEndAsExpected(t *testing.T) {
	if !*allScenarios {
		t.Skip("takes minutes; make rehearse runs it")
	}
	for _, name := range rehearsal.Scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := rehearsal.ReadScenario(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Expect.Verify(runRehearse(t, "--scenario", name)); err != nil {
				t.Error(err)
			}
		})
	}
}

// quickFlags make a rehearsal about as fast as delays in whole seconds allow. On a busy machine
// a health check or two may be late, and a request may take much longer than it should.
var quickFlags = []string{"--drain", "30s", "--long", "500ms", "--check-interval", "10s", "--unhealthy-threshold", "5", "--move-time", "2s", "--speed", "10"}

const upgrade = "balanced out && balanced-lab deploy v2 && balanced in"

func TestUpgradeLosesRequestsOnlyWithoutBalanced(t *testing.T) {
	with := runRehearse(t, append(quickFlags, "--size", "2", "--balanced", program(t, "balanced"), upgrade)...)
	if err := (rehearsal.Expect{Members: 2, Versions: map[string]int{"v2": 2}, Lost: "none", FewestHealthy: 1}).Verify(with); err != nil {
		t.Error(err)
	}
	without := runRehearse(t, append(quickFlags, "--size", "2", "--naive", upgrade)...)
	if err := (rehearsal.Expect{Lost: "some"}).Verify(without); err != nil {
		t.Error(err)
	}
	for _, l := range without.Traffic.Losses {
		if l.Request == "" || l.Cause == "" || l.Source == "" {
			t.Fatalf("a loss without name, cause or source: %+v", l)
		}
	}
}

// Each run has at least 10,000 requests, among them long ones and ones on connections that are
// kept alive.
func TestNoRequestIsLost(t *testing.T) {
	if *proofs == 0 {
		t.Skip("takes a quarter of an hour; make rehearse-proof runs it")
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
			rec := runRehearse(t, append(common, c.args...)...)
			t.Logf("%s: %s", c.name, rec.Summary)
			if rec.Exit != 0 || rec.Traffic.Lost != 0 || rec.Traffic.Requests < 10_000 {
				t.Errorf("%s: exit %d, %d of %d lost", c.name, rec.Exit, rec.Traffic.Lost, rec.Traffic.Requests)
			}
		}
	}
}
