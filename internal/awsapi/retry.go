package awsapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

const (
	firstWait = 500 * time.Millisecond
	longest   = 10 * time.Second
)

// retryer is the SDK's standard one without its limits: the caller's deadline ends a
// call, neither a number of attempts nor a quota does. A fleet that is throttled for
// a minute must finish, not fail.
func (o Options) retryer() aws.Retryer {
	std := retry.NewStandard(func(so *retry.StandardOptions) {
		so.RateLimiter = ratelimit.None
		so.Backoff = retry.BackoffDelayerFunc(o.wait)
		// Ours comes first: the SDK would not retry anything that wraps a cancelled
		// context, and would retry what is made once.
		so.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(again)}, so.Retryables...)
	})
	return retry.AddWithMaxAttempts(std, 0) // 0: no limit
}

// wait doubles from attempt to attempt up to ten seconds; jitter takes up to half off.
// Where AWS throttles, the pacer says when.
func (o Options) wait(attempt int, err error) (time.Duration, error) {
	if throttled(err) {
		return 0, nil
	}
	d := longest
	if n := attempt - 1; n < 5 {
		d = min(longest, firstWait<<max(n, 0))
	}
	return d/2 + time.Duration(o.random()*float64(d/2)), nil
}

// again decides what the SDK's own rules get wrong or do not know.
func again(err error) aws.Ternary {
	if onlyOnce(err) {
		return aws.FalseTernary
	}
	if creds, ok := errors.AsType[*credentialsError](err); ok {
		return aws.BoolTernary(!creds.missing)
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch kindOf(api) {
		case codeThrottled, codeExpired, codeUnknownKeys, codeClock:
			// A clock that is off is made up for: the SDK signs the next attempt with the time of this answer.
			return aws.TrueTernary
		}
		return yes(statusOf(err) == http.StatusTooManyRequests)
	}
	return yes(notAnswered(err))
}

// onlyOnce: a call that must not be sent twice, or whose failure a setting causes.
func onlyOnce(err error) bool {
	_, once := errors.AsType[onceError](err)
	_, settings := errors.AsType[*SettingsError](err)
	_, keys := errors.AsType[*wrongKeys](err)
	return once || settings || keys
}

// notAnswered: what came, if anything, was no answer of AWS or not all of it. Whether a success can be decoded shows in
// its status: the error that the SDK's decoder makes of a body differs from release to release.
func notAnswered(err error) bool {
	if _, ok := errors.AsType[*silence](err); ok {
		return true
	}
	if _, ok := errors.AsType[*strangeAnswer](err); ok {
		return true
	}
	if _, ok := errors.AsType[*IncompleteError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return true
	}
	// A resolver that is briefly broken answers NXDOMAIN too; the SDK gives up on it.
	status := statusOf(err)
	return status >= 200 && status < 300 || connection(err) || OutOfFiles(err)
}

// yes leaves to the SDK's rules what is not true.
func yes(is bool) aws.Ternary {
	if is {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}
