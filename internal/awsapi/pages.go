package awsapi

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	smithytime "github.com/aws/smithy-go/time"
)

// IncompleteError: AWS answered, and its answer does not hold what was asked for by name, or lacks what it always has.
// Nothing follows from it about the world; it is asked again.
type IncompleteError struct{ Lacks string }

func (e *IncompleteError) Error() string { return "the answer has no " + e.Lacks }

// Lacks makes an IncompleteError: "health status of i-0c3".
func Lacks(format string, args ...any) error {
	return &IncompleteError{Lacks: fmt.Sprintf(format, args...)}
}

// mostPages bounds how far a describe call is followed: six weeks of a group that starts an instance every minute.
const mostPages = 1000

// Pages reads page after page: first with an empty token, then with the one that the page before gave, until that is
// empty or a page says that it was enough. A page may be empty and still have a successor. A token that comes twice
// would go round in circles and is an IncompleteError.
func Pages(read func(token string) (next string, enough bool, err error)) error {
	seen, token := map[string]bool{}, ""
	for range mostPages {
		next, enough, err := read(token)
		if err != nil || enough || next == "" {
			return err
		}
		if seen[next] {
			return Lacks("page after this one: AWS gives its token twice")
		}
		seen[next], token = true, next
	}
	return Lacks("end: it goes on after %d pages", mostPages)
}

// Complete asks until the answer is complete, at the pace of the attempts of one call, or until ctx ends: then its error
// is an UnreachableError that says what was missing. call is in IAM's spelling.
func Complete[T any](ctx context.Context, cfg aws.Config, call string, ask func(context.Context) (T, error)) (T, error) {
	pace := cfg.Retryer()
	for attempt := 1; ; attempt++ {
		out, err := ask(ctx)
		lacks, incomplete := errors.AsType[*IncompleteError](err)
		if !incomplete {
			return out, err
		}
		var none T
		pause, err := pace.RetryDelay(attempt, lacks)
		if err == nil {
			err = smithytime.SleepWithContext(ctx, pause)
		}
		switch cause := context.Cause(ctx); {
		case err == nil:
		case errors.Is(ctx.Err(), context.Canceled) && !errors.Is(cause, context.DeadlineExceeded):
			return none, fmt.Errorf("stopped: %w", ctx.Err())
		default:
			return none, &UnreachableError{
				Call: call, Why: Incomplete, Attempts: attempt, Err: lacks, ended: errors.Join(context.DeadlineExceeded, cause),
			}
		}
	}
}
