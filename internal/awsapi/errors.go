package awsapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"balanced/internal/failure"

	"github.com/aws/smithy-go"
)

// DeniedError: AWS knows us and does not allow the call: a permission is missing, or
// something forbids it. A retry cannot help.
type DeniedError struct {
	Action string // in IAM's spelling, "autoscaling:EnterStandby"
	Err    error
}

func (e *DeniedError) Error() string { return e.Action + " denied: " + said(e.Err) }
func (e *DeniedError) Unwrap() error { return e.Err }

// FailureClass and FailureHint meet package failure.
func (e *DeniedError) FailureClass() failure.Class { return failure.Denied }

func (e *DeniedError) FailureHint() string {
	return "allow " + e.Action + " to the instance's role"
}

// NoCredentialsError: there are no usable credentials: no instance profile, a role
// that EC2 may not assume, or keys that do not sign. A retry cannot help.
type NoCredentialsError struct{ Err error }

func (e *NoCredentialsError) Error() string { return "no usable credentials: " + said(e.Err) }
func (e *NoCredentialsError) Unwrap() error { return e.Err }

// FailureClass and FailureHint meet package failure.
func (e *NoCredentialsError) FailureClass() failure.Class { return failure.Denied }

func (e *NoCredentialsError) FailureHint() string {
	return "give the instance a profile with the policy that balanced policy prints"
}

// SettingsError: what the SDK reads about AWS on this host, in its environment and
// files, makes no sense. Nobody was asked.
type SettingsError struct{ Err error }

func (e *SettingsError) Error() string { return "AWS settings: " + e.Err.Error() }
func (e *SettingsError) Unwrap() error { return e.Err }

// FailureClass and FailureHint meet package failure.
func (e *SettingsError) FailureClass() failure.Class { return failure.Setup }

func (e *SettingsError) FailureHint() string {
	return "fix the AWS settings of this user and environment"
}

// RefusedError: AWS understood the call and said no. What it says is for people; the
// state of the instance, read again, is what counts.
type RefusedError struct {
	Call          string // "autoscaling:EnterStandby"
	Code, Message string // AWS's own
	Err           error
}

func (e *RefusedError) Error() string { return e.Code + ": " + e.Message }
func (e *RefusedError) Unwrap() error { return e.Err }

// Why says what kept a call from being answered.
type Why string

// A later try can help against each of them.
const (
	Throttled   Why = "throttled"
	Expired     Why = "expired credentials"
	NoAnswer    Why = "no answer"
	ServerError Why = "server error"
	Timeout     Why = "timed out"
)

// UnreachableError: AWS did not do what was asked within the time given, and did not
// say no either. A later try can help.
type UnreachableError struct {
	Call     string // "autoscaling:DescribeAutoScalingGroups"
	Why      Why    // of the last attempt that ended by itself
	Attempts int    // requests sent
	// Landed: at least one attempt may have reached AWS and taken effect.
	Landed bool
	Err    error // what AWS, or the network, said last
	// ended is the deadline that ended the retries, nil where none did.
	ended error
}

func (e *UnreachableError) Error() string {
	if e.Attempts > 1 {
		return fmt.Sprintf("%s, %d attempts, last: %s", e.Why, e.Attempts, said(e.Err))
	}
	return fmt.Sprintf("%s: %s", e.Why, said(e.Err))
}

// FailureClass and FailureHint meet package failure.
func (e *UnreachableError) FailureClass() failure.Class { return failure.Unreachable }

func (e *UnreachableError) FailureHint() string {
	switch e.Why {
	case Throttled:
		return "run it again when fewer calls are made in this account and Region"
	case Expired:
		return "check the role's credentials and the clock, then run it again"
	}
	return "check the network path to the AWS APIs, then run it again"
}

// Unwrap gives what was said last and, where a deadline ended the call, its cause.
func (e *UnreachableError) Unwrap() []error {
	if e.ended == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.ended}
}

// Doubtful says whether a mutating call that returned err may have taken effect all
// the same. A refusal is doubtful too: a network can deliver a call twice, and the
// refusal be the answer to the second. Only a call that AWS turned away at the door,
// or that never reached it, is not.
func Doubtful(err error) bool {
	if err == nil {
		return false
	}
	if _, ok := errors.AsType[*DeniedError](err); ok {
		return false
	}
	if _, ok := errors.AsType[*NoCredentialsError](err); ok {
		return false
	}
	if _, ok := errors.AsType[*SettingsError](err); ok {
		return false
	}
	if u, ok := errors.AsType[*UnreachableError](err); ok {
		return u.Landed
	}
	return true
}

// Wrap says what was attempted and on what, in place of the SDK's own "operation
// error Auto Scaling: DescribeAutoScalingGroups, https response error …". A nil err
// stays nil.
func Wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	if op, ok := err.(*smithy.OperationError); ok {
		err = op.Err
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}

// explain turns what the SDK returned into one of the errors above.
func (c *call) explain(ctx context.Context, err error) error {
	var ended error
	if ctx.Err() != nil && !answered(err) {
		if errors.Is(ctx.Err(), context.Canceled) && !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			return fmt.Errorf("stopped: %w", ctx.Err())
		}
		ended = errors.Join(context.DeadlineExceeded, context.Cause(ctx))
		if err = c.last; err == nil {
			err = context.Cause(ctx)
		}
	}
	unreachable := func(w Why) error {
		return &UnreachableError{Call: c.name(), Why: w, Attempts: c.attempts, Landed: c.landed, Err: err, ended: ended}
	}
	if errors.Is(err, errHeldBack) {
		return unreachable(Throttled)
	}
	if settings, ok := errors.AsType[*SettingsError](err); ok {
		return settings
	}
	if creds, ok := errors.AsType[*credentialsError](err); ok {
		if creds.missing {
			return &NoCredentialsError{Err: err}
		}
		return unreachable(NoAnswer)
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return c.unanswered(err, ended, unreachable)
	}
	switch kind := kindOf(api.ErrorCode()); {
	case kind == codeThrottled || statusOf(err) == http.StatusTooManyRequests:
		return unreachable(Throttled)
	case kind == codeExpired:
		return unreachable(Expired)
	case kind == codeBadKeys:
		return &NoCredentialsError{Err: err}
	case kind == codeDenied || strings.Contains(api.ErrorMessage(), "not authorized to perform"):
		return &DeniedError{Action: c.name(), Err: err}
	case statusOf(err) >= 500 && kind != codeRefused:
		return unreachable(ServerError)
	}
	return &RefusedError{Call: c.name(), Code: api.ErrorCode(), Message: api.ErrorMessage(), Err: err}
}

func (c *call) unanswered(err, ended error, unreachable func(Why) error) error {
	if _, ok := errors.AsType[*silence](err); ok {
		return unreachable(Timeout)
	}
	// An answer that cannot be read is not AWS's: a proxy's page, or one cut short.
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok || statusOf(err) != 0 {
		return unreachable(ServerError)
	}
	if connection(err) {
		return unreachable(NoAnswer)
	}
	if ended != nil {
		return unreachable(Timeout)
	}
	return err // our own mistake: a parameter that does not validate
}

// key is the call as the report counts it.
func (c *call) key() string { return c.service + "." + c.operation }

// name is the call in IAM's spelling; both ELB services share one prefix.
func (c *call) name() string { return strings.TrimSuffix(c.service, "v2") + ":" + c.operation }
