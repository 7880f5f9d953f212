package rehearsal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"balanced/internal/lab"
	"balanced/internal/lab/record"
	"balanced/internal/lab/traffic"
)

// seen is a Show that keeps the events and tells of each.
type seen struct {
	mu    sync.Mutex
	all   []record.Event
	looks int
	tell  func(record.Event)
}

func (s *seen) Event(e record.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, e)
	if s.tell != nil {
		s.tell(e)
	}
}

func (s *seen) Now(record.Now) { s.looks++ }

// plan is a rehearsal without an agent: nothing moves.
func plan(t *testing.T, line string) (Plan, *seen) {
	show := &seen{}
	return Plan{
		Fleet: lab.Config{
			Size: 2, Zones: 1, Min: 1, Max: 4, TargetGroups: 1, Classic: 1,
			Interval: 5 * time.Minute, Healthy: 2, Unhealthy: 2, Seed: 7, // no two checks within a test
		},
		Speed: 1, Command: line, Dir: t.TempDir(), Environ: os.Environ(), Balanced: "/bin/true", Lab: "/bin/true",
		Concurrency: OneByOne(), ExitOnError: true, Load: traffic.Load{Rate: 40}, Show: show,
	}, show
}

func TestARecordTellsTheWholeStory(t *testing.T) {
	p, show := plan(t, `echo "at $BALANCED_LAB_INSTANCE"; test "$(cat n 2>/dev/null)" = "" || exit 9; echo 1 >n`)
	rec, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, second := rec.Instances[0], rec.Instances[1]
	if rec.Exit != 9 || *first.Exit != 0 || *second.Exit != 9 || !strings.HasPrefix(rec.Summary, "stopped at "+second.ID+": exit 9, 2 on v1, 0 of ") {
		t.Errorf("exit %d, %v, %q", rec.Exit, rec.Instances, rec.Summary)
	}
	var kinds []string
	for _, e := range rec.Events {
		kinds = append(kinds, e.Kind)
	}
	if got := strings.Join(kinds, " "); got != "began output ended began output ended" {
		t.Errorf("events %s", got)
	}
	if len(show.all) != len(rec.Events) || show.looks == 0 {
		t.Errorf("%d events and %d looks were shown, want %d and some", len(show.all), show.looks, len(rec.Events))
	}
	if rec.Traffic.Lost != 0 || rec.Traffic.Requests == 0 || rec.Traffic.Versions["v1"] != rec.Traffic.Requests {
		t.Errorf("traffic %+v", rec.Traffic)
	}
	for _, i := range rec.Instances {
		for n, s := range i.Spans {
			if last := n == len(i.Spans)-1; !last && s.To != i.Spans[n+1].From || last && s.To != rec.Elapsed || s.State != "InService" || !s.Serves {
				t.Errorf("span %d of %s: %+v", n, i.ID, s)
			}
		}
	}
}

// TestNothingOutlivesARehearsalThatIsStopped: a grandchild that has left the process
// group and ignores SIGTERM is ended too.
func TestNothingOutlivesARehearsalThatIsStopped(t *testing.T) {
	p, show := plan(t, `setsid sh -c 'trap "" TERM; echo $$ >pid; exec sleep 1000' >/dev/null 2>&1 & while ! test -s pid; do sleep 0.05; done; echo ready; wait`)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	show.tell = func(e record.Event) {
		if e.Kind == record.Output && e.Text == "ready" {
			cancel(why)
		}
	}
	if _, err := p.Run(ctx); !errors.Is(err, why) {
		t.Fatalf("%v, want the cause", err)
	}
	text, err := os.ReadFile(filepath.Join(p.Dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("process %d is still there: %v", pid, err)
	}
	if left := family().below(os.Getpid()); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestARehearsalThatIsStoppedDoesNotWaitForItsRequests: without that it takes an hour.
func TestARehearsalThatIsStoppedDoesNotWaitForItsRequests(t *testing.T) {
	p, show := plan(t, "echo ready; sleep 1000")
	p.Load.Long = time.Hour
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	show.tell = func(e record.Event) {
		if e.Text == "ready" {
			cancel(why)
		}
	}
	if _, err := p.Run(ctx); !errors.Is(err, why) {
		t.Errorf("%v, want the cause", err)
	}
	for _, e := range show.all {
		if e.Kind == record.Lost {
			t.Errorf("told of as lost: %s", e.Text)
		}
	}
}

func TestAFaultWhoseMomentNeverCameIsSaid(t *testing.T) {
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
	var said []string
	for _, e := range rec.Events {
		if strings.Contains(e.Text, "did not happen") {
			said = append(said, e.Text)
		}
	}
	if want := "peer-dies 2 when 1 Standby did not happen: its moment never came"; !slices.Equal(said, []string{want}) {
		t.Errorf("%q, want only %q", said, want)
	}
}

func TestAFolderForTemporaryFilesMayBeRelativeOrMissing(t *testing.T) {
	t.Chdir(t.TempDir())
	p, _ := plan(t, "true")
	for folder, want := range map[string]string{".": "", "none": "TMPDIR"} {
		t.Setenv("TMPDIR", folder)
		s, err := newStage(p)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", folder, err, want)
		}
		if err == nil && !filepath.IsAbs(s.dir) {
			t.Errorf("%s is on the PATH", s.dir)
		}
	}
}

func TestAPlanIsCheckedWithTheLabsOwnPrograms(t *testing.T) {
	for line, want := range map[string]string{
		"nosuchcommand":                  "there is no command nosuchcommand",
		"balanced out && balanced-lab x": "",
	} {
		p, _ := plan(t, line)
		if err := p.Check(); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}
