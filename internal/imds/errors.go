package imds

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"

	"balanced/internal/failure"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// What can be wrong with the metadata service, for errors.Is.
var (
	// ErrNoAnswer: nothing answers at its address, or it stopped answering.
	ErrNoAnswer error = failure.New(failure.Unreachable, "run it on an EC2 instance that reaches its metadata service",
		"no answer: not an EC2 instance, or a firewall or network namespace hides it")
	// ErrDisabled: it is turned off, for the instance (403) or for this process.
	ErrDisabled error = failure.New(failure.Setup, "aws ec2 modify-instance-metadata-options --instance-id … --http-endpoint enabled", "it is turned off")
	// ErrHopLimit: it takes the connection but the answer to the token request never arrives, because it may take fewer
	// network hops than there are.
	ErrHopLimit error = failure.New(failure.Setup, "aws ec2 modify-instance-metadata-options --instance-id … --http-put-response-hop-limit 2",
		"the token never arrives, the hop limit is too low")
	// ErrUnauthorized: it refuses our token again and again (401).
	ErrUnauthorized error = failure.New(failure.Unreachable, "", "it refuses its own token")
	// ErrBadAnswer: it answers something that makes no sense.
	ErrBadAnswer error = failure.New(failure.Unreachable, "", "unexpected answer")
)

// trail is how far the last request came. The SDK wraps a failed token request in an
// error that hides its status and its cause, so they are noted on the way.
type trail struct {
	mu        sync.Mutex
	token     bool // it asked for a token
	connected bool
	status    int // 0: none came
}

type trailKey struct{}

func newTrail(ctx context.Context) (context.Context, *trail) {
	t := &trail{}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.connected = true
		},
	})
	return context.WithValue(ctx, trailKey{}, t), t
}

// follow notes each request and its answer, token requests among them.
func follow(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	t, ok := ctx.Value(trailKey{}).(*trail)
	if req, isHTTP := in.Request.(*smithyhttp.Request); ok && isHTTP {
		t.mu.Lock()
		t.token, t.connected, t.status = req.Method == http.MethodPut, false, 0
		t.mu.Unlock()
	}
	out, meta, err := next.HandleDeserialize(ctx, in)
	if resp, isHTTP := out.RawResponse.(*smithyhttp.Response); ok && isHTTP {
		t.mu.Lock()
		t.status = resp.StatusCode
		t.mu.Unlock()
	}
	return out, meta, err
}

// explain says what the failure of the last request means.
func (t *trail) explain(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case disabled():
		return fmt.Errorf("%w by AWS_EC2_METADATA_DISABLED in the environment", ErrDisabled)
	case t.status == http.StatusForbidden:
		return fmt.Errorf("%w for this instance (HTTP 403)", ErrDisabled)
	case t.status == http.StatusUnauthorized:
		return fmt.Errorf("%w (HTTP 401)", ErrUnauthorized)
	case t.status == http.StatusOK:
		return fmt.Errorf("%w: %w", ErrBadAnswer, err)
	case t.status != 0:
		return fmt.Errorf("%w: HTTP %d", ErrBadAnswer, t.status)
	case t.token && t.connected && timedOut(err):
		return ErrHopLimit
	}
	return fmt.Errorf("%w: %w", ErrNoAnswer, err)
}

// timedOut: silence, as against a connection that was reset. The SDK hides the cause
// of a failed token request from errors.As, hence the text.
func timedOut(err error) bool {
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		return true
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	text := err.Error()
	return strings.Contains(text, "timeout") || strings.Contains(text, "deadline exceeded")
}

func status(err error) int {
	if r, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); ok {
		return r.HTTPStatusCode()
	}
	return 0
}
