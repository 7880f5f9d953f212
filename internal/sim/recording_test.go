package sim

import (
	"strings"
	"testing"
	"time"
)

func readRecording(t *testing.T, text string) *Recording {
	t.Helper()
	rec, err := ReadRecording(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestARecordingSetsTheRegion(t *testing.T) {
	rec := readRecording(t, `{"facts": [
		{"id": "drains-together", "verdict": "new", "observed": "in turn"},
		{"id": "pair-loser", "verdict": "as-modelled", "observed": "500 ResourceContention"},
		{"id": "operator-refusal", "verdict": "new", "observed": "400 ResourceInUse"},
		{"id": "drain-status", "verdict": "new", "observed": "InProgress"},
		{"id": "exit-states", "verdict": "different", "observed": "Leaving"}],
		"measurements": {"read_lag": {"DescribeTargetHealth": {"max": 2.5}, "DescribeAutoScalingGroups": {"max": 0}},
			"drains": [{}], "standby": [29.4], "in_service": [9, 5.2, 6.1]}}`)
	c := Config{Timing: Timing{MoveTime: time.Second}}
	rec.Configure(&c)
	if b := c.Behaviour; !b.SerialDrains || b.ContentionOnConcurrentMove || b.OperatorCode != "ResourceInUse" || b.DrainCode != "InProgress" {
		t.Errorf("behaviour %+v", b)
	}
	if c.Timing.ReturnTime != 7*time.Second || c.Timing.MoveTime != time.Second || c.MaxLag != 2500*time.Millisecond {
		t.Errorf("times %+v, lag %s; want the median 6.1 s rounded up, the move as it was (it drained), and 2.5 s", c.Timing, c.MaxLag)
	}
	if f := rec.Lagged(Call{Action: "DescribeTargetHealth"}); f == nil || f.Lag != 2500*time.Millisecond {
		t.Errorf("fault of a call that lags: %+v", f)
	}
	if f := rec.Lagged(Call{Action: "DescribeAutoScalingGroups"}); f != nil {
		t.Errorf("fault of a call that does not lag: %+v", f)
	}
	if got := rec.Differences(); len(got) != 1 || got[0] != "exit-states" {
		t.Errorf("differences %v", got)
	}
}

func TestAMoveWithoutDrainsSetsTheMoveTime(t *testing.T) {
	rec := readRecording(t, `{"facts": [{"id": "x"}], "measurements": {"standby": [0.4, 2.2]}}`)
	var c Config
	rec.Configure(&c)
	if c.Timing.MoveTime != 3*time.Second {
		t.Errorf("MoveTime %s, want 3s", c.Timing.MoveTime)
	}
}

func TestWhatIsNoRecordingIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "[]", "{}", `{"facts": []}`,
		`{"facts": [{"id": "x"}], "measurements": {"read_lag": {"DescribeTargetHealth": {"max": -1}}}}`,
		`{"facts": [{"id": "x"}], "measurements": {"read_lag": {"DescribeTargetHealth": {"max": 1e9}}}}`,
	} {
		if _, err := ReadRecording(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), "read the recording: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
