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
	"balanced/internal/fleet"
	"balanced/internal/imds"
	"balanced/internal/rotation"
)

func stop(c rotation.Class, err error) error {
	return fmt.Errorf("wrapped: %w", &rotation.Stop{Class: c, Reason: "reason", Hint: "hint", Err: err})
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
		{"a refusal nobody foresaw", &awsapi.RefusedError{Code: "ValidationError"}, 1},
		{"a class that does not exist", stop(99, nil), 1},
		{"cancelled without a signal", context.Canceled, 1},
		{"status: out", standing(rotation.OutOfService), 3},
		{"status: not a member", standing(rotation.NotMember), 4},
		{"usage", usageError{problems: []string{"no"}}, 64},
		{"IMDS gives no answer", fmt.Errorf("read: %w", imds.ErrNoAnswer), 69},
		{"IMDS refuses its token", fmt.Errorf("read: %w", imds.ErrUnauthorized), 69},
		{"IMDS answers nonsense", fmt.Errorf("read: %w", imds.ErrBadAnswer), 69},
		{"AWS out of reach", fmt.Errorf("describe: %w", &awsapi.UnreachableError{Why: awsapi.Throttled, Err: errors.New("no")}), 69},
		{"not enough was said in time", fmt.Errorf("ask again: %w", context.DeadlineExceeded), 69},
		{"report not writable", reportError{os.ErrPermission}, 73},
		{"not now", stop(rotation.NotNow, nil), 75},
		{"permission missing", errDenied, 77},
		{"no credentials", &awsapi.NoCredentialsError{Err: errors.New("no")}, 77},
		{"setup", stop(rotation.Setup, nil), 78},
		{"in no group", stop(0, rotation.ErrNotMember), 78},
		{"IMDS disabled", fmt.Errorf("read: %w", imds.ErrDisabled), 78},
		{"IMDS hop limit", fmt.Errorf("read: %w", imds.ErrHopLimit), 78},
		{"AWS settings", &awsapi.SettingsError{Err: errors.New("no region")}, 78},
		{"a load balancer of the group is gone", fmt.Errorf("describe: %w", fleet.ErrNoSource), 78},
		{"leaving", stop(rotation.Leaving, nil), 81},
		{"unfinished", stop(rotation.Unfinished, nil), 82},
		{"sick", stop(rotation.Sick, nil), 83},
		{"gave back", stop(rotation.GaveBack, nil), 84},
		{"stuck", stop(rotation.Stuck, nil), 85},
		{"gone", stop(rotation.Gone, nil), 86},
		{"SIGHUP", stop(rotation.Interrupted, signalled(syscall.SIGHUP)), 129},
		{"SIGINT", stop(rotation.Interrupted, signalled(syscall.SIGINT)), 130},
		{"SIGTERM", stop(rotation.Interrupted, signalled(syscall.SIGTERM)), 143},
		{"a signal before anything was asked", fmt.Errorf("read: %w", signalled(syscall.SIGTERM)), 143},

		// Once a move is under way the cause is the reason and not the code.
		{"denied after a move", stop(rotation.Unfinished, errDenied), 82},
		{"unreachable in an undo", stop(rotation.Stuck, &awsapi.UnreachableError{Err: errors.New("no")}), 85},
		{"a stop without a class says what its cause says", stop(0, errDenied), 77},
	} {
		if got := code(tt.err); got != tt.want {
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
	for class := rotation.NotNow; class <= rotation.Gone; class++ {
		if got := code(stop(class, nil)); !slices.Contains(listed, got) {
			t.Errorf("class %q exits %d, which the table does not have", class, got)
		}
	}
}

// Nothing that goes wrong after a move may exit with a code that says nothing moved.
func TestAfterAMoveNoCodeSaysThatNothingMoved(t *testing.T) {
	for _, err := range []error{
		errors.New("odd"), errDenied, stop(rotation.NotNow, nil), stop(rotation.Setup, nil), stop(rotation.Leaving, nil), imds.ErrNoAnswer,
	} {
		if got := code(afterMove(err)); got != 85 {
			t.Errorf("%v after a move exits %d, want 85: the state is unknown", err, got)
		}
	}
	for _, err := range []error{nil, stop(rotation.Unfinished, errDenied), stop(rotation.Interrupted, Signalled{syscall.SIGINT})} {
		if got := afterMove(err); !errors.Is(got, err) || code(got) != code(err) {
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
