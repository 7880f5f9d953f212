package rehearsal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"balanced/internal/lab"
	"balanced/internal/lab/record"
	"balanced/internal/lab/traffic"
)

// fakeDisplay keeps the events and reports each of them.
type fakeDisplay struct {
	mu      sync.Mutex
	all     []record.Event
	nows    int
	onEvent func(record.Event)
}

func (s *fakeDisplay) Event(e record.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, e)
	if s.onEvent != nil {
		s.onEvent(e)
	}
}

func (s *fakeDisplay) Now(record.Now) { s.nows++ }

// plan is a rehearsal without balanced, so no instance moves.
func plan(t *testing.T, line string) (Plan, *fakeDisplay) {
	show := &fakeDisplay{}
	return Plan{
		Fleet: lab.Config{
			Size: 2, Zones: 1, Min: 1, Max: 4, TargetGroups: 1, Classic: 1, Seed: 7,
			Checks: lab.Checks{Interval: 5 * time.Minute, Healthy: 2, Unhealthy: 2}, // no instance is checked twice within a test
		},
		Speed: 1, Command: line, Dir: t.TempDir(), Environ: os.Environ(), Balanced: "/bin/true", Lab: "/bin/true",
		Concurrency: OneByOne(), ExitOnError: true, Load: traffic.Load{Rate: 40}, Display: show,
	}, show
}

func TestRecordHasEventsTrafficAndSpans(t *testing.T) {
	p, show := plan(t, `echo "at $BALANCED_LAB_INSTANCE"; test "$(cat n 2>/dev/null)" = "" || exit 9; echo 1 >n`)
	rec, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, second := rec.Instances[0], rec.Instances[1]
	if rec.Exit != 9 || *first.Exit != 0 || *second.Exit != 9 || !strings.HasPrefix(rec.Summary, "stopped at "+second.ID+": exit 9; 2 on v1; 0 of ") {
		t.Errorf("exit %d, %v, %q", rec.Exit, rec.Instances, rec.Summary)
	}
	var kinds []string
	for _, e := range rec.Events {
		kinds = append(kinds, e.Kind)
	}
	if got := strings.Join(kinds, " "); got != "began output ended began output ended" {
		t.Errorf("events %s", got)
	}
	if len(show.all) != len(rec.Events) || show.nows == 0 {
		t.Errorf("%d events and %d tables were shown, want %d and at least 1", len(show.all), show.nows, len(rec.Events))
	}
	if rec.Traffic.Lost != 0 || rec.Traffic.Requests == 0 || rec.Traffic.Versions["v1"] != rec.Traffic.Requests {
		t.Errorf("traffic %+v", rec.Traffic)
	}
	for _, i := range rec.Instances {
		for n, s := range i.Spans {
			if last := n == len(i.Spans)-1; !last && s.To != i.Spans[n+1].From || last && s.To != rec.Elapsed || s.State != "InService" || !s.Healthy {
				t.Errorf("span %d of %s: %+v", n, i.ID, s)
			}
		}
	}
}

// The long requests take an hour.
func TestStoppedRehearsalDoesNotWaitForOpenRequests(t *testing.T) {
	p, show := plan(t, "echo ready; sleep 1000")
	p.Load.Long = time.Hour
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	show.onEvent = func(e record.Event) {
		if e.Text == "ready" {
			cancel(why)
		}
	}
	if _, err := p.Run(ctx); !errors.Is(err, why) {
		t.Errorf("%v, want the cause", err)
	}
	for _, e := range show.all {
		if e.Kind == record.Lost {
			t.Errorf("reported as lost: %s", e.Text)
		}
	}
}

func TestFaultThatWasNotInjectedIsReported(t *testing.T) {
	p, _ := plan(t, "true")
	for _, text := range []string{"peer-dies 2 when 1 Standby", "throttle 2"} {
		f, err := ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		p.Faults = append(p.Faults, f)
	}
	rec, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var reported []string
	for _, e := range rec.Events {
		if strings.Contains(e.Text, "was not injected") {
			reported = append(reported, e.Text)
		}
	}
	if want := "peer-dies 2 when 1 Standby was not injected: its condition was never met"; !slices.Equal(reported, []string{want}) {
		t.Errorf("%q, want only %q", reported, want)
	}
}

func TestRelativeOrMissingTMPDIR(t *testing.T) {
	t.Chdir(t.TempDir())
	p, _ := plan(t, "true")
	for folder, want := range map[string]string{".": "", "none": "TMPDIR"} {
		t.Setenv("TMPDIR", folder)
		s, err := newBinDir(p)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", folder, err, want)
		}
		if err == nil && !filepath.IsAbs(s.path) {
			t.Errorf("%s on the PATH is not absolute", s.path)
		}
	}
}

func TestCheckFindsTheProgramsOfTheLab(t *testing.T) {
	for line, want := range map[string]string{
		"nosuchcommand":                  "command nosuchcommand does not exist",
		"balanced out && balanced-lab x": "",
	} {
		p, _ := plan(t, line)
		if err := p.Check(); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}
