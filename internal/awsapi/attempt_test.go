package awsapi

import (
	"errors"
	"fmt"
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
