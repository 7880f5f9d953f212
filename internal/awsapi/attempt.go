package awsapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	"go.uber.org/zap"

	"balanced/internal/logging"
)

const (
	attemptTime = 10 * time.Second
	onceTime    = 30 * time.Second
)

type onceKey struct{}

// Once marks the calls made with its context as sent at most once: EnterStandby and
// ExitStandby are not idempotent. The context is cut off from the caller's
// cancellation, so that a signal cannot hide the answer of a call under way, and ends
// after 30 s by itself.
func Once(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithValue(context.WithoutCancel(ctx), onceKey{}, onceKey{})
	return context.WithTimeout(ctx, onceTime)
}

// call is what happened so far to one call, over its attempts; they come one after
// another.
type call struct {
	service, operation string
	attempts           int   // requests sent
	last               error // of the last attempt that ended by itself
	landed             bool  // an attempt may have reached AWS and not been turned away
	throttled          int   // attempts that AWS throttled
	look               *Look
	leads              bool          // it has the turn of its look
	keys               keySource     // of its session
	unknown            int           // answers that AWS does not know the keys
	ahead              time.Duration // this host's clock before AWS's, by the last answer
}

type callKey struct{}

// instrument puts our steps around the SDK's: one outside the retries, one around each attempt, one after signing, and
// two around the decoding of the answer.
func (s *Session) instrument(stack *middleware.Stack) error {
	return errors.Join(
		stack.Initialize.Add(middleware.InitializeMiddlewareFunc("balancedCall", s.wholeCall), middleware.Before),
		stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("balancedAttempt", s.attempt), (*retry.Attempt)(nil).ID(), middleware.After),
		stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("balancedSent", s.sent), middleware.After),
		stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("balancedResult", checkResult), middleware.Before),
		stack.Deserialize.Insert(middleware.DeserializeMiddlewareFunc("balancedDocument", checkDocument), "balancedBound", middleware.Before),
	)
}

func (s *Session) wholeCall(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error,
) {
	c := &call{
		// "Elastic Load Balancing v2" is elasticloadbalancingv2, as in the SDK's folders.
		service:   strings.ToLower(strings.ReplaceAll(awsmiddleware.GetServiceID(ctx), " ", "")),
		operation: awsmiddleware.GetOperationName(ctx),
		keys:      s.keys,
	}
	if c.look = LookOf(ctx); c.look == nil {
		c.look = newLook()
		defer c.look.Done()
	}
	defer s.pacer.release(c)
	out, meta, err := next.HandleInitialize(middleware.WithStackValue(ctx, callKey{}, c), in)
	if err != nil {
		err = c.classify(ctx, err)
	}
	return out, meta, err
}

func (s *Session) attempt(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	c := middleware.GetStackValue(ctx, callKey{}).(*call)
	inner, cancel, err := s.begin(ctx, c)
	if err != nil {
		return middleware.FinalizeOutput{}, middleware.Metadata{}, err
	}
	defer cancel()
	var line connTrace
	before, start := c.attempts, time.Now()
	out, meta, err := next.HandleFinalize(httptrace.WithClientTrace(inner, line.trace()), in)
	s.noteAnswer(c, meta, start, err, c.attempts > before)
	if err == nil {
		s.logAttempt(c, meta, start, nil)
		return out, meta, nil
	}
	if ctx.Err() == nil && inner.Err() != nil && !answered(err) {
		// Not wrapped: the cancelled context inside would stop the retries.
		err = &silence{after: attemptTime, text: awsText(err)}
	}
	sent := c.attempts > before
	err = s.diagnose(c, err, sent)
	c.landed = c.landed || sent && line.reached() && !turnedAway(err)
	if ctx.Err() == nil || answered(err) {
		c.last = err
	}
	s.logAttempt(c, meta, start, err)
	if isOnce(ctx) {
		err = onceError{err}
	}
	return out, meta, err
}

func isOnce(ctx context.Context) bool { return ctx.Value(onceKey{}) != nil }

// noteAnswer tells the pacer how an attempt ended, and compares the clocks.
func (s *Session) noteAnswer(c *call, meta middleware.Metadata, start time.Time, err error, sent bool) {
	if sent {
		s.pacer.answer(c, start, throttled(err), err == nil || answered(err))
	} else {
		s.pacer.release(c)
	}
	if at, ok := awsmiddleware.GetServerTime(meta); ok {
		c.ahead = time.Since(at).Truncate(time.Second)
	}
}

// begin waits until an attempt may be sent, and bounds its time. A move goes before all reads, and may take all of its
// call's time.
func (s *Session) begin(ctx context.Context, c *call) (context.Context, context.CancelFunc, error) {
	if isOnce(ctx) {
		return ctx, func() {}, nil
	}
	if err := s.pacer.await(ctx, c); err != nil {
		if c.last == nil {
			c.last = errHeldBack
		}
		return nil, nil, err
	}
	inner, cancel := context.WithTimeout(ctx, attemptTime)
	return inner, cancel, nil
}

// diagnose finds the cause of a failed attempt where the SDK's error does not say it.
func (s *Session) diagnose(c *call, err error, sent bool) error {
	if cause := settingBehind(err); cause != nil {
		return cause
	}
	if !sent {
		return notSent(err)
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err
	}
	switch kind := kindOf(api); kind {
	case codeExpired, codeUnknownKeys:
		if kind == codeUnknownKeys {
			c.unknown++
		}
		if !s.keys.heal(kind, c.unknown, s.ring.renews()) {
			return &wrongKeys{err: err}
		}
		s.ring.Invalidate() // the role's are rotated by then, and the next attempt fetches the new ones
	}
	return err
}

func (s *Session) sent(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	c := middleware.GetStackValue(ctx, callKey{}).(*call)
	c.attempts++
	s.mu.Lock()
	s.counts[c.key()]++
	s.mu.Unlock()
	return next.HandleFinalize(ctx, in)
}

// logAttempt logs one attempt. Never bodies, headers or signatures.
func (s *Session) logAttempt(c *call, meta middleware.Metadata, start time.Time, err error) {
	id, _ := awsmiddleware.GetRequestIDMetadata(meta)
	fields := []zap.Field{
		logging.Call(c.key()), logging.Attempt(c.attempts), logging.RequestID(id),
		logging.Elapsed(time.Since(start)),
	}
	if err == nil {
		s.log.Debug("aws call", append(fields, logging.Status(http.StatusOK))...)
		return
	}
	fields = append(fields, logging.Status(statusOf(err)))
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		s.log.Debug("aws call", append(fields, logging.Code(api.ErrorCode()))...)
		return
	}
	s.log.Debug("aws call", append(fields, logging.Error(err))...)
}

// connTrace sees how far one attempt came, where net/http carries it.
type connTrace struct{ asked, got bool }

func (w *connTrace) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { w.asked = true },
		GotConn: func(httptrace.GotConnInfo) { w.got = true },
	}
}

// reached: something may have arrived at AWS. A transport that traces nothing is
// taken to have sent it.
func (w *connTrace) reached() bool { return w.got || !w.asked }
