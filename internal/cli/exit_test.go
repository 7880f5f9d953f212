package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/imds"
	"balanced/internal/rotation"
)

func refusal(c failure.Class, err error) error {
	return fmt.Errorf("wrapped: %w", &failure.Refusal{Class: c, Reason: "reason", Hint: "hint", Err: err})
}

var errDenied = fmt.Errorf("enter standby: %w", &awsapi.DeniedError{Action: "autoscaling:EnterStandby", Err: errors.New("no")})

// What each kind of error exits with.
func TestCode(t *testing.T) {
	signalled := func(s syscall.Signal) error { return Signalled{Sig: s} }
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"success", nil, 0},
		{"unforeseen", errors.New("odd"), 1},
		{"a refusal nobody foresaw", &awsapi.RefusedError{Code: "ValidationError"}, 78},
		{"a class that does not exist", refusal(99, nil), 1},
		{"cancelled without a signal", context.Canceled, 1},
		{"status: out", notInService(rotation.OutOfService), 3},
		{"status: not a member", notInService(rotation.NotMember), 4},
		{"usage", usageError{problems: []string{"no"}}, 64},
		{"IMDS gives no answer", fmt.Errorf("read: %w", imds.ErrNoAnswer), 69},
		{"IMDS refuses its token", fmt.Errorf("read: %w", imds.ErrUnauthorized), 69},
		{"IMDS answers nonsense", fmt.Errorf("read: %w", imds.ErrBadAnswer), 69},
		{"AWS out of reach", fmt.Errorf("describe: %w", &awsapi.UnreachableError{Why: awsapi.Throttled, Err: errors.New("no")}), 69},
		{"not enough was said in time", fmt.Errorf("ask again: %w", context.DeadlineExceeded), 69},
		{"report not writable", fileError{os.ErrPermission}, 73},
		{"not now", refusal(failure.NotNow, nil), 75},
		{"permission missing", errDenied, 77},
		{"no credentials", &awsapi.NoCredentialsError{Err: errors.New("no")}, 77},
		{"setup", refusal(failure.Setup, nil), 78},
		{"in no group", refusal(0, rotation.ErrNotMember), 78},
		{"IMDS disabled", fmt.Errorf("read: %w", imds.ErrDisabled), 78},
		{"IMDS hop limit", fmt.Errorf("read: %w", imds.ErrHopLimit), 78},
		{"AWS settings", &awsapi.SettingsError{Err: errors.New("no region")}, 78},
		{"a load balancer of the group is gone", &failure.Refusal{Class: failure.Setup, Err: fmt.Errorf("describe: %w", fleet.ErrNoSource)}, 78},
		{"leaving", refusal(failure.Leaving, nil), 81},
		{"unfinished", refusal(failure.Unfinished, nil), 82},
		{"unhealthy", refusal(failure.Unhealthy, nil), 83},
		{"rolled back", refusal(failure.RolledBack, nil), 84},
		{"unknown", refusal(failure.Unknown, nil), 85},
		{"gone", refusal(failure.Gone, nil), 86},
		{"SIGHUP", refusal(failure.Interrupted, signalled(syscall.SIGHUP)), 129},
		{"SIGINT", refusal(failure.Interrupted, signalled(syscall.SIGINT)), 130},
		{"SIGTERM", refusal(failure.Interrupted, signalled(syscall.SIGTERM)), 143},
		{"a signal before anything was asked", fmt.Errorf("read: %w", signalled(syscall.SIGTERM)), 143},

		// Once a move is under way the cause is the reason and not the code.
		{"denied after a move", refusal(failure.Unfinished, errDenied), 82},
		{"unreachable in a rollback", refusal(failure.Unknown, &awsapi.UnreachableError{Err: errors.New("no")}), 85},
		{"a refusal without a class says what its cause says", refusal(0, errDenied), 77},
	} {
		if got := endOf(tt.err).code; got != tt.want {
			t.Errorf("%s: exit code %d, want %d", tt.name, got, tt.want)
		}
	}
}

// Every code that can come out of the program is in the table that it prints.
func TestEveryCodeIsInTheTable(t *testing.T) {
	var listed []int
	for _, c := range codes() {
		if slices.Contains(listed, c.Code) {
			t.Errorf("%d is listed twice", c.Code)
		}
		listed = append(listed, c.Code)
		if c.Meaning == "" || c.Moved == "" {
			t.Errorf("%d lacks a meaning, or whether anything was moved", c.Code)
		}
		if c.Code >= 64 && c.Code <= 81 && c.Moved != "no" {
			t.Errorf("%d says moved %q, but 64 to 81 promise that nothing was", c.Code, c.Moved)
		}
	}
	if !slices.IsSorted(listed) {
		t.Errorf("codes are not in order: %v", listed)
	}
	for class := failure.NotNow; class <= failure.Gone; class++ {
		if got := endOf(refusal(class, nil)).code; !slices.Contains(listed, got) {
			t.Errorf("class %q exits %d, which the table does not have", class, got)
		}
	}
}

// Nothing that goes wrong after a move may exit with a code that says nothing moved.
func TestAfterAMoveNoCodeSaysThatNothingMoved(t *testing.T) {
	moved := &rotation.Report{Moved: true}
	for _, err := range []error{
		errors.New("odd"), errDenied, refusal(failure.NotNow, nil), refusal(failure.Setup, nil), refusal(failure.Leaving, nil), imds.ErrNoAnswer,
	} {
		if got := endOf(promised(t.Context(), moved, err)).code; got != 85 {
			t.Errorf("%v after a move exits %d, want 85: the state is unknown", err, got)
		}
	}
	for _, err := range []error{nil, refusal(failure.Unfinished, errDenied), refusal(failure.Interrupted, Signalled{syscall.SIGINT})} {
		if got := promised(t.Context(), moved, err); !errors.Is(got, err) || endOf(got).code != endOf(err).code {
			t.Errorf("%v after a move became %v", err, got)
		}
	}
}

// The document and the program tell operators the same.
func TestTheDocumentHasTheTable(t *testing.T) {
	text, err := os.ReadFile("../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, c := range codes() {
		want = append(want, fmt.Sprintf("| %d | %s | %s | %s |", c.Code, c.Meaning, c.Moved, c.Retry))
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| code") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/exit-codes.md differs from the program (-program +document):\n%s", diff)
	}
}
