package awsapi

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsimds "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The body of an answer may be as long as its limit, and not a byte longer. Errors have a smaller one.
func TestHowLongABodyMayBe(t *testing.T) {
	for status, limit := range map[int]int{199: 64 << 10, 200: 100 << 10, 299: 100 << 10, 300: 64 << 10, 500: 64 << 10} {
		for _, more := range []int{0, 1} {
			raw := reply(status, strings.Repeat("x", limit+more))
			handler := middleware.DeserializeHandlerFunc(func(context.Context, middleware.DeserializeInput) (middleware.DeserializeOutput, middleware.Metadata, error) {
				return middleware.DeserializeOutput{RawResponse: &smithyhttp.Response{Response: raw}}, middleware.Metadata{}, nil
			})
			if _, _, err := boundAnswer(100<<10)(t.Context(), middleware.DeserializeInput{}, handler); err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(raw.Body)
			if len(text) != limit || (err != nil) != (more > 0) || err != nil && err.Error() != fmt.Sprintf("the answer is longer than %d bytes", limit) {
				t.Errorf("%d, %d bytes more than %d: read %d, %v", status, more, limit, len(text), err)
			}
		}
	}
}

// The limits themselves: what AWS sends is far below them, and what is above is not kept in memory.
func TestTheLimits(t *testing.T) {
	for name, c := range map[string]struct {
		stack func(*middleware.Stack) error
		want  int64
	}{"AWS": {boundAnswers, 32 << 20}, "the metadata service": {boundMetadata, 64 << 10}} {
		stack := middleware.NewStack("x", smithyhttp.NewStackRequest)
		if err := c.stack(stack); err != nil {
			t.Fatal(err)
		}
		raw := reply(200, "x")
		handler := middleware.DecorateHandler(middleware.HandlerFunc(func(context.Context, any) (any, middleware.Metadata, error) {
			return &smithyhttp.Response{Response: raw}, middleware.Metadata{}, nil
		}), stack)
		if _, _, err := handler.Handle(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if got, ok := raw.Body.(*boundedBody); !ok || got.limit != c.want {
			t.Errorf("%s: %+v, want %d", name, raw.Body, c.want)
		}
	}
	for name, transport := range map[string]*http.Transport{"AWS": newClient().GetTransport(), "the metadata service": direct().GetTransport()} {
		if transport.MaxResponseHeaderBytes != 64<<10 {
			t.Errorf("%s: headers of %d bytes", name, transport.MaxResponseHeaderBytes)
		}
	}
}

// The metadata service is given a second to take a connection and ten to begin an answer, and a second request.
func TestThePatienceWithTheMetadataService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := direct().GetDialer().Timeout; got != time.Second {
			t.Errorf("%s to connect", got)
		}
		transport := direct().GetTransport()
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, theirs) }()
			return ours, nil
		}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://imds/", nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := transport.RoundTrip(req); err == nil || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		asked := map[string]int{}
		busy := doer(func(req *http.Request) (*http.Response, error) {
			asked[req.Method]++
			if req.Method == http.MethodPut {
				resp := reply(200, "token")
				resp.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
				return resp, nil
			}
			return reply(503, ""), nil
		})
		if _, err := Metadata(aws.Config{}, busy, "http://imds").GetMetadata(t.Context(), &awsimds.GetMetadataInput{Path: "x"}); err == nil || asked["GET"] != 2 {
			t.Errorf("%v after %v", err, asked)
		}
	})
}

// Version 1 of the metadata service would answer anything on the host, so it is not asked.
func TestOnlyVersionTwoOfTheMetadataService(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		old := doer(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPut {
				return reply(http.StatusForbidden, ""), nil
			}
			return reply(200, "i-1"), nil
		})
		if out, err := Metadata(aws.Config{}, old, "http://imds").GetMetadata(t.Context(), &awsimds.GetMetadataInput{Path: "instance-id"}); err == nil {
			t.Errorf("asked without a token: %+v", out)
		}
	})
}

// A request without a body is sent as it is.
func TestARequestWithoutABody(t *testing.T) {
	for name, body := range map[string]io.ReadCloser{"none": nil, "an empty one": http.NoBody} {
		req := &http.Request{Method: http.MethodGet, URL: &url.URL{}, Body: body}
		sent := false
		client := inMemory{doer(func(got *http.Request) (*http.Response, error) {
			sent = got == req
			return reply(200, ""), nil
		})}
		if _, err := client.Do(req); err != nil || !sent {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A client that is given hands redirects back, and stays as it is otherwise.
func TestClientsWithoutRedirects(t *testing.T) {
	own := &http.Client{Timeout: time.Second}
	got, ok := withoutRedirects(own).(*http.Client)
	if !ok || got == own || own.CheckRedirect != nil || got.Timeout != time.Second || got.CheckRedirect(nil, nil) != http.ErrUseLastResponse {
		t.Errorf("%+v", got)
	}
	var none *http.Client
	if got := withoutRedirects(none); got != aws.HTTPClient(none) {
		t.Errorf("of no client %v", got)
	}
	if got := withoutRedirects(doer(cut)); got == nil {
		t.Error("another client is lost")
	}
	if err := connectAnswer(t.Context(), &url.URL{Host: "proxy"}, nil, reply(200, "")); err != nil {
		t.Errorf("a proxy that connects: %v", err)
	}
}
