package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"balanced/internal/logging"
)

func TestConsoleIsOneShortLine(t *testing.T) {
	var b bytes.Buffer
	log, err := logging.New(&b, "info", logging.Console)
	if err != nil {
		t.Fatal(err)
	}
	log.With(logging.Detail("two words")).Info("asked to move", logging.State("Standby"), logging.Elapsed(1500*time.Millisecond))
	log.Warn("two\nlines", logging.Error(errors.New("no\nanswer")))
	log.Debug("hidden")

	want := []string{
		`^\d\d:\d\d:\d\d asked to move detail="two words" state=Standby elapsed=2s$`,
		`^\d\d:\d\d:\d\d warn two\\nlines error="no\\nanswer"$`,
	}
	got := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(got), len(want), b.String())
	}
	for i := range want {
		if !regexp.MustCompile(want[i]).MatchString(got[i]) {
			t.Errorf("line %q, want %s", got[i], want[i])
		}
	}
}

func TestWithDoesNotLeakIntoTheParent(t *testing.T) {
	var b bytes.Buffer
	log, _ := logging.New(&b, "info", logging.Console)
	log.With(logging.Detail("web")).Info("child")
	b.Reset()
	log.Info("parent")
	if strings.Contains(b.String(), "detail=") {
		t.Errorf("the parent says %q, with the child's field", b.String())
	}
}

func TestJSONIsOneObjectALine(t *testing.T) {
	var b bytes.Buffer
	log, err := logging.New(&b, "debug", logging.JSON)
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("waiting", logging.Wait(1500*time.Millisecond))
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil {
		t.Fatalf("%q: %v", b.String(), err)
	}
	if line["msg"] != "waiting" || line["level"] != "debug" || line["wait_seconds"] != 1.5 {
		t.Errorf("got %v, want msg, level and the wait in seconds", line)
	}
	if _, err := time.Parse(time.RFC3339Nano, line["time"].(string)); err != nil {
		t.Errorf("time: %v", err)
	}
}

// Who reads a terminal knows the instance, and does not want to read anything twice; who debugs wants all of it.
func TestConsoleLeavesOutWhatTheReaderKnows(t *testing.T) {
	for level, want := range map[string]string{
		"info":  "rolling back: i-0c3 is unhealthy at app code=75",
		"debug": `rolling back: i-0c3 is unhealthy at app step=prove instance_id=i-0abc asg=web reason="i-0c3 is unhealthy at app" code=75`,
	} {
		var b bytes.Buffer
		log, _ := logging.New(&b, "debug", logging.Console)
		say := map[string]func(string, ...zap.Field){"info": log.Info, "debug": log.Debug}[level]
		say("rolling back: i-0c3 is unhealthy at app", logging.Step("prove"), logging.Instance("i-0abc"), logging.Group("web"),
			logging.Reason("i-0c3 is unhealthy at app"), logging.Code("75"))
		if !strings.HasSuffix(b.String(), want+"\n") {
			t.Errorf("%s: %q, want %q", level, b.String(), want)
		}
	}
}

func TestJSONEscapesWhatATerminalWouldObey(t *testing.T) {
	var b bytes.Buffer
	log, _ := logging.New(&b, "info", logging.JSON)
	log.Info("group web\u009b2J\u202e", logging.Group("a\x1b[31m\u2066"))
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil || line["msg"] != "group web\u009b2J\u202e" || line["asg"] != "a\x1b[31m\u2066" {
		t.Errorf("%v: %q", err, b.String())
	}
	if strings.ContainsAny(b.String(), "\u009b\u202e\u2066\x1b") {
		t.Errorf("raw controls in %q", b.String())
	}
}

type gone struct{ writes int }

func (g *gone) Write([]byte) (int, error) { g.writes++; return 0, syscall.EPIPE }

func TestAReaderThatIsGoneDoesNotMatter(t *testing.T) {
	g := &gone{}
	log, _ := logging.New(g, "info", logging.Console)
	log.Error("one")
	log.Error("two", zap.Stack("stack"))
	if g.writes != 2 {
		t.Errorf("%d writes tried, want 2: the logger must neither fail nor give up", g.writes)
	}
}

func TestUnknownLevelAndFormatAreRefused(t *testing.T) {
	if _, err := logging.New(&bytes.Buffer{}, "loud", logging.Console); err == nil {
		t.Error("level loud was accepted")
	}
	if _, err := logging.New(&bytes.Buffer{}, "info", "xml"); err == nil {
		t.Error("format xml was accepted")
	}
}

func TestAutoFormat(t *testing.T) {
	for _, tt := range []struct {
		journal  string
		terminal bool
		want     string
	}{
		{"", false, logging.Console},
		{"", true, logging.Console},
		{"8:1234", false, logging.JSON},
		{"8:1234", true, logging.Console},
	} {
		if got := logging.Auto(tt.journal, tt.terminal); got != tt.want {
			t.Errorf("journal %q, terminal %v: %s, want %s", tt.journal, tt.terminal, got, tt.want)
		}
	}
}
