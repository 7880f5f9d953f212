package imds

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
)

// What can be wrong with the metadata service, for errors.Is. Their hints are for a host of which nothing is known;
// where its firmware says more, the error that wraps them has a better one.
var (
	// ErrNoAnswer: nothing answers at its address, or it stopped answering.
	ErrNoAnswer error = failure.New(failure.Unreachable, "run it on an EC2 instance that reaches its metadata service", "no answer")
	// ErrSlow: it takes the connection and has not answered yet. Waiting longer may help.
	ErrSlow error = failure.New(failure.Unreachable, "run it again when the host is less busy", "it does not answer in time")
	// ErrDisabled: it is turned off, for the instance (403) or for this process.
	ErrDisabled error = failure.New(failure.Setup, "set HttpEndpoint=enabled in the metadata options of the instance", "it is turned off")
	// ErrHopLimit: it takes the connection but the answer to the token request never arrives, in several tries, because it
	// may take fewer network hops than there are.
	ErrHopLimit error = failure.New(failure.Setup, "set HttpPutResponseHopLimit=2 in the metadata options of the instance",
		"the token never arrives, the hop limit is too low")
	// ErrUnauthorized: it refuses our token again and again (401).
	ErrUnauthorized error = failure.New(failure.Unreachable, "run it again; if it stays, see what answers at 169.254.169.254", "it refuses its own token")
	// ErrBadAnswer: it answers something that makes no sense.
	ErrBadAnswer error = failure.New(failure.Unreachable, "run it again; if it stays, see what answers at 169.254.169.254", "unexpected answer")
)

// told is one of the errors above with what is known of this host.
type told struct {
	is     error
	more   string // after its text
	hint   string // empty: its own
	err    error  // the cause, if one is known
	starts bool   // it is so, too, while an instance starts
}

// MayStillStart says whether an error of this package is what a starting instance meets as well: a service that nothing
// answers for yet, or that is slow or not well. It may be the answer of another host's, or a firewall's, all the same.
func MayStillStart(err error) bool {
	t, ok := errors.AsType[*told](err)
	return errors.Is(err, ErrSlow) || ok && t.starts
}

func (e *told) Error() string {
	if e.err == nil {
		return e.is.Error() + e.more
	}
	return fmt.Sprintf("%v%s: %v", e.is, e.more, e.err)
}

func (e *told) Unwrap() []error {
	if e.err == nil {
		return []error{e.is}
	}
	return []error{e.is, e.err}
}

// FailureHint meets package failure.
func (e *told) FailureHint() string { return cmp.Or(e.hint, failure.Hint(e.is)) }

// trail is how far the last request came. The SDK wraps a failed token request in an
// error that hides its status and its cause, so they are noted on the way.
type trail struct {
	mu        sync.Mutex
	token     bool // it asked for a token
	connected bool
	status    int   // 0: none came
	failed    error // why none came: a connection refused, a name not found
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

// followRequest notes each request and its answer, token requests among them.
func followRequest(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	t, ok := ctx.Value(trailKey{}).(*trail)
	if req, isHTTP := in.Request.(*smithyhttp.Request); ok && isHTTP {
		t.mu.Lock()
		t.token, t.connected, t.status, t.failed = req.Method == http.MethodPut, false, 0, nil
		t.mu.Unlock()
	}
	out, meta, err := next.HandleDeserialize(ctx, in)
	if !ok {
		return out, meta, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if resp, isHTTP := out.RawResponse.(*smithyhttp.Response); isHTTP {
		t.status = resp.StatusCode
	}
	if sent, isURL := errors.AsType[*url.Error](err); isURL {
		t.failed = sent.Err
	}
	return out, meta, err
}

// silent: the service took the last request and did not answer it.
func (t *trail) silent(err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.connected && t.status == 0 && timedOut(err)
}

// meaning says what the failure of the last request means on this host.
func (t *trail) meaning(err error, on host, silent, last bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case awsapi.MetadataDisabled():
		return &told{is: ErrDisabled, more: " by AWS_EC2_METADATA_DISABLED in the environment", hint: "unset AWS_EC2_METADATA_DISABLED and run it on an EC2 instance"}
	case t.status == http.StatusForbidden:
		return on.disabled()
	case t.status == http.StatusUnauthorized:
		return &told{is: ErrUnauthorized, more: " (HTTP 401)"}
	case t.status == http.StatusOK:
		return fmt.Errorf("%w: %w", ErrBadAnswer, err)
	case t.status != 0:
		return &told{is: ErrBadAnswer, more: fmt.Sprintf(": HTTP %d", t.status), starts: t.status >= http.StatusInternalServerError}
	case silent && t.token && last:
		return on.hopLimit()
	case silent:
		return ErrSlow
	}
	return on.noAnswer(cmp.Or(t.failed, err))
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
