package awsapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/net/http/httpproxy"
)

// Bounds on what a peer may send, in bytes. AWS's own answers stay far below: a group of 1,000 instances is half a
// megabyte, an error document less than 2 KB.
const (
	answerLimit   = 32 << 20 // the body of an answer of AWS
	metadataLimit = 64 << 10 // the body of an answer of the metadata service
	errorLimit    = 64 << 10 // the body of an answer that is not a success
	headerLimit   = 64 << 10 // the header of any answer
	textLimit     = 4 << 10  // AWS's words in an error
)

// newClient is the SDK's HTTP client, which takes AWS_CA_BUNDLE, without redirects and with bounded headers.
func newClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxResponseHeaderBytes = headerLimit
		t.Proxy = noRedirect(httpproxy.FromEnvironment().ProxyFunc())
		t.OnProxyConnectResponse = connectAnswer
	})
}

// errRedirect: an answer sent the client elsewhere. No AWS API and no metadata service does, and a request that moves an
// instance must not be sent twice.
var errRedirect = errors.New("the answer is a redirect, which is never followed")

// noRedirect makes a transport refuse requests that follow a redirect. The SDK's client follows 307 and 308 without an
// end, and only its transport can be changed; the choice of the proxy is asked once for each request.
func noRedirect(proxy func(*url.URL) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		if r := req.Response; r != nil { // set on requests that follow a redirect, and on no others
			return nil, fmt.Errorf("HTTP %d to %s: %w", r.StatusCode, shorten(req.URL.Host, 100), errRedirect)
		}
		return proxy(req.URL)
	}
}

// withoutRedirects is a client of a test or of the lab that hands redirects back as answers.
func withoutRedirects(client aws.HTTPClient) aws.HTTPClient {
	c, _ := client.(*http.Client)
	if c == nil {
		return client
	}
	plain := *c
	plain.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &plain
}

// proxyError: the proxy answered in place of AWS and will not let the request through.
type proxyError struct {
	proxy  string // its host and port
	status int
}

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy %s answered HTTP %d %s", e.proxy, e.status, http.StatusText(e.status))
}

// final: the proxy asks for a login or forbids the host; it is not just overloaded.
func (e *proxyError) final() bool {
	return e.status >= 400 && e.status < 500 && e.status != http.StatusRequestTimeout && e.status != http.StatusTooManyRequests
}

// connectAnswer keeps the status of a proxy's answer to CONNECT, of which net/http keeps the words only.
func connectAnswer(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{proxy: proxy.Host, status: answer.StatusCode}
}

// proxyVariable is the environment variable that names the proxy of a URL scheme; empty where none does.
func proxyVariable(scheme string) string {
	names := []string{"HTTPS_PROXY", "https_proxy"}
	if scheme == "http" {
		names = []string{"HTTP_PROXY", "http_proxy"}
	}
	for _, name := range names {
		if os.Getenv(name) != "" {
			return name
		}
	}
	return ""
}

// boundAnswers limits the body of every answer that a client of the SDK reads, those that fetch credentials included.
func boundAnswers(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("balancedBound", boundAnswer(answerLimit)), middleware.After)
}

func boundAnswer(limit int64) func(context.Context, middleware.DeserializeInput, middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	return func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
		middleware.DeserializeOutput, middleware.Metadata, error,
	) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		resp, ok := out.RawResponse.(*smithyhttp.Response)
		if ok && resp.Response != nil && resp.Body != nil {
			most := limit
			if success := resp.StatusCode >= 200 && resp.StatusCode < 300; !success {
				most = min(limit, errorLimit)
			}
			resp.Body = &boundedBody{ReadCloser: resp.Body, left: most, limit: most}
		}
		return out, meta, err
	}
}

// boundedBody fails where the body is longer than its limit.
type boundedBody struct {
	io.ReadCloser
	left, limit int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left > 0 {
		n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
		b.left -= int64(n)
		return n, err
	}
	var more [1]byte
	n, err := b.ReadCloser.Read(more[:])
	if n > 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", b.limit)
	}
	return 0, err
}
