package awsapi

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awsimds "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

type codeKind int

const (
	codeOther codeKind = iota
	codeThrottled
	codeExpired
	codeBadKeys
	codeDenied
	codeRefused // said no, though with a status of 500
)

// kindOf sorts AWS's error codes (Auto Scaling and ELB API references, "Common
// errors"). One service documents one name for throttling and sends another, so all
// names count everywhere.
func kindOf(code string) codeKind {
	if _, ok := retry.DefaultThrottleErrorCodes[code]; ok {
		return codeThrottled
	}
	switch code {
	case "DependencyThrottle": // Classic ELB's, absent from the SDK's list
		return codeThrottled
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
		"RequestExpired", "TokenRefreshRequired":
		// RequestExpired is a clock that is off: the SDK signs the next attempt with
		// the time of this answer.
		return codeExpired
	case "SignatureDoesNotMatch", "IncompleteSignature", "InvalidSignatureException", "AuthFailure",
		"MissingAuthenticationToken", "MissingAuthenticationTokenException", "RequestTimeTooSkewed":
		return codeBadKeys
	case "UnauthorizedOperation", "UnauthorizedAccess", "OptInRequired", "NotAuthorized":
		return codeDenied
	case "ResourceContention":
		return codeRefused
	}
	if strings.HasPrefix(code, "AccessDenied") {
		return codeDenied
	}
	return codeOther
}

// turnedAway: AWS did not even begin to do what was asked.
func turnedAway(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	switch kindOf(api.ErrorCode()) {
	case codeThrottled, codeExpired, codeBadKeys, codeDenied:
		return true
	}
	return statusOf(err) == http.StatusTooManyRequests
}

// throttled: AWS said that it is asked too often.
func throttled(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && (kindOf(api.ErrorCode()) == codeThrottled || statusOf(err) == http.StatusTooManyRequests)
}

// answered: AWS said something that can be read.
func answered(err error) bool {
	_, ok := errors.AsType[smithy.APIError](err)
	return ok
}

func statusOf(err error) int {
	if r, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); ok {
		return r.HTTPStatusCode()
	}
	return 0
}

func connection(err error) bool {
	_, ok := errors.AsType[*smithyhttp.RequestSendError](err)
	return ok
}

// said is AWS's own message where there is one, else the whole chain.
func said(err error) string {
	if err == nil {
		return "nothing"
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorMessage() != "" {
		return api.ErrorMessage()
	}
	return err.Error()
}

// errHeldBack is a call that was never sent, since AWS had throttled those before it.
var errHeldBack = errors.New("held back, as calls before it were throttled")

// onceError keeps the retryer from sending a call a second time.
type onceError struct{ error }

func (e onceError) Unwrap() error { return e.error }

// silence is an attempt that used up its own time while the call has more.
type silence struct {
	after time.Duration
	text  string
}

func (e *silence) Error() string { return fmt.Sprintf("no answer within %v: %s", e.after, e.text) }

// credentialsError is an attempt that was not sent for want of credentials.
type credentialsError struct {
	missing bool // nobody has any for us; otherwise they could not be fetched just now
	err     error
}

func (e *credentialsError) Error() string { return e.err.Error() }
func (e *credentialsError) Unwrap() error { return e.err }

// unsent says why an attempt was not sent: nearly always for want of credentials. The
// SDK has no type for an endpoint that it cannot make out of its settings, hence the text.
func unsent(err error) error {
	for _, begins := range []string{"failed to resolve service endpoint", "failed to bind endpoint params"} {
		if strings.HasPrefix(err.Error(), begins) {
			return &SettingsError{Err: err}
		}
	}
	return withoutCredentials(err)
}

// withoutCredentials tells "there are none" from "could not be fetched just now". The
// metadata service answers 404 where the instance has no profile, and 200 with a code
// other than Success where EC2 cannot assume the role.
func withoutCredentials(err error) error {
	return &credentialsError{missing: !fetching(err), err: err}
}

func fetching(err error) bool {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return kindOf(api.ErrorCode()) == codeThrottled
	}
	if _, ok := errors.AsType[*silence](err); ok || connection(err) {
		return true
	}
	if _, ok := errors.AsType[*smithy.CanceledError](err); ok {
		return true
	}
	op, ok := errors.AsType[*smithy.OperationError](err)
	return ok && op.ServiceID == awsimds.ServiceID && statusOf(err) != http.StatusNotFound &&
		!strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true")
}
