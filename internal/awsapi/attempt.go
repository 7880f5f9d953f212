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
	ctx = context.WithValue(context.WithoutCancel(ctx), onceKey{}, true)
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
	leads              bool // it has the turn of its look
}

type callKey struct{}

// watch puts our three steps around the SDK's: one outside the retries, one around
// each attempt, one after signing.
func (s *Session) watch(stack *middleware.Stack) error {
	err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("balancedCall", s.whole), middleware.Before)
	if err != nil {
		return err
	}
	err = stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("balancedAttempt", s.attempt),
		(*retry.Attempt)(nil).ID(), middleware.After)
	if err != nil {
		return err
	}
	return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("balancedSent", s.sent), middleware.After)
}

func (s *Session) whole(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error,
) {
	c := &call{
		// "Elastic Load Balancing v2" is elasticloadbalancingv2, as in the SDK's folders.
		service:   strings.ToLower(strings.ReplaceAll(awsmiddleware.GetServiceID(ctx), " ", "")),
		operation: awsmiddleware.GetOperationName(ctx),
	}
	if c.look, _ = ctx.Value(lookKey{}).(*Look); c.look == nil {
		c.look = newLook()
		defer c.look.Done()
	}
	defer s.pacer.release(c)
	out, meta, err := next.HandleInitialize(middleware.WithStackValue(ctx, callKey{}, c), in)
	if err != nil {
		err = c.explain(ctx, err)
	}
	return out, meta, err
}

func (s *Session) attempt(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	c := middleware.GetStackValue(ctx, callKey{}).(*call)
	once := ctx.Value(onceKey{}) != nil
	if !once { // a move goes before all reads
		if err := s.pacer.await(ctx, c); err != nil {
			if c.last == nil {
				c.last = errHeldBack
			}
			return middleware.FinalizeOutput{}, middleware.Metadata{}, err
		}
	}
	inner, cancel := ctx, func() {}
	if !once { // a call sent once may take all of its time
		inner, cancel = context.WithTimeout(ctx, attemptTime)
	}
	defer cancel()
	var line wire
	before, start := c.attempts, time.Now()
	out, meta, err := next.HandleFinalize(httptrace.WithClientTrace(inner, line.trace()), in)
	if c.attempts > before {
		s.pacer.answer(c, start, throttled(err), err == nil || answered(err))
	} else {
		s.pacer.release(c)
	}
	if err == nil {
		s.note(c, meta, start, nil)
		return out, meta, nil
	}
	if ctx.Err() == nil && inner.Err() != nil && !answered(err) {
		// Not wrapped: the cancelled context inside would stop the retries.
		err = &silence{after: attemptTime, text: err.Error()}
	}
	if c.attempts == before {
		err = unsent(err)
	} else if line.reached() && !turnedAway(err) {
		c.landed = true
	}
	if ctx.Err() == nil || answered(err) {
		c.last = err
	}
	s.settle(err)
	s.note(c, meta, start, err)
	if once {
		err = onceError{err}
	}
	return out, meta, err
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

// settle drops credentials that AWS calls expired: the role's are rotated by then,
// and the next attempt fetches the new ones.
func (s *Session) settle(err error) {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || kindOf(api.ErrorCode()) != codeExpired {
		return
	}
	if cache, ok := s.cfg.Credentials.(interface{ Invalidate() }); ok {
		cache.Invalidate()
	}
}

// note logs one attempt. Never bodies, headers or signatures.
func (s *Session) note(c *call, meta middleware.Metadata, start time.Time, err error) {
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

// wire sees how far one attempt came, where net/http carries it.
type wire struct{ asked, got bool }

func (w *wire) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { w.asked = true },
		GotConn: func(httptrace.GotConnInfo) { w.got = true },
	}
}

// reached: something may have arrived at AWS. A transport that traces nothing is
// taken to have sent it.
func (w *wire) reached() bool { return w.got || !w.asked }
