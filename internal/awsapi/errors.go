package awsapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"balanced/internal/failure"
	"balanced/internal/format"

	"github.com/aws/smithy-go"
)

// DeniedError: AWS knows us and does not allow the call: a permission is missing, or
// something forbids it. A retry cannot help.
type DeniedError struct {
	Action string // in IAM's spelling, "autoscaling:EnterStandby"
	Err    error
}

// Error begins with AWS's words about the policy that denies it, where it names one: a text that is cut keeps them.
func (e *DeniedError) Error() string {
	if says, _ := deniedBy(awsText(e.Err)); says != "" {
		return e.Action + " denied " + says + ": " + awsText(e.Err)
	}
	return e.Action + " denied: " + awsText(e.Err)
}
func (e *DeniedError) Unwrap() error { return e.Err }

// FailureClass and FailureHint meet package failure.
func (e *DeniedError) FailureClass() failure.Class { return failure.Denied }

func (e *DeniedError) FailureHint() string {
	if _, fix := deniedBy(awsText(e.Err)); fix != "" {
		return fmt.Sprintf(fix, e.Action)
	}
	return "allow " + e.Action + " to the instance's role"
}

// NoCredentialsError: there are no usable credentials: no instance profile, a role
// that EC2 may not assume, keys that do not sign or that AWS does not know. A retry cannot help, except where it wraps a
// NoRoleYetError.
type NoCredentialsError struct {
	Source string // where they come from: "the environment (AWS_ACCESS_KEY_ID)"
	Fix    string // what to do about that source
	Err    error
}

func (e *NoCredentialsError) Error() string {
	if _, none := errors.AsType[*NoRoleYetError](e.Err); none || e.Source == "" {
		return "no usable credentials: " + awsText(e.Err)
	}
	return "no usable credentials from " + e.Source + ": " + awsText(e.Err)
}
func (e *NoCredentialsError) Unwrap() error { return e.Err }

// FailureClass and FailureHint meet package failure.
func (e *NoCredentialsError) FailureClass() failure.Class { return failure.Denied }

func (e *NoCredentialsError) FailureHint() string { return cmp.Or(e.Fix, instanceRole.fix) }

// NoRoleYetError: the metadata service has no credentials of a role for the instance: it has no profile, EC2 may not
// assume the role, or, in the first minutes of an instance or of a new profile, not yet.
type NoRoleYetError struct{ Err error }

func (e *NoRoleYetError) Error() string {
	if api, ok := errors.AsType[smithy.APIError](e.Err); ok {
		return "EC2 cannot assume the instance's role: " + shorten(api.ErrorCode()+" "+api.ErrorMessage(), textLimit)
	}
	return "the instance has no role"
}
func (e *NoRoleYetError) Unwrap() error { return e.Err }

// SettingsError: what the SDK reads about AWS on this host, in its environment and
// files, does not work: it makes no sense, or it leads to somebody who is not AWS. A retry cannot help.
type SettingsError struct {
	Err error
	Fix string // what to change, naming the setting; empty: not known better
}

func (e *SettingsError) Error() string { return "AWS settings: " + awsText(e.Err) }
func (e *SettingsError) Unwrap() error { return e.Err }

// FailureClass and FailureHint meet package failure.
func (e *SettingsError) FailureClass() failure.Class { return failure.Setup }

func (e *SettingsError) FailureHint() string {
	return cmp.Or(e.Fix, "fix the AWS settings of this user and environment")
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

// FailureClass meets package failure: a refusal that the caller did not foresee comes again until somebody changes
// something.
func (e *RefusedError) FailureClass() failure.Class { return failure.Setup }

// Why says what kept a call from being answered.
type Why string

// A later try can help against each of them.
const (
	Throttled   Why = "throttled"
	Expired     Why = "expired credentials"
	ClockOff    Why = "this host's clock is off"
	NoAnswer    Why = "no answer"
	ServerError Why = "server error"
	Timeout     Why = "timed out"
	NotAWS      Why = "an answer that is not from AWS"
	Incomplete  Why = "incomplete answer"
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
	ahead time.Duration // how far this host's clock is ahead of AWS's, where ClockOff
}

func (e *UnreachableError) Error() string {
	why := string(e.Why)
	if e.ahead != 0 {
		why += " by " + format.Duration(e.ahead.Abs())
	}
	if e.Attempts > 1 {
		return fmt.Sprintf("%s, %d attempts, last: %s", why, e.Attempts, awsText(e.Err))
	}
	return fmt.Sprintf("%s: %s", why, awsText(e.Err))
}

// FailureClass and FailureHint meet package failure.
func (e *UnreachableError) FailureClass() failure.Class { return failure.Unreachable }

func (e *UnreachableError) FailureHint() string {
	switch e.Why {
	case Throttled:
		return "run it again when fewer calls are made in this account and Region"
	case Expired:
		return "check the role's credentials, then run it again"
	case ClockOff:
		return "set this host's clock (timedatectl, chronyc tracking), then run it again"
	case NotAWS:
		return "find out what answers in place of AWS (a proxy, a firewall), then run it again"
	}
	switch {
	case e.Err == nil:
	case OutOfFiles(e.Err):
		return "raise the limit of open files (ulimit -n), then run it again"
	case proxyFailed(e.Err):
		return "check the proxy that " + cmp.Or(proxyVariable("https"), proxyVariable("http"), "the environment") + " names, then run it again"
	case outOfDate(e.Err):
		return "check this host's clock and the certificate, then run it again"
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

// classify turns what the SDK returned into one of the errors above. Two paths to failure.Internal are left, neither of
// which anything that a peer sends can reach: an input of ours that the SDK does not validate or serialize (the last
// line of unanswered), and a context that was cancelled without a deadline, which the caller knows the reason of.
func (c *call) classify(ctx context.Context, err error) error {
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
		u := &UnreachableError{Call: c.name(), Why: w, Attempts: c.attempts, Landed: c.landed, Err: err, ended: ended}
		if w == ClockOff {
			u.ahead = c.ahead
		}
		return u
	}
	if errors.Is(err, errHeldBack) {
		return unreachable(Throttled)
	}
	if settings, ok := errors.AsType[*SettingsError](err); ok {
		return settings
	}
	if creds, ok := errors.AsType[*credentialsError](err); ok {
		if creds.missing {
			return c.noCredentials(err)
		}
		return unreachable(NoAnswer)
	}
	if _, ok := errors.AsType[*wrongKeys](err); ok {
		return c.noCredentials(err)
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return c.refused(api, err, unreachable)
	}
	return c.unanswered(err, ended, unreachable)
}

func (c *call) noCredentials(err error) error {
	return &NoCredentialsError{Source: c.keys.name, Fix: c.keys.fix, Err: err}
}

func (c *call) refused(api smithy.APIError, err error, unreachable func(Why) error) error {
	switch kind := kindOf(api); {
	case kind == codeThrottled || statusOf(err) == http.StatusTooManyRequests:
		return unreachable(Throttled)
	case kind == codeExpired, kind == codeUnknownKeys:
		return unreachable(Expired)
	case kind == codeClock:
		return unreachable(ClockOff)
	case kind == codeBadKeys:
		return c.noCredentials(err)
	case kind == codeDenied || strings.Contains(api.ErrorMessage(), "not authorized to perform"):
		return &DeniedError{Action: c.name(), Err: err}
	case statusOf(err) >= 500 && kind != codeRefused:
		return unreachable(ServerError)
	}
	return &RefusedError{Call: c.name(), Code: api.ErrorCode(), Message: shorten(api.ErrorMessage(), textLimit), Err: err}
}

func (c *call) unanswered(err, ended error, unreachable func(Why) error) error {
	if _, ok := errors.AsType[*silence](err); ok {
		return unreachable(Timeout)
	}
	if _, ok := errors.AsType[*strangeAnswer](err); ok || errors.Is(err, errRedirect) {
		return unreachable(NotAWS)
	}
	if _, ok := errors.AsType[*IncompleteError](err); ok {
		return unreachable(Incomplete)
	}
	// An answer that cannot be read is not AWS's: a proxy's page, or one cut short.
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok || statusOf(err) != 0 {
		return unreachable(ServerError)
	}
	if connection(err) || OutOfFiles(err) {
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
