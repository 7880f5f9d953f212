package conform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/smithy-go"
)

// readAttempts is how often a describe call is sent before a throttle or a fault of AWS ends the run.
const readAttempts = 5

// longestPause is the longest between two of them.
const longestPause = 3 * time.Second

// calls are the clients of the endpoint. Every request goes through one transport, which keeps the pace
// and the recording.
type calls struct {
	*transport
	groups  *autoscaling.Client
	classic *elb.Client
	targets *elbv2.Client
}

func newCalls(cfg aws.Config) *calls {
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = awshttp.NewBuildableClient()
	}
	t := newTransport(cfg.HTTPClient)
	cfg.HTTPClient = t
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = readAttempts, longestPause })
	}
	cfg.RetryMaxAttempts = 0
	return &calls{t, autoscaling.NewFromConfig(cfg), elb.NewFromConfig(cfg), elbv2.NewFromConfig(cfg)}
}

// once sends a call that changes something a single time, because moves are not idempotent. A call that
// was throttled had no effect and is sent again.
func once(o *autoscaling.Options) {
	o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = readAttempts
		o.Retryables = []retry.IsErrorRetryable{retry.RetryableErrorCode{Codes: retry.DefaultThrottleErrorCodes}}
	})
}

// saw is what a check observed: what then says, or the error that AWS answered.
func (s *session) saw(err error, then func() string) (string, error) {
	if err == nil {
		return then(), nil
	}
	return s.said(err)
}

// said is an error of AWS as an observation: "400 ValidationError: text". What was not allowed was not
// tried; other errors are not AWS's words.
func (s *session) said(err error) (string, error) {
	var api smithy.APIError
	switch status := statusOf(err); {
	case errors.As(err, &api) && denied(err):
		return "", cannot("not allowed: %s", operationOf(err))
	case errors.As(err, &api) && passing(api.ErrorCode()):
		return "", cannot("%s was answered %d %s", operationOf(err), status, api.ErrorCode())
	case status != 0 && !errors.As(err, &api):
		return fmt.Sprintf("%d, no answer of AWS", status), nil
	case status == 0:
		return "", err
	}
	return fmt.Sprintf("%d %s: %s", statusOf(err), api.ErrorCode(), s.plain(api.ErrorMessage())), nil
}

func statusOf(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

func operationOf(err error) string {
	var op *smithy.OperationError
	if errors.As(err, &op) {
		return op.Operation()
	}
	return "the call"
}

// denied says whether AWS refused a call for want of permission or of valid credentials.
func denied(err error) bool {
	return statusOf(err) == http.StatusForbidden || statusOf(err) == http.StatusUnauthorized
}

// classify says what kind of end an error is.
func (s *session) classify(ctx context.Context, err error) error {
	var api smithy.APIError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case denied(err):
		return fmt.Errorf("%w: %w", ErrDenied, err)
	case !errors.As(err, &api) || statusOf(err) >= http.StatusInternalServerError || throttling(api.ErrorCode()):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

// passing says whether a code is of a fault that is AWS's own and says nothing about the question (API
// reference of Auto Scaling, Common Errors).
func passing(code string) bool {
	return code == "InternalFailure" || code == "ServiceUnavailable" || code == "InternalError" || throttling(code)
}

func throttling(code string) bool {
	_, is := retry.DefaultThrottleErrorCodes[code]
	return is
}

var (
	instanceID = regexp.MustCompile(`\bi-[0-9a-f]{8,17}\b`)
	uuid       = regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)
	moment     = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	groupSize  = regexp.MustCompile(`\b(min|max|desired)-size=(\d+)`)
)

// plain replaces what differs from group to group: ids, names, times, and sizes that are the group's.
func (s *session) plain(text string) string {
	text = instanceID.ReplaceAllString(text, "ID")
	text = uuid.ReplaceAllString(text, "UUID")
	text = moment.ReplaceAllString(text, "TIME")
	if s.home == nil {
		return text
	}
	text = strings.ReplaceAll(text, s.home.name, "NAME")
	for _, name := range s.home.classics {
		text = strings.ReplaceAll(text, "'"+name+"'", "'CLASSIC'")
	}
	return groupSize.ReplaceAllStringFunc(text, func(found string) string {
		size, value, _ := strings.Cut(found, "-size=")
		if strconv.Itoa(int(s.home.current[size])) != value {
			return found
		}
		return size + "-size=" + strings.ToUpper(size)
	})
}
