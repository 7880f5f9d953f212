package awsapi

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// What is tried again, what is not, and what is left to the SDK's own rules.
func TestWhatIsTriedAgain(t *testing.T) {
	x := errors.New("x")
	yes, no, open := aws.TrueTernary, aws.FalseTernary, aws.UnknownTernary
	for name, c := range map[string]struct {
		err  error
		want aws.Ternary
	}{
		"a move, cut":                      {onceError{&silence{}}, no},
		"a setting":                        {&SettingsError{Err: &silence{}}, no},
		"keys AWS does not take":           {&wrongKeys{err: &silence{}}, no},
		"credentials that nobody has":      {&credentialsError{missing: true, err: x}, no},
		"credentials to be fetched yet":    {&credentialsError{err: x}, yes},
		"throttled":                        {api("Throttling", ""), yes},
		"expired":                          {api("ExpiredToken", ""), yes},
		"unknown keys":                     {api("InvalidClientTokenId", ""), yes},
		"a clock":                          {api("RequestExpired", ""), yes},
		"too many":                         {withStatus(429, api("Whatever", "")), yes},
		"refused":                          {withStatus(400, api("Validation", "")), open},
		"silence":                          {&silence{}, yes},
		"a page":                           {&strangeAnswer{}, yes},
		"incomplete":                       {Lacks("it"), yes},
		"half a document":                  {&smithy.DeserializationError{Err: x}, yes},
		"a success that cannot be read":    {withStatus(200, x), yes},
		"another":                          {withStatus(299, x), yes},
		"no success yet":                   {withStatus(199, x), open},
		"no success any more":              {withStatus(300, x), open},
		"a server error that is no answer": {withStatus(500, x), open},
		"not sent":                         {&smithyhttp.RequestSendError{Err: x}, yes},
		"out of files":                     {syscall.EMFILE, yes},
		"a mistake of ours":                {x, open},
	} {
		if got := again(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A signal that ends the wait for a whole answer is told from a time that is over.
func TestWhatEndsTheWaitForAWholeAnswer(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		s := load(t, &region{}, nil)
		cancelled := func(cause error) func() context.Context {
			return func() context.Context {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(cause) })
				return ctx
			}
		}
		over := func(cause error) func() context.Context {
			return func() context.Context {
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
				t.Cleanup(cancel)
				return ctx
			}
		}
		for name, c := range map[string]struct {
			ctx  func() context.Context
			want string
		}{
			"a signal":                 {cancelled(errors.New("SIGTERM")), "stopped: context canceled"},
			"somebody else's deadline": {cancelled(context.DeadlineExceeded), "incomplete answer, 2 attempts, last: the answer has no it"},
			"a deadline":               {over(nil), "incomplete answer, 2 attempts, last: the answer has no it"},
			"a budget":                 {over(errors.New("the budget")), "incomplete answer, 2 attempts, last: the answer has no it"},
		} {
			ctx := c.ctx()
			_, err := Complete(ctx, s.Config(), "ec2:Ask", func(context.Context) (int, error) { return 0, Lacks("it") })
			if ctx.Err() == nil || fmt.Sprint(err) != c.want {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
	})
}
