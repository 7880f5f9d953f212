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
	"time"

	"go.uber.org/zap"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/imds"
	"balanced/internal/rotation"
)

// finished hands over a run whose work ended as given, and returns its report and its error.
func finished(t *testing.T, ctx context.Context, worked *rotation.Report, ended error) (rotation.Report, error) {
	t.Helper()
	var stdout bytes.Buffer
	j := &job{
		program: &program{stdout: &stdout, end: &ending{}}, command: "out", json: true,
		screen: newScreen(&bytes.Buffer{}, 0), log: zap.NewNop(), text: result,
	}
	err := j.finish(ctx, worked, ended)
	var report rotation.Report
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatalf("stdout %q: %v", stdout.String(), err)
	}
	return report, err
}

func outReport(moved bool) *rotation.Report {
	return &rotation.Report{Command: "out", Moved: moved, APICalls: map[string]int{"autoscaling.EnterStandby": 1}}
}

func TestTheReportSaysWhatTheLastLineSays(t *testing.T) {
	report, err := finished(t, t.Context(), outReport(false), &failure.Refusal{Class: failure.NotNow, Reason: "slots taken", Hint: "wait"})
	if endOf(err).code != 75 || report.ExitCode != 75 || report.Reason != "slots taken" || report.Hint != "wait" {
		t.Errorf("code %d, report %d %q %q", endOf(err).code, report.ExitCode, report.Reason, report.Hint)
	}
	if report.APICalls["autoscaling.EnterStandby"] != 1 || report.Version == "" {
		t.Errorf("calls %v, version %q", report.APICalls, report.Version)
	}
	report, err = finished(t, t.Context(), outReport(false), &awsapi.DeniedError{Action: "autoscaling:EnterStandby", Err: errors.New("no")})
	if endOf(err).code != 77 || !strings.Contains(report.Hint, "allow autoscaling:EnterStandby") {
		t.Errorf("code %d, hint %q: the report lacks what the last line says", endOf(err).code, report.Hint)
	}
}

func TestThereIsAReportWithoutAnAgent(t *testing.T) {
	report, err := finished(t, t.Context(), rotation.NewReport("out", time.Now(), imds.ErrNoAnswer), imds.ErrNoAnswer)
	if endOf(err).code != 69 || report.ExitCode != 69 || report.Command != "out" || report.Outcome != "unreachable" || report.StartedAt.IsZero() {
		t.Errorf("code %d, report %+v", endOf(err).code, report)
	}
	if report.Steps == nil || report.Traffic == nil || report.Warnings == nil || report.APICalls == nil {
		t.Errorf("lists are null rather than empty: %+v", report)
	}
}

func TestARunThatMovedNeverExitsAsIfItHadNot(t *testing.T) {
	report, err := finished(t, t.Context(), outReport(true), &failure.Refusal{Class: failure.NotNow, Reason: "slots taken"})
	if endOf(err).code != 85 || report.ExitCode != 85 {
		t.Errorf("code %d, report %d, want 85", endOf(err).code, report.ExitCode)
	}
}

// A call that a signal cut short says "context canceled", or that AWS gave no answer.
func TestASignalIsTheReason(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(Signalled{syscall.SIGTERM})
	for _, err := range []error{context.Canceled, &awsapi.UnreachableError{Why: awsapi.NoAnswer, Err: context.Canceled}} {
		if report, got := finished(t, ctx, outReport(false), err); endOf(got).code != 143 || report.ExitCode != 143 {
			t.Errorf("%v: code %d, report %d, want 143", err, endOf(got).code, report.ExitCode)
		}
	}
	wordy := fmt.Errorf("read a notice: %w", context.Cause(ctx))
	if report, _ := finished(t, ctx, outReport(false), wordy); report.Reason != "stopped by SIGTERM" {
		t.Errorf("reason %q, want the signal alone", report.Reason)
	}
	if _, got := finished(t, ctx, outReport(false), &failure.Refusal{Class: failure.Leaving, Reason: "leaving"}); endOf(got).code != 81 {
		t.Errorf("a verdict that was reached became %d", endOf(got).code)
	}
}
