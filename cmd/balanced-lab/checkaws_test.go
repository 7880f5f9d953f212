package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"balanced/internal/conform"
	"balanced/internal/sim"
)

// inRegion serves a Region with a group "web" and points the AWS settings at it.
func inRegion(t *testing.T, tag string) *sim.Region {
	t.Helper()
	r := sim.New(sim.Config{})
	r.AddClassic(sim.Classic{Name: "old"})
	ids := r.AddGroup(sim.Group{Name: "web", Min: 1, Max: 2, Desired: 2, Classic: []string{"old"}, Settings: sim.Settings{Tags: map[string]string{conform.MovesTag: tag}}})
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": serve(t, r.Handler()), "AWS_EC2_METADATA_SERVICE_ENDPOINT": serve(t, r.Metadata(ids[0])),
		"AWS_REGION": "eu-west-1", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_PROFILE": "",
	} {
		t.Setenv(name, value)
	}
	return r
}

func TestCheckAWSReadsByDefault(t *testing.T) {
	r := inRegion(t, "yes")
	file := filepath.Join(t.TempDir(), "r.json")
	code, stdout, stderr := call(t, "check-aws", "--on-instance", "--json", file)
	if code != 0 || stderr != "" {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
	for _, want := range []string{"as modelled  classic-healthy\n", "as modelled  imds-token\n", "facts: needs --moves\n", " 0 different, 0 newly known, "} {
		if !strings.Contains(stdout, want) {
			t.Errorf("stdout has no %q:\n%s", want, stdout)
		}
	}
	for _, c := range r.Calls() {
		if c.Mutating() {
			t.Errorf("%s was sent", c.Action)
		}
	}
	var report conform.Report
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &report)
	}
	if err != nil || len(report.Facts) != len(conform.Facts()) || len(report.Recording) == 0 {
		t.Errorf("the file: %v, %d facts, %d exchanges", err, len(report.Facts), len(report.Recording))
	}
}

func TestADifferenceIsExit3(t *testing.T) {
	r := inRegion(t, "yes")
	r.SetFaults(func(c sim.Call) *sim.Fault { return &sim.Fault{Skew: time.Hour} })
	code, stdout, stderr := call(t, "check-aws", "--fact", "wire-date")
	if want := "balanced-lab: 1 fact differs; keep the file of --json: the Region has to follow it\n"; code != 3 || stderr != want {
		t.Errorf("code %d, stderr %q; want 3 and %q", code, stderr, want)
	}
	if !strings.Contains(stdout, "different    wire-date  a Date that is off\n") || !strings.Contains(stdout, "in the Region: a Date within 5 minutes\n") {
		t.Errorf("stdout %q", stdout)
	}
}

func TestCheckAWSThatCannotGoOn(t *testing.T) {
	for _, c := range []struct {
		name, tag string
		args      []string
		prepare   func(*testing.T, *sim.Region)
		code      int
		want      string
	}{
		{"no group named", "yes", []string{"--moves"}, nil, 64, "--moves: name the group with --group"},
		{"no such fact", "yes", []string{"--fact", "none"}, nil, 64, "--fact none: there is no such fact"},
		{"samples", "yes", []string{"--samples", "0"}, nil, 64, "--samples 0: want 1 to 50"},
		{"nobody answers", "yes", []string{"--moves", "--group", "web"}, nil, 64, "no move was made; answer yes, or give --yes"},
		{"no tag", "no", []string{"--moves", "--yes", "--group", "web"}, nil, 78, "group web is not tagged balanced-check=yes"},
		{"no Region", "yes", nil, func(t *testing.T, _ *sim.Region) { t.Setenv("AWS_REGION", "") }, 78, "no Region is set; set AWS_REGION"},
		{"no permission", "yes", nil, func(_ *testing.T, r *sim.Region) { r.Deny("autoscaling:*") }, 77, "not allowed"},
		{"no credentials", "yes", nil, func(t *testing.T, _ *sim.Region) {
			t.Setenv("AWS_ACCESS_KEY_ID", "")
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
		}, 77, "no AWS credentials"},
		{"no endpoint", "yes", nil, func(t *testing.T, _ *sim.Region) { t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1") }, 69, "AWS cannot be reached"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := inRegion(t, c.tag)
			if c.prepare != nil {
				c.prepare(t, r)
			}
			code, _, stderr := call(t, append([]string{"check-aws"}, c.args...)...)
			last := strings.TrimSuffix(stderr[strings.LastIndex(strings.TrimSuffix(stderr, "\n"), "\n")+1:], "\n")
			if code != c.code || !strings.Contains(last, "balanced-lab: ") || !strings.Contains(last, c.want) {
				t.Errorf("code %d, last line %q; want %d and %q", code, last, c.code, c.want)
			}
			for _, call := range r.Calls() {
				if call.Mutating() {
					t.Errorf("%s was sent", call.Action)
				}
			}
		})
	}
}

func TestCtrlCDuringAQuestion(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(signalled{syscall.SIGINT})
	var asked bytes.Buffer
	never := make(blocked)
	defer close(never)
	err := confirm(ctx, never, &asked, conform.Plan{Group: "web", Members: []string{"i-1"}, Longest: 9 * time.Minute})
	if exitCode(err) != 130 || !strings.Contains(asked.String(), "group web") || !strings.Contains(asked.String(), "about 9m0s") {
		t.Errorf("%v, asked %q", err, asked.String())
	}
}

// blocked is a reader that has nothing to read.
type blocked chan struct{}

func (b blocked) Read([]byte) (int, error) { <-b; return 0, nil }

func TestUpFromARecording(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "r.json")
	if err := os.WriteFile(bad, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{bad, "/no/such/file"} {
		if code, _, stderr := call(t, "up", "--from", file); code != 64 || !strings.Contains(stderr, "--from") {
			t.Errorf("--from %s: code %d, %q", file, code, stderr)
		}
	}
	rec, err := readRecording("../../internal/conform/testdata/recordings/simulated-in-turn.json")
	if err != nil {
		t.Fatal(err)
	}
	if rec.Lagged(sim.Call{Action: "DescribeAutoScalingGroups"}) == nil {
		t.Error("the recording's lag is lost")
	}
	if none, err := readRecording(""); none != nil || err != nil {
		t.Errorf("without --from: %v, %v", none, err)
	}
}

// serve serves on loopback.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}
