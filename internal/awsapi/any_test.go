package awsapi

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"balanced/internal/failure"
)

// Whatever answers, a read ends with AWS's answer or as unreachable, denied or refused, and never as a fault of balanced
// itself; a move is sent once.
func TestAnyAnswer(t *testing.T) {
	whole := []string{
		"<R><DescribeAutoScalingGroupsResult><AutoScalingGroups/></DescribeAutoScalingGroupsResult><EnterStandbyResult/></R>",
		"<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>no</Message></Error></ErrorResponse>",
		"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>",
		"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>",
		proxyPage, `{"__type":"AccessDeniedException","message":"no"}`, "\x00\xff<", "",
	}
	rapid.Check(t, func(rt *rapid.T) {
		status := rapid.OneOf(rapid.Just(200), rapid.IntRange(200, 599)).Draw(rt, "status")
		text := rapid.SampledFrom(whole).Draw(rt, "text")
		text = text[:rapid.OneOf(rapid.Just(len(text)), rapid.IntRange(0, len(text))).Draw(rt, "length")]
		content := rapid.SampledFrom([]string{"", "text/xml", "text/html", "application/json", "image/png"}).Draw(rt, "content")
		answer := func(*http.Request) (*http.Response, error) {
			resp := reply(status, text)
			resp.Header.Set("Content-Type", content)
			resp.Header.Set("Location", "http://elsewhere.example/")
			resp.Header.Set("X-Amz-Retry-After", "0")
			return resp, nil
		}
		r, _, err := within(t, time.Minute, describe, answer)
		if err != nil && !failure.Is(err, failure.Unreachable, failure.Denied, failure.Setup) || len(r.requests) > 25 {
			rt.Errorf("a read: %v, class %v, %d requests", err, failure.Of(err), len(r.requests))
		}
		if _, refused := errors.AsType[*RefusedError](err); failure.Is(err, failure.Setup) && !refused && status != http.StatusProxyAuthRequired {
			rt.Errorf("a setting is blamed: %v", err)
		}
		r, _, err = within(t, time.Minute, enter, answer)
		if err != nil && failure.Of(err) == failure.Internal || len(r.requests) != 1 {
			rt.Errorf("a move: %v, class %v, %d requests", err, failure.Of(err), len(r.requests))
		}
	})
}
