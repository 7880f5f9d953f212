package awsapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// within runs one call against a script, in virtual time.
func within(t *testing.T, budget time.Duration, call func(context.Context, *Session) error, script ...step) (*region, *Session, error) {
	t.Helper()
	hermetic(t)
	r := &region{script: script}
	var s *Session
	var err error
	synctest.Test(t, func(t *testing.T) {
		s = load(t, r, nil)
		ctx, cancel := context.WithTimeout(t.Context(), budget)
		defer cancel()
		err = call(ctx, s)
	})
	return r, s, err
}

func TestReadsAreRetriedUntilTheyAreAnswered(t *testing.T) {
	for name, trouble := range map[string]step{
		"throttled":                     slow,
		"throttled by another name":     says(400, "RequestLimitExceeded", "slow down"),
		"throttled, as Classic says":    says(400, "DependencyThrottle", "slow down"),
		"throttled, by status alone":    says(429, "Whatever", "slow down"),
		"prior request not complete":    says(429, "PriorRequestNotComplete", "wait"),
		"no health to be had just now":  says(500, "HealthUnavailable", "try later"),
		"a server error without a word": plain(503, ""),
		"a proxy's page":                plain(502, "<html><body>Bad Gateway"),
		"half an answer":                plain(200, "<R><DescribeAutoScalingGroupsResult><Auto"),
		"a connection cut":              cut,
		"a connection that hangs":       hangs,
		"credentials just rotated":      says(403, "ExpiredToken", "The security token included in the request is expired"),
		"a clock that is off":           says(400, "RequestExpired", "Request has expired"),
	} {
		t.Run(name, func(t *testing.T) {
			_, s, err := within(t, 5*time.Minute, describe, trouble, trouble, trouble, trouble, fine)
			if err != nil {
				t.Fatalf("not answered: %v", err)
			}
			want := map[string]int{"autoscaling.DescribeAutoScalingGroups": 5}
			if diff := cmp.Diff(want, s.Counts()); diff != "" {
				t.Errorf("requests counted (-want +got)\n%s", diff)
			}
		})
	}
}

func TestAFinalAnswerIsNotAskedForTwice(t *testing.T) {
	for _, c := range []struct {
		name string
		says step
		want error
		text string
	}{
		{"denied", says(403, "AccessDenied", "User: x is not authorized to perform: autoscaling:Describe…"), &DeniedError{}, "autoscaling:DescribeAutoScalingGroups denied: User: x"},
		{"denied by an organisation", says(403, "AccessDeniedException", "explicit deny"), &DeniedError{}, "denied: explicit deny"},
		{"not signed up", says(403, "OptInRequired", "subscribe first"), &DeniedError{}, "denied: subscribe first"},
		{"wrong keys", says(403, "SignatureDoesNotMatch", "the signature differs"), &NoCredentialsError{}, "no usable credentials from the instance's role: the signature differs"},
		{"refused", says(400, "ValidationError", "no such thing"), &RefusedError{}, "ValidationError: no such thing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _, err := within(t, time.Minute, describe, c.says)
			if len(r.requests) != 1 {
				t.Errorf("%d requests", len(r.requests))
			}
			if fmt.Sprintf("%T", last(err)) != fmt.Sprintf("%T", c.want) {
				t.Errorf("got %T (%v), want %T", last(err), err, c.want)
			}
			if !strings.HasPrefix(err.Error(), "describe group web: ") || !strings.Contains(err.Error(), c.text) {
				t.Errorf("says %q", err)
			}
		})
	}
}

// last is the first of our own errors in the chain.
func last(err error) error {
	for ; err != nil; err = errors.Unwrap(err) {
		switch err.(type) {
		case *DeniedError, *NoCredentialsError, *RefusedError, *UnreachableError:
			return err
		}
	}
	return nil
}

func TestTheDeadlineEndsTheRetriesAndSaysWhatAWSSaidLast(t *testing.T) {
	for _, c := range []struct {
		name string
		says step
		want Why
		text string
	}{
		{"throttled", slow, Throttled, "throttled, 4 attempts, last: Rate exceeded"},
		{"expired", says(403, "ExpiredToken", "token expired"), Expired, "last: token expired"},
		{"keys unknown", says(403, "InvalidClientTokenId", "token invalid"), Expired, "last: token invalid"},
		{"server error", says(503, "ServiceUnavailable", "busy"), ServerError, "last: busy"},
		{"hangs", hangs, Timeout, "no answer within 10s"},
		{"cut", cut, NoAnswer, "unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := within(t, time.Minute, describe, c.says)
			u, ok := errors.AsType[*UnreachableError](err)
			if !ok || u.Why != c.want || u.Attempts < 2 {
				t.Fatalf("got %#v, want it %s after several attempts", err, c.want)
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error("the deadline is not to be seen in the error")
			}
			if u.Call != "autoscaling:DescribeAutoScalingGroups" || !strings.Contains(err.Error(), c.text) {
				t.Errorf("says %q of %s", err, u.Call)
			}
		})
	}
}

func TestADeadlineInTheFirstAttemptIsATimeout(t *testing.T) {
	_, _, err := within(t, 5*time.Second, describe, hangs)
	if u, ok := errors.AsType[*UnreachableError](err); !ok || u.Why != Timeout || u.Attempts != 1 {
		t.Errorf("got %v", err)
	}
}

func TestTheBudgetThatRanOutIsNamed(t *testing.T) {
	hermetic(t)
	budget := errors.New("the drain's budget ran out")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, budget)
		defer cancel()
		if err := describe(ctx, load(t, &region{script: []step{slow}}, nil)); !errors.Is(err, budget) {
			t.Errorf("%v does not carry its budget", err)
		}
	})
}

func TestASignalStaysRecognisable(t *testing.T) {
	hermetic(t)
	for name, says := range map[string]step{"while it waits": slow, "in an attempt": hangs} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(3*time.Second, cancel)
			err := describe(ctx, load(t, &region{script: []step{says}}, nil))
			if !errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestBothLoadBalancingServicesShareAPermissionPrefixButNotACount(t *testing.T) {
	_, s, err := within(t, time.Minute, targetHealth, says(403, "AccessDenied", "no"))
	if d, ok := errors.AsType[*DeniedError](err); !ok || d.Action != "elasticloadbalancing:DescribeTargetHealth" {
		t.Errorf("got %v", err)
	}
	if s.Counts()["elasticloadbalancingv2.DescribeTargetHealth"] != 1 {
		t.Errorf("counted %v", s.Counts())
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	hermetic(t)
	core, logs := observer.New(zapcore.DebugLevel)
	synctest.Test(t, func(t *testing.T) {
		s := load(t, &region{script: []step{slow, cut, fine}}, zap.New(core))
		if err := describe(t.Context(), s); err != nil {
			t.Error(err)
		}
	})
	var lines []string
	for _, e := range logs.All() {
		lines = append(lines, fmt.Sprint(e.Message, e.ContextMap()))
	}
	all := strings.Join(lines, "\n")
	if len(lines) != 3 || !strings.Contains(all, "Throttling") || !strings.Contains(all, "req-1") {
		t.Errorf("want one line per attempt, with code and request id:\n%s", all)
	}
	for _, secret := range []string{"hush", "secret-token", "key1", "Signature"} {
		if strings.Contains(all, secret) {
			t.Errorf("%q is in the log:\n%s", secret, all)
		}
	}
}
