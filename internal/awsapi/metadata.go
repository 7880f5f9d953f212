package awsapi

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsimds "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go/middleware"
)

// Metadata is the SDK's metadata client as balanced wants it: version 2 only, never through a proxy, without redirects,
// with bounded answers and one retry. An empty endpoint is the SDK's own.
func Metadata(client aws.HTTPClient, endpoint string, opts ...func(*awsimds.Options)) *awsimds.Client {
	if client == nil {
		// Wrapped, since the SDK gives a client that it knows 250 ms to connect and 500 ms
		// to answer. On a busy host that is too little, and a token that is late would be
		// taken for one that never arrives.
		client = struct{ aws.HTTPClient }{direct()}
	}
	var mode awsimds.EndpointModeState
	// A value the SDK does not know leaves the mode unset, which is IPv4.
	_ = mode.SetFromString(os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"))
	opts = append(opts, awsimds.WithAPIOptions(boundMetadata))
	return awsimds.New(awsimds.Options{
		HTTPClient:     withoutRedirects(client),
		Endpoint:       endpoint,
		EndpointMode:   mode,
		EnableFallback: aws.FalseTernary,
		Retryer:        retry.AddWithMaxAttempts(retry.NewStandard(), 2),
	}, opts...)
}

func boundMetadata(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("balancedBound", boundAnswer(metadataLimit)), middleware.After)
}

// direct ignores HTTP_PROXY: the address is link-local, so a proxy would ask about its
// own host, or nobody.
func direct() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = time.Second }).
		WithTransportOptions(func(t *http.Transport) {
			t.Proxy = noRedirect(func(*url.URL) (*url.URL, error) { return nil, nil })
			t.ResponseHeaderTimeout, t.MaxResponseHeaderBytes = 2*time.Second, headerLimit
		})
}
