package awsapi

import (
	"errors"
	"net"
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
	if _, ok := errors.AsType[onceError](err); ok {
		return aws.FalseTernary
	}
	if _, ok := errors.AsType[*SettingsError](err); ok {
		return aws.FalseTernary
	}
	if creds, ok := errors.AsType[*credentialsError](err); ok {
		return aws.BoolTernary(!creds.missing)
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch kindOf(api.ErrorCode()) {
		case codeThrottled, codeExpired:
			return aws.TrueTernary
		}
		if statusOf(err) == http.StatusTooManyRequests {
			return aws.TrueTernary
		}
		return aws.UnknownTernary
	}
	if _, ok := errors.AsType[*silence](err); ok {
		return aws.TrueTernary
	}
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return aws.TrueTernary
	}
	// A resolver that is briefly broken answers NXDOMAIN too; the SDK gives up on it.
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}
