package conform

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Requests to one service: a burst, then a steady rate. AWS publishes 40 and 10 a second for describe
// calls of Elastic Load Balancing, and nothing for Auto Scaling, whose limit is shared by everything in
// the account; a fleet that asks 6 times a second is nothing unusual there.
const (
	paceBurst     = 20
	pacePerSecond = 6
)

// transport sends the requests of all clients: not faster than the pace, and recorded.
type transport struct {
	next aws.HTTPClient

	mu        sync.Mutex
	began     time.Time
	buckets   map[string]*bucket
	exchanges []Exchange
	throttled []string // "code" of every answer that throttled
}

// bucket is a token bucket of one service.
type bucket struct {
	tokens float64
	filled time.Time
}

func newTransport(next aws.HTTPClient) *transport {
	return &transport{next: next, began: time.Now(), buckets: map[string]*bucket{}}
}

// answer is a whole answer as it came.
type answer struct {
	status int
	header http.Header
	body   string
}

type answerKey struct{}

// keeping keeps the last answer to the calls made with its context.
func keeping(ctx context.Context) (context.Context, *answer) {
	a := &answer{}
	return context.WithValue(ctx, answerKey{}, a), a
}

// Do implements aws.HTTPClient. It reads requests and answers whole.
func (t *transport) Do(req *http.Request) (*http.Response, error) {
	form, err := formOf(req)
	if err != nil {
		return nil, err
	}
	if err := t.await(req.Context(), form.Get("Version")); err != nil {
		return nil, err
	}
	sent := time.Now()
	resp, err := t.next.Do(req)
	if err != nil {
		t.record(Exchange{Action: form.Get("Action"), Error: "no answer"}, sent, form, "")
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	t.record(Exchange{Action: form.Get("Action"), Status: resp.StatusCode}, sent, form, string(body))
	if a, ok := req.Context().Value(answerKey{}).(*answer); ok {
		*a = answer{resp.StatusCode, resp.Header, string(body)}
	}
	return resp, nil
}

// formOf reads the parameters of a request and leaves its body readable.
func formOf(req *http.Request) (url.Values, error) {
	if req.Body == nil {
		return url.Values{}, nil
	}
	text, err := io.ReadAll(req.Body)
	req.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	req.Body = io.NopCloser(bytes.NewReader(text))
	return url.ParseQuery(string(text))
}

// await waits for a token of a service, which the version of its API names.
func (t *transport) await(ctx context.Context, service string) error {
	pause := t.take(service)
	if pause <= 0 {
		return nil
	}
	return sleep(ctx, pause)
}

// take takes a token, which may be one that is not there yet, and says how long to wait for it.
func (t *transport) take(service string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	b := t.buckets[service]
	if b == nil {
		b = &bucket{paceBurst, now}
		t.buckets[service] = b
	}
	b.tokens = min(paceBurst, b.tokens+pacePerSecond*now.Sub(b.filled).Seconds())
	b.filled = now
	b.tokens--
	return time.Duration(-b.tokens / pacePerSecond * float64(time.Second))
}

// sleep waits, and ends early with the context.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// record adds an exchange to the recording.
func (t *transport) record(e Exchange, sent time.Time, form url.Values, body string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.At = seconds(sent.Sub(t.began))
	e.Took = seconds(time.Since(sent))
	e.fill(form, body)
	if e.Status == http.StatusBadRequest && throttling(e.Error) || e.Status == http.StatusTooManyRequests {
		t.throttled = append(t.throttled, e.Error)
	}
	t.exchanges = append(t.exchanges, e)
}

// recorded is the recording so far.
func (t *transport) recorded() []Exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Exchange{}, t.exchanges...)
}

// throttles are the codes of the answers that throttled.
func (t *transport) throttles() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(distinct(t.throttled), ", ")
}
