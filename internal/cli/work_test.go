package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/zap"

	"balanced/internal/awsapi"
	"balanced/internal/imds"
	"balanced/internal/rotation"
)

// end runs a command whose work ends as given, and returns its report and its error.
func end(t *testing.T, ctx context.Context, unconnected, worked error, moved bool) (rotation.Report, error) {
	t.Helper()
	var stdout bytes.Buffer
	j := &job{
		program: &program{stdout: &stdout}, command: "out", json: true,
		screen: newScreen(&bytes.Buffer{}, 0), log: zap.NewNop(), text: result,
		connect: func(context.Context, string, *zap.Logger) (*rotation.Agent, func() map[string]int, error) {
			return &rotation.Agent{}, func() map[string]int { return map[string]int{"autoscaling.EnterStandby": 1} }, unconnected
		},
	}
	err := j.run(ctx, func(context.Context, *rotation.Agent) (*rotation.Report, error) {
		return &rotation.Report{Command: "out", Moved: moved}, worked
	})
	var report rotation.Report
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatalf("stdout %q: %v", stdout.String(), err)
	}
	return report, err
}

func TestTheReportSaysWhatTheLastLineSays(t *testing.T) {
	report, err := end(t, t.Context(), nil, &rotation.Stop{Class: rotation.NotNow, Reason: "places taken", Hint: "wait"}, false)
	if code(err) != 75 || report.ExitCode != 75 || report.Reason != "places taken" || report.Hint != "wait" {
		t.Errorf("code %d, report %d %q %q", code(err), report.ExitCode, report.Reason, report.Hint)
	}
	if report.APICalls["autoscaling.EnterStandby"] != 1 || report.Version == "" {
		t.Errorf("calls %v, version %q", report.APICalls, report.Version)
	}
	report, err = end(t, t.Context(), nil, &awsapi.DeniedError{Action: "autoscaling:EnterStandby", Err: errors.New("no")}, false)
	if code(err) != 77 || !strings.Contains(report.Hint, "allow autoscaling:EnterStandby") {
		t.Errorf("code %d, hint %q: the report lacks what the last line says", code(err), report.Hint)
	}
}

func TestThereIsAReportWithoutAnAgent(t *testing.T) {
	report, err := end(t, t.Context(), imds.ErrNoAnswer, nil, false)
	if code(err) != 69 || report.ExitCode != 69 || report.Command != "out" || report.Outcome != "failed" || report.StartedAt.IsZero() {
		t.Errorf("code %d, report %+v", code(err), report)
	}
	if report.Steps == nil || report.Traffic == nil || report.Warnings == nil || report.APICalls == nil {
		t.Errorf("lists are null rather than empty: %+v", report)
	}
}

func TestARunThatMovedNeverExitsAsIfItHadNot(t *testing.T) {
	report, err := end(t, t.Context(), nil, &rotation.Stop{Class: rotation.NotNow, Reason: "places taken"}, true)
	if code(err) != 85 || report.ExitCode != 85 {
		t.Errorf("code %d, report %d, want 85", code(err), report.ExitCode)
	}
}

// A call that a signal cut short says "context canceled", or that AWS gave no answer.
func TestASignalIsTheReason(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(Signalled{syscall.SIGTERM})
	for _, err := range []error{context.Canceled, &awsapi.UnreachableError{Why: awsapi.NoAnswer, Err: context.Canceled}} {
		if report, got := end(t, ctx, nil, err, false); code(got) != 143 || report.ExitCode != 143 {
			t.Errorf("%v: code %d, report %d, want 143", err, code(got), report.ExitCode)
		}
	}
	wordy := fmt.Errorf("read a notice: %w", context.Cause(ctx))
	if report, _ := end(t, ctx, nil, wordy, false); report.Reason != "stopped by SIGTERM" {
		t.Errorf("reason %q, want the signal alone", report.Reason)
	}
	if _, got := end(t, ctx, nil, &rotation.Stop{Class: rotation.Leaving, Reason: "leaving"}, false); code(got) != 81 {
		t.Errorf("a verdict that was reached became %d", code(got))
	}
}
