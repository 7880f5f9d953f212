package awsapi

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
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
	codeUnknownKeys // no such access key, or not in this partition
	codeClock       // signed with a time that is too far off
	codeBadKeys
	codeDenied
	codeRefused // said no, though with a status of 500
)

// kindOf sorts AWS's error codes (Auto Scaling and ELB API references, "Common
// errors"). One service documents one name for throttling and sends another, so all
// names count everywhere.
func kindOf(api smithy.APIError) codeKind {
	code := api.ErrorCode()
	if _, ok := retry.DefaultThrottleErrorCodes[code]; ok {
		return codeThrottled
	}
	switch code {
	case "DependencyThrottle": // Classic ELB's, absent from the SDK's list
		return codeThrottled
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		return codeExpired
	case "InvalidClientTokenId", "UnrecognizedClientException":
		return codeUnknownKeys
	case "RequestExpired", "RequestTimeTooSkewed":
		return codeClock
	case "SignatureDoesNotMatch", "InvalidSignatureException":
		return signature(api.ErrorMessage())
	case "IncompleteSignature", "AuthFailure", "MissingAuthenticationToken", "MissingAuthenticationTokenException":
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

// signature tells a clock that is off from keys that are wrong, for which AWS has one code: "Signature expired:
// 20260101T000000Z is now earlier than …", "Signature not yet current: …".
func signature(message string) codeKind {
	if strings.Contains(message, "Signature expired") || strings.Contains(message, "not yet current") {
		return codeClock
	}
	return codeBadKeys
}

// turnedAway: AWS did not even begin to do what was asked.
func turnedAway(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	switch kindOf(api) {
	case codeThrottled, codeExpired, codeUnknownKeys, codeClock, codeBadKeys, codeDenied:
		return true
	}
	return statusOf(err) == http.StatusTooManyRequests
}

// throttled: AWS said that it is asked too often.
func throttled(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && (kindOf(api) == codeThrottled || statusOf(err) == http.StatusTooManyRequests)
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

// awsText is AWS's own message where there is one, else the whole chain; never longer than an error may be.
func awsText(err error) string {
	if err == nil {
		return "nothing"
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorMessage() != "" {
		return shorten(api.ErrorMessage(), textLimit)
	}
	if send, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		return shorten(send.Err.Error(), textLimit) // without the SDK's "https response error StatusCode: 0, RequestID: "
	}
	for _, own := range []func(error) (error, bool){
		as[*strangeAnswer], as[*IncompleteError], as[*silence],
	} {
		if e, ok := own(err); ok {
			return e.Error()
		}
	}
	return shorten(err.Error(), textLimit)
}

func as[E error](err error) (error, bool) {
	e, ok := errors.AsType[E](err)
	return e, ok
}

// errHeldBack is a call that was never sent, since AWS had throttled those before it.
var errHeldBack = errors.New("held back, as calls before it were throttled")

// onceError keeps the retryer from sending a call a second time.
type onceError struct{ error }

func (e onceError) Unwrap() error { return e.error }

// silence is an attempt that used up its own time while the call has more.
type silence struct {
	after time.Duration
	text  string // what it had come to; empty: it was waiting for the answer
}

// newSilence is that of an attempt which ended with err.
func newSilence(after time.Duration, err error) *silence {
	if _, waiting := errors.AsType[*smithy.CanceledError](err); waiting {
		return &silence{after: after}
	}
	return &silence{after: after, text: awsText(err)}
}

func (e *silence) Error() string {
	if e.text == "" {
		return fmt.Sprintf("no answer within %v", e.after)
	}
	return fmt.Sprintf("no answer within %v: %s", e.after, e.text)
}

// credentialsError is an attempt that was not sent for want of credentials.
type credentialsError struct {
	missing bool // nobody has any for us; otherwise they could not be fetched just now
	err     error
}

func (e *credentialsError) Error() string { return e.err.Error() }
func (e *credentialsError) Unwrap() error { return e.err }

// wrongKeys are credentials that AWS does not take and that no later try replaces.
type wrongKeys struct{ err error }

func (e *wrongKeys) Error() string { return e.err.Error() }
func (e *wrongKeys) Unwrap() error { return e.err }

// notSent says why an attempt was not sent: nearly always for want of credentials. The
// SDK has no type for an endpoint that it cannot make out of its settings, hence the text.
func notSent(err error) error {
	for _, begins := range []string{"failed to resolve service endpoint", "failed to bind endpoint params"} {
		if strings.HasPrefix(err.Error(), begins) {
			return &SettingsError{Err: err}
		}
	}
	if _, ok := errors.AsType[*credentialsError](err); ok {
		return err
	}
	if noRole(err) {
		return &credentialsError{missing: true, err: &NoRoleYetError{Err: err}}
	}
	return &credentialsError{missing: !fetching(err), err: err}
}

// noRole: the metadata service answers 404 or an empty list where the instance has no profile, or where EC2 has not
// assumed the role yet, and 200 with a code other than Success where EC2 may not assume it.
func noRole(err error) bool {
	text := err.Error()
	if !strings.Contains(text, "EC2 IMDS role") || MetadataDisabled() {
		return false
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return kindOf(api) != codeThrottled
	}
	return statusOf(err) == http.StatusNotFound || strings.Contains(text, "empty EC2 IMDS role list")
}

// fetching: the credentials could not be fetched just now, and a later try may get them.
func fetching(err error) bool {
	status := statusOf(err)
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		// The SDK's own word for an error document without a code, such as a proxy's page.
		return kindOf(api) == codeThrottled || status >= http.StatusInternalServerError || api.ErrorCode() == "UnknownError"
	}
	if status >= 200 && status < 300 {
		return true // of a token service's answer: a proxy's page, or one cut short
	}
	if _, ok := errors.AsType[*silence](err); ok || connection(err) || OutOfFiles(err) {
		return true
	}
	if _, ok := errors.AsType[*smithy.CanceledError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return true
	}
	if MetadataDisabled() {
		return false
	}
	if strings.Contains(err.Error(), "failed to decode") && strings.Contains(err.Error(), "EC2 IMDS role") {
		return true
	}
	op, ok := errors.AsType[*smithy.OperationError](err)
	return ok && op.ServiceID == awsimds.ServiceID && status != http.StatusNotFound
}

// OutOfFiles: the process or the host may open no more files, and so no more connections.
func OutOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || strings.Contains(err.Error(), "too many open files")
}

// MetadataDisabled: the environment turns the metadata service off, for the SDK and for balanced.
func MetadataDisabled() bool {
	return strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true")
}
