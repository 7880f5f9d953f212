package awsapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// One line for each attempt says what AWS answered, or what the network did.
func TestWhatIsLoggedOfAnAttempt(t *testing.T) {
	hermetic(t)
	core, logs := observer.New(zapcore.DebugLevel)
	synctest.Test(t, func(t *testing.T) {
		if err := describe(t.Context(), load(t, &region{script: []step{slow, cut, plain(502, proxyPage), fine}}, zap.New(core))); err != nil {
			t.Error(err)
		}
	})
	const key = "autoscaling.DescribeAutoScalingGroups"
	want := []string{
		"map[attempt:1 call:" + key + " code:Throttling elapsed_seconds:0s http_status:400 request_id:req-1]",
		"map[attempt:2 call:" + key + ` elapsed_seconds:0s error:https response error StatusCode: 0, RequestID: , request send failed, Post "http://api": unexpected EOF http_status:0 request_id:]`,
		"map[attempt:3 call:" + key + " elapsed_seconds:0s error:https response error StatusCode: 502, RequestID: , HTTP 502 without an AWS document http_status:502 request_id:]",
		"map[attempt:4 call:" + key + " elapsed_seconds:0s http_status:200 request_id:]",
	}
	var got []string
	for _, e := range logs.FilterMessage("aws call").All() {
		got = append(got, fmt.Sprint(e.ContextMap()))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A call has landed once an attempt may have, whatever became of those after it.
func TestCallsThatMayHaveLanded(t *testing.T) {
	for name, c := range map[string]struct {
		script []step
		want   bool
	}{
		"throttled": {[]step{slow}, false}, "cut": {[]step{cut}, true}, "cut, then throttled": {[]step{cut, slow}, true}, "throttled, then cut": {[]step{slow, cut}, true},
		"an answer cut short": {[]step{plain(200, "<R>")}, true}, "silence": {[]step{hangs}, true},
	} {
		_, _, err := within(t, time.Minute, describe, c.script...)
		if u, ok := errors.AsType[*UnreachableError](err); !ok || u.Landed != c.want {
			t.Errorf("%s: %v, landed %v", name, err, ok && u.Landed)
		}
	}
}

// late answers when the time of an attempt, or of the whole call, is over.
func late(d time.Duration, answer step) step {
	return func(req *http.Request) (*http.Response, error) { <-time.After(d); return answer(req) }
}

// An answer counts, however late it arrives; else the last word is that of an attempt that ended by itself.
func TestTheLastWord(t *testing.T) {
	refused, busy := says(400, "ValidationError", "no"), says(503, "ServiceUnavailable", "busy")
	for name, c := range map[string]struct {
		budget   time.Duration
		script   []step
		text     string
		requests int
	}{
		"a refusal after the attempt's time":    {time.Minute, []step{late(11*time.Second, refused)}, "ValidationError: no", 1},
		"a refusal after the call's time":       {5 * time.Second, []step{late(6*time.Second, refused)}, "ValidationError: no", 1},
		"throttled after the call's time":       {5 * time.Second, []step{late(6*time.Second, slow)}, "throttled: Rate exceeded", 1},
		"busy, then throttled after the time":   {5 * time.Second, []step{busy, late(6*time.Second, slow)}, "throttled, 2 attempts, last: Rate exceeded", 2},
		"busy, then silent until the time ends": {5 * time.Second, []step{busy, hangs}, "server error, 2 attempts, last: busy", 2},
		"silent from the beginning":             {5 * time.Second, []step{hangs}, "timed out: context deadline exceeded", 1},
		"silent for two attempts":               {15 * time.Second, []step{hangs}, "timed out, 2 attempts, last: no answer within 10s: ", 2},
		"a clock that is off by a moment":       {2 * time.Second, []step{late(500*time.Millisecond, says(400, "RequestExpired", "late"))}, "this host's clock is off, 2 attempts, last: late", 2},
	} {
		r, _, err := within(t, c.budget, describe, c.script...)
		if want := "describe group web: " + c.text; err == nil || !strings.HasPrefix(err.Error(), want) || len(r.requests) != c.requests {
			t.Errorf("%s: %v after %d requests, want %s", name, err, len(r.requests), want)
		}
	}
}

// A log line blames an attempt's time only where that was over.
func TestALogLineOfACallWhoseTimeIsOver(t *testing.T) {
	hermetic(t)
	core, logs := observer.New(zapcore.DebugLevel)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_ = describe(ctx, load(t, &region{script: []step{hangs}}, zap.New(core)))
	})
	for _, e := range logs.FilterMessage("aws call").All() {
		if text := fmt.Sprint(e.ContextMap()); strings.Contains(text, "no answer within") || !strings.Contains(text, "deadline exceeded") {
			t.Errorf("%s", text)
		}
	}
}
